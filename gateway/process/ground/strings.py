"""Knows what a string of probes at depths tells together: profile, mean of a layer, water in it; knows no frost.

Depths in cm, downwards. Generic: no clause, but the trapezoid that soil science uses.
"""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from gateway.process.enough import ENOUGH, NOT_ENOUGH, PARTIAL
from gateway.process.number import Number, real

Profile = tuple[tuple[float, float], ...]  # (depth cm, value), the shallowest first

_MOST_GAP = 2  # probes next to each other that may be missing for a PARTIAL layer; ours


class Layer(NamedTuple):
    """Mean over a layer weighted by depth. `missing`: depths within it, or at its ends, without a value."""

    state: str
    mean: float | None
    missing: tuple[float, ...]


def profile(readings: Iterable[tuple[float, Number | None]]) -> Profile:
    """What was measured, in order."""
    return tuple((depth, value) for depth, value in ordered(readings) if value is not None)


def ordered(readings: Iterable[tuple[float, Number | None]]) -> list[tuple[float, float | None]]:
    """Each depth once, the shallowest first, those without a value too; one told twice keeps its last value."""
    found: dict[float, float | None] = {}
    for depth, number in readings:
        value = real(number)
        found[float(depth)] = found.get(float(depth)) if value is None else value
    return [(depth, found[depth]) for depth in sorted(found)]


def at(one: Profile, depth_cm: float) -> float | None:
    """On a straight line between two probes; above the first and below the last nothing is known."""
    depths = [depth for depth, _ in one]
    place = bisect_left(depths, depth_cm)
    if place < len(one) and depths[place] == depth_cm:
        return one[place][1]
    if place == 0 or place == len(one):
        return None
    (high, above), (low, below) = one[place - 1], one[place]
    return above + (below - above) * (depth_cm - high) / (low - high)


def layer(readings: Iterable[tuple[float, Number | None]], top_cm: float, bottom_cm: float) -> Layer:
    """Mean from `top_cm` to `bottom_cm`. Above the shallowest probe its value holds (the surface has no probe)."""
    rows = ordered(readings)
    missing = tuple(depth for depth, value in rows if value is None and top_cm <= depth <= bottom_cm)
    one = tuple((depth, value) for depth, value in rows if value is not None)
    if not one or top_cm >= bottom_cm or _longest_gap(rows) > _MOST_GAP:
        return Layer(NOT_ENOUGH, None, missing)
    if rows[0][1] is not None and one[0][0] > top_cm:
        one = ((top_cm, one[0][1]), *one)
    ends = at(one, top_cm), at(one, bottom_cm)
    if ends[0] is None or ends[1] is None:
        return Layer(NOT_ENOUGH, None, missing)
    inner = [(depth, value) for depth, value in one if top_cm < depth < bottom_cm]
    path = [(top_cm, ends[0]), *inner, (bottom_cm, ends[1])]
    area = sum((low - high) * (above + below) / 2 for (high, above), (low, below) in pairwise(path))
    return Layer(PARTIAL if missing else ENOUGH, area / (bottom_cm - top_cm), missing)


def _longest_gap(rows: list[tuple[float, float | None]]) -> int:
    longest = row = 0
    for _, value in rows:
        row = row + 1 if value is None else 0
        longest = max(longest, row)
    return longest


def water_mm(mean_percent: float | None, top_cm: float, bottom_cm: float) -> float | None:
    """Water that a layer holds: per cent of volume x depth."""
    return None if mean_percent is None else mean_percent / 100 * (bottom_cm - top_cm) * 10
