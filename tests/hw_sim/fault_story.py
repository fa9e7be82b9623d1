"""The demonstration's station in virtual time under some faults, and what the judge says of it; a helper of tests."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from hw_sim import judge, scenario
from hw_sim.clock import run_virtual
from hw_sim.faults.base import Fault
from hw_sim.judge import Verdict
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


def lost_elsewhere(ending: Ending, node: str, wake_ms: int = 1500) -> int:
    """Readings of a node that are lost, but for those of a wake that its power did not outlast."""
    station = ending.station
    node_id = next(entry.id for entry in station.site.nodes if entry.name == node)
    cuts_ms = station.world.nodes[node].board.cuts_ms
    end_ms = station.clock.unix_ms() - 20_000
    found = judge.found_by_channel(station.site, station.world.ledger, station.platform)
    lost = 0
    for channel in station.site.channels:
        if channel.node == node_id:
            truth = station.world.ledger.readings[channel.name]
            failed = station.witness.failed.get(channel.name, ())
            for reading in judge.finished(truth, found[channel.name].missing, failed, wake_ms):
                cut = any(0 <= cut_ms - reading.unix_ms <= wake_ms for cut_ms in cuts_ms)
                lost += reading.unix_ms < end_ms and not cut
    return lost
