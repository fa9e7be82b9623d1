"""The plan of a node's energy against what the simulated node takes, part by part."""

import asyncio
from pathlib import Path

import pytest

from gateway.energy import budget
from hw_sim.clock import run_virtual
from hw_sim.scenario import Scenario
from hw_sim.virtual import VirtualStation

HOUR_S = 3600
# At a reading a second a record comes while a report is under way, and goes in a second frame that is nearly all head.
SECOND_FRAMES = {"demo": {"radio": 0.15}}


def taken(site: str, folder: Path, hours: float) -> list[tuple[dict[str, float], dict[str, float]]]:
    """(planned, taken) J a day of each part, for each node of a site; from its second hour on."""

    async def main() -> list[tuple[dict[str, float], dict[str, float]]]:
        station = VirtualStation(Scenario(site=site), folder, 1)
        world = station.world
        await asyncio.sleep(HOUR_S)
        before = {name: node.board.energy.parts() for name, node in world.nodes.items()}
        await asyncio.sleep(hours * HOUR_S)
        station.check()
        found = []
        for name, node in world.nodes.items():
            plan: dict[str, float] = {}
            for part, joule in budget.day_j(station.site, node.node, air_s=world.radio.air_s).items():
                ledger_part = "radio" if part.startswith("radio ") else part
                plan[ledger_part] = plan.get(ledger_part, 0.0) + joule
            after = node.board.energy.parts()
            found.append((plan, {part: (after[part] - before[name][part]) * 24 / hours for part in after}))
        await station.finish()
        return found

    return run_virtual(main())


@pytest.mark.parametrize(("site", "hours"), [("bench", 24.0), ("demo", 0.25)])
def test_each_part_of_the_plan_is_what_a_day_takes_within_a_tenth(site: str, hours: float, tmp_path: Path) -> None:
    for plan, took in taken(site, tmp_path, hours):
        assert plan.keys() == took.keys()
        for part, joule in took.items():
            assert plan[part] == pytest.approx(joule, rel=SECOND_FRAMES.get(site, {}).get(part, 0.1)), part
