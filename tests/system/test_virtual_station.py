"""A whole station in virtual time: the unchanged gateway core and firmware, the same story every time."""

import asyncio
from pathlib import Path
from typing import NamedTuple

import pytest

from hw_sim import scenario
from hw_sim.clock import run_virtual
from hw_sim.judge.readings import Verdict
from hw_sim.node import interpreter
from hw_sim.node.runtime import Fit
from hw_sim.node.vm import in_vm
from hw_sim.virtual import VirtualStation

DEMO = scenario.FOLDER / "scenarios" / "demo.toml"


class Outcome(NamedTuple):
    verdict: Verdict
    digest: str
    flash: bytes


def live(folder: Path, seconds: float, seed: int = 1, runtimes: dict[str, Fit] | None = None) -> Outcome:
    """An undisturbed station."""
    folder.mkdir()

    async def story() -> Outcome:
        station = VirtualStation(scenario.load(DEMO), folder, seed, 1.0, runtimes)
        await asyncio.sleep(seconds)
        verdict = await station.finish()
        flash = bytes(station.world.nodes["water"].board.flash.content)
        return Outcome(verdict, station.platform.digest.hexdigest(), flash)

    return run_virtual(story())


def test_ten_minutes_arrive_whole_and_the_same_in_every_run(tmp_path: Path) -> None:
    first, second = live(tmp_path / "a", 600), live(tmp_path / "b", 600)
    assert first == second
    assert first.verdict.sound
    assert first.verdict.measured == first.verdict.delivered > 10_000


def test_firmware_in_micropython_does_to_the_byte_what_it_does_in_cpython(tmp_path: Path) -> None:
    here = live(tmp_path / "cpython", 300)
    there = live(tmp_path / "micropython", 300, runtimes=dict.fromkeys(("water", "air"), in_vm(interpreter.find())))
    assert there == here


def test_kills_and_an_outage_lose_nothing_that_was_committed(tmp_path: Path) -> None:
    async def story() -> tuple[Verdict, int]:
        station = VirtualStation(scenario.load(DEMO), tmp_path, 7, 1.0)
        await asyncio.sleep(100)
        for _ in range(5):
            station.kill_gateway()
            station.start_gateway()
            await asyncio.sleep(17.3)
        station.backhaul.cut()
        await asyncio.sleep(60)
        station.kill_gateway()
        await asyncio.sleep(60)
        station.start_gateway()
        station.backhaul.restore()
        await asyncio.sleep(100)
        return await station.finish(), station.platform.resent

    verdict, _ = run_virtual(story())
    assert verdict.sound
    assert 0 < verdict.cut_at_kill <= 6 * 3 * 5  # five polled channels, a reading a second, a commit every two
    assert verdict.delivered == verdict.measured - verdict.cut_at_kill


@pytest.mark.parametrize("seed", range(4))
def test_a_radio_that_loses_every_fifth_packet_loses_no_reading(tmp_path: Path, seed: int) -> None:
    async def story() -> Verdict:
        station = VirtualStation(scenario.load(DEMO), tmp_path, seed, 1.0)
        station.world.radio.loss = 0.2
        await asyncio.sleep(200)
        station.world.radio.loss = 0.0
        return await station.finish()

    verdict = run_virtual(story())
    assert verdict.sound
    assert verdict.delivered == verdict.measured
