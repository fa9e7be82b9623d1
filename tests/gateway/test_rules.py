"""The [[rule]] and [[quality]] tables of a site file: what they come to and how their faults are told."""

import tomllib

import pytest
from msgspec import Struct, convert

from gateway.faults import walk
from gateway.process.alarm.expression import parse
from gateway.process.alarm.rule import Rule
from gateway.process.quality.limit_table import Channel, limits
from gateway.process.quality.limits import Season
from gateway.site.limits import QualityTable, limit_faults, own_limits
from gateway.site.rules import RuleTable, rule_faults, rule_of

CHANNELS = ("level.level", "river.ph", "met.rain_rate")
NODES = {"ford": True, "spring": False}


class _File(Struct, rename={"rules": "rule", "limits": "quality"}):
    rules: tuple[RuleTable, ...] = ()
    limits: tuple[QualityTable, ...] = ()


def _faults(text: str, lang: str = "en") -> list[str]:
    """As the site file's check has them, in the order of the tables."""
    sound, structure = walk(tomllib.loads(text), _File)
    rules, tables = ([(f"{key}[{n}]", one) for n, one in enumerate(sound.get(key, ()))] for key in ("rule", "quality"))
    found = [*structure, *rule_faults(rules, CHANNELS, NODES), *limit_faults(tables, CHANNELS)]
    return [fault.text(lang) for fault in found]


FLOOD = """
[[rule]]
id = "flood"
title = "Flood"
level = "red"
when = "level.level > 1500 and change(level.level, 1h) > 200"
hysteresis = 50.0
delay_s = 120
confirm = "met.rain_rate > 5 or alarm(upstream/flood)"
suppress = "alarm(works)"
stale_s = 1800
latched = true
escalate_s = [900, 3600]
emergency = ["ford"]
[[rule]]
id = "works"
level = "blue"
when = "river.ph < 1"
"""


def test_a_sound_rule_comes_to_what_it_says() -> None:
    assert _faults(FLOOD) == []
    table = convert(tomllib.loads(FLOOD), _File).rules[0]
    assert rule_of(table, {"ford": 17}) == Rule(
        id="flood",
        level="red",
        when=parse("level.level > 1500 and change(level.level, 1h) > 200"),
        hysteresis=50.0,
        delay_ms=120_000,
        confirm=parse("met.rain_rate > 5 or alarm(upstream/flood)"),
        confirm_ms=3_600_000,
        suppress=parse("alarm(works)"),
        stale_ms=1_800_000,
        is_latched=True,
        escalate_ms=(900_000, 3_600_000),
        emergency=(17,),
    )


RULE_FAULTS = (
    ("change(level.level, 1h) > 200", "change(level.level, 1h)",
     "when: column 47: the end does not fit here; needs one of > >= < <="),
    ("level.level > 1500", "level.levle > 1500",
     "when: the station has no channel 'level.levle'; did you mean level.level?"),
    ("alarm(works)", "alarm(work)", "suppress: there is no rule 'work'; did you mean works?"),
    ("alarm(works)", "works", "suppress: column 1: 'works' does not fit here; needs a channel such as level.level, "
     "mean(..), change(..), alarm(..), not or a bracket"),
    ('"river.ph < 1"', '"alarm(flood)"',
     "when: rules wait for each other: flood > works > flood; one of them must look at channels alone"),
    ('"level.level > 1500 and', '"river.ph < 6 and',
     "hysteresis: one number cannot ease the limits of several channels; say with clear when it is over"),
    ("latched = true", 'clear = "level.level < 9"',
     "hysteresis: the rule has a clear of its own, which hysteresis does not ease; keep one of the two"),
    ("[900, 3600]", "[900, 900]",
     "escalate_s: each step needs a longer time than the one before; for instance [900, 3600]"),
    ("latched = true", "acknowledge = false",
     "escalate_s: nobody is asked to acknowledge, so nothing can escalate; remove escalate_s or acknowledge = false"),
    ("alarm(upstream/flood)", "level.level > 9\"\ntravel_s = 60 # ",
     "travel_s: the rule asks for no other station's alarm; name it in when, as alarm(station/rule), or remove "
     "travel_s"),
    ('["ford"]', '["frod"]', "emergency[0]: there is no node 'frod'; did you mean ford?"),
    ('["ford"]', '["spring"]',
     "emergency[0]: the node has no emergency_period_s to go over to; add emergency_period_s to the node"),
    ('level = "red"', 'level = "purple"', "level: 'purple' does not fit; needs one of 'blue', 'orange', "
     "'red', 'yellow'"),
)  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), RULE_FAULTS)
def test_a_faulty_rule_is_told_with_its_path_and_advice(old: str, new: str, expected: str) -> None:
    text = FLOOD.replace(old, new)
    assert text != FLOOD
    assert f"rule[0].{expected}" in _faults(text)
    assert not any(line.isascii() for line in _faults(text, "zh"))


def test_two_rules_need_two_names() -> None:
    assert "rule[1].id: 'flood' is taken already, by rule[0].id" in _faults(
        FLOOD.replace('id = "works"', 'id = "flood"')
    )


LIMITS = """
[[quality]]
channel = "river.ph"
fail = [2.0, 12.0]
suspect = [6.5, 9.0]
spike_suspect = 0.2
spike_fail = 1.0
rate_suspect = 0.72
flat_suspect = 6
attenuated_over = 12
attenuated_suspect = 0.02
gap_s = 7200
off = ["flat"]
[[quality.season]]
months = [11, 3]
suspect = [7.0, 8.0]
"""


def test_a_sites_limits_are_laid_over_the_tables() -> None:
    assert _faults(LIMITS) == []
    own = own_limits(convert(tomllib.loads(LIMITS), _File).limits[0])
    found = limits(Channel("water", "ph", "pH", 2, 0.0, 14.0, 600), own)
    assert (found.fail, found.suspect, found.spike_suspect, found.spike_fail) == ((2.0, 12.0), (6.5, 9.0), 0.2, 1.0)
    assert found.rate_suspect_per_s == pytest.approx(0.0002)
    assert (found.flat_suspect_ms, found.flat_fail_ms, found.attenuated_ms) == (None, None, 43_200_000)
    assert found.seasons == (Season(11, 3, (7.0, 8.0)),) and found.gap_ms == 7_200_000


LIMIT_FAULTS = (
    ('"river.ph"', '"river.phh"', "channel: the station has no channel 'river.phh'; did you mean river.ph?"),
    ("[2.0, 12.0]", "[12.0, 2.0]", "fail: its first number must be below its second"),
    ("[6.5, 9.0]", "[6.5, 13.0]", "suspect: [6.5, 13.0] reaches beyond fail = [2.0, 12.0]"),
    ("spike_fail = 1.0", "spike_fail = 0.1",
     "spike_fail: 0.1 is not beyond 0.2 of spike_suspect, which is only suspect; a fail limit lies beyond the suspect "
     "limit"),
    ("gap_s", "attenuated_fail = 0.5\ngap_s", "attenuated_fail: 0.5 is not beyond 0.02 of attenuated_suspect, which is "
     "only suspect; a fail limit lies beyond the suspect limit"),
    ("[7.0, 8.0]", "[8.0, 7.0]", "season[0].suspect: its first number must be below its second"),
)  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), LIMIT_FAULTS)
def test_faulty_limits_are_told_with_their_path(old: str, new: str, expected: str) -> None:
    text = LIMITS.replace(old, new)
    assert text != LIMITS
    assert f"quality[0].{expected}" in _faults(text)


def test_what_is_no_number_is_no_limit() -> None:
    assert any(
        line.startswith("quality[0].fail[0]: nan is out of range") for line in _faults(LIMITS.replace("2.0", "nan", 1))
    )
