"""Trends as pymannkendall finds them, charts as the textbook's example has them, crossings that hold their promise."""

import math
import random
from typing import Any

import pymannkendall
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.process.trend.charts import Cusum, Ewma
from gateway.process.trend.crossing import crossing
from gateway.process.trend.mann_kendall import seasonal, trend


def _series(seed: int, count: int, slope: float, ties: bool = False) -> list[float]:
    source = random.Random(seed)
    values = [slope * n + source.gauss(0, 1) for n in range(count)]
    return [float(round(value)) for value in values] if ties else values


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("slope", [0.0, 0.05, -0.2])
@pytest.mark.parametrize("seed", range(4))
def test_trend_is_that_of_pymannkendall(seed: int, slope: float, ties: bool) -> None:
    values = _series(seed, 40, slope, ties)
    ours, theirs = trend(values), pymannkendall.original_test(values)
    assert ours is not None
    assert (ours.s, ours.variance) == (theirs.s, pytest.approx(theirs.var_s))
    assert (ours.z, ours.p, ours.tau, ours.slope) == pytest.approx((theirs.z, theirs.p, theirs.Tau, theirs.slope))
    assert ours.direction() == {"increasing": 1, "decreasing": -1, "no trend": 0}[theirs.trend]
    assert ours.low <= ours.slope <= ours.high


@pytest.mark.parametrize("seed", range(4))
def test_seasonal_trend_is_that_of_pymannkendall(seed: int) -> None:
    values = [value + 8 * math.sin(math.tau * n / 12) for n, value in enumerate(_series(seed, 96, 0.03))]
    ours, theirs = seasonal(values, 12), pymannkendall.seasonal_test(values, period=12)
    assert ours is not None
    assert (ours.s, ours.variance) == (theirs.s, pytest.approx(theirs.var_s))
    assert (ours.z, ours.p, ours.tau, ours.slope) == pytest.approx((theirs.z, theirs.p, theirs.Tau, theirs.slope))
    assert ours.direction() == {"increasing": 1, "decreasing": -1, "no trend": 0}[theirs.trend]


def test_missing_values_keep_their_place_and_too_few_are_no_trend() -> None:
    whole = trend([float(n) for n in range(12)])
    holes = trend([None if n in (3, 4, 9) else float(n) for n in range(12)])
    assert whole is not None and holes is not None and whole.slope == holes.slope == 1.0 and holes.size == 9
    assert trend([1.0, None, 2.0, math.nan, 3.0]) is None and trend([]) is None


def test_the_slopes_interval_holds_the_true_slope_as_often_as_it_says() -> None:
    inside = 0
    for seed in range(300):
        found = trend(_series(seed, 30, 0.1), confidence=0.9)
        assert found is not None
        inside += found.low <= 0.1 <= found.high
    assert 0.85 <= inside / 300 <= 0.95


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | st.floats(), max_size=40), st.integers(1, 12), st.integers(1, 12))
def test_no_series_makes_trend_or_crossing_stumble(values: list[float | None], season: int, step: int) -> None:
    for found in (trend(values), seasonal(values, season)):
        assert found is None or 0.0 <= found.p <= 1.0
    crossing([(n * step % 7, value) for n, value in enumerate(values)], 5.0)


# ------------------------------------------------------------------------------------------------------------- charts

# NIST/SEMATECH e-Handbook 6.3.2.3: target 325, sigma 0.6355 / 1.0, k 0.3175 and h 4.1959 in the unit of the data
NIST = (324.925, 324.675, 324.725, 324.350, 325.350, 325.225, 324.125, 324.525, 325.225, 324.600, 324.625, 325.150,
        328.325, 327.250, 327.825, 328.500, 326.675, 327.775, 326.875, 328.350)  # fmt: skip


def test_cusum_finds_the_handbooks_shift_at_the_handbooks_group() -> None:
    chart = Cusum(325.0, 0.635, slack=0.3175 / 0.635, limit=4.1959 / 0.635)
    assert [chart.step(value) for value in NIST] == [0] * 13 + [1] * 7


# NIST/SEMATECH e-Handbook 6.3.2.4: target 50, sigma 2.0539, weight 0.3, three sigmas: its EWMA values and no alarm
EWMA_DATA = (
    52.0,
    47.0,
    53.0,
    49.3,
    50.1,
    47.0,
    51.0,
    50.1,
    51.2,
    50.5,
    49.6,
    47.6,
    49.9,
    51.3,
    47.8,
    51.2,
    52.6,
    52.4,
    53.6,
    52.1,
)
EWMA = (
    50.60,
    49.52,
    50.56,
    50.18,
    50.16,
    49.21,
    49.75,
    49.85,
    50.26,
    50.33,
    50.11,
    49.36,
    49.52,
    50.05,
    49.38,
    49.92,
    50.73,
    51.23,
    51.94,
    51.99,
)


def test_ewma_has_the_handbooks_values_and_no_alarm() -> None:
    chart = Ewma(50.0, 2.0539, weight=0.3, width=3.0)
    for value, expected in zip(EWMA_DATA, EWMA, strict=True):
        assert chart.step(value) == 0
        assert chart.mean == pytest.approx(expected, abs=0.011)


@pytest.mark.parametrize("chart", [Cusum, Ewma])
def test_a_chart_finds_a_lasting_shift_either_way_outlives_a_start_and_ignores_what_is_no_number(chart: Any) -> None:
    for sign in (1, -1):
        first = chart(10.0, 1.0)
        for value in (10.0 + sign, None, math.nan, 10.0 + sign, math.inf):
            assert first.step(value) == 0
        second = chart(10.0, 1.0, state=first.state())
        found = [second.step(10.0 + 1.2 * sign) for _ in range(12)]
        assert found[-1] == sign and -sign not in found
    assert chart(10.0, 0.0).step(99.0) == 0


# ----------------------------------------------------------------------------------------------------------- crossing


def test_a_straight_line_crosses_when_it_does() -> None:
    found = crossing([(1000 * n, 2.0 * n) for n in range(20)], 100.0)
    assert found is not None and found.unix_ms == pytest.approx(50_000)
    assert found.earliest_ms == pytest.approx(50_000) and found.latest_ms == pytest.approx(50_000)


def test_a_line_that_goes_away_never_crosses_and_noise_may_at_any_time() -> None:
    assert crossing([(1000 * n, -2.0 * n) for n in range(20)], 100.0) is None
    source = random.Random(1)
    flat = crossing([(1000 * n, source.gauss(0, 1)) for n in range(20)], 5.0)
    assert flat is not None and flat.latest_ms == math.inf and flat.earliest_ms > 20_000
    assert crossing([(1000 * n, 2.0 * n) for n in range(7)], 100.0) is None


@pytest.mark.parametrize("alike", [0.0, 0.5])
def test_the_interval_holds_the_true_crossing_about_as_often_as_it_says(alike: float) -> None:
    """Also where neighbours repeat each other (an AR(1) noise), which a plain line would be far too sure of."""
    inside = 0
    for seed in range(400):
        source, noise, points = random.Random(seed), 0.0, []
        for n in range(60):
            noise = alike * noise + source.gauss(0, 1)
            points.append((n, 0.2 * n + noise))
        found = crossing(points, 20.0, confidence=0.9)
        inside += found is not None and found.earliest_ms <= 100.0 <= found.latest_ms
    assert 0.80 <= inside / 400 <= 0.95
