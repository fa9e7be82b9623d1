"""A scenario file's faults are all named at once, each with its path, in both languages."""

from pathlib import Path
from typing import get_args

import pytest

from gateway.faults import SiteError, check_text
from gateway.site import config
from hw_sim import scenario
from hw_sim.climate import AnyOverlay
from hw_sim.faults.kinds import AnyFault
from hw_sim.faults.lines import AnyLineFault

DEMO = scenario.FOLDER / "scenarios" / "demo.toml"

SOUND = """
site = "demo"
micropython = ["water"]
[recording.river]
file = "water_lro_franklinbasin_2014"
[truth."do.temperature"]
recording = "river"
column = "temp"
"""


def faults(folder: Path, text: str) -> list[str]:
    path = folder / "story.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(SiteError) as caught:
        scenario.load(path)
    assert {fault.file for fault in caught.value.faults} == {"story.toml"}
    assert all(fault.text("zh") != fault.text("en") for fault in caught.value.faults)
    return [fault.text("en") for fault in caught.value.faults]


def test_the_demonstration_is_sound_and_every_truth_of_it_is_a_number() -> None:
    story = scenario.load(DEMO)
    assert story.site_path.name == "demo.toml"
    truths = story.signals(config.load(story.site_path))
    assert set(truths) == set(story.truth)
    assert all(isinstance(signal(time_s), float) for signal in truths.values() for time_s in (0.0, 1e6))


def test_a_small_one_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "story.toml"
    path.write_text(SOUND, "utf-8")
    story = scenario.load(path)
    assert story.signals(config.load(story.site_path))["do.temperature"](0) == 6.19


@pytest.mark.parametrize(
    ("sound", "faulty", "expected"),
    [
        ('"demo"', '"demi"', "site: unknown site 'demi'; did you mean demo?"),
        ('["water"]', '["water", "wat"]', "micropython[1]: site demo has no node 'wat'; did you mean water?"),
        (
            "franklinbasin_2014",
            "franklinbasin",
            "recording.river.file: there is no recording file 'water_lro_franklinbasin'; "
            "did you mean water_lro_franklinbasin_2014?",
        ),
        (
            'recording = "river"',
            'recording = "rivers"',
            "truth.\"do.temperature\".recording: no recording of this scenario is called 'rivers'; did you mean river?",
        ),
        (
            '"temp"',
            '"tempp"',
            "truth.\"do.temperature\".column: water_lro_franklinbasin_2014 has no column 'tempp'; "
            "did you mean temp, temp_cor?",
        ),
        (
            '"temp"',
            '"time_local"',
            "truth.\"do.temperature\".column: column 'time_local' of water_lro_franklinbasin_2014 "
            "is not a column of numbers",
        ),
        (
            "do.temperature",
            "do.temperatur",
            "truth.\"do.temperatur\": site demo has no channel 'do.temperatur'; did you mean do.temperature?",
        ),
        ('column = "temp"', 'colum = "temp"', 'truth."do.temperature".colum: unknown key; did you mean column?'),
    ],
)
def test_each_fault_has_its_path_and_a_suggestion(tmp_path: Path, sound: str, faulty: str, expected: str) -> None:
    assert sound in SOUND
    assert expected in faults(tmp_path, SOUND.replace(sound, faulty))


def test_a_site_is_a_name_and_not_a_path(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, SOUND.replace('"demo"', '"../sites/demo"'))
    assert fault.startswith("site: unknown site '../sites/demo'; ")


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    text = SOUND.replace('["water"]', '["fire"]').replace('"temp"', '"tempp"').replace("do.temp", "od.temp")
    places = [fault.split(": ")[0] for fault in faults(tmp_path, text)]
    assert sorted(places) == ["micropython[0]", 'truth."od.temperature"', 'truth."od.temperature".column']


def test_what_is_faulty_already_hides_nothing_else_and_is_not_named_twice(tmp_path: Path) -> None:
    text = SOUND.replace('file = "water_lro_franklinbasin_2014"', "file = 7").replace("do.temp", "od.temp")
    places = [fault.split(": ")[0] for fault in faults(tmp_path, text)]
    assert places == ["recording.river.file", 'truth."od.temperature"']


def test_a_fault_of_the_site_itself_names_the_sites_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.toml").write_text('[station]\nid = "UPPER"\n', "utf-8")
    monkeypatch.setattr(scenario, "_SITES", tmp_path)
    path = tmp_path / "story.toml"
    path.write_text('site = "broken"\nrecording = {}\ntruth = {}\n', "utf-8")
    with pytest.raises(SiteError) as caught:
        scenario.load(path)
    assert {fault.file for fault in caught.value.faults} == {"broken.toml"}
    assert "station.id" in {fault.path for fault in caught.value.faults}


def test_the_page_about_the_simulator_shows_a_sound_scenario_and_names_every_kind(tmp_path: Path) -> None:
    page = Path("docs/simulator.md").read_text("utf-8")
    example = page.split("## A scenario file", 1)[1].split("`physics` has the signals", 1)[0]
    lines = [line[4:] for line in example.splitlines() if line.startswith("    ")]
    path = tmp_path / "story.toml"
    path.write_text("\n".join(lines), "utf-8")
    assert len(scenario.load(path).faults) == 2
    for kind in (*get_args(AnyFault), *get_args(AnyLineFault), *get_args(AnyOverlay)):
        assert f"| `{kind.__struct_config__.tag}` |" in page


@pytest.mark.parametrize("name", ["demo", *scenario.shipped()])
def test_every_scenario_that_comes_with_watertower_is_sound(name: str) -> None:
    story = scenario.load(scenario.find(name))
    assert name == "demo" or (story.title and story.title_zh)


def test_a_scenario_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(SiteError) as caught:
        scenario.find("outtage")
    assert check_text(caught.value, "") == ["outtage: no scenario 'outtage'; did you mean outage?"]
    assert scenario.find("mine.toml") == Path("mine.toml")
