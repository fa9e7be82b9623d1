"""Knows whether a series rises or falls and how fast, by ranks and pairs: Mann-Kendall and Sen; knows no limit.

Mann (1945), Kendall (1975), with the correction for ties; by season after Hirsch, Slack and Smith (1982); the slope and
its interval after Sen (1968), as Gilbert, Statistical Methods for Environmental Pollution Monitoring (1987), 16.4-16.5
and 17.1 has them. Pairs grow with the square: meant for days of a year or months of decades, `MOST` values.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from math import sqrt
from statistics import NormalDist, median
from typing import NamedTuple

MOST = 1500  # ours: a million pairs, about a second on a Raspberry Pi; the newest are taken
FEWEST = 4  # Gilbert 16.4.1: below it no S is significant at 5 %

_NORMAL = NormalDist()


class Trend(NamedTuple):
    """`slope` is the change from one value to the next, by season from one year to the next; `low` and `high` are its
    interval. `p`: how often a series without trend looks like it."""

    s: int
    variance: float
    z: float
    p: float
    tau: float
    slope: float
    low: float
    high: float
    size: int

    def direction(self, alpha: float = 0.05) -> int:
        """1 rising, -1 falling, 0: none that is certain."""
        if self.p >= alpha:
            return 0
        return (self.z > 0) - (self.z < 0)


def trend(values: Sequence[float | None], confidence: float = 0.95) -> Trend | None:
    """Of values at equal distances, None where one is missing. None: too few to tell."""
    return seasonal(values, 1, confidence)


def seasonal(values: Sequence[float | None], season: int, confidence: float = 0.95) -> Trend | None:
    """Each month is compared with the same month of other years only, `season` values after each other."""
    values = values[-MOST:] if len(values) > MOST else values
    total, pairs_total, variance = 0, 0, 0.0
    count, slopes = 0, []
    for first in range(season):
        one = [(place, value) for place, value in enumerate(values[first::season]) if _is_number(value)]
        count += len(one)
        pairs = [(later[1] - early[1], later[0] - early[0]) for early, later in combinations(one, 2)]  # type: ignore[operator]
        total += sum((rise > 0) - (rise < 0) for rise, _ in pairs)
        pairs_total += len(pairs)
        slopes += [rise / steps for rise, steps in pairs]
        variance += _variance([value for _, value in one])
    if count < FEWEST or not slopes:
        return None
    z = 0.0 if variance == 0 or total == 0 else (total - (1 if total > 0 else -1)) / sqrt(variance)
    p = 2 * (1 - _NORMAL.cdf(abs(z)))
    slopes.sort()
    low, high = _interval(slopes, variance, confidence)
    return Trend(total, variance, z, p, total / pairs_total, median(slopes), low, high, count)


def _is_number(value: float | None) -> bool:
    return value is not None and value - value == 0


def _variance(values: Sequence[float | None]) -> float:
    def term(count: int) -> int:
        return count * (count - 1) * (2 * count + 5)

    ties = sum(term(count) for count in Counter(values).values() if count > 1)
    return (term(len(values)) - ties) / 18


def _interval(slopes: list[float], variance: float, confidence: float) -> tuple[float, float]:
    """The slopes C/2 ranks below and above the middle (Gilbert 16.5.1)."""
    half = _NORMAL.inv_cdf(0.5 + confidence / 2) * sqrt(variance)
    low, high = (len(slopes) - half) / 2, (len(slopes) + half) / 2
    return _ranked(slopes, low - 1), _ranked(slopes, high)


def _ranked(slopes: list[float], rank: float) -> float:
    """Between two ranks in proportion; beyond the ends, the end."""
    rank = min(max(rank, 0.0), len(slopes) - 1.0)
    below = int(rank)
    above = min(below + 1, len(slopes) - 1)
    return slopes[below] + (rank - below) * (slopes[above] - slopes[below])
