"""Batteries, panels and brown-outs in a station: what was on flash arrives, what is off stays off."""

import asyncio
from pathlib import Path

import pytest

from hw_sim.clock import run_virtual
from hw_sim.faults.power import NodeOff
from hw_sim.faults.supply import BatteryOld, BrownOut, PanelCovered, ResetLoop
from hw_sim.node.battery import BatterySettings
from hw_sim.virtual import VirtualStation
from tests.hw_sim.fault_story import DEMO, live


def test_brown_outs_lose_no_more_than_the_wakes_they_hit(tmp_path: Path) -> None:
    ending = live(tmp_path, BrownOut(every="40s", lasts="1s", node="water", off_s=1.0), seconds=600)
    assert len(ending.station.world.nodes["water"].board.cuts_ms) > 8
    assert ending.verdict.lost == 0
    verdict = ending.verdict
    assert (verdict.wrong_values, verdict.wrong_times, verdict.duplicates) == (0, 0, 0)


@pytest.mark.parametrize("seed", range(3))
def test_a_reset_loop_ends_with_a_living_node_and_loses_nothing_kept(tmp_path: Path, seed: int) -> None:
    ending = live(tmp_path, ResetLoop(at="1m", lasts="3m", node="water"), seconds=420, seed=seed)
    board = ending.station.world.nodes["water"].board
    assert len(board.cuts_ms) > 20
    assert ending.verdict.lost == 0
    assert (ending.verdict.wrong_values, ending.verdict.duplicates) == (0, 0)
    readings = ending.station.world.ledger.readings["do.temperature"]
    assert readings[-1].unix_ms - max(board.cuts_ms[:-1]) > 100_000  # it lived on


def test_reasons_to_be_off_add_up(tmp_path: Path) -> None:
    async def main() -> None:
        station = VirtualStation(DEMO, tmp_path, 1, 1.0)
        node = station.world.nodes["water"]
        off, dip = NodeOff(at="1s", node="water"), BrownOut(at="1s", node="water", off_s=2.0)
        await asyncio.sleep(5)
        off.begin(station)
        dip.begin(station)
        await asyncio.sleep(10)  # the dip is over, the plug is still out
        assert node.board.energy.power_w == 0.0
        off.end(station)
        assert node.board.energy.power_w > 0.0
        await station.world.stop()

    run_virtual(main())


def test_an_old_battery_and_a_covered_panel_stop_a_node_and_their_end_brings_it_back(tmp_path: Path) -> None:
    def on_battery(station: VirtualStation) -> None:
        settings = BatterySettings(node="water", capacity_ah=0.1, charge=1.0, panel_w=10.0)
        station.world.add_battery(settings, panel=lambda time_s: 0.5)

    fair = live(tmp_path / "fair", seconds=900, prepare=on_battery)
    battery = fair.station.world.batteries["water"]
    assert battery.cuts == 0 and battery.charge == pytest.approx(1.0) and fair.verdict.sound

    snow = PanelCovered(at="1m", lasts="25m", node="water")
    dark = live(tmp_path / "dark", snow, BatteryOld(at="2m", node="water", share=0.3), seconds=2700, prepare=on_battery)
    battery = dark.station.world.batteries["water"]
    assert battery.cuts == 1 and battery.is_up
    assert dark.verdict.lost == 0
    volts = [volt for _, volt in battery.curve]
    assert min(volts) < 11.3 < max(volts)


def test_a_fault_of_a_battery_that_is_not_there_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        station = VirtualStation(DEMO, tmp_path, 1, 1.0)
        with pytest.raises(ValueError, match="water has no battery"):
            PanelCovered(at="1s", node="water").begin(station)
        await station.world.stop()

    run_virtual(main())


def test_the_same_seed_gives_the_same_resets(tmp_path: Path) -> None:
    faults = (ResetLoop(at="1m", lasts="1m", node="water"), BrownOut(every="50s", lasts="2s", node="air"))
    first, second = live(tmp_path / "a", *faults, seconds=200), live(tmp_path / "b", *faults, seconds=200)
    assert first.digest == second.digest
    assert first.station.world.nodes["water"].board.cuts_ms == second.station.world.nodes["water"].board.cuts_ms
