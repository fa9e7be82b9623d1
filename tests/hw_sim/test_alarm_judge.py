"""Alarms are held against the world: from when on one is due, which is late, missed, false, and who is not blamed."""

from pathlib import Path

import numpy as np
import pytest

from gateway.process.alarm.expression import parse
from gateway.site import config
from hw_sim.judge.alarms import AlarmJudge, RuleVerdict, Told, per_month
from hw_sim.judge.heard import Heard, Span, filled, heard
from hw_sim.judge.true_condition import STEP_S, Condition, TrueConditions, spans
from hw_sim.ledger import Label
from hw_sim.platforms.platform import Delivered
from hw_sim.signals import Signal
from protocols import quality, worth

HOUR = 3600.0
SITE = """
[station]
id = "here"
name = "Here"
latitude = 36.6
longitude = 101.8
altitude_m = 2300
[[bus]]
id = "river"
port = "river"
[[sensor]]
id = "nh4"
profile = "yosemitech_y560"
bus = "river"
unit_id = 56
period_s = 300
[[uplink]]
id = "platform"
type = "mqtt"
host = "127.0.0.1"
[[rule]]
id = "waste"
level = "red"
when = "nh4.ammonium > 1"
"""


def ramp(time_s: float) -> float:
    """0.5 up to the first hour, 2 from there to the third, 0.5 after."""
    return 2.0 if HOUR <= time_s < 3 * HOUR else 0.5


def verdict(
    folder: Path, told: list[tuple[float, str]], extra: str = "", truth: Signal = ramp, broken: tuple[Span, ...] = ()
) -> RuleVerdict:
    """Of a rule in 5 hours; `told`: (hours, event)."""
    path = folder / "site.toml"
    path.write_text(SITE + extra, "utf-8")
    heard = [Told("waste", event, at_h * HOUR, at_h * HOUR) for at_h, event in told]
    signals = {"nh4.ammonium": truth}
    judge = AlarmJudge(config.load(path), signals.get, 5 * HOUR, heard, {}, {}, broken)
    (found,) = judge.verdicts({}, {})
    return found


def test_an_alarm_in_time_is_neither_late_nor_false(tmp_path: Path) -> None:
    found = verdict(tmp_path, [(1.1, "raised"), (3.05, "cleared")])
    assert found.crossings == 1 and found.delays_s == pytest.approx((360.0,))
    assert not (found.missed or found.late or found.false)


def test_one_that_never_comes_is_missed_and_one_after_its_time_is_late(tmp_path: Path) -> None:
    assert verdict(tmp_path, []).missed == (HOUR,)
    late = verdict(tmp_path, [(1.5, "raised")])
    assert late.late == (HOUR,) and not late.missed and not late.delays_s


def test_a_delay_of_the_rule_is_waited_for(tmp_path: Path) -> None:
    assert verdict(tmp_path, [(1.5, "raised")], "delay_s = 1800\n").delays_s == pytest.approx((1800.0,))


def test_one_where_the_condition_is_not_nearly_so_is_false(tmp_path: Path) -> None:
    found = verdict(tmp_path, [(0.4, "raised"), (0.5, "cleared"), (1.1, "raised"), (3.1, "cleared"), (4.9, "raised")])
    assert found.false == pytest.approx((0.4 * HOUR, 4.9 * HOUR))
    assert len(found.delays_s) == 1


def test_nobody_is_blamed_for_what_is_on_the_limit(tmp_path: Path) -> None:
    found = verdict(tmp_path, [(2.0, "raised")], truth=lambda _: 1.01)
    assert found.crossings == 0 and not (found.false or found.missed)


def test_one_that_stands_when_its_condition_becomes_sure_was_heard(tmp_path: Path) -> None:
    def near(time_s: float) -> float:
        return 1.01 if time_s < HOUR else 0.5 if time_s < 2 * HOUR else ramp(time_s)

    found = verdict(tmp_path, [(0.5, "raised")], truth=near)
    assert (found.crossings, found.standing) == (1, 1) and not (found.false or found.missed or found.delays_s)
    assert verdict(tmp_path, [(0.5, "raised"), (1.0, "cleared")], truth=near).missed == (2 * HOUR,)


def test_time_in_which_the_story_broke_something_does_not_count(tmp_path: Path) -> None:
    told = [(2.2, "raised")]
    assert verdict(tmp_path, told).late
    found = verdict(tmp_path, told, broken=(Span(0.9 * HOUR, 2.1 * HOUR),))
    assert found.delays_s == pytest.approx((1.2 * HOUR,)) and not found.late


def test_what_a_rule_suppresses_is_not_due(tmp_path: Path) -> None:
    assert not verdict(tmp_path, [], 'suppress = "nh4.temperature < 1 or nh4.ammonium > 1"\n').missed


def test_so_many_in_a_span_are_so_many_in_a_month() -> None:
    assert per_month(1, 6 * HOUR) == pytest.approx(120.0)


HOURLY = SITE.replace("nh4.ammonium > 1", "hour/nh4.ammonium > 1")


def read(*, until_h: float = 5.0, but: tuple[float, float] = (0.0, 0.0)) -> dict[str, Heard]:
    """Every five minutes, except between two times in hours."""
    times_s = np.arange(300.0, until_h * HOUR + 1, 300.0)
    times_s = times_s[(times_s < but[0] * HOUR) | (times_s >= but[1] * HOUR)]
    return {"nh4.ammonium": Heard(times_s, 300.0, 600.0)}


def hourly(folder: Path, told: list[tuple[float, str]], seen: dict[str, Heard] | None = None) -> RuleVerdict:
    """As verdict(), of the mean of an hour: above its limit in the second and third hour."""
    path = folder / "site.toml"
    path.write_text(HOURLY + "[aggregate]\nminute_s = 600\n", "utf-8")
    heard_of = [Told("waste", event, at_h * HOUR, at_h * HOUR) for at_h, event in told]
    judge = AlarmJudge(config.load(path), {"nh4.ammonium": ramp}.get, 5 * HOUR, heard_of, {}, {}, (), seen or read())
    (found,) = judge.verdicts({}, {})
    return found


def test_an_hours_alarm_is_due_when_the_hour_is_over(tmp_path: Path) -> None:
    assert hourly(tmp_path, [(2.02, "raised")]).delays_s == pytest.approx((72.0,))
    assert hourly(tmp_path, [(2.4, "raised")]).late == (2 * HOUR,)
    assert hourly(tmp_path, []).missed == (2 * HOUR,)


def test_an_hour_with_too_few_readings_raises_nothing_and_the_next_one_is_waited_for(tmp_path: Path) -> None:
    few = read(but=(1.3, 1.7))
    assert hourly(tmp_path, [(3.02, "raised")], few).delays_s == pytest.approx((72.0,))
    assert hourly(tmp_path, [(3.4, "raised")], few).late == (3 * HOUR,)
    assert hourly(tmp_path, [(2.02, "raised")], few).false == pytest.approx((2.02 * HOUR,))


def test_five_ten_minutes_of_six_are_enough(tmp_path: Path) -> None:
    assert hourly(tmp_path, [(3.02, "raised")], read(but=(1.5, 1.65))).late == (2 * HOUR,)


def reading(minute: float, flags: int = 0) -> Delivered:
    return Delivered(round(60_000 * minute), 7, flags, 1)


def test_a_failed_reading_counts_unless_its_sensor_was_faulty_and_its_sensors_own_word_counts_always() -> None:
    labels = [Label("sensor_erratic", 18 * 60_000, 32 * 60_000)]
    flagged = worth.SPIKE | worth.FAIL
    rows = [reading(10, flagged), reading(20, flagged), reading(30), reading(40, quality.RANGE), reading(50)]
    assert heard(rows, labels, 600_000, 600.0, 0.0).times_s.tolist() == [0.0, 1200.0, 2400.0]


def test_what_is_missing_without_a_cause_counts_as_read() -> None:
    holes = Heard(np.array([300.0, 600.0, 1500.0, 1800.0]), 300.0)
    assert filled(holes, [], 1800.0).times_s.tolist() == [300.0, 600.0, 900.0, 1200.0, 1500.0, 1800.0]
    assert filled(holes, [Span(700.0, 800.0)], 1800.0).times_s.tolist() == holes.times_s.tolist()
    assert filled(holes, [Span(1600.0, 1700.0)], 2700.0).times_s[-1] == 2400.0


def test_a_windows_mean_needs_readings_that_reach_back_three_quarters_of_it() -> None:
    def of(*times_s: float) -> tuple[str, str]:
        when = Heard(np.array(times_s), 60.0)
        series = {"a.x": np.full(12, 5.0)}
        judged = TrueConditions(12, series.get, lambda *_: 0.5, {}, lambda name: when)
        return told(judged.of(parse("mean(a.x, 4min) > 2")))

    # 12 steps of 30 s; the curve alone tells from 3.5 min on
    assert of(60, 120, 180, 240, 300) == ("000000001111", "000000001111")
    assert of(60, 240, 300)[0] == "000000001100", "from 300 s on the window has only one minute of readings"
    assert of(60, 120, 180)[0] == "000000000000"


def test_what_was_read_decides_where_it_differs_from_the_curve() -> None:
    """A peak between two readings is in no mean of them; one that a reading hits is in it twice as high."""
    steps = int(2 * HOUR / STEP_S) + 1
    values = np.where((np.arange(steps) * STEP_S % HOUR) < 1200.0, 9.0, 0.0)  # the mean is 3
    for first_s, surely in ((600.0, False), (1500.0, False)):
        when = Heard(np.arange(first_s, 2 * HOUR, 1800.0), 1800.0)
        judged = TrueConditions(steps, {"a.x": values}.get, lambda *_: 0.1, {}, {"a.x": when}.get)
        found = judged.of(parse("hour/a.x > 4"))
        assert found.surely.any() == surely and found.maybe[-1] == (first_s == 600.0)


def test_a_reading_that_is_just_a_window_old_is_not_in_it() -> None:
    """To the millisecond, whatever a float makes of 6300.012 - 3600."""
    when = Heard(np.array([2700.012, 3600.061, 4500.012, 5400.062, 6300.012]), 900.0)
    values = np.interp(np.arange(221) * STEP_S, when.times_s, [0.0, 8.0, 8.0, 8.0, 8.0])
    judged = TrueConditions(221, {"a.x": values}.get, lambda *_: 0.1, {}, {"a.x": when}.get)
    assert judged.of(parse("mean(a.x, 1h) > 7")).maybe[-1]


def test_what_is_unknown_denies_nothing() -> None:
    nothing = Heard(np.zeros(0), 60.0)
    judged = TrueConditions(12, {"a.x": np.full(12, 5.0)}.get, lambda *_: 0.5, {}, lambda name: nothing)
    assert told(judged.of(parse("mean(a.x, 2min) > 2"))) == ("0" * 12, "0" * 12)
    assert told(judged.of(parse("not mean(a.x, 2min) > 9"))) == ("0" * 12, "1" * 12)


def conditions(values: dict[str, list[float]], margin: float = 0.0) -> TrueConditions:
    series = {name: np.array(ones) for name, ones in values.items()}
    steps = len(next(iter(series.values())))
    others = {"rain": Condition(np.array([False, True] * (steps // 2)), np.ones(steps, np.bool_))}
    return TrueConditions(steps, series.get, lambda *_: margin, others)


def told(found: Condition) -> tuple[str, str]:
    """(surely, maybe) as a row of digits."""
    return "".join(map(str, found.surely.astype(int))), "".join(map(str, found.maybe.astype(int)))


@pytest.mark.parametrize(
    ("text", "surely", "maybe"),
    [
        ("a.x > 2", "0001", "0111"),
        ("not a.x > 2", "1000", "1110"),
        ("a.x < 2", "1000", "1110"),
        ("a.x > 2 and b.x > 2", "0000", "0111"),  # nobody knows b
        ("a.x > 2 or b.x > 2", "0001", "1111"),
        ("alarm(rain)", "0101", "1111"),
        ("alarm(of_nobody)", "0000", "1111"),
        ("water_hour/water.class > 3", "0000", "1111"),
    ],
)
def test_a_condition_is_surely_so_beyond_its_margin_and_maybe_so_within_it(text: str, surely: str, maybe: str) -> None:
    found = conditions({"a.x": [1.0, 1.8, 2.2, 3.0]}, margin=0.5).of(parse(text))
    assert told(found) == (surely, maybe)


def test_a_change_needs_its_time_to_be_seen_and_then_is_the_difference() -> None:
    found = conditions({"a.x": [0.0, 1.0, 2.0, 4.0, 8.0, 8.0]}).of(parse("change(a.x, 1min) > 2.5"))
    assert told(found) == ("000111", "110111")


def test_an_hours_mean_is_known_in_the_next_one() -> None:
    steps = int(HOUR / STEP_S)
    found = conditions({"a.x": [1.0] * steps + [3.0] * steps + [1.0] * steps}).of(parse("hour/a.x > 2"))
    assert spans(found.surely) == [Span(2 * HOUR, 3 * HOUR - STEP_S)]


def test_what_confirms_counts_for_a_while() -> None:
    found = conditions({"a.x": [0.0, 5.0, 0.0, 0.0, 0.0, 0.0]}).recent(parse("a.x > 1"), 2 * STEP_S)
    assert told(found) == ("011100", "011100")
