"""Every system of the plan has a site file that is sound, and a story that says what must happen there."""

import re
from pathlib import Path

import pytest

from gateway.faults import SiteError
from gateway.site import config
from hw_sim import scenario
from hw_sim.judge.alarms import RuleVerdict
from hw_sim.judge.expect import Judged, unaccepted
from hw_sim.judge.flags import FlagVerdict
from hw_sim.station import places

SITES = scenario.FOLDER / "sites"
PAGE = Path(__file__).parents[2] / "docs" / "sites.md"
SYSTEMS = scenario.of_systems()


def test_there_are_twenty_and_the_page_has_a_row_for_each() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(SYSTEMS) == 20 and sorted(rows) == SYSTEMS


@pytest.mark.parametrize("path", sorted(SITES.glob("*.toml")), ids=lambda path: path.stem)
def test_check_accepts_every_site_file(path: Path) -> None:
    site = config.load(path)
    assert site.channels


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_system_has_rules_in_both_languages_and_a_story_that_ends_in_its_warning(name: str) -> None:
    story = scenario.load(scenario.find(name))
    site = config.load(story.site_path)
    assert story.site == name and story.title_zh and site.rules
    assert all(rule.title and rule.title_zh for rule in site.rules)
    assert any(one.alarm for one in story.expects)
    reporting = {uplink.id for uplink in site.uplinks if uplink.__struct_config__.tag != "mqtt"}
    assert {one.report for one in story.expects if one.report} == reporting
    assert {channel.name for channel in site.channels} == set(story.truth), "what is not true anywhere reads 0"
    driven = [truth for truth in story.truth.values() if truth.is_physics]
    assert story.overlays and driven, "the warning has to come from the world"


def test_a_generic_profile_says_so_and_names_no_source() -> None:
    for path in (SITES / "profiles").glob("*.toml"):
        text = path.read_text("utf-8")
        assert 'confidence = "generic"' in text and 'source = "none' in text, path.name


EXPECTS = """
site = "tailings"
[[expect]]
alarm = "freebord"
[[expect]]
report = "epb"
[[expect]]
alarm = "rain"
row = "hour"
[[expect]]
alarm = "rain"
truth = "rain.rain >"
[[expect]]
readings = "rain.rian"
"""


def test_what_a_story_expects_of_a_site_that_cannot_do_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "story.toml"
    path.write_text(EXPECTS, "utf-8")
    with pytest.raises(SiteError) as caught:
        scenario.load(path)
    places = [fault.path for fault in caught.value.faults]
    assert places == ["expect[0].alarm", "expect[1].report", "expect[2]", "expect[3].truth", "expect[4].readings"]


def test_a_river_of_the_storys_own_has_its_signals(tmp_path: Path) -> None:
    path = tmp_path / "story.toml"
    truth = '[truth."rain.rain"]\nvalue = 1\nplus = { "%s.level" = 2 }\n'
    own = 'site = "tailings"\n[[climate.stations]]\nname = "bridge"\nbelow_outfall_m = 0\n'
    path.write_text(own + truth % "bridge", "utf-8")
    story = scenario.load(path)
    assert story.signals(config.load(story.site_path))["rain.rain"](0) > 1
    path.write_text(own + truth % "river", "utf-8")
    with pytest.raises(SiteError) as caught:
        scenario.load(path)
    assert [fault.path for fault in caught.value.faults] == ['truth."rain.rain".plus.river.level']


def test_what_is_not_accepted_is_said_line_by_line() -> None:
    flags = FlagVerdict({"sensor_stuck": 4}, {"sensor_stuck": 1}, 9, 2, 100, {"a.x": 7})
    rule = RuleVerdict("waste", 2, (), (3600.0,), (7200.0,), (9000.0,))
    judged = Judged((rule,), flags, 86_400.0)
    assert len([*unaccepted(judged, 0.0, 0.5, 0.05)]) == 5
    assert len([*unaccepted(judged, 30.0, 0.25, 0.07)]) == 2, "missed and late are never accepted"


def test_in_real_time_a_site_finds_its_profiles_from_where_its_file_is_copied_to() -> None:
    site = config.load(SITES / "tailings.toml")
    assert places(site, 1, [])["profile_dir"] == str(SITES / "profiles")
