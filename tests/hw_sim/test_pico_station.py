"""A node of a scenario on an emulated Pico: judged like any other, power cuts included; without an image it says so."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from hw_sim import scenario
from hw_sim.faults.base import Fault
from hw_sim.faults.hands import SliceWrong
from hw_sim.faults.power import NodeOff
from hw_sim.faults.storage import FlashCut, FlashRot, FlashSlow
from hw_sim.pico import chip, image
from hw_sim.pico.board import on_pico
from hw_sim.pico.chip import NoEmulator
from hw_sim.run import Outcome, run
from hw_sim.scenario import Accept

MINUTE = 1 / 1440


def live(uf2: Path, *faults: Fault, minutes: float = 12, wires: str = "frame") -> Outcome:
    """The valley station, its node on the emulated board: four sensors each minute, a report each five."""
    story = scenario.load(scenario.find("dust-storm"))
    story = msgspec.structs.replace(story, faults=faults, wires=wires, accept=Accept(drain="20m"))
    return run(story, "valley", 1, minutes * MINUTE, boards={"air": on_pico(uf2)})


def test_a_cut_in_the_middle_loses_nothing_and_the_same_seed_lives_the_same_life(uf2: Path) -> None:
    cut = NodeOff(node="air", at="6m 10s", lasts="40s")
    first, again = live(uf2, cut), live(uf2, cut)
    assert first.failures == () and first.verdict is not None
    assert first.verdict.sound and first.verdict.delivered == first.verdict.measured > 120
    assert [happening.kind for happening in first.happenings] == ["node_off"]
    assert again == first
    assert live(uf2).digest != first.digest


def test_a_power_cut_within_a_slow_flash_write_loses_no_record_before_it(uf2: Path) -> None:
    faults = FlashSlow(node="air", at="1m", lasts="5m"), FlashCut(node="air", at="3m 30s", lasts="8m", within=3)
    outcome = live(uf2, *faults)
    assert outcome.failures == () and outcome.verdict is not None
    assert outcome.verdict.cut_in_wake == 7  # its record was never whole
    assert outcome.verdict.delivered == outcome.verdict.measured - 7 > 120


def test_with_characters_instead_of_frames_on_its_bus_it_lives_the_same_life(uf2: Path) -> None:
    assert live(uf2, minutes=7, wires="byte") == live(uf2, minutes=7)


def test_with_a_modem_that_has_its_place_it_is_heard(uf2: Path) -> None:
    story = msgspec.structs.replace(scenario.load(scenario.find("far-nodes")), faults=())
    assert story.radio is not None
    outcome = run(story, "far", 1, 40 * MINUTE, boards={"upstream": on_pico(uf2)})
    assert outcome.failures == () and outcome.verdict is not None
    assert outcome.verdict.delivered == outcome.verdict.measured > 500


def test_a_slice_that_is_not_its_own_is_on_its_file_system_until_the_right_one_is(uf2: Path) -> None:
    outcome = live(uf2, SliceWrong(node="air", at="3m", lasts="4m"))
    assert outcome.failures == () and outcome.verdict is not None
    assert 90 < outcome.verdict.delivered == outcome.verdict.measured < 120  # meanwhile it has no channels


def test_a_flash_that_rots_under_the_running_firmware_does_so_in_the_chip(uf2: Path) -> None:
    assert live(uf2, FlashRot(node="air", at="90s", bits=2000), minutes=7).digest != live(uf2, minutes=7).digest


# --- without an image -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "words", "text"),
    [
        ("en", [], "--board rp2040 needs a MicroPython image"),
        ("zh", [], "--board rp2040 需要 MicroPython 固件"),
        ("en", ["--uf2", "nowhere.uf2", "--node", "water"], "site valley has no node water, only air"),
    ],
)
def test_the_command_says_what_is_missing_and_ends_with_1(language: str, words: list[str], text: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "gateway", "sim", "run", "dust-storm", "--board", "rp2040", *words],
        cwd=image.ROOT,
        env={**os.environ, "WATERTOWER_LANG": language},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(text) and ended.stderr.count("\n") == 1


@pytest.mark.parametrize(("language", "text"), [("en", "not installed: rp2040js"), ("zh", "未安装：rp2040js")])
def test_without_the_emulator_a_node_on_it_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, language: str, text: str
) -> None:
    monkeypatch.setenv("WATERTOWER_LANG", language)
    monkeypatch.setattr(chip, "_EMULATOR", tmp_path / "rp2040js")
    with pytest.raises(NoEmulator, match=text):
        live(tmp_path / "any.uf2")
