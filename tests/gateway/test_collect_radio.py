"""A node's batch is acknowledged when it is on disk and not before; what must not be believed is never answered."""

import asyncio
import sqlite3
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from gateway.collect.radio import RadioCollector
from gateway.site import slice
from gateway.store import Store
from hw_sim.clock import run_virtual, world_clock
from protocols import batch, command, framing, link, quality
from protocols.batch import Batch, NodeRecord
from tests.gateway.doubles import KEY, NODE, START_MS, HandLine, events, query, site

SECRET = bytes.fromhex(KEY)
START_S = START_MS // 1000


class Radio:
    """A gateway's radio whose nodes are the test."""

    def __init__(self, folder: Path, node: str = NODE) -> None:
        self.folder = folder
        self.site = site(folder, node)
        self.schema = slice.schema_of(self.site, self.site.nodes[0])
        self.start()

    def start(self) -> None:
        """The gateway process begins: nothing in memory, the store as it is."""
        self.line = HandLine()
        self.store = Store(self.folder / "store.db", world_clock())
        self.collector = RadioCollector(self.site, self.line.open, self.store, world_clock())
        self.task = asyncio.create_task(self.collector.run())

    def refuse(self, on: bool) -> None:
        """Whether the disk takes nothing."""
        self.store.database.db.execute(f"PRAGMA query_only = {on:d}")

    async def kill(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.store.close()

    def body(self, *numbers: int, schema: int | None = None, boot: int | None = None, time_s: int = START_S) -> bytes:
        """Records that hold their own number, ten seconds apart."""
        rows = [NodeRecord(n, time_s + 10 * i, ((n, 0), (None, quality.NO_REPLY))) for i, n in enumerate(numbers)]
        return batch.encode(Batch(self.schema if schema is None else schema, tuple(rows), boot))

    async def send(self, data: bytes) -> list[link.Answer]:
        """Says something on the radio; the answers to it, each checked as a node would."""
        before = len(self.line.written)
        self.line.put(data)
        await asyncio.sleep(0.1)
        return [self._answer(said) for said in self.line.written[before:]]

    def _answer(self, said: bytes) -> link.Answer:
        (raw,) = framing.Deframer().feed(said)
        link.check(SECRET, raw)
        frame = link.parse(raw)
        assert (frame.kind, frame.node) == (link.ACK, 17)
        return link.parse_answer(frame.body)

    def records(self) -> list[tuple[Any, ...]]:
        return query(self.folder, "SELECT record, unix_ms / 1000, cells, quality FROM row ORDER BY seq")


def hello(counter: int, schema: int) -> bytes:
    return sealed(counter, schema.to_bytes(2, "big"), link.HELLO)


def sealed(counter: int, body: bytes = b"", kind: int = link.BATCH, node: int = 17, key: bytes = SECRET) -> bytes:
    return framing.stuff(link.seal(key, kind, node, counter, body))


def story(steps: Coroutine[Any, Any, None]) -> None:
    run_virtual(steps)


def test_a_batch_is_on_disk_before_its_acknowledgement_leaves(tmp_path: Path) -> None:
    async def steps() -> None:
        radio = Radio(tmp_path)
        seen: list[int] = []
        radio.line.on_write = lambda _: seen.append(len(radio.records()))
        (answer,) = await radio.send(sealed(1, radio.body(1, 2, 3)))
        assert seen == [3] and answer.have == 3 and answer.flags & link.CLOCK_TRUSTED
        assert abs(answer.unix_ms - START_MS) < 100
        assert radio.records()[1] == (2, START_S + 10, "[2,null]", "[0,1]")

    story(steps())


def test_what_can_not_be_committed_is_not_acknowledged_and_taken_when_it_comes_again(tmp_path: Path) -> None:
    async def steps() -> None:
        radio = Radio(tmp_path)
        radio.refuse(True)
        assert await radio.send(sealed(1, radio.body(1))) == []
        with pytest.raises(sqlite3.OperationalError):
            await radio.task  # the gateway's supervision tells it and starts it again
        radio.refuse(False)
        radio.task = asyncio.create_task(radio.collector.run())
        (answer,) = await radio.send(sealed(2, radio.body(1)))
        assert answer.have == 1 and len(radio.records()) == 1 and radio.line.closed == 1

    story(steps())


def test_what_must_not_be_believed_is_refused_counted_and_told_once(tmp_path: Path) -> None:
    async def steps() -> None:
        radio = Radio(tmp_path)
        good = sealed(5, radio.body(1))
        assert len(await radio.send(good)) == 1
        forged = bytearray(link.seal(SECRET, link.BATCH, 17, 6, radio.body(2)))
        forged[9] ^= 1
        bad = {
            "replay": [good, sealed(4, radio.body(9))],
            "tag": [framing.stuff(bytes(forged)), sealed(6, radio.body(2), key=bytes(32))],
            "unknown_node": [sealed(6, radio.body(2), node=18)] * 2,
            "frame": [b"\x00\x30garbled\x00", framing.stuff(b"short"), sealed(6, radio.body(2), kind=link.ACK)],
            "body": [sealed(7, radio.body(2)[:-1]), sealed(8, radio.body(2) + b"\x00")],
        }
        for frames in bad.values():
            for frame in frames:
                assert await radio.send(frame) == []
        assert radio.collector.refused == {reason: len(frames) for reason, frames in bad.items()}
        told = [(detail["node"], detail["reason"]) for _, detail in events(tmp_path, "frame_refused")]
        expected = [(17, "replay"), (17, "tag"), (18, "unknown_node"), (None, "frame"), (17, "frame"), (17, "body")]
        assert told == expected and len(radio.records()) == 1
        assert len(await radio.send(b"noise" + sealed(9, radio.body(2)))) == 1  # and it goes on

    story(steps())


def test_a_batch_of_another_slice_is_kept_as_it_came_and_acknowledged_unread(tmp_path: Path) -> None:
    async def steps() -> None:
        radio = Radio(tmp_path)
        await radio.send(sealed(1, radio.body(1)))
        bodies = [radio.body(2, 3, schema=radio.schema ^ 1), radio.body(4, schema=radio.schema ^ 1)]
        for counter, body in enumerate(bodies, 2):
            (answer,) = await radio.send(sealed(counter, body))
            assert answer.have == (3, 4)[counter - 2] and answer.flags & link.OTHER_SLICE and not answer.holes
        assert query(tmp_path, "SELECT node, body FROM unread") == [(17, body) for body in bodies]
        assert [row[0] for row in radio.records()] == [1]
        assert events(tmp_path) == [("frame_refused", {"node": 17, "reason": "schema"})]

    story(steps())


def test_records_of_a_boot_without_clock_get_the_time_of_arrival_and_say_so(tmp_path: Path) -> None:
    async def steps() -> None:
        radio = Radio(tmp_path)
        await asyncio.sleep(1000)
        await radio.send(sealed(1, radio.body(1, 2, 3, boot=7, time_s=40)))
        assert [(row[1] - START_S, row[3]) for row in radio.records()] == [
            (980, "[16,17]"),
            (990, "[16,17]"),
            (1000, "[16,17]"),
        ]
        assert quality.CLOCK == 16

    story(steps())


def test_a_greeting_is_answered_with_what_the_gateway_holds(tmp_path: Path) -> None:
    async def steps() -> None:
        radio = Radio(tmp_path)
        assert [answer.have for answer in await radio.send(hello(1, radio.schema))] == [0]
        await radio.send(sealed(2, radio.body(40, 41)))
        assert [answer.have for answer in await radio.send(hello(3, radio.schema))] == [41]
        assert await radio.send(hello(3, radio.schema)) == []

    story(steps())


def test_a_restarted_gateway_accepts_no_frame_again_not_even_a_greeting(tmp_path: Path) -> None:
    async def steps() -> None:
        radio = Radio(tmp_path)
        old = [
            sealed(1, radio.body(1)),
            hello(2, radio.schema),
            sealed(3, radio.body(2, schema=radio.schema ^ 1)),
            hello(4, radio.schema),
        ]
        for upto in range(len(old)):
            assert len(await radio.send(old[upto])) == 1
            await radio.kill()
            radio.start()
            for frame in old[: upto + 1]:
                assert await radio.send(frame) == []
        assert radio.collector.refused == {"replay": 4}
        (answer,) = await radio.send(sealed(5, radio.body(1, 2)))
        assert answer.have == 2 and [row[0] for row in radio.records()] == [1, 2]

    story(steps())


def test_two_frames_in_one_read_are_each_answered(tmp_path: Path) -> None:
    async def steps() -> None:
        radio = Radio(tmp_path)
        answers = await radio.send(sealed(1, radio.body(1)) + sealed(2, radio.body(2)))
        assert [answer.have for answer in answers] == [1, 2]

    story(steps())


def test_a_lost_radio_is_told_once_and_opened_again(tmp_path: Path) -> None:
    async def steps() -> None:
        radio = Radio(tmp_path)
        await asyncio.sleep(0)
        radio.line.inbox.lose("unplugged")
        await asyncio.sleep(600)  # it opens and is gone again, all the time
        radio.line.inbox = type(radio.line.inbox)()
        await asyncio.sleep(3)
        assert len(await radio.send(sealed(1, radio.body(1)))) == 1
        assert [kind for kind, _ in events(tmp_path)] == ["radio_lost", "radio_back"]

    story(steps())


def test_what_is_missing_is_asked_for_until_it_came_or_is_gone(tmp_path: Path) -> None:
    async def steps() -> None:
        radio = Radio(tmp_path)
        (answer,) = await radio.send(sealed(1, radio.body(5, 9)))
        assert answer.have == 9 and answer.holes == ((1, 4), (6, 8))
        (answer,) = await radio.send(sealed(2, radio.body(6, 7, 8)))
        assert answer.holes == ((1, 4),)
        (answer,) = await radio.send(sealed(3, link.encode_range(1, 3), link.GONE))
        assert answer.holes == ((4, 4),) and answer.have == 9
        assert events(tmp_path) == [("records_gone", {"node": 17, "first": 1, "last": 3})]
        await radio.kill()
        radio.start()
        (answer,) = await radio.send(sealed(4, radio.body(4)))
        assert answer.holes == ()
        assert await radio.send(sealed(5, link.encode_range(3, 1), link.GONE)) == []

    story(steps())


def test_commands_go_with_answers_as_many_as_fit_until_they_are_done(tmp_path: Path) -> None:
    async def steps() -> None:
        radio = Radio(tmp_path)
        await asyncio.sleep(0.1)
        ids = [radio.store.commands.give(17, command.EMERGENCY, 600) for _ in range(10)]
        radio.store.commands.give(18, command.RESTART)
        (answer,) = await radio.send(sealed(1, radio.body(1)))
        assert [waiting.id for waiting in answer.commands] == ids[:8]
        results = command.encode_results([(id, command.DONE) for id in ids[:8]])
        (answer,) = await radio.send(sealed(2, results, link.DONE))
        assert [(waiting.id, waiting.argument) for waiting in answer.commands] == [(ids[8], 600), (ids[9], 600)]
        assert len(events(tmp_path, "command_done")) == 8
        assert await radio.send(sealed(3, b"x", link.DONE)) == []

    story(steps())


LIVES_ON = """
  [node.battery]
  cells = 4
  capacity_ah = 20
"""
HOUR_S = 3600


def test_a_node_is_asked_for_its_battery_now_and_then_and_the_newest_answer_stays(tmp_path: Path) -> None:
    async def steps() -> None:
        radio = Radio(tmp_path, NODE + LIVES_ON)
        number = 0

        async def asked(results: bytes | None = None) -> list[tuple[int, int, int]]:
            nonlocal number
            number += 1
            data = radio.body(number) if results is None else results
            (answer,) = await radio.send(sealed(number, data, link.BATCH if results is None else link.DONE))
            return [(one.id, one.kind, one.argument) for one in answer.commands]

        def told() -> tuple[int | None, int | None]:
            (node,) = radio.collector.state.nodes
            return node.battery_mv, node.battery_unix_ms

        first = await asked()
        assert first == [(1, command.BATTERY, 67)], "4 cells of 3.4 V and a quarter more in 255 steps"
        await asyncio.sleep(30 * HOUR_S)
        assert await asked() == first and told() == (None, None), "nothing is asked twice"
        assert await asked(command.encode_results([(1, 198)])) == [] and told()[0] == 198 * 67
        at_ms = told()[1]
        assert at_ms is not None and abs(at_ms - START_MS - 30 * HOUR_S * 1000) < 1000
        await radio.kill()
        radio.start()
        await asyncio.sleep(0.1)
        assert told() == (198 * 67, at_ms), "over a restart"
        assert await asked() == [(2, command.BATTERY, 67)]
        assert await asked(command.encode_results([(2, command.REFUSED)])) == [] and told() == (198 * 67, at_ms)
        await asyncio.sleep(5.9 * HOUR_S)
        assert await asked() == []
        await asyncio.sleep(0.2 * HOUR_S)
        assert await asked() == [(3, command.BATTERY, 67)]
        await asyncio.sleep(8 * 24 * HOUR_S)
        await asked(command.encode_results([(3, 190)]))
        assert told()[0] == 190 * 67
        assert query(tmp_path, "SELECT id FROM command") == [(3,), (4,)], "what was asked long ago is not kept"
        assert events(tmp_path, "command_done") == []

    story(steps())


def test_a_node_that_can_not_tell_its_battery_is_asked_once_a_week(tmp_path: Path) -> None:
    async def steps() -> None:
        radio = Radio(tmp_path, NODE + LIVES_ON)
        await asyncio.sleep(0.1)
        asked = 0
        for day in range(15):
            (answer,) = await radio.send(sealed(2 * day + 1, radio.body(day + 1)))
            for waiting in answer.commands:
                asked += 1
                results = command.encode_results([(waiting.id, command.UNKNOWN)])
                await radio.send(sealed(2 * day + 2, results, link.DONE))
            await asyncio.sleep(24 * HOUR_S)
        assert asked == 3 and radio.collector.state.nodes[0].battery_mv is None
        await radio.kill()
        (tmp_path / "mains").mkdir()
        radio = Radio(tmp_path / "mains", NODE)
        await asyncio.sleep(0.1)
        (answer,) = await radio.send(sealed(1, radio.body(1)))
        assert answer.commands == (), "a node without a battery"

    story(steps())


def test_a_gateway_whose_disk_was_in_trouble_asks_for_less(tmp_path: Path) -> None:
    async def steps() -> None:
        radio = Radio(tmp_path)
        await radio.send(sealed(1, radio.body(3)))
        radio.refuse(True)
        assert await radio.send(sealed(2, radio.body(4))) == []
        await asyncio.gather(radio.task, return_exceptions=True)
        radio.refuse(False)
        radio.task = asyncio.create_task(radio.collector.run())
        (answer,) = await radio.send(sealed(3, radio.body(4)))
        assert answer.flags & link.SLOW_DOWN and answer.holes == ()
        await asyncio.sleep(601)
        (answer,) = await radio.send(sealed(4, radio.body(5)))
        assert not answer.flags & link.SLOW_DOWN and answer.holes == ((1, 2),)

    story(steps())


def test_a_node_with_a_new_key_begins_anew_and_nobody_takes_it_for_a_replay(tmp_path: Path) -> None:
    async def steps() -> None:
        radio = Radio(tmp_path)
        await radio.send(sealed(700, radio.body(1, 2)))
        await radio.kill()
        radio.site = site(tmp_path, NODE.replace(KEY, "ab" * 32))
        radio.start()
        await asyncio.sleep(0.1)
        assert await radio.send(sealed(701, radio.body(3))) == []  # the old key
        radio.line.put(sealed(1, radio.body(1), key=b"\xab" * 32))
        await asyncio.sleep(0.1)
        assert query(tmp_path, "SELECT life, record FROM row ORDER BY seq") == [(1, 1), (1, 2), (2, 1)]

    story(steps())


def test_a_second_board_under_the_same_identity_is_told_and_a_replay_is_not(tmp_path: Path) -> None:
    async def steps() -> None:
        radio = Radio(tmp_path)
        first = sealed(50, radio.body(1, 2))
        await radio.send(first)
        await radio.send(first)
        assert events(tmp_path, "node_doubled") == []
        rows = tuple(NodeRecord(n, START_S, ((99, 0), (None, 1))) for n in (2, 3))
        assert await radio.send(sealed(7, batch.encode(Batch(radio.schema, rows)))) == []
        assert events(tmp_path, "node_doubled") == [("node_doubled", {"node": 17, "record": 2})]

    story(steps())


def test_the_level_that_the_modem_tells_goes_back_to_the_node(tmp_path: Path) -> None:
    async def steps() -> None:
        radio = Radio(tmp_path, NODE.replace('port = "radio"', 'port = "radio"\nrssi_byte = true'))
        (answer,) = await radio.send(sealed(1, radio.body(1)) + bytes((256 - 104,)))
        assert answer.rssi_dbm == -104
        (answer,) = await radio.send(sealed(2, radio.body(2)) + bytes((256 - 30,)))
        assert answer.rssi_dbm == -30 and radio.collector.refused == {}

    story(steps())


def test_a_brief_batch_is_answered_briefly_unless_there_is_more_to_say(tmp_path: Path) -> None:
    async def steps() -> None:
        radio = Radio(tmp_path)
        clock_ms = START_MS
        for counter, number, is_brief in ((1, 1, True), (2, 2, True), (3, 1, False)):
            node = link.NodeSession(17, SECRET, lambda counter=counter: counter, lambda below: 0)  # type: ignore[misc]
            node.send(link.BATCH, radio.body(number), 0, clock_ms)
            radio.line.put(node.data_to_send(0))
            await asyncio.sleep(0.1)
            said = radio.line.written[-1]
            assert (said[0] != 0) == is_brief
            node.receive(said, 100)
            event = node.next_event()
            assert isinstance(event, link.Acked) and event.answer.have == (None if is_brief else 2)

    story(steps())


def test_a_board_with_erased_flash_under_its_old_key_does_not_stay_unnoticed(tmp_path: Path) -> None:
    async def steps() -> None:
        radio = Radio(tmp_path)
        await radio.send(sealed(500, radio.body(1)))
        for counter in range(1, 25):
            assert await radio.send(hello(counter, radio.schema)) == []  # all it can say before it was answered
            if counter == 19:
                assert events(tmp_path, "node_doubled") == []
        assert events(tmp_path, "node_doubled") == [("node_doubled", {"node": 17, "replays": 20})]

    story(steps())


def test_late_copies_of_frames_among_accepted_ones_raise_no_suspicion(tmp_path: Path) -> None:
    async def steps() -> None:
        radio = Radio(tmp_path)
        for counter in range(1, 60):
            frame = sealed(counter, radio.body(counter))
            await radio.send(frame)
            await radio.send(frame)
        assert radio.collector.refused == {"replay": 59} and events(tmp_path, "node_doubled") == []

    story(steps())
