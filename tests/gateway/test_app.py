"""All parts together: each runs on its own, a clean stop loses nothing; in virtual time with another outside."""

import asyncio
import logging
from collections.abc import Coroutine
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway, Outside
from gateway.evidence.notary import Signature
from gateway.machine.lines import Opener, OpenLine
from gateway.ports import Publisher
from gateway.site.config import Bus, MqttUplink, Site
from gateway.store import tail
from hw_sim.bus.sensor import SimSensor
from hw_sim.bus.wire import Drop, WireLine, rs485
from hw_sim.clock import run_virtual, world_clock
from hw_sim.ledger import Ledger
from protocols.profiles import load
from tests.gateway.doubles import NODE, RIVER, UPLINK, HandLine, HandPublisher, events, query, sensor, site


class Room(Outside):
    """An outside with one river bus and a broker. `broken`: opening the radio raises what nobody expects."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = world_clock()
        self.wire = rs485(world_clock(), 9600)
        truth = {"pressure": lambda time_s: time_s, "temperature": lambda _: 4.5}
        Drop(self.wire, SimSensor("level", load("keller_acculevel"), 1, truth, Ledger(), world_clock()))
        self.broker = HandPublisher()
        self.broken = False
        self.radio_tries_s: list[float] = []
        self.radio_line = HandLine()

    def radio(self, site: Site) -> Opener:
        async def open_radio() -> OpenLine:
            self.radio_tries_s.append(asyncio.get_running_loop().time())
            if self.broken:
                raise RuntimeError("a mistake in the program")
            return self.radio_line

        return open_radio

    def bus(self, bus: Bus) -> Opener:
        async def open_bus() -> OpenLine:
            return WireLine(self.wire)

        return open_bus

    async def sign(self, site: Site, message: bytes) -> Signature:
        return Signature(b"s" * 64, b"p" * 32)

    def control_socket(self, site: Site) -> Path | None:
        return None

    def publisher(self, uplink: MqttUplink, station: str) -> Publisher:
        return self.broker


# A sensor that was just switched on says 0 at first: what a test restates of it is no row to count here.
UNTESTED = """
[[quality]]
channel = "level.temperature"
off = ["all"]
"""


class Running:
    """A gateway in its room."""

    def __init__(self, folder: Path) -> None:
        parts = (NODE.replace('"level"', '"deep"'), RIVER, sensor("level", 1), UPLINK, UNTESTED)
        self.room = Room()
        self.gateway = Gateway(site(folder, *parts), self.room)
        self.stop = asyncio.Event()
        self.task = asyncio.create_task(self.gateway.run(self.stop))

    async def stopped(self) -> float:
        """Asks it to stop; how long that took."""
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        self.stop.set()
        await self.task
        return loop.time() - started_s


def story(steps: Coroutine[Any, Any, None]) -> None:
    run_virtual(steps)


def test_polled_readings_reach_the_disk_with_the_commit_delay_and_the_broker_after_that(tmp_path: Path) -> None:
    async def steps() -> None:
        one = Running(tmp_path)
        await asyncio.sleep(10.9)  # the first poll was after a second
        assert tail.read(tmp_path / "store.db") == [] and one.room.broker.rows() == []
        await asyncio.sleep(1)
        assert len(tail.read(tmp_path / "store.db")) in (10, 11)
        assert len(one.room.broker.rows()) in (10, 11)
        await one.stopped()

    story(steps())


def test_a_clean_stop_commits_what_was_polled_and_gives_it_to_the_broker(tmp_path: Path) -> None:
    async def steps() -> None:
        one = Running(tmp_path)
        await asyncio.sleep(17.5)
        assert await one.stopped() < 1
        assert query(tmp_path, "SELECT count(*), max(seq) FROM row") == [(17, 17)]
        assert [row[0] for row in one.room.broker.rows()] == list(range(1, 18))
        assert query(tmp_path, "SELECT seq FROM position") == [(17,)]
        assert events(tmp_path) == [] and len(asyncio.all_tasks()) == 1
        again = Running(tmp_path)
        await asyncio.sleep(1.5)
        await again.stopped()
        assert events(tmp_path, "gap") == []

    story(steps())


@pytest.mark.parametrize("trouble", ["absent", "mute"])
def test_a_clean_stop_waits_less_than_five_seconds_for_a_broker_and_the_rest_goes_after_the_next_start(
    tmp_path: Path, trouble: str
) -> None:
    async def steps() -> None:
        one = Running(tmp_path)
        one.room.broker.up = trouble != "absent"
        one.room.broker.confirms = trouble != "mute"
        await asyncio.sleep(17.5)
        assert await one.stopped() < 4.5
        assert query(tmp_path, "SELECT count(*) FROM row") == [(17,)]
        assert query(tmp_path, "SELECT seq FROM position") == []
        again = Running(tmp_path)
        await asyncio.sleep(5)
        assert [row[0] for row in again.room.broker.rows()] == list(range(1, 18))
        assert events(tmp_path, "gap") == []
        await again.stopped()

    story(steps())


def test_without_a_broker_and_with_a_slow_one_every_poll_is_made_and_stored(tmp_path: Path) -> None:
    async def steps() -> None:
        one = Running(tmp_path)
        one.room.broker.up = False
        await asyncio.sleep(120)
        one.room.broker.up, one.room.broker.delay_s = True, 20
        await asyncio.sleep(120.5)
        await one.stopped()
        stamps = [at // 1000 for (at,) in query(tmp_path, "SELECT unix_ms FROM row ORDER BY seq")]
        assert len(stamps) == 240 and {b - a for a, b in pairwise(stamps)} == {1}

    story(steps())


def test_a_part_that_fails_is_started_again_alone_with_growing_pauses_and_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def steps() -> None:
        one = Running(tmp_path)
        one.room.broken = True
        await asyncio.sleep(300)
        pauses = [round(b - a) for a, b in pairwise(one.room.radio_tries_s)]
        assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
        told = events(tmp_path)
        assert len(told) == len(one.room.radio_tries_s)
        expected = {"part": "radio", "error": "RuntimeError('a mistake in the program')"}
        assert all(event == ("part_failed", expected) for event in told)
        one.room.broken = False
        await asyncio.sleep(200.5)
        assert one.room.radio_tries_s[-1] < 365  # it runs, and is left alone
        await one.stopped()
        assert query(tmp_path, "SELECT count(*) FROM row") == [(500,)]
        assert len(one.room.broker.rows()) == 500

    caplog.set_level(logging.CRITICAL)
    story(steps())


def test_a_part_lives_on_when_its_failure_can_not_even_be_written_down(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def steps() -> None:
        one = Running(tmp_path)
        one.room.broken = True
        write = one.gateway.store.event

        def full(kind: str, detail: dict[str, object]) -> None:
            raise OSError("disk is full")

        one.gateway.store.event = full  # type: ignore[method-assign]
        await asyncio.sleep(10)
        one.gateway.store.event = write  # type: ignore[method-assign]
        await asyncio.sleep(10)
        assert len(events(tmp_path, "part_failed")) == 1 and len(one.room.radio_tries_s) == 5
        await one.stopped()

    caplog.set_level(logging.CRITICAL)
    story(steps())


def test_a_gateway_that_is_cancelled_leaves_no_part_running_and_the_next_one_tells_the_gap(tmp_path: Path) -> None:
    async def steps() -> None:
        one = Running(tmp_path)
        await asyncio.sleep(15.5)
        one.task.cancel()
        await asyncio.gather(one.task, return_exceptions=True)
        assert len(asyncio.all_tasks()) == 1
        again = Running(tmp_path)
        await asyncio.sleep(1)
        (gap,) = events(tmp_path, "gap")
        assert gap[1]["reason"] == "unclean_stop" and 4000 < gap[1]["to_ms"] - gap[1]["from_ms"] < 7000
        await again.stopped()

    story(steps())
