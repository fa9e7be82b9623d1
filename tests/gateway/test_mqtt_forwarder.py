"""What is in the store leaves in order, and counts as delivered when the broker has confirmed it; in virtual time."""

import asyncio
from collections.abc import Coroutine
from itertools import pairwise
from pathlib import Path
from typing import Any

from gateway.config import MqttUplink
from gateway.store import Store
from gateway.uplink.mqtt import MqttForwarder
from hw_sim.clock import run_virtual, world_clock
from tests.gateway.doubles import START_MS, HandPublisher
from tests.gateway.test_store import CHANNELS

UPLINK = MqttUplink(id="platform", host="nowhere")


class Uplink:
    """A store that somebody fills, and its forwarder."""

    def __init__(self, folder: Path, delay_s: float = 0.05) -> None:
        self.store = Store(folder / "store.db", world_clock())
        self.series = self.store.series("sensor do", CHANNELS)
        self.publisher = HandPublisher(delay_s)
        self.forwarder = MqttForwarder(UPLINK, "demo", self.publisher, self.store, world_clock())
        self.positions = [0]

    def start(self) -> None:
        self.task = asyncio.create_task(self.forwarder.run())

    def fill(self, count: int) -> None:
        for _ in range(count):
            number = self.store.last_seq + len(self.store._pending) + 1
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
        row = [1, up.series, START_MS + 1, [0.01, None, 7], [0, 1, 0]]
        assert messages[2][1] == {"complete": 0, "rows": [row, *messages[2][1]["rows"][1:]]}
        assert set(up.publisher.retained) == {"watertower/demo/status", f"watertower/demo/series/{up.series}"}
        up.fill(1)
        await up.watch(1)
        assert messages[3][1]["complete"] == 3 and [row[0] for row in messages[3][1]["rows"]] == [4]
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
        assert kinds == ["status", "series", "data", "data"]  # told again: the broker may be another one
        assert up.publisher.connections[1][2][1]["complete"] == 120 and up.store.position("platform") == 195
        up.agree()

    story(steps())


def test_the_position_moves_in_the_order_of_the_rows_whatever_the_order_of_confirmation(tmp_path: Path) -> None:
    async def steps() -> None:
        up = Uplink(tmp_path)
        up.fill(1)
        up.start()
        await up.watch(1)
        up.publisher.confirms = False
        up.fill(500)  # ten messages
        await up.watch(1)
        waiting = up.publisher._waiting[-10:]
        for late in reversed(waiting[2:]):
            late.set_result(None)
        await up.watch(1)
        assert up.positions == [0, 1]
        waiting[1].set_result(None)
        waiting[0].set_result(None)
        await up.watch(1)
        assert up.positions[-1] == 501 and all(a < b for a, b in pairwise(up.positions))

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
        data = [said for topic, said in up.publisher.connections[0] if topic.endswith("/data")]
        assert sum(said["rows"][-1][0] > up.store.position("platform") for said in data) <= 16
        await asyncio.wait_for(up.forwarder.drained(), 3600)
        assert [row[0] for row in up.publisher.rows()] == list(range(1, 6001))

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
        second = MqttForwarder(MqttUplink(id="second", host="b"), "demo", other, again.store, world_clock())
        task = asyncio.create_task(second.run())
        again.start()
        await again.watch(1)
        assert [row[0] for row in again.publisher.rows()] == [6]
        assert [row[0] for row in other.rows()] == [1, 2, 3, 4, 5, 6]
        task.cancel()

    story(steps())
