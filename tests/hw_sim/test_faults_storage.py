"""Flash and disks that fail under a living station: nothing acknowledged is lost, work goes on, all of it drains."""

from pathlib import Path

import pytest

from hw_sim.faults.storage import DiskCut, DiskErrors, DiskFull, DiskSlow, FlashCut, FlashRot, FlashSlow
from tests.hw_sim.fault_story import live


@pytest.mark.parametrize("seed", range(3))
def test_power_cuts_in_the_middle_of_flash_operations_lose_no_record_that_was_kept(tmp_path: Path, seed: int) -> None:
    ending = live(
        tmp_path, FlashCut(every="30s", lasts="10s", node="water", within=5, off_s=2.0), seconds=600, seed=seed
    )
    assert len(ending.station.world.nodes["water"].board.cuts_ms) > 8
    assert ending.verdict.lost == 0
    assert (ending.verdict.wrong_values, ending.verdict.wrong_times, ending.verdict.duplicates) == (0, 0, 0)


def test_a_cut_that_never_came_ends_with_its_fault(tmp_path: Path) -> None:
    ending = live(tmp_path, FlashCut(at="1m", lasts="1s", node="water", within=1_000_000), seconds=120)
    assert ending.verdict.sound and len(ending.station.world.nodes["water"].board.cuts_ms) == 1  # the end of the world


def test_slow_flash_delays_and_loses_nothing(tmp_path: Path) -> None:
    ending = live(tmp_path, FlashSlow(at="10s", lasts="3m", node="water"), seconds=300)
    assert ending.verdict.sound
    slow, fair = (
        end.station.world.nodes["water"].board.energy.parts()["processor"]
        for end in (ending, live(tmp_path / "fair", seconds=300))
    )
    assert slow > 1.001 * fair  # who waits for flash does not sleep


def test_rot_never_becomes_a_value(tmp_path: Path) -> None:
    """What rotted is lost, today without a recorded reason; nothing of it is believed."""
    ending = live(tmp_path, FlashRot(every="1m", lasts="1s", node="water", bits=200), seconds=600)
    assert ending.verdict.lost > 0
    assert (ending.verdict.wrong_values, ending.verdict.wrong_times, ending.verdict.duplicates) == (0, 0, 0)


@pytest.mark.parametrize(
    "fault",
    [
        DiskFull(at="1m", lasts="4m"),
        DiskFull(at="1m", lasts="4m", free_kib=64),
        DiskErrors(at="1m", lasts="4m"),
        DiskErrors(at="1m", lasts="4m", operation="sync"),
        DiskSlow(at="1m", lasts="4m"),
    ],
    ids=["full", "nearly full", "no writes", "no syncs", "slow"],
)
def test_a_bad_card_costs_nothing_once_it_is_good_again(tmp_path: Path, fault: DiskFull) -> None:
    ending = live(tmp_path, fault, seconds=600)
    assert ending.verdict.sound
    assert ending.verdict.delivered == ending.verdict.measured > 8_000
    assert ending.station.world.disk is not None and ending.station.world.disk.operations > 0


@pytest.mark.parametrize("seed", range(4))
def test_power_cuts_in_the_middle_of_the_gateways_writes_lose_only_what_was_never_acknowledged(
    tmp_path: Path, seed: int
) -> None:
    ending = live(tmp_path, DiskCut(every="70s", lasts="30s", off_s=20.0), seconds=600, seed=seed)
    assert len(ending.station.kills_ms) >= 3
    assert ending.verdict.sound
    assert ending.verdict.delivered + ending.verdict.cut_at_kill == ending.verdict.measured


def test_the_same_seed_gives_the_same_bytes_on_bad_storage(tmp_path: Path) -> None:
    faults = (
        DiskCut(every="1m", lasts="30s"),
        FlashCut(every="1m", lasts="10s", node="water"),
        DiskSlow(at="1m", lasts="30s"),
    )
    first, second = live(tmp_path / "a", *faults, seconds=200), live(tmp_path / "b", *faults, seconds=200)
    assert first.digest == second.digest != live(tmp_path / "c", *faults, seconds=200, seed=2).digest
