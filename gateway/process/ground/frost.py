"""Knows thaw depth, active layer and freezing and thawing index, from temperatures at depths and days; knows no probe.

Definitions after the International Permafrost Association's glossary (1998): the active layer is what thaws and freezes
each year; the index is the sum of degree-days below (above) 0 degC, which is taken for the ground's freezing point.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from gateway.process.enough import ENOUGH, NOT_ENOUGH, PARTIAL
from gateway.process.ground.strings import ordered, profile
from gateway.process.number import Number, real

FROZEN, THAWED, THAWING, BELOW_STRING, UNKNOWN = "frozen", "thawed", "thawing", "below_the_string", "unknown"
_SEASON_DAYS = 90  # a year's greatest thaw needs so many days of thaw, or the melt was not seen; ours
_YEAR_SHARE = 0.9  # of the days of an index, as 324 of 365 in GB 3095; ours


class Thaw(NamedTuple):
    """`depth_cm`: of the 0 degC line under thawed ground. `kind`: THAWING with such a line, FROZEN at the top (a talik
    below is not told), BELOW_STRING: thawed down to the last probe, so at least that."""

    kind: str
    depth_cm: float | None


class ActiveLayer(NamedTuple):
    """`is_least`: the string was too short on some day, so it is at least this."""

    state: str
    cm: float | None
    days: int
    is_least: bool


class Index(NamedTuple):
    """degC d, both positive; PARTIAL: some days had no mean and are not in it."""

    state: str
    freezing: float | None
    thawing: float | None
    days: int


def thaw(readings: Iterable[tuple[float, Number | None]]) -> Thaw:
    """Down from the surface to where it is first frozen. A missing probe at either side of that makes it UNKNOWN only
    where the line is not between two neighbours of the string."""
    rows = ordered(readings)
    known = profile(rows)
    if len(known) < 2 or rows[0][1] is None:
        return Thaw(UNKNOWN, None)
    if known[0][1] <= 0:
        return Thaw(FROZEN, 0.0)
    for (high, above), (low, below) in pairwise(known):
        if above > 0 >= below:
            between = [depth for depth, value in rows if value is None and high < depth < low]
            return Thaw(UNKNOWN, None) if between else Thaw(THAWING, high + (low - high) * above / (above - below))
    return Thaw(BELOW_STRING, known[-1][0]) if rows[-1][1] is not None else Thaw(UNKNOWN, None)


def active_layer(days: Iterable[Thaw]) -> ActiveLayer:
    """The greatest thaw of a year: of a season that thawed, or of the whole year where little or nothing did."""
    seen = [(day.depth_cm, day.kind) for day in days if day.depth_cm is not None]
    thawed = sum(depth > 0 for depth, _ in seen)
    # a winter's string is frozen to the top, and says nothing
    if thawed < _SEASON_DAYS and len(seen) < _YEAR_SHARE * 365:
        return ActiveLayer(NOT_ENOUGH, None, len(seen), False)
    deepest = max(depth for depth, _ in seen)
    return ActiveLayer(ENOUGH, deepest, len(seen), any(kind == BELOW_STRING for _, kind in seen))


def frost_index(daily_means_c: Iterable[Number | None], days: int = 365) -> Index:
    """Of a year of daily means of air or ground surface (from 1 July on, or the freezing season is cut in two)."""
    freezing = thawing = 0.0
    counted = 0
    for mean in daily_means_c:
        value = real(mean)
        if value is None or not -90 <= value <= 90:
            continue
        counted += 1
        freezing += max(-value, 0.0)
        thawing += max(value, 0.0)
    if not counted or counted < _YEAR_SHARE * days:
        return Index(NOT_ENOUGH, None, None, counted)
    return Index(ENOUGH if counted >= days else PARTIAL, freezing, thawing, counted)


def n_factor(surface: float | None, air: float | None) -> float | None:
    """Index of the surface over that of the air."""
    return None if surface is None or not air else surface / air
