"""What is in the store leaves in order, and counts as delivered when the broker has confirmed it; in virtual time."""

import asyncio
from collections.abc import Coroutine, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from gateway.evidence.notary import day_message, is_signed, sign
from gateway.ports import Said
from gateway.site.config import MqttUplink
from gateway.store import Row, Store
from gateway.uplink.mqtt import MqttForwarder
from gateway.uplink.watertower import Watertower
from hw_sim.clock import run_virtual, world_clock
from tests.gateway.doubles import START_MS, HandPublisher, events, numbered
from tests.gateway.test_store import CHANNELS

UPLINK = MqttUplink(id="platform", host="nowhere")


class Uplink:
    """A store that somebody fills, and its forwarder."""

    def __init__(self, folder: Path, delay_s: float = 0.05) -> None:
        self.store = Store(folder / "store.db", world_clock())
        self.series = self.store.series("sensor do", CHANNELS)
        self.publisher = HandPublisher(delay_s)
        self.forwarder = MqttForwarder(
            UPLINK, Watertower("demo", world_clock()), self.publisher, self.store, world_clock()
        )
        self.positions = [0]

    def start(self) -> None:
        self.task = asyncio.create_task(self.forwarder.run())

    def fill(self, count: int) -> None:
        for _ in range(count):
            number = self.store.last_seq + self.store.waiting + 1
            self.store.add_poll(self.series, START_MS + number, [(number, 0), (None, 1), (7, 0)])
        self.store.commit()

    async def watch(self, seconds: float) -> None:
        """Lets time pass and writes down where the position stood."""
        end_s = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end_s:
            await asyncio.sleep(0.01)
            position = self.store.position("platform")
            if position != self.positions[-1]:
                self.positions.append(position)
        assert not self.task.done()

    def agree(self) -> None:
        """Every number that was ever sent meant the same each time."""
        said: dict[int, Any] = {}
        for row in self.publisher.rows():
            assert said.setdefault(row[0], row) == row


def story(steps: Coroutine[Any, Any, None]) -> None:
    run_virtual(steps)


def test_rows_leave_in_order_after_status_and_series(tmp_path: Path) -> None:
    async def steps() -> None:
        up = Uplink(tmp_path)
        up.fill(3)
        up.start()
        await up.watch(1)
        (messages,) = up.publisher.connections
        assert [topic for topic, _ in messages] == [
            "watertower/demo/status", f"watertower/demo/series/{up.series}", "watertower/demo/data",
        ]  # fmt: skip
        assert messages[0][1] == {"online": True, "unix_ms": START_MS + 10}
        assert messages[1][1]["channels"][1] == ["do.dissolved_oxygen", "mg/L", 3]
        rows = [[up.series, n, [round((n + 1) / 100, 2), None, 7], [0, 1, 0]] for n in range(3)]
        assert messages[2][1] == {"complete": 0, "first": 1, "unix_ms": START_MS + 1, "rows": rows}
        assert set(up.publisher.retained) == {"watertower/demo/status", f"watertower/demo/series/{up.series}"}
        up.fill(1)
        await up.watch(1)
        assert messages[3][1]["complete"] == 3 and [row[0] for row in numbered(messages[3][1])] == [4]
        assert up.store.position("platform") == 4 and len(messages) == 4

    story(steps())


def test_a_new_series_is_announced_before_its_first_row_while_the_connection_stands(tmp_path: Path) -> None:
    async def steps() -> None:
        up = Uplink(tmp_path)
        up.fill(1)
        up.start()
        await up.watch(1)
        up.series = up.store.series("sensor do", CHANNELS[:1])
        up.store.add_poll(up.series, START_MS, [(1, 0)])
        up.store.commit()
        await up.watch(1)
        last = [topic.rpartition("watertower/demo/")[2] for topic, _ in up.publisher.connections[0][-2:]]
        assert last == [f"series/{up.series}", "data"]

    story(steps())


def test_what_was_not_confirmed_when_the_connection_broke_is_sent_again_from_the_position(tmp_path: Path) -> None:
    async def steps() -> None:
        up = Uplink(tmp_path)
        up.fill(120)
        up.start()
        await up.watch(1)
        assert up.store.position("platform") == 120
        up.publisher.confirms = False
        up.fill(75)
        await up.watch(10)
        assert up.store.position("platform") == 120
        up.publisher.lose()
        up.publisher.confirms = True
        await up.watch(5)
        first, second = up.publisher.rows(0), up.publisher.rows(1)
        assert [row[0] for row in first] == list(range(1, 196)) and first[120:] == second
        kinds = [topic.split("/")[2] for topic, _ in up.publisher.connections[1]]
        assert kinds[:3] == ["status", "series", "data"]  # told again: the broker may be another one
        assert set(kinds[3:]) == {"data"}
        assert up.publisher.connections[1][2][1]["complete"] == 120 and up.store.position("platform") == 195
        up.agree()

    story(steps())


def test_what_is_confirmed_out_of_order_is_kept_as_ranges_and_not_sent_again(tmp_path: Path) -> None:
    async def steps() -> None:
        up = Uplink(tmp_path)
        up.fill(400)
        up.start()
        await up.watch(5)
        assert up.store.position("platform") == 400
        up.publisher.confirms = False
        up.fill(150)  # live: all of them go at once
        await up.watch(1)
        up.publisher._waiting[-1].set_result(True)
        await up.watch(2)
        up.fill(1)  # something moves: the position goes to disk
        await up.watch(2)
        assert up.store.confirmed("platform") == ((0, 400), (501, 550))
        assert up.publisher.connections[0][-1][1]["complete"] == 400
        up.publisher.lose()
        up.publisher.confirms = True
        await up.watch(5)
        assert sorted(row[0] for row in up.publisher.rows(1)) == [*range(401, 501), 551]
        assert up.store.confirmed("platform") == ((0, 551),)
        up.agree()

    story(steps())


def test_nothing_is_handed_over_without_a_connection_and_a_broker_that_is_absent_is_tried_ever_more_rarely(
    tmp_path: Path,
) -> None:
    async def steps() -> None:
        up = Uplink(tmp_path)
        up.publisher.up = False
        up.fill(10)
        up.start()
        await up.watch(600)
        pauses = [round(b - a) for a, b in pairwise(up.publisher.tries_s)]
        assert pauses[:7] == [1, 2, 4, 8, 16, 32, 60] and set(pauses[7:]) == {60}
        assert up.publisher.while_down == 0 and up.publisher.connections == []
        up.fill(90)
        up.publisher.up = True
        await up.watch(61)
        assert up.store.position("platform") == 100 and up.publisher.while_down == 0
        up.publisher.up = False
        up.publisher.lose()
        await up.watch(8)
        up.fill(1)
        await up.watch(30)
        assert up.publisher.while_down == 0
        pauses = [round(b - a) for a, b in pairwise(up.publisher.tries_s[-5:])]
        assert pauses == [2, 4, 8, 16]  # the pauses begin anew after a connection
        up.agree()

    story(steps())


def test_a_slow_broker_gets_a_bounded_number_of_messages_and_the_store_goes_on(tmp_path: Path) -> None:
    async def steps() -> None:
        up = Uplink(tmp_path, delay_s=30)
        up.start()
        for _ in range(120):
            up.fill(50)
            await up.watch(1)
        assert up.store.last_seq == 6000
        assert 1 < sum(not waiting.done() for waiting in up.publisher._waiting) <= 16
        await asyncio.wait_for(up.forwarder.drained(), 3600)
        assert sorted(row[0] for row in up.publisher.rows()) == list(range(1, 6001))

    story(steps())


def test_a_broken_connection_is_noticed_when_there_is_nothing_to_send(tmp_path: Path) -> None:
    async def steps() -> None:
        up = Uplink(tmp_path)
        up.start()
        await up.watch(60)
        up.publisher.lose()
        await up.watch(7)
        assert len(up.publisher.connections) == 2

    story(steps())


def test_drained_returns_when_the_broker_has_confirmed_everything_and_not_before(tmp_path: Path) -> None:
    async def steps() -> None:
        up = Uplink(tmp_path)
        await asyncio.wait_for(up.forwarder.drained(), 1)
        up.publisher.confirms = False
        up.fill(3)
        up.start()
        drained = asyncio.create_task(up.forwarder.drained())
        await up.watch(30)
        assert not drained.done()
        up.publisher.lose()
        up.publisher.confirms = True
        await asyncio.wait_for(drained, 5)
        assert up.store.position("platform") == 3

    story(steps())


def test_a_position_survives_the_process_and_two_uplinks_have_their_own(tmp_path: Path) -> None:
    async def steps() -> None:
        up = Uplink(tmp_path)
        up.fill(5)
        up.start()
        await up.watch(1)
        up.task.cancel()
        await asyncio.gather(up.task, return_exceptions=True)
        up.store.end_run()
        up.store.close()
        again = Uplink(tmp_path)
        again.fill(1)
        other = HandPublisher()
        second = MqttForwarder(
            MqttUplink(id="second", host="b"), Watertower("demo", world_clock()), other, again.store, world_clock()
        )
        task = asyncio.create_task(second.run())
        again.start()
        await again.watch(1)
        assert [row[0] for row in again.publisher.rows()] == [6]
        assert [row[0] for row in other.rows()] == [1, 2, 3, 4, 5, 6]
        task.cancel()

    story(steps())


class Split(Watertower):
    """A dialect that needs three messages for any rows."""

    def rows(self, complete: int, rows: Sequence[Row]) -> Sequence[Said]:
        return [said for said in super().rows(complete, rows) for _ in range(3)]


def test_rows_that_take_several_messages_count_when_all_of_them_are_confirmed(tmp_path: Path) -> None:
    async def steps() -> None:
        up = Uplink(tmp_path)
        up.forwarder._dialect = Split("demo", world_clock())
        up.publisher.confirms = False
        up.start()
        await up.watch(1)
        up.publisher._waiting[0].set_result(True)  # the status
        up.fill(1)
        await up.watch(1)
        up.publisher._waiting[1].set_result(True)  # the series
        await up.watch(1)
        for place in (4, 2):
            up.publisher._waiting[place].set_result(True)
            await up.watch(2)
            assert up.forwarder.counters.confirmed_rows == 0
        up.publisher._waiting[3].set_result(True)
        await up.watch(2)
        assert up.forwarder.counters.confirmed_rows == 1 and up.store.position("platform") == 1
        up.fill(1)
        await up.watch(1)
        up.publisher._waiting[5].set_result(True)
        up.publisher.lose()
        await up.watch(1)
        assert up.forwarder.counters.confirmed_rows == 1

    story(steps())


def test_a_broker_that_swallows_everything_holds_up_no_other_uplink_and_no_commit(tmp_path: Path) -> None:
    async def steps() -> None:
        up = Uplink(tmp_path)
        hole = HandPublisher()
        hole.confirms = False
        other = MqttForwarder(
            MqttUplink(id="hole", host="b"), Watertower("demo", world_clock()), hole, up.store, world_clock()
        )
        task = asyncio.create_task(other.run())
        up.start()
        for _ in range(60):
            up.fill(20)
            await up.watch(1)
        assert up.store.position("platform") == 1200 and up.store.position("hole") == 0
        assert other.waiting_rows == 1200 and up.forwarder.waiting_rows == 0
        assert up.forwarder.counters.confirmed_rows == up.forwarder.counters.sent_rows == 1200
        task.cancel()

    story(steps())


def test_rows_that_are_asked_for_leave_again_and_nothing_else_does(tmp_path: Path) -> None:
    async def steps() -> None:
        up = Uplink(tmp_path)
        up.fill(100)
        up.start()
        await up.watch(10)
        before = len(up.publisher.rows())
        assert up.forwarder.resend(((7, 9), (50, 50), (900, 999))) == ((7, 9), (50, 50))
        await up.watch(5)
        assert [row[0] for row in up.publisher.rows()[before:]] == [7, 8, 9, 50]
        assert up.publisher.connections[0][-2][1]["complete"] == 6 and up.store.position("platform") == 100
        up.agree()

    story(steps())


def test_that_nobody_listens_behind_a_broker_is_an_event_once(tmp_path: Path) -> None:
    async def steps() -> None:
        up = Uplink(tmp_path)
        up.publisher.is_heard = False
        up.start()
        for is_heard in (False, False, True, False):
            up.publisher.is_heard = is_heard
            up.fill(3)
            await up.watch(2)
        assert [kind for kind, _ in events(tmp_path)] == ["uplink_unheard", "uplink_unheard"]
        assert up.store.position("platform") == 12

    story(steps())


def test_rows_that_the_store_has_let_go_are_passed_over(tmp_path: Path) -> None:
    async def steps() -> None:
        up = Uplink(tmp_path)
        up.fill(60)
        up.store.database.db.execute("DELETE FROM row WHERE seq < 10 OR seq BETWEEN 30 AND 39")
        up.start()
        await up.watch(20)
        assert [row[0] for row in up.publisher.rows()] == [*range(10, 30), *range(40, 61)]
        assert up.store.position("platform") == 60 and up.forwarder.counters.gone_rows == 19

    story(steps())


def test_a_signed_day_leaves_once_retained_and_whoever_holds_it_can_check_it(tmp_path: Path) -> None:
    async def steps() -> None:
        up = Uplink(tmp_path)
        up.fill(2)
        up.start()
        await up.watch(1)
        block = up.store.close_block()
        signed = sign(tmp_path / "gateway.key", day_message("demo", "2025-12-31", block.number, block.hash))
        up.store.add_day("2025-12-31", block, signed)
        await up.watch(40)
        (message,) = [told for topic, told in up.publisher.connections[0] if topic.endswith("/signature/2025-12-31")]
        assert "watertower/demo/signature/2025-12-31" in up.publisher.retained
        text = day_message("demo", "2025-12-31", message["block"], bytes.fromhex(message["hash"]))
        assert is_signed(bytes.fromhex(message["public"]), bytes.fromhex(message["signature"]), text)
        again = MqttForwarder(UPLINK, Watertower("demo", world_clock()), HandPublisher(0.05), up.store, world_clock())
        assert again._day == up.store.newest_day == "2025-12-31"
        up.task.cancel()

    story(steps())
