"""The demonstration's station in virtual time under some faults, and what the judge says of it; a helper of tests."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from hw_sim import scenario
from hw_sim.clock import run_virtual
from hw_sim.faults.base import Fault
from hw_sim.judge.readings import Verdict
from hw_sim.scenario import Scenario
from hw_sim.timeline import Player, plan
from hw_sim.virtual import VirtualStation

DEMO = scenario.load(scenario.FOLDER / "scenarios" / "demo.toml")


class Ending(NamedTuple):
    verdict: Verdict
    digest: str
    station: VirtualStation


def live(
    folder: Path,
    *faults: Fault,
    seconds: float = 600.0,
    seed: int = 1,
    story: Scenario = DEMO,
    prepare: Callable[[VirtualStation], None] = lambda station: None,
) -> Ending:
    """A station's life with these faults, which end with it."""
    folder.mkdir(exist_ok=True)

    async def main() -> Ending:
        station = VirtualStation(story, folder, seed, 1.0)
        prepare(station)
        player = Player(plan(faults, station.world.streams, seconds), station)
        await asyncio.sleep(seconds)
        player.end_all()
        verdict = await station.finish()
        return Ending(verdict, station.platform.digest.hexdigest(), station)

    return run_virtual(main())
