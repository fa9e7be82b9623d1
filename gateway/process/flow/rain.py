"""Knows how heavy rain is called, by GB/T 28592-2012; knows no gauge.

Table 1: 24 h and 12 h. Storm and above were read in a page that quotes it, the lower rows are from memory.
"""

from decimal import Decimal
from typing import NamedTuple

from gateway.process.enough import ENOUGH, NOT_ENOUGH
from gateway.process.number import Number, amount, rounded

NAMES = ("none", "trace", "light", "moderate", "heavy", "storm", "heavy storm", "extraordinary storm")
NAMES_ZH = ("无雨", "微量降雨", "小雨", "中雨", "大雨", "暴雨", "大暴雨", "特大暴雨")

# Least mm of each name from "light" on.
FROM = {
    24: ("0.1", "10.0", "25.0", "50.0", "100.0", "250.0"),
    12: ("0.1", "5.0", "15.0", "30.0", "70.0", "140.0"),
}
_FROM = {hours: tuple(Decimal(least) for least in row) for hours, row in FROM.items()}

HOUR_WARNING_MM = 20.0  # short heavy rain (短时强降水) as the weather service says it; from memory


class Rain(NamedTuple):
    """`grade` is the place in NAMES; None: not enough data."""

    state: str
    grade: int | None
    mm: float


def grade(mm: Number | None, hours: int = 24, measured_hours: Number | None = None) -> Rain:
    """Of the rain of 12 or 24 hours. Of a sum with holes (`measured_hours` less than all) only "at least" is known: the
    grade is given where the rain that was seen makes a storm (heavy rain can't be unseen), else there is none."""
    value = amount(mm)
    if value is None:
        return Rain(NOT_ENOUGH, None, 0.0)
    shown = rounded(value, 1)  # the table has one decimal
    found = sum(shown >= least for least in _FROM[hours])
    name = found + 1 if found else (1 if value > 0 else 0)
    covered = amount(measured_hours)
    if covered is not None and covered < hours and name < NAMES.index("storm"):
        return Rain(NOT_ENOUGH, None, float(value))
    return Rain(ENOUGH, name, float(value))


def intensity_mm_h(mm: Number | None, minutes: float) -> float | None:
    value = amount(mm)
    return None if value is None or minutes <= 0 else float(value) * 60 / minutes
