"""Knows when a series that goes on as it did will cross a limit, and between which times; knows no rule.

A straight line through the last values; its crossing's interval after Fieller (1954): all times at which the line's own
interval holds the limit. Values close in time repeat each other, so that they count for fewer: n (1 - r) / (1 + r)
with r the correlation of neighbouring residuals (Wilks, Statistical Methods in the Atmospheric Sciences, 5.2.4).
"""

from collections.abc import Sequence
from itertools import pairwise
from math import inf, sqrt
from statistics import NormalDist
from typing import NamedTuple

FEWEST = 8  # ours: with fewer a correlation of residuals means nothing


class Crossing(NamedTuple):
    """`earliest_ms` is the last value's time where it may be crossed already; `latest_ms` is infinite where the line
    may never get there. `unix_ms` is None where the line as it is goes away from the limit or is beyond it."""

    unix_ms: float | None
    earliest_ms: float
    latest_ms: float
    slope_per_ms: float


def crossing(points: Sequence[tuple[int, float | None]], limit: float, confidence: float = 0.9) -> Crossing | None:
    """None: too few values, or no time at which the limit is likely to be met."""
    known = sorted({when: value for when, value in points if value is not None and value - value == 0}.items())
    count = len(known)
    if count < FEWEST:
        return None
    last_ms = known[-1][0]
    middle_ms = sum(when for when, _ in known) / count
    middle = sum(value for _, value in known) / count
    spread = sum((when - middle_ms) ** 2 for when, _ in known)
    slope = sum((when - middle_ms) * (value - middle) for when, value in known) / spread
    rests = [value - middle - slope * (when - middle_ms) for when, value in known]
    squares = sum(rest * rest for rest in rests)
    alike = 0.0 if squares == 0 else sum(a * b for a, b in pairwise(rests)) / squares
    share = (1 - max(alike, 0.0)) / (1 + max(alike, 0.0))  # of the values that are worth one each
    worth = max(count * share, 3.0)
    factor = _student(0.5 + confidence / 2, worth - 2) ** 2 * squares / (worth - 2)
    # (limit - middle - slope x)^2 <= factor (1/count + x^2/spread), x from the middle on: a quadratic in x
    away = limit - middle
    a = slope * slope - factor / spread
    b = -2 * away * slope
    c = away * away - factor / count
    earliest, latest = _between(a, b, c, last_ms - middle_ms)
    if earliest is None:
        return None
    at = middle_ms + away / slope if slope else None
    return Crossing(at if at is not None and at >= last_ms else None, middle_ms + earliest, middle_ms + latest, slope)


def _between(a: float, b: float, c: float, from_x: float) -> tuple[float | None, float]:
    """The first stretch at or after `from_x` on which a x^2 + b x + c <= 0."""
    under = b * b - 4 * a * c
    is_inside = a * from_x * from_x + b * from_x + c <= 0
    if a == 0 or under < 0:
        return (from_x, inf) if is_inside else (None, inf)
    one, other = sorted(((-b - sqrt(under)) / (2 * a), (-b + sqrt(under)) / (2 * a)))
    if a > 0:
        return (max(one, from_x), other) if other >= from_x else (None, inf)
    return (from_x if is_inside else max(other, from_x)), inf


def _student(probability: float, freedom: float) -> float:
    """Student's quantile from the normal one (Abramowitz and Stegun 26.7.5)."""
    z = NormalDist().inv_cdf(probability)
    freedom = max(freedom, 1.0)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3
