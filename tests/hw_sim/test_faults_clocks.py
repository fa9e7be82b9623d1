"""Wrong clocks in a station: times are right, or say that they are guesses until they are known."""

import asyncio
import math
from itertools import pairwise
from pathlib import Path

import pytest

from hw_sim.clock import run_virtual
from hw_sim.faults.clocks import ClockDrift, ClockLost, ClockStep, NtpJump
from hw_sim.scenario import Scenario
from hw_sim.virtual import VirtualStation
from protocols import quality
from tests.hw_sim.fault_story import DEMO, live


def test_a_clock_set_wrong_by_hand_changes_no_time(tmp_path: Path) -> None:
    ending = live(tmp_path, ClockStep(at="2m", lasts="2m", by_s=600.0), seconds=360)
    assert ending.verdict.sound
    assert not any(row.quality & quality.CLOCK for row in ending.station.platform.delivered["level.pressure"])
    assert ending.station.world.gateway_clock.error_ms == 0  # it was set right


def test_what_a_time_server_says_is_believed_and_its_lie_is_a_wrong_time_at_the_far_end(tmp_path: Path) -> None:
    ending = live(tmp_path, NtpJump(at="2m", lasts="2m", off_s=600.0), seconds=360)
    assert not ending.verdict.sound and ending.verdict.wrong_times > 1000
    assert (ending.verdict.wrong_values, ending.verdict.duplicates) == (0, 0)
    said, came = (len(rows["level.pressure"]) for rows in (ending.station.world.ledger.readings,
                                                           ending.station.platform.delivered))  # fmt: skip
    assert 340 < came <= said  # none is repeated, and none lost but for the judge, who takes far times for others


def test_a_rollover_of_gps_weeks_is_not_believed(tmp_path: Path) -> None:
    ending = live(tmp_path, NtpJump(at="2m", lasts="2m"), seconds=300)
    assert ending.verdict.sound
    assert not any(row.quality & quality.CLOCK for row in ending.station.platform.delivered["level.pressure"])


@pytest.mark.parametrize("starts_at", ["1970-01-01", "2000-01-01"])
@pytest.mark.parametrize("lasts", ["2m", "1h"])
def test_what_was_taken_without_a_clock_is_a_guess_until_there_is_one(
    tmp_path: Path, starts_at: str, lasts: str
) -> None:
    fault = ClockLost(at="2m", lasts=lasts, starts_at=starts_at)  # type: ignore[arg-type]
    seen: list[int] = []

    def look(station: VirtualStation) -> None:
        def count() -> None:
            rows = station.platform.delivered["level.pressure"]
            seen.extend(row.unix_ms for row in rows if row.quality & quality.CLOCK)

        asyncio.get_running_loop().call_later(220, count)

    ending = live(tmp_path, fault, seconds=300, prepare=look)
    assert len(seen) > 60 and max(seen) < 1_000_000_000_000
    verdict = ending.verdict
    assert verdict.sound and verdict.delivered + verdict.cut_at_kill == verdict.measured
    assert len(ending.station.kills_ms) == 1
    rows = ending.station.platform.delivered["level.pressure"]
    assert not any(row.quality & quality.CLOCK for row in rows)
    assert [row.unix_ms for row in sorted(rows, key=lambda row: row.seq)] == sorted(row.unix_ms for row in rows)


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
def test_a_node_learns_how_wrong_its_oscillator_is(tmp_path: Path, oscillator: str) -> None:
    fault = ClockDrift(at="1s", node="upstream", ppm=50_000.0, oscillator=oscillator)  # type: ignore[arg-type]
    ending = live(tmp_path, fault, seconds=4 * 3600, story=Scenario(site="bench"))
    assert ending.verdict.sound
    assert ending.station.world.nodes["upstream"].board.clock.error_ms > 600_000  # so far ahead is it by itself
    times = [reading.unix_ms for reading in ending.station.world.ledger.readings["upstream_do.temperature"]]
    late_ms = [
        time_ms % 900_000 for time_ms in times if time_ms > times[0] + 1_800_000
    ]  # it learns at its second report
    assert len(late_ms) == 14 and max(late_ms) < 1500


def test_a_day_and_night_of_an_rc_clock_are_told_right(tmp_path: Path) -> None:
    """5 % off and 300 ppm/K, between -20 degC at six and +10 degC at eighteen: no reading is out of tolerance."""

    def weather(station: VirtualStation) -> None:
        station.world.air_c = lambda time_s: -5.0 - 15.0 * math.cos((time_s - 6 * 3600) * math.tau / 86_400)

    fault = ClockDrift(at="1s", node="upstream", ppm=50_000.0, oscillator="rc")
    ending = live(tmp_path, fault, seconds=86_400, story=Scenario(site="bench"), prepare=weather)
    assert ending.verdict.sound and ending.verdict.measured > 30_000
    times = [reading.unix_ms for reading in ending.station.world.ledger.readings["upstream_do.temperature"]]
    slots = {round(time_ms / 900_000) for time_ms in times}
    assert slots == set(range(min(slots), min(slots) + 96))  # none is missing


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
