"""Knows how much of a period must have been measured for its mean to count, with clauses; knows no arithmetic of means.

"Ours" stands where no clause was found: HJ 915 (surface water), HJ 356 (waste water) and the printed SL 651 were not to
be had, so water, weather and soil keep the 75 % that the air and flue-gas clauses come to for an hour.
"""

from collections.abc import Sequence
from typing import NamedTuple

from protocols import quality
from protocols.worth import is_usable


class Rule(NamedTuple):
    """The least: `hour`, minutes of 60; `day`, hours of 24; `month`, days (`february`, of that month); `year`, days,
    and of each of its months `year_month` (`year_february`). None: 75 % of the days there are."""

    title: str
    clause: str
    minute_percent: int = 75
    hour: int = 45
    day: int = 18
    month: int | None = None
    february: int | None = None
    year: int | None = None
    year_month: int = 0
    year_february: int = 0

    def is_year(self, months: Sequence[int], days: int) -> bool:
        """Whether valid days of these `months` (1..12, one for each day) make a year of so many days."""
        least = share(75, 100, days) if self.year is None else self.year
        return len(months) >= least and all(
            months.count(month) >= (self.year_february if month == 2 else self.year_month) for month in range(1, 13)
        )


_GB_3095 = "GB 3095-2026, 6.4 table 4"

RULES: dict[str, Rule] = {
    "gas": Rule(
        "gases in ambient air", f"{_GB_3095}; minute and month: ours, the month as it must be for the year",
        hour=45, day=20, month=27, february=25, year=324, year_month=27, year_february=25,
    ),
    "particles": Rule(
        "PM10, PM2.5", f"{_GB_3095}; the table has no hour of them: 45 min, ours",
        hour=45, day=20, month=27, february=25, year=324, year_month=27, year_february=25,
    ),
    "tsp": Rule(
        "TSP, BaP, Pb", f"{_GB_3095}: 24 h a day, 60 days a year, 5 of each month; hour: ours",
        hour=45, day=24, month=5, february=5, year=60, year_month=5, year_february=5,
    ),
    "flue_gas": Rule("stack gas", "HJ 212-2017 annex D: 45 minutes, 20 hours; beyond: ours", day=20),
    "generic": Rule("water, weather, soil", "ours: 75 %"),
}  # fmt: skip

# Which rule a quantity has unless the site file says otherwise; all others: generic.
RULE_OF = {
    "ozone": "gas", "nitrogen_dioxide": "gas", "nitric_oxide": "gas", "nitrogen_oxides": "gas",
    "carbon_monoxide": "gas", "sulfur_dioxide": "gas",
    "pm2_5": "particles", "pm10": "particles", "pm1": "particles", "tsp": "tsp",
}  # fmt: skip

# O3: a mean of 8 hours needs 6 of them (GB 3095-2026, 6.4 table 4), the daily maximum 14 such means of the 17 that end
# from 8:00 to 24:00 (HJ 663-2013; its text was not to be had: from memory)
EIGHT_HOURS_NEED = 6
MDA8_NEED = 14


def is_good(value: int | None, flags: int) -> bool:
    """Whether a reading counts: a suspect one does, one that failed or whose time is a guess does not."""
    return value is not None and is_usable(flags) and not flags & quality.CLOCK


def share(need: int, of: int, expected: int) -> int:
    """`need` out of `of`, for a channel of which no more than `expected` can be had: 20 of 24 hours are 5 of 6."""
    return max(1, -(-need * expected // of))
