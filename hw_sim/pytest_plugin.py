"""Knows how pytest gets a simulated station: fixtures and the mark `scenario`; knows no test.

    @pytest.mark.scenario("outage", seed=3)
    def test_nothing_is_lost(world, uplink, truth):
        world.advance("1h")
        uplink.cut()
        world.advance("6h")
        uplink.restore()
        assert truth.verdict().sound

Without the mark the demonstration's site lives, undisturbed, with seed 1. What is heavy is imported when it is needed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from hw_sim.backhaul.backhaul import Backhaul
    from hw_sim.bus.wire import Wire
    from hw_sim.clock import WorldClock
    from hw_sim.judge.readings import Verdict
    from hw_sim.ledger import Reading
    from hw_sim.timeline import Player
    from hw_sim.virtual import VirtualStation


class LivingWorld:
    """A station in virtual time that lives only while it is told to. `station` has all that a fault may touch."""

    def __init__(self, runner: asyncio.Runner, station: VirtualStation, player: Player) -> None:
        self._runner = runner
        self._player = player
        self.station = station

    def advance(self, duration: str | float) -> None:
        """Lets time pass: "2h 30m", or seconds. Raises what a node or the gateway ended with."""
        from hw_sim.faults.base import seconds

        span_s = seconds(duration) if isinstance(duration, str) else float(duration)
        self._runner.run(asyncio.sleep(span_s))
        self.station.check()

    def finish(self) -> Verdict:
        """Ends what still goes wrong, waits until what was measured has arrived, stops everything and judges."""
        return self._runner.run(self._end())

    async def _end(self) -> Verdict:
        self._player.end_all()
        return await self.station.finish()


class Truth:
    """What the sensors answered, and what became of it."""

    def __init__(self, world: LivingWorld) -> None:
        self._world = world

    def readings(self, channel: str) -> list[Reading]:
        """What a channel's sensor put on the wire, so far."""
        return list(self._world.station.world.ledger.readings[channel])

    def delivered(self, channel: str) -> list[tuple[int, int, int]]:
        """(Unix ms, fixed-point value, quality) at the platform, so far."""
        return [row[:3] for row in self._world.station.platform.delivered[channel]]

    def verdict(self) -> Verdict:
        """The end: see LivingWorld.finish()."""
        return self._world.finish()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "scenario(name, seed=1, days=None): the scenario (name or file) in whose world the test lives"
    )


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LivingWorld]:
    """A station in virtual time, with the scenario of the mark."""
    from gateway.faults import SiteError, check_text
    from hw_sim import scenario
    from hw_sim.clock import VirtualLoop
    from hw_sim.timeline import Player, plan
    from hw_sim.virtual import VirtualStation

    mark = request.node.get_closest_marker("scenario")
    name: str = mark.args[0] if mark and mark.args else "demo"
    options: dict[str, Any] = dict(mark.kwargs) if mark else {}
    seed = int(options.get("seed", 1))
    try:
        story = scenario.load(scenario.find(name))
    except SiteError as error:
        raise pytest.fail.Exception("\n".join(check_text(error, name)), pytrace=False) from None
    span_s = float(options.get("days") or story.days) * 86_400

    async def begin() -> tuple[VirtualStation, Player]:
        station = VirtualStation(story, tmp_path, seed, days=span_s / 86_400)
        return station, Player(plan(story.faults, station.world.streams, span_s), station)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        yield LivingWorld(runner, *runner.run(begin()))


@pytest.fixture
def clock(world: LivingWorld) -> WorldClock:
    """True time in the world."""
    return world.station.clock


@pytest.fixture
def uplink(world: LivingWorld) -> Backhaul:
    """The way from the station to the platform: cut() it, restore() it, make it silent, deaf or slow."""
    return world.station.backhaul


@pytest.fixture
def bus(world: LivingWorld) -> dict[str, Wire]:
    """Every serial line by name: the gateway's by its id, a node's as "node.bus"."""
    return world.station.world.lines


@pytest.fixture
def truth(world: LivingWorld) -> Truth:
    """What the sensors answered, what arrived, and the verdict."""
    return Truth(world)
