"""Alarms over time: what raises and ends them, what persons may say, and what must never raise one."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.pipeline import calendar
from gateway.process.alarm import states
from gateway.process.alarm.alarms import LONGEST_SHELF_MS, Alarms, Transition
from gateway.process.alarm.expression import parse
from gateway.process.alarm.rows import AlarmRows, Board
from gateway.process.alarm.rule import Rule, circle
from gateway.process.stage import Row, Series
from gateway.site.config import Aggregate
from protocols import quality, worth

MINUTE, HOUR = 60_000, 3_600_000
FLOOD = Rule("flood", "red", parse("level.level > 1500"))


def _run(alarms: Alarms, values: dict[int, float | None], channel: str = "level.level") -> list[tuple[int, str]]:
    """(minute, event) of what the values, by minute, bring about."""
    told: list[Transition] = []
    for minute, value in values.items():
        told += alarms.step(minute * MINUTE, {channel: (value, 0)})
        told += alarms.tick(minute * MINUTE)
    return [(one.unix_ms // MINUTE, one.event) for one in told]


def test_it_is_raised_above_the_limit_and_cleared_below_it() -> None:
    alarms = Alarms([FLOOD])
    raised = alarms.step(0, {"level.level": (1600.0, 0)})
    assert raised == (Transition(0, "flood", "raised", states.UNACKNOWLEDGED, "red", 1600.0),)
    assert _run(alarms, {1: 1600.0, 2: 1500.0}) == [(2, "cleared")]
    assert alarms.state_of("flood") == (states.RETURNED, False)


def test_hysteresis_holds_it_until_the_level_is_well_below() -> None:
    alarms = Alarms([FLOOD._replace(hysteresis=100.0)])
    values = {0: 1501.0, 1: 1499.0, 2: 1501.0, 3: 1401.0, 4: 1400.0, 5: 1450.0, 6: 1501.0}
    assert _run(alarms, values) == [(0, "raised"), (4, "cleared"), (6, "raised")]


def test_a_condition_of_its_own_ends_it() -> None:
    alarms = Alarms([FLOOD._replace(clear=parse("level.level < 1000"))])
    assert _run(alarms, {0: 1600.0, 1: 1200.0, 2: 999.0, 3: 1200.0}) == [(0, "raised"), (2, "cleared")]


def test_a_delay_wants_the_condition_without_a_break() -> None:
    alarms = Alarms([FLOOD._replace(delay_ms=5 * MINUTE, off_delay_ms=2 * MINUTE)])
    high = dict.fromkeys((0, 1, 2, 3), 1600.0) | {4: 1400.0} | dict.fromkeys(range(5, 12), 1600.0)
    assert _run(alarms, high) == [(10, "raised")]
    assert _run(alarms, {12: 1400.0, 13: 1600.0, 14: 1400.0, 15: 1400.0, 16: 1400.0}) == [(16, "cleared")]


def test_two_high_readings_hours_apart_are_no_held_condition() -> None:
    alarms = Alarms([FLOOD._replace(delay_ms=5 * MINUTE, stale_ms=10 * MINUTE)])
    assert "raised" not in [event for _, event in _run(alarms, {0: 1600.0, 300: 1600.0, 600: 1600.0})]
    assert (606, "raised") in _run(alarms, {603: 1600.0, 606: 1600.0})


def test_a_second_channel_confirms_within_its_time_and_without_it_nothing_is_raised() -> None:
    rule = FLOOD._replace(confirm=parse("rain.rain_rate > 10"), confirm_ms=30 * MINUTE)
    alarms = Alarms([rule])
    assert _run(alarms, {0: 0.0}, "rain.rain_rate") == []
    assert _run(alarms, {1: 1600.0, 2: 1600.0}) == []
    assert _run(alarms, {3: 12.0}, "rain.rain_rate") == [(3, "raised")]
    again = Alarms([rule])
    _run(again, {0: 12.0, 1: 0.0}, "rain.rain_rate")
    assert _run(again, {20: 1600.0}) == [(20, "raised")]
    late = Alarms([rule])
    _run(late, {0: 12.0, 1: 0.0}, "rain.rain_rate")
    assert _run(late, {31: 1600.0, 32: 1600.0}) == []


def test_a_second_channel_that_is_missing_is_said_and_does_not_raise() -> None:
    alarms = Alarms([FLOOD._replace(confirm=parse("rain.rain_rate > 10"), confirm_ms=HOUR, stale_ms=10 * MINUTE)])
    assert _run(alarms, dict.fromkeys(range(0, 30, 5), 1600.0)) == [(10, "no_data")]


# ----------------------------------------------------------------------------------------------- what is not known


@pytest.mark.parametrize("bad", [None, math.nan, math.inf])
def test_what_is_no_number_neither_raises_nor_clears(bad: float | None) -> None:
    alarms = Alarms([FLOOD])
    assert _run(alarms, {0: bad, 1: 1600.0, 2: bad, 3: bad, 4: 1600.0}) == [(1, "raised")]


@pytest.mark.parametrize("flags", [quality.NO_REPLY, quality.WARM_UP, worth.MAINTENANCE, worth.FLAT | worth.FAIL])
def test_a_reading_that_is_not_usable_neither_raises_nor_clears(flags: int) -> None:
    alarms = Alarms([FLOOD])
    assert alarms.step(0, {"level.level": (9000.0, flags)}) == ()
    assert [one.event for one in alarms.step(1, {"level.level": (1600.0, worth.RATE | worth.SUSPECT)})] == ["raised"]
    assert alarms.step(2, {"level.level": (0.0, flags)}) == ()


def test_silence_is_told_once_and_its_end_too_and_the_alarm_stands_through_it() -> None:
    alarms = Alarms([FLOOD._replace(stale_ms=30 * MINUTE)])
    _run(alarms, {0: 1600.0})
    told = [one for minute in range(1, 100) for one in alarms.tick(minute * MINUTE)]
    assert [(one.unix_ms // MINUTE, one.event, one.state) for one in told] == [(31, "no_data", "unacknowledged")]
    assert alarms.state_of("flood") == (states.UNACKNOWLEDGED, True)
    assert _run(alarms, {100: 1000.0}) == [(100, "data"), (100, "cleared")]


def test_a_channel_that_never_came_is_told_too() -> None:
    alarms = Alarms([FLOOD._replace(stale_ms=30 * MINUTE)])
    assert [one.unix_ms for minute in range(60) for one in alarms.tick(minute * MINUTE)] == [30 * MINUTE]


def test_readings_that_come_hours_late_or_from_the_future_raise_nothing() -> None:
    alarms = Alarms([FLOOD])
    assert alarms.step(10 * HOUR, {"level.level": (1600.0, 0)}, measured_ms=5 * HOUR) == ()
    assert alarms.step(10 * HOUR, {"level.level": (1600.0, 0)}, measured_ms=20 * HOUR) == ()


def test_doubled_and_older_readings_change_nothing() -> None:
    alarms = Alarms([FLOOD])
    _run(alarms, {10: 1000.0})
    assert _run(alarms, {10: 1600.0, 9: 1700.0}) == []
    assert alarms.step(11 * MINUTE, {"level.level": (1600.0, 0)}, measured_ms=8 * MINUTE) == ()


def test_a_clock_that_is_set_forward_fills_no_delay() -> None:
    alarms = Alarms([FLOOD._replace(delay_ms=HOUR)])
    year = 365 * 24 * 60
    assert _run(alarms, {0: 1600.0, 1: 1600.0, year: 1600.0, year + 1: 1600.0}) == []


EXPRESSIONS = ("a.a > 5", "a.a > 5 and b.b < 3", "change(a.a, 1h) > 2 or not b.b < 3", "mean(b.b, 10min) >= 4",
               "alarm(one) and b.b > 1", "alarm(up/x) or a.a < 0")  # fmt: skip
VALUES = st.none() | st.floats() | st.integers(-2, 9).map(float)
ACTS = st.one_of(
    st.tuples(st.just("step"), st.sampled_from("ab"), VALUES, st.sampled_from([0, 1, 4, 8, worth.FAIL, worth.SUSPECT])),
    st.tuples(st.just("late"), st.sampled_from("ab"), VALUES, st.integers(-(10**10), 10**10)),
    st.tuples(st.just("tick")),
    st.tuples(st.just("say"), st.sampled_from(["acknowledge", "reset", "shelve", "unshelve", "remove", "return", "?"])),
    st.tuples(st.just("hear"), st.booleans()),
)
TIMES = st.integers(0, 40).map(lambda n: n * 7 * MINUTE) | st.integers(-(10**13), 10**13)


def _rules() -> list[Rule]:
    rules = [Rule("one", "red", parse(EXPRESSIONS[0]), hysteresis=1.0, escalate_ms=(MINUTE, HOUR), emergency=(7,))]
    rules += [
        Rule(f"r{n}", "blue", parse(text), delay_ms=n * MINUTE, is_latched=n % 2 == 0, suppress=parse("b.b > 8"))
        for n, text in enumerate(EXPRESSIONS)
    ]
    return rules


def _act(alarms: Alarms, unix_ms: int, act: tuple[Any, ...]) -> tuple[Transition, ...]:
    if act[0] == "step":
        return alarms.step(unix_ms, {f"{act[1]}.{act[1]}": (act[2], act[3])})
    if act[0] == "late":
        return alarms.step(unix_ms, {f"{act[1]}.{act[1]}": (act[2], 0)}, measured_ms=unix_ms + act[3])
    if act[0] == "say":
        return alarms.command(unix_ms, "one", act[1])
    if act[0] == "hear":
        return alarms.hear(unix_ms, "up/x", act[1], unix_ms)
    return alarms.tick(unix_ms)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TIMES, ACTS), max_size=50))
def test_no_stream_makes_it_stumble_and_each_rule_is_always_in_a_state(acts: list[tuple[int, Any]]) -> None:
    alarms = Alarms(_rules())
    for unix_ms, act in acts:
        for one in _act(alarms, unix_ms, act):
            assert one.state in states.ALL
            if one.event == "raised" and one.rule == "one" and act[0] in ("step", "late"):
                assert one.value is not None and one.value > 4.0  # what comes off its shelf may be blind
        assert (alarms.state_of("one")[0] in states.STANDING) == (alarms.emergency == {7})
        json.dumps(alarms.state())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), VALUES), max_size=40))
def test_a_value_that_never_exceeds_its_limit_never_raises(readings: list[tuple[int, float | None]]) -> None:
    alarms = Alarms([Rule("one", "red", parse("a.a > 5"), hysteresis=1.0, delay_ms=MINUTE)])
    told = []
    for minute, value in readings:
        low = None if value is None else min(value, 5.0)
        told += alarms.step(minute * MINUTE, {"a.a": (low, 0)}) + alarms.tick(minute * MINUTE)
    assert not [one for one in told if one.event == "raised"]


# ----------------------------------------------------------------------------------------------- persons and states


def test_acknowledged_and_over_it_is_normal_whichever_came_first() -> None:
    alarms = Alarms([FLOOD])
    _run(alarms, {0: 1600.0})
    assert [one.event for one in alarms.command(1, "flood", "acknowledge")] == ["acknowledged"]
    assert alarms.command(2, "flood", "acknowledge") == ()
    _run(alarms, {1: 1000.0})
    assert alarms.state_of("flood")[0] == states.NORMAL
    _run(alarms, {2: 1600.0, 3: 1000.0})
    assert alarms.state_of("flood")[0] == states.RETURNED
    alarms.command(4 * MINUTE, "flood", "acknowledge")
    assert alarms.state_of("flood")[0] == states.NORMAL


def test_a_latched_alarm_is_over_only_by_a_reset() -> None:
    alarms = Alarms([FLOOD._replace(is_latched=True)])
    _run(alarms, {0: 1600.0, 1: 1000.0})
    assert alarms.state_of("flood")[0] == states.LATCHED_UNACKNOWLEDGED
    assert alarms.command(1, "flood", "reset") == ()
    alarms.command(2, "flood", "acknowledge")
    assert [one.state for one in alarms.command(3, "flood", "reset")] == [states.NORMAL]


def test_an_alarm_that_asks_nobody_is_normal_when_it_is_over() -> None:
    alarms = Alarms([FLOOD._replace(is_acknowledged=False)])
    _run(alarms, {0: 1600.0, 1: 1000.0})
    assert alarms.state_of("flood")[0] == states.NORMAL


def test_shelved_it_is_silent_for_its_time_and_speaks_again_where_it_still_stands() -> None:
    alarms = Alarms([FLOOD])
    _run(alarms, {0: 1000.0})
    assert [one.event for one in alarms.command(MINUTE, "flood", "shelve", for_ms=60 * MINUTE)] == ["shelved"]
    assert _run(alarms, {2: 1600.0, 30: 1600.0, 60: 1600.0, 61: 1600.0}) == [(61, "unshelved"), (61, "raised")]


def test_a_shelf_ends_by_itself_even_where_the_clock_was_set_back() -> None:
    alarms = Alarms([FLOOD])
    alarms.command(10**13, "flood", "shelve", for_ms=10**15)
    assert alarms.tick(10**13 + LONGEST_SHELF_MS - 1) == ()
    assert [one.event for one in alarms.tick(10**13 - 1)] == ["unshelved"]


def test_suppressed_by_design_while_another_condition_holds() -> None:
    alarms = Alarms([FLOOD._replace(suppress=parse("gate.level > 0"))])
    _run(alarms, {0: 1.0}, "gate.level")
    assert _run(alarms, {1: 1600.0}) == []
    assert _run(alarms, {2: 0.0}, "gate.level") == [(2, "unsuppressed"), (2, "raised")]
    assert _run(alarms, {3: 1.0}, "gate.level") == [(3, "suppressed")]


def test_out_of_service_it_stays_until_somebody_returns_it() -> None:
    alarms = Alarms([FLOOD])
    alarms.command(0, "flood", "remove")
    assert _run(alarms, {1: 1600.0, 9999: 1600.0}) == []
    assert [one.event for one in alarms.command(9999 * MINUTE, "flood", "return")] == ["returned", "raised"]


def test_nobody_but_the_condition_raises_and_clears() -> None:
    alarms = Alarms([FLOOD])
    assert [alarms.command(0, "flood", verb) for verb in ("raise", "clear", "suppress", "nonsense")] == [()] * 4
    with pytest.raises(KeyError):
        alarms.command(0, "drought", "acknowledge")


def test_without_acknowledgement_it_escalates_step_by_step_and_with_it_no_more() -> None:
    alarms = Alarms([FLOOD._replace(escalate_ms=(15 * MINUTE, 60 * MINUTE))])
    told = [
        one
        for m in range(40)
        for one in alarms.step(m * MINUTE, {"level.level": (1600.0, 0)}) + alarms.tick(m * MINUTE)
    ]
    assert [(one.unix_ms // MINUTE, one.event, one.step) for one in told] == [(0, "raised", 0), (15, "escalated", 1)]
    alarms.command(40 * MINUTE, "flood", "acknowledge")
    assert _run(alarms, dict.fromkeys(range(41, 90), 1600.0)) == []


def test_a_clock_that_is_set_forward_wakes_nobody() -> None:
    alarms = Alarms([FLOOD._replace(escalate_ms=(HOUR,), stale_ms=10**15)])
    _run(alarms, {0: 1600.0})
    assert alarms.tick(10**12) == ()


def test_every_state_and_event_has_one_answer_and_silence_hears_no_condition() -> None:
    events = (
        "raise",
        "clear",
        "acknowledge",
        "reset",
        "shelve",
        "unshelve",
        "suppress",
        "unsuppress",
        "remove",
        "return",
    )
    for state in states.ALL:
        for event in events:
            for is_latched in (False, True):
                assert states.after(state, event, is_latched) in states.ALL
        if state in states.SILENT:
            assert states.after(state, "raise") == states.after(state, "clear") == state


# --------------------------------------------------------------------------------- several rules, stations and nodes


def test_an_upstream_stations_alarm_is_warned_of_with_its_travel_time() -> None:
    alarms = Alarms([Rule("wave", "orange", parse("alarm(upstream/flood)"), travel_ms=2 * HOUR)])
    raised = alarms.hear(30 * MINUTE, "upstream/flood", True, 20 * MINUTE)
    assert [(one.event, one.expected_ms) for one in raised] == [("raised", 20 * MINUTE + 2 * HOUR)]
    assert alarms.hear(31 * MINUTE, "elsewhere/flood", True, 0) == ()
    assert [one.event for one in alarms.hear(HOUR, "upstream/flood", False, 0)] == ["cleared"]


def test_a_station_that_is_not_heard_of_any_more_ends_nothing_and_raises_nothing() -> None:
    alarms = Alarms([Rule("wave", "orange", parse("alarm(upstream/flood)"), stale_ms=HOUR)])
    alarms.hear(0, "upstream/flood", True, 0)
    told = [one.event for hour in range(1, 40) for one in alarms.tick(hour * HOUR)]
    assert told == ["no_data"] and alarms.state_of("wave") == (states.UNACKNOWLEDGED, True)


def test_water_air_and_soil_together_raise_a_joint_warning_with_a_delay() -> None:
    joint = Rule("joint", "red", parse("alarm(rain) and alarm(soil) and level.level > 1000"), delay_ms=2 * MINUTE)
    rules = [
        joint,
        Rule("rain", "blue", parse("met.rain_rate > 20")),
        Rule("soil", "blue", parse("soil.moisture > 40")),
    ]
    alarms = Alarms(rules)
    assert _run(alarms, {0: 25.0}, "met.rain_rate") == [(0, "raised")]
    assert _run(alarms, {0: 45.0}, "soil.moisture") == [(0, "raised")]
    assert _run(alarms, {1: 1200.0, 2: 1200.0, 3: 1200.0}) == [(3, "raised")]
    assert _run(alarms, {4: 1.0}, "met.rain_rate") == [(4, "cleared"), (4, "cleared")]


def test_a_mean_and_a_change_need_their_time_to_be_seen() -> None:
    alarms = Alarms([Rule("rise", "red", parse("change(level.level, 1h) > 300")),
                     Rule("mean", "red", parse("mean(level.level, 1h) > 1300"))])  # fmt: skip
    found = _run(alarms, {minute: 1000.0 + 6 * minute for minute in range(0, 121, 10)})
    assert found == [(60, "raised"), (80, "raised")]
    across_a_hole = Alarms([Rule("rise", "red", parse("change(level.level, 1h) > 300"))])
    assert [event for _, event in _run(across_a_hole, {0: 0.0, 100: 900.0}) if event == "raised"] == []


@pytest.mark.parametrize("late_ms", [0, 300])
def test_a_mean_of_four_readings_an_hour_does_not_hang_on_how_long_a_poll_took(late_ms: int) -> None:
    alarms = Alarms([Rule("mean", "red", parse("mean(level.level, 1h) > 1399"))])
    told: list[Transition] = []
    for place in range(8):
        unix_ms = place * 15 * MINUTE + (late_ms if place == 4 else 0)
        told += alarms.step(unix_ms, {"level.level": (1400.0 if place > 3 else 1200.0, 0)})
    assert [(one.unix_ms, one.event) for one in told] == [(7 * 15 * MINUTE, "raised")]


@pytest.mark.parametrize(
    ("beside", "worth", "is_raised"),
    [
        ((":min", ":max", ":count"), 0, True),
        ((":min", ":max", ":count"), quality.FEW, False),
        ((":first", ":last", ":count"), quality.FEW, True),  # a counter's rise is as good as its ends
        ((), quality.FEW, True),  # an index that lacks a pollutant is at least so high
    ],
)
def test_the_mean_of_an_hour_with_too_few_readings_raises_nothing(
    beside: tuple[str, ...], worth: int, is_raised: bool
) -> None:
    rows = AlarmRows(Board([Rule("hour", "red", parse("hour/level.level > 1500"))]), calendar(Aggregate()))
    series = Series("hour", tuple(("level.level" + one, "mm", 0) for one in ("", *beside)))
    told = list(rows.step(Row(series, 0, ((1600, worth), *[(0, 0)] * len(beside)))))
    assert bool(told) == is_raised


def test_nodes_measure_densely_while_any_alarm_that_asks_for_it_stands() -> None:
    alarms = Alarms([FLOOD._replace(emergency=(17, 18)), Rule("acid", "red", parse("river.ph < 6"), emergency=(18,))])
    assert alarms.emergency == frozenset()
    alarms.step(0, {"level.level": (1600.0, 0), "river.ph": (5.0, 0)})
    assert alarms.emergency == {17, 18}
    alarms.step(1, {"level.level": (1000.0, 0)})
    assert alarms.emergency == {18}
    alarms.command(2, "acid", "shelve")
    assert alarms.emergency == frozenset()


def test_a_restart_keeps_states_shelves_and_what_was_heard() -> None:
    wave, acid = Rule("wave", "red", parse("alarm(up/flood)")), Rule("acid", "red", parse("r.ph < 6"))
    rules = [FLOOD._replace(escalate_ms=(HOUR,)), wave, acid]
    alarms = Alarms(rules)
    alarms.step(0, {"level.level": (1600.0, 0), "r.ph": (5.0, 0)})
    alarms.hear(0, "up/flood", True, 0)
    alarms.command(0, "acid", "shelve", for_ms=HOUR)
    again = Alarms(rules, json.loads(json.dumps(alarms.state())))
    assert [again.state_of(rule.id) for rule in rules] == [alarms.state_of(rule.id) for rule in rules]
    assert again.step(MINUTE, {"level.level": (1600.0, 0), "r.ph": (5.0, 0)}) == ()
    assert [one.event for one in again.tick(HOUR)] == ["unshelved", "raised"]


def test_rules_that_wait_for_each_other_are_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == ()
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"b"}})) == {"b", "c"}
    assert circle({"a": {"a"}}) == ("a",)


def test_what_ends_with_the_silence_that_hid_it_is_not_raised() -> None:
    rule = FLOOD._replace(suppress=parse("level.level > 1400"))
    told = _run(Alarms([rule]), {0: 1000.0, 1: 1600.0, 2: 1600.0, 3: 1300.0, 4: 1300.0})
    assert told == [(1, "suppressed"), (3, "unsuppressed")]


def test_a_change_goes_on_over_a_restart_and_what_was_said_before_is_not_said_again() -> None:
    rule = FLOOD._replace(when=parse("change(level.level, 1h) > 300"))
    series = Series("sensor level", (("level.level", "mm", 0),))
    rows = [Row(series, minute * MINUTE, ((1000 + 10 * minute, 0),), 1 + minute) for minute in range(0, 91, 5)]
    before = AlarmRows(Board([rule]), calendar(Aggregate()))
    said = [one for row in rows[:-1] for one in before.step(row)]
    assert [one.unix_ms // MINUTE for one in said] == [60]
    since = before.since_seq
    assert 1 <= since <= 1 + 85 - 60  # so much of the past is asked for, and not more than 1/4 more
    after = AlarmRows(Board([rule]), calendar(Aggregate()))
    for row in [row for row in rows[:-1] if row.seq >= since] + said:
        after.recall(row)
    assert list(after.step(rows[-1])) == [] and after.since_seq <= 1 + 90 - 60
    fresh = AlarmRows(Board([rule]), calendar(Aggregate()))
    for row in [row for row in rows[:-1] if row.seq >= since]:
        fresh.recall(row)
    assert [one.unix_ms // MINUTE for one in fresh.step(rows[-1])] == [90]


def test_a_detector_over_its_full_scale_is_not_silent() -> None:
    deaf = Alarms([FLOOD])
    awake = Alarms([FLOOD._replace(counts_beyond=True)])
    beyond = quality.RANGE | worth.FAIL | worth.RATE
    for alarms, told in ((deaf, []), (awake, ["raised"])):
        assert [one.event for one in alarms.step(0, {"level.level": (9000.0, beyond)})] == told
    blind = Alarms([FLOOD._replace(counts_beyond=True)])
    for flags in (beyond | worth.MAINTENANCE, beyond | quality.WARM_UP, beyond | quality.NO_REPLY, worth.FAIL):
        assert blind.step(0, {"level.level": (9000.0, flags)}) == ()
