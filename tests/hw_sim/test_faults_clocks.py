"""Wrong clocks in a station: what today's gateway makes of them is seen by the judge, not hidden."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from hw_sim.clock import run_virtual
from hw_sim.faults.clocks import ClockDrift, ClockLost, ClockStep, NtpJump
from hw_sim.scenario import Scenario
from hw_sim.virtual import VirtualStation
from protocols import quality
from tests.hw_sim.fault_story import DEMO, live


def test_a_clock_set_wrong_by_hand_is_a_wrong_time_at_the_far_end(tmp_path: Path) -> None:
    ending = live(tmp_path, ClockStep(at="2m", lasts="2m", by_s=600.0), seconds=360)
    assert not ending.verdict.sound and ending.verdict.wrong_times > 1000
    assert (ending.verdict.wrong_values, ending.verdict.duplicates) == (0, 0)
    assert ending.station.world.gateway_clock.error_ms == 0  # it was set right


@pytest.mark.parametrize(
    "fault",
    [
        NtpJump(at="2m", lasts="2m"),
        ClockLost(at="2m", lasts="2m"),
        ClockLost(at="2m", lasts="2m", starts_at="2000-01-01"),
    ],
    ids=["GPS rollover", "1970", "2000"],
)
def test_what_an_impossible_clock_stamps_says_that_it_is_a_guess(tmp_path: Path, fault: ClockLost) -> None:
    ending = live(tmp_path, fault, seconds=300)
    verdict = ending.verdict
    assert (verdict.wrong_times, verdict.wrong_values, verdict.duplicates) == (0, 0, 0)
    cut = 5 * 3 if isinstance(fault, ClockLost) else 0  # five polled channels; a value may be taken for another's equal
    assert verdict.lost + verdict.cut_at_kill <= cut
    assert ending.station.world.gateway_clock.error_ms == 0
    assert len(ending.station.kills_ms) == isinstance(fault, ClockLost)
    rows = ending.station.platform.delivered["level.pressure"]
    guessed = [row for row in rows if row.quality & quality.CLOCK]
    assert 30 < len(guessed) < len(rows) / 2 and all(row.unix_ms < 1_200_000_000_000 for row in guessed)


def test_the_gateways_calendar_is_what_the_fault_says_while_it_lasts(tmp_path: Path) -> None:
    async def main() -> list[int]:
        station = VirtualStation(DEMO, tmp_path, 1, 1.0)
        clock = station.world.gateway_clock
        seen = []
        for fault in (ClockStep(at="1s"), NtpJump(at="1s", off_s=-60.0), ClockDrift(at="1s", ppm=1e5)):
            fault.begin(station)
            await asyncio.sleep(10)
            seen.append(clock.error_ms)
            fault.end(station)
            seen.append(clock.error_ms)
        ClockLost(at="1s", starts_at="2000-01-01").begin(station)
        await asyncio.sleep(10)
        seen.append(clock.unix_ms())
        await station.world.stop()
        return seen

    assert run_virtual(main()) == [28_800_000, 0, -60_000, 0, 1000, 0, 946_684_810_000]


@pytest.mark.parametrize("by_s", [28_800.0, -28_800.0, -7.3])
def test_a_clock_that_is_set_starves_no_sensor_and_repeats_no_poll(tmp_path: Path, by_s: float) -> None:
    bench = Scenario(site="bench")
    fair = live(tmp_path / "fair", seconds=7200, story=bench).verdict
    ending = live(tmp_path / "set", ClockStep(at="30m", lasts="10m", by_s=by_s), seconds=7200, story=bench)
    assert abs(ending.verdict.measured - fair.measured) <= 0.01 * fair.measured
    assert ending.verdict.duplicates == 0
    level = [row.unix_ms for row in ending.station.world.ledger.readings["level.pressure"]]
    assert all(50_000 <= b - a <= 70_000 for a, b in pairwise(level))


@pytest.mark.parametrize("oscillator", ["crystal", "fixed", "rc"])
def test_a_node_with_a_bad_oscillator_sleeps_too_short_and_says_so_in_its_times(
    tmp_path: Path, oscillator: str
) -> None:
    fault = ClockDrift(at="1s", node="upstream", ppm=50_000.0, oscillator=oscillator)  # type: ignore[arg-type]
    ending = live(tmp_path, fault, seconds=4 * 3600, story=Scenario(site="bench"))
    assert ending.verdict.wrong_times > 50  # 45 s in a quarter of an hour, between two reports
    assert ending.verdict.lost == ending.verdict.wrong_values == 0
    times = [reading.unix_ms for reading in ending.station.world.ledger.readings["upstream_do.temperature"]]
    assert any(850_000 < b - a < 870_000 for a, b in pairwise(times))


def test_a_nodes_watch_crystal_in_the_cold_stays_within_the_judges_tolerance(tmp_path: Path) -> None:
    def winter(station: VirtualStation) -> None:
        station.world.air_c = lambda time_s: -30.0

    fault = ClockDrift(at="1s", node="upstream")
    ending = live(tmp_path, fault, seconds=4 * 3600, story=Scenario(site="bench"), prepare=winter)
    assert ending.verdict.sound
    assert ending.station.world.nodes["upstream"].board.clock.error_ms == pytest.approx(-0.1028 * 4 * 3600, abs=60)


def test_the_same_seed_gives_the_same_bytes_with_drifting_clocks(tmp_path: Path) -> None:
    faults = (ClockDrift(at="1s", node="water", oscillator="rc", ppm=30_000.0), ClockDrift(at="1s", ppm=40.0))
    first, second = live(tmp_path / "a", *faults, seconds=200), live(tmp_path / "b", *faults, seconds=200)
    assert first.digest == second.digest != live(tmp_path / "c", seconds=200).digest
