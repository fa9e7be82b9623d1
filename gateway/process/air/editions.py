"""Knows the break points and rules of each edition of HJ 633, as data; knows no arithmetic.

Table 3 of HJ 633-2026 (read from a scan) and table 1 of HJ 633-2012; ug/m3, CO mg/m3.
"""

from datetime import date
from typing import NamedTuple

IAQI = (0, 50, 100, 150, 200, 300, 400, 500)
POLLUTANTS = ("SO2", "NO2", "CO", "O3", "PM10", "PM2.5")
GASES = ("SO2", "NO2", "CO", "O3")

# (last AQI of the level, name, zh, colour). HJ 633-2012 and -2026, table 1 (categories) and its colours.
LEVELS = (
    (50, "good", "优", "green"),
    (100, "moderate", "良", "yellow"),
    (150, "light pollution", "轻度污染", "orange"),
    (200, "medium pollution", "中度污染", "red"),
    (300, "heavy pollution", "重度污染", "purple"),
    (500, "severe pollution", "严重污染", "maroon"),
)


class Edition(NamedTuple):
    """`points`: concentrations at IAQI 0, 50, 100.. of "<pollutant>_<mean>". `beyond`: the IAQI above the last of them
    (None: is not computed, `instead` says by what item it is judged). `hour`, `day`: the items of the two reports.
    `rounds`: concentrations are rounded first. `hour_gap`, `day_gap`: with a pollutant missing an AQI stands only above
    this; None: whatever is there makes one."""

    name: str
    since: date
    points: dict[str, tuple[int, ...]]
    beyond: dict[str, int | None]
    instead: dict[str, str]
    hour: tuple[str, ...]
    day: tuple[str, ...]
    rounds: bool
    hour_gap: int | None
    day_gap: int | None
    clauses: dict[str, str]


_POINTS = {
    "SO2_24h": (0, 50, 150, 475, 800, 1600, 2100, 2620),
    "SO2_1h": (0, 150, 500, 650, 800),
    "NO2_24h": (0, 40, 80, 180, 280, 565, 750, 940),
    "NO2_1h": (0, 100, 200, 700, 1200, 2340, 3090, 3840),
    "CO_24h": (0, 2, 4, 14, 24, 36, 48, 60),
    "CO_1h": (0, 5, 10, 35, 60, 90, 120, 150),
    "O3_8h": (0, 100, 160, 215, 265, 800),
    "O3_1h": (0, 160, 200, 300, 400, 800, 1000, 1200),
    "PM10_24h": (0, 50, 150, 250, 350, 420, 500, 600),
    "PM2.5_24h": (0, 35, 75, 115, 150, 250, 350, 500),
}
_POINTS_2026 = {
    **_POINTS,
    "PM10_24h": (0, 50, 120, 250, 350, 420, 500, 600),
    "PM2.5_24h": (0, 35, 60, 115, 150, 250, 350, 500),
}
_HOUR = ("SO2_1h", "NO2_1h", "CO_1h", "O3_1h", "PM10_1h", "PM2.5_1h")
_DAY = ("SO2_24h", "NO2_24h", "CO_24h", "O3_8h", "PM10_24h", "PM2.5_24h")

# An hour of particles uses the column of the day. HJ 633-2026: table 3, note. HJ 633-2012 has neither column nor rule;
# the national real-time feed did so (2,937 published rows of 2017 and 2018 are reproduced).
COLUMN = {"PM10_1h": "PM10_24h", "PM2.5_1h": "PM2.5_24h"}

HJ633_2012 = Edition(
    name="HJ 633-2012",
    since=date(2016, 1, 1),  # in force everywhere; cities began from 2012 on
    points=_POINTS,
    beyond={"SO2_1h": None, "O3_8h": None},
    instead={"SO2_1h": "SO2_24h", "O3_8h": "O3_1h"},
    hour=_HOUR,
    day=(*_DAY, "O3_1h"),
    rounds=False,
    hour_gap=None,
    day_gap=100,
    clauses={
        "iaqi": "HJ 633-2012, 4.2 and table 1",
        "aqi": "HJ 633-2012, 4.3",
        "primary": "HJ 633-2012, 4.4",
        "gaps": "no rule in the text: hours from what is there, as the national feed did; days as in 2026 (ours)",
    },
)
HJ633_2026 = Edition(
    name="HJ 633-2026",
    since=date(2026, 3, 1),
    points=_POINTS_2026,
    beyond={"SO2_1h": 200, "O3_8h": 300},
    instead={},
    hour=_HOUR,
    day=_DAY,
    rounds=True,
    hour_gap=100,
    day_gap=100,
    clauses={
        "iaqi": "HJ 633-2026, table 3",
        "aqi": "HJ 633-2026, 4.2.2 (day), 4.2.3 (hour)",
        "primary": "HJ 633-2026: AQI > 50, all with the greatest IAQI",
        "gaps": "HJ 633-2026, 5.3.1, 5.3.2",
    },
)
EDITIONS = {edition.name.replace(" ", ""): edition for edition in (HJ633_2012, HJ633_2026)}


def edition_on(day: date) -> Edition:
    """The edition in force that day; what was measured before any of them is judged by the first."""
    return HJ633_2026 if day >= HJ633_2026.since else HJ633_2012


def pollutant_of(item: str) -> str:
    return item.rpartition("_")[0]


def decimals_of(item: str) -> int:
    """HJ 633-2026: concentrations are whole ug/m3, CO has one decimal of a mg/m3."""
    return 1 if pollutant_of(item) == "CO" else 0
