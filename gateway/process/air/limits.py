"""Knows the limits of GB 3095 by date and zone, as data, and who is over them; knows no means.

ug/m3, CO mg/m3. Grade 1 (class 1 area: national parks, nature reserves, other protected areas: GB 3095-2026, 4.1) and
grade 2 (all else). Which it is, the site says.
"""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from gateway.process.number import Number, amount


class Limits(NamedTuple):
    """In force from `since` on. `table`: item -> (grade 1, grade 2); O3_8h is the greatest mean of 8 hours of a day."""

    name: str
    clause: str
    since: date
    table: dict[str, tuple[float, float]]


_GASES = {
    "NO2_1h": (200, 200), "CO_24h": (4, 4), "CO_1h": (10, 10), "O3_8h": (100, 160), "O3_1h": (160, 200),
}  # fmt: skip
_OTHERS = {  # table 2: applied where the ministry or the province says so
    "TSP_annual": (80, 200), "TSP_24h": (120, 300), "NOx_1h": (250, 250),
    "Pb_annual": (0.5, 0.5), "Pb_quarter": (1.0, 1.0), "BaP_annual": (0.001, 0.001), "BaP_24h": (0.0025, 0.0025),
}  # fmt: skip

# Oldest first.
TABLES = (
    Limits(
        "GB 3095-2012", "GB 3095-2012 tables 1, 2 (repealed 2026-03-01; NOx of table 2 from memory)", date(2016, 1, 1),
        {
            **_GASES, **_OTHERS,
            "SO2_annual": (20, 60), "SO2_24h": (50, 150), "SO2_1h": (150, 500),
            "NO2_annual": (40, 40), "NO2_24h": (80, 80),
            "PM10_annual": (40, 70), "PM10_24h": (50, 150), "PM2.5_annual": (15, 35), "PM2.5_24h": (35, 75),
            "NOx_annual": (50, 50), "NOx_24h": (100, 100),
        },
    ),
    Limits(
        "GB 3095-2026, until 2030", "GB 3095-2026 tables 1, 2: transition until 2030-12-31", date(2026, 3, 1),
        {
            **_GASES, **_OTHERS,
            "SO2_annual": (20, 60), "SO2_24h": (50, 150), "SO2_1h": (150, 500),
            "NO2_annual": (40, 40), "NO2_24h": (80, 80),
            "PM10_annual": (40, 60), "PM10_24h": (50, 120), "PM2.5_annual": (15, 30), "PM2.5_24h": (35, 60),
            "NOx_annual": (50, 50), "NOx_24h": (100, 100),
        },
    ),
    Limits(
        "GB 3095-2026", "GB 3095-2026 tables 1, 2", date(2031, 1, 1),
        {
            **_GASES, **_OTHERS,
            "SO2_annual": (20, 20), "SO2_24h": (50, 50), "SO2_1h": (150, 150),
            "NO2_annual": (30, 30), "NO2_24h": (50, 50),
            "PM10_annual": (20, 50), "PM10_24h": (50, 100), "PM2.5_annual": (10, 25), "PM2.5_24h": (25, 50),
            "NOx_annual": (40, 40), "NOx_24h": (70, 70),
        },
    ),
)  # fmt: skip


class Over(NamedTuple):
    """`times`: by how many times of the limit it is over it (0.2: 120 % of it)."""

    item: str
    limit: float
    times: float
    clause: str


def limits_on(day: date) -> Limits:
    """In force that day; before all of them: the first."""
    return next((table for table in reversed(TABLES) if day >= table.since), TABLES[0])


def limit(item: str, grade: int, day: date) -> float | None:
    """Of "PM2.5_24h" and so on in grade 1 or 2; None: it has none."""
    pair = limits_on(day).table.get(item)
    return None if pair is None else pair[grade - 1]


def over(item: str, value: Number | None, grade: int, day: date) -> Over | None:
    """None: not over it, or no value, or no limit."""
    number, most = amount(value), limit(item, grade, day)
    if number is None or most is None or number <= Decimal(str(most)):
        return None
    return Over(item, most, float(number) / most - 1, limits_on(day).clause)
