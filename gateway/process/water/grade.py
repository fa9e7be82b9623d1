"""Knows the class of surface water (GB 3838-2002, 5.1: the worst factor decides), what limits it, and by how much a
target is missed; knows no means and no station."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import NamedTuple

from gateway.process.enough import ENOUGH, NOT_ENOUGH, PARTIAL
from gateway.process.number import Number, amount, exact
from gateway.process.water.tables import LAKE, LIMITS, PH, RIVER, SATURATED, USUAL, WORST, column

__all__ = ["LAKE", "NO_MULTIPLE", "RIVER", "Altitude", "Exceeding", "Grade", "altitude", "factor_class", "grade"]

_EXACT = {name: tuple(Decimal(str(limit)) for limit in limits) for name, limits in LIMITS.items()}

# More oxygen is no oxygen but a broken sensor, and would be class I: three times what water at 0 degC holds; ours.
_MOST_OXYGEN, _MOST_SATURATED = 45, 300
NO_MULTIPLE = ("pH", "DO")


class Exceeding(NamedTuple):
    """A factor worse than the target. `times`: by how many times the limit it is over it; None of pH and DO, which
    have no such multiple (环办[2011]22号, from memory)."""

    factor: str
    cls: int
    times: float | None


class Grade(NamedTuple):
    """`cls` 1..6 or None. `limiting`: the factors that made it so (none in class I). `each`: class by factor."""

    state: str
    cls: int | None
    limiting: tuple[str, ...]
    exceeding: tuple[Exceeding, ...]
    each: dict[str, int]
    missing: tuple[str, ...]


class Altitude(NamedTuple):
    """`best`: the best class of oxygen that saturated water reaches by mg/L. `is_limited`: the target is out of its
    reach here and would not be at the sea: water that misses it says nothing against the river."""

    best: int
    is_limited: bool


def factor_class(
    factor: str, value: Number | None, saturation_percent: Number | None = None
) -> int | None:  # the limits of "TP_river", "TP_lake", "TN_lake" by their own names
    """1..6; None: no value. `saturation_percent`: of oxygen, at the station's own pressure."""
    if factor == "pH":
        number = exact(value)
        if number is None or not 0 <= number <= 14:
            return None
        return 1 if PH[0] <= number <= PH[1] else WORST
    number = amount(value)
    limits = _EXACT[factor]
    if factor == "DO":
        if number is None or number > _MOST_OXYGEN:
            return None  # a percentage alone would say class I or nothing
        share = amount(saturation_percent)
        if share is not None and SATURATED <= share <= _MOST_SATURATED:
            return 1
        return next((cls for cls, least in enumerate(limits, 1) if number >= least), WORST)
    if number is None:
        return None
    return next((cls for cls, most in enumerate(limits, 1) if number <= most), WORST)


def grade(
    values: Mapping[str, Number | None],
    kind: str = RIVER,
    target: int | None = None,
    saturation_percent: Number | None = None,
    factors: Collection[str] = USUAL,
    needed: Collection[str] | None = None,
) -> Grade:
    """The class by `factors` ("TP" and "TN" take the column of the `kind`).

    Without one of the `needed` (left out: all `factors`) there is none: GB 3838 gives no rule for less, so "enough" is
    the site's list. What is worse than the target is told even then."""
    each: dict[str, int] = {}
    exceeding = []
    for factor in factors:
        value = values.get(factor)
        name = column(factor, kind)
        cls = factor_class(name, value, saturation_percent if factor == "DO" else None)
        if cls is None:
            continue
        each[factor] = cls
        if target is not None and cls > target:
            exceeding.append(Exceeding(factor, cls, _times(name, value, target)))
    missing = tuple(factor for factor in factors if factor not in each)
    if not each or any(factor in missing for factor in (factors if needed is None else needed)):
        return Grade(NOT_ENOUGH, None, (), tuple(exceeding), each, missing)
    worst = max(each.values())
    limiting = tuple(factor for factor, cls in each.items() if cls == worst and worst > 1)
    exceeding.sort(key=lambda one: (-one.cls, -(one.times or 0)))
    return Grade(PARTIAL if missing else ENOUGH, worst, limiting, tuple(exceeding), each, missing)


def _times(name: str, value: Number | None, target: int) -> float | None:
    number = amount(value)
    if number is None or name in NO_MULTIPLE:
        return None
    return float(number / _EXACT[name][target - 1] - 1)


def altitude(saturation_mgl: float | None, sea_saturation_mgl: float | None, target: int) -> Altitude | None:
    """What the oxygen that water can hold here, and at the sea at the same temperature, means for DO's classes."""
    if saturation_mgl is None or sea_saturation_mgl is None:
        return None
    wanted = LIMITS["DO"][min(target, 5) - 1]
    return Altitude(factor_class("DO", saturation_mgl) or WORST, saturation_mgl < wanted <= sea_saturation_mgl)
