"""Flow, rain, ground and cold: rules by hand, and what must hold of any input."""

import math

from hypothesis import given
from hypothesis import strategies as st

from gateway.process.enough import ENOUGH, NOT_ENOUGH, PARTIAL
from gateway.process.flow import rain, rating, release, stage
from gateway.process.ground import dose, frost, strings, tailings

anything = st.one_of(
    st.none(), st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([math.nan, math.inf, -1, 1e300])
)
POINTS = rating.Curve(points=((10.0, 0.0), (11.0, 5.0), (12.0, 25.0)), since_ms=1000, until_ms=2000)
POWERS = rating.Curve(powers=(rating.Power(1.0, 2.0, 10.0, 0.5, 1.5), rating.Power(2.0, 4.0, 12.0, 0.6, 1.6)))


def test_a_rating_curve_says_nothing_beyond_its_stages_and_its_time() -> None:
    assert rating.flow(POINTS, 11.5, 1000) == (15.0, rating.WITHIN)
    assert rating.flow(POINTS, 12.0, 1000).m3s == 25.0 and rating.flow(POINTS, 10.0, 1000).m3s == 0.0
    assert rating.flow(POINTS, 9.99, 1000) == (None, rating.BELOW)
    assert rating.flow(POINTS, 12.01, 1000) == (None, rating.ABOVE)
    assert rating.flow(POINTS, 11, 2000) == (None, rating.EXPIRED)
    assert rating.flow(POINTS, math.nan, 1500) == (None, rating.NO_STAGE)
    assert math.isclose(rating.flow(POWERS, 1.5, 0).m3s, 10.0)
    assert rating.flow(POWERS, 4.1, 0) == (None, rating.ABOVE)


def test_a_bad_rating_curve_is_told() -> None:
    assert rating.faults(POINTS) == rating.faults(POWERS) == []
    assert rating.faults(rating.Curve()) == ["needs points or powers"]
    assert rating.faults(rating.Curve(points=((1, 2), (1, 3)))) == ["does not rise at 1 m"]
    assert rating.faults(rating.Curve(powers=(POWERS.powers[1], POWERS.powers[0]))) == ["two ratings at 1 m"]
    assert rating.in_force((POWERS, POINTS), 1500) is POINTS and rating.in_force((POINTS,), 5000) is None


@given(st.floats(10, 12), st.floats(10, 12))
def test_a_higher_stage_never_carries_less(one, other) -> None:
    low, high = sorted((one, other))
    assert rating.flow(POINTS, low, 1500).m3s <= rating.flow(POINTS, high, 1500).m3s


@given(anything)
def test_rubbish_never_breaks_flow(value) -> None:
    for curve in (POINTS, POWERS):
        assert (rating.flow(curve, value, 1500).m3s is not None) == (rating.flow(curve, value, 1500).why == "within")
    assert stage.stage(value, stage.Marks(1, 2, 3)).level in (None, 0, 1, 2, 3)
    assert rain.grade(value).grade in (None, *range(8))
    assert release.check(value, 2.0) in (None, release.KEPT, release.BROKEN)
    assert stage.flood(value) is None or value >= -1e-12


def test_base_flow_is_kept_for_a_share_of_the_time_that_was_measured() -> None:
    flows = [(2.0, 2.0), (1.5, 2.0), (None, 2.0), (1.0, 2.0), (3.0, 2.0), (2.5, 2.0)]
    assert release.release(flows) == (ENOUGH, 3, 5, 6, 60.0, 2, 1.0)
    assert release.release([(2.0, 2.0)] * 7 + [(None, 2.0)] * 3).percent is None
    assert release.release([]).state == NOT_ENOUGH
    assert release.base_flow_of(4, range(12)) == 3 and release.base_flow_of(4, 5) == 5


def test_a_mark_is_passed_when_it_is_reached() -> None:
    marks = stage.Marks(fortify_m=10, warning_m=11, guarantee_m=12.5)
    assert [stage.stage(level, marks).level for level in (9.99, 10, 11, 12.5)] == [0, 1, 2, 3]
    assert stage.stage(11.5, marks) == (stage.WARNING, 0.5)
    assert stage.stage(None, marks) == (None, 0.0)
    assert stage.stage(20, stage.Marks()).level == stage.NORMAL
    assert [stage.flood(years) for years in (4, 5, 20, 50)] == ["small", "medium", "large", "extraordinary"]
    assert stage.rise_m_per_h(1.0, 1.5, 1_800_000) == 1.0


def test_rain_is_called_by_its_table() -> None:
    names = [rain.NAMES[rain.grade(mm).grade] for mm in (0, 0.04, 0.1, 9.94, 9.95, 24.9, 25, 50, 99.9, 100, 250)]
    assert names == [
        "none", "trace", "light", "light", "moderate", "moderate", "heavy", "storm", "storm", "heavy storm",
        "extraordinary storm",
    ]  # fmt: skip
    assert rain.NAMES[rain.grade(30, 12).grade] == "storm"
    assert rain.grade(5, 24, measured_hours=20).state == NOT_ENOUGH
    assert rain.NAMES[rain.grade(60, 24, measured_hours=20).grade] == "storm"
    assert rain.intensity_mm_h(5, 15) == 20


@given(st.floats(0, 1000), st.floats(0, 1000), st.sampled_from([12, 24]))
def test_more_rain_is_never_lighter(one, other, hours) -> None:
    less, more = sorted((one, other))
    assert rain.grade(less, hours).grade <= rain.grade(more, hours).grade


# --- ground and cold --------------------------------------------------------------------------------------------------


def test_a_layer_is_the_mean_of_its_depth() -> None:
    rows = [(10, 20.0), (30, 30.0), (50, 10.0)]
    assert strings.layer(rows, 10, 50) == (ENOUGH, 22.5, ())
    assert strings.layer(rows, 0, 30) == (ENOUGH, (20 * 10 + 25 * 20) / 30, ())
    assert strings.layer(rows, 10, 60).state == NOT_ENOUGH
    gap = strings.layer([(10, 20.0), (30, None), (50, 10.0)], 10, 50)
    assert (gap.state, gap.mean, gap.missing) == (PARTIAL, 15.0, (30.0,))
    assert strings.layer([(10, 1.0), (20, None), (30, None), (40, None), (50, 1.0)], 10, 50).state == NOT_ENOUGH
    assert strings.layer([(10, None), (30, 1.0), (50, 1.0)], 0, 50).mean is None
    assert strings.water_mm(22.5, 10, 50) == 90


def test_the_thaw_ends_where_the_ground_is_first_frozen() -> None:
    assert frost.thaw([(0, 8), (50, 2), (100, -2), (200, -1)]) == (frost.THAWING, 75.0)
    assert frost.thaw([(0, -3), (50, 1), (100, -2)]) == (frost.FROZEN, 0.0)
    assert frost.thaw([(0, 8), (100, 2)]) == (frost.BELOW_STRING, 100.0)
    assert frost.thaw([(0, 8), (50, None), (100, -2)]).kind == frost.UNKNOWN
    assert frost.thaw([(0, None), (50, 1), (100, -2)]).kind == frost.UNKNOWN
    assert frost.thaw([(0, 8), (50, 2), (100, None)]).kind == frost.UNKNOWN


def test_the_active_layer_needs_a_season() -> None:
    days = [frost.Thaw(frost.THAWING, depth) for depth in range(1, 101)]
    assert frost.active_layer(days) == (ENOUGH, 100, 100, False)
    assert frost.active_layer(days[:80]).cm is None
    assert frost.active_layer([*days, frost.Thaw(frost.BELOW_STRING, 300.0)]).is_least is True


def test_degree_days_need_a_year() -> None:
    assert frost.frost_index([-10.0] * 200 + [5.0] * 165) == (ENOUGH, 2000.0, 825.0, 365)
    assert frost.frost_index([-10.0] * 200 + [5.0] * 140 + [None] * 25).state == PARTIAL
    assert frost.frost_index([-10.0] * 200).freezing is None
    assert frost.n_factor(800.0, 1000.0) == 0.8 and frost.n_factor(1.0, 0) is None


def test_dose_is_held_against_its_own_background() -> None:
    quiet = dose.background([100 + (i % 5) for i in range(300)])
    assert quiet.state == ENOUGH and dose.background([100] * 239).state == NOT_ENOUGH
    assert [dose.dose(rate, quiet).level for rate in (102, 107, 210)] == [dose.NORMAL, dose.RAISED, dose.ALARM]
    assert dose.dose(107, quiet, rained=True).rain is True and dose.dose(210, quiet, rained=True).rain is False
    assert dose.dose(None, quiet).level is None
    assert dose.dose(300, dose.background([])).state == NOT_ENOUGH


def test_a_pond_is_judged_by_the_limits_it_has() -> None:
    limits = tailings.Limits(level_m=100, crest_m=102, freeboard_m=1.5, beach_m=70, seepage_ls=5)
    assert tailings.pond(limits, 99, 80, None, 1) == (ENOUGH, (), 3, ())
    bad = tailings.pond(limits, 100.8, 60, None, None)
    assert (bad.state, bad.over, bad.missing) == (PARTIAL, ("level", "freeboard", "beach"), ("seepage",))
    assert tailings.pond(limits, math.nan).state == NOT_ENOUGH
    assert math.isclose(tailings.weir_ls(0.1), 1.4 * 0.1**2.5 * 1000) and tailings.weir_ls(0.5) is None


@given(st.lists(st.tuples(st.sampled_from([0, 10, 50, 100, 200]), anything), max_size=6), anything)
def test_rubbish_never_breaks_the_ground(rows, value) -> None:
    found = strings.layer(rows, 10, 100)
    assert (found.mean is None) == (found.state == NOT_ENOUGH)
    thawed = frost.thaw(rows)
    assert (thawed.depth_cm is None) == (thawed.kind == frost.UNKNOWN)
    assert frost.frost_index([value] * 365).state in (ENOUGH, NOT_ENOUGH)
    assert dose.dose(value, dose.background([value] * 300)).level in (None, 0, 1, 2)
    assert tailings.pond(tailings.Limits(100, 102, 1, 50, 5, 5), value, value, value, value).state
    assert tailings.weir_ls(value) is None or math.isfinite(tailings.weir_ls(value))


def test_a_winter_says_nothing_of_the_active_layer_and_a_glaciers_year_says_none() -> None:
    frozen = frost.Thaw(frost.FROZEN, 0.0)
    assert frost.active_layer([frozen] * 200).cm is None
    assert frost.active_layer([frozen] * 350).cm == 0
    assert frost.active_layer([frozen] * 200 + [frost.Thaw(frost.THAWING, 80.0)] * 90).cm == 80


def test_a_stage_between_two_ratings_has_no_flow_and_says_why() -> None:
    curve = rating.Curve(powers=(rating.Power(0.5, 1.0, 2, 0.5, 2), rating.Power(1.2, 2.0, 3, 0.5, 2)))
    assert rating.flow(curve, 1.1, 0) == (None, rating.BETWEEN)
    assert rating.flow(curve, 2.1, 0) == (None, rating.ABOVE)
