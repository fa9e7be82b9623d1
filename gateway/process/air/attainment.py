"""Knows the share of good days; knows not how a day's AQI came about."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from gateway.process.enough import ENOUGH, NOT_ENOUGH
from gateway.process.number import rounded
from gateway.process.validity import RULES

_GOOD = 100  # AQI of levels I and II; HJ 633, table 1
_DAYS = RULES["gas"]  # that make a month and a year: of each pollutant, so of the AQI, which needs all


class Attainment(NamedTuple):
    """`percent` of the `valid` days were good, to one decimal (GB/T 8170); None: not enough."""

    state: str
    good: int
    valid: int
    percent: float | None


def good_days(aqis: Iterable[int | None], least: int = 1) -> Attainment:
    """None is a day without an AQI: it is not counted at all. `least`: so many days must have one."""
    known = [aqi for aqi in aqis if aqi is not None]
    good = sum(aqi <= _GOOD for aqi in known)
    if len(known) < max(least, 1):
        return Attainment(NOT_ENOUGH, good, len(known), None)
    return Attainment(ENOUGH, good, len(known), float(rounded(Decimal(100 * good) / len(known), 1)))


def good_days_of_month(aqis: Iterable[int | None], month: int) -> Attainment:
    return good_days(aqis, (_DAYS.february if month == 2 else _DAYS.month) or 1)


def good_days_of_year(days: Sequence[tuple[int, int | None]]) -> Attainment:
    """Of (month, AQI): no month may lack too many."""
    found = good_days((aqi for _, aqi in days), _DAYS.year or 1)
    is_year = _DAYS.is_year([month for month, aqi in days if aqi is not None], 365)
    return found if is_year else found._replace(state=NOT_ENOUGH, percent=None)
