"""Knows how concentrations become IAQI, AQI, primary pollutant and level (HJ 633); knows no means and no time."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import NamedTuple

from gateway.process.air.editions import COLUMN, IAQI, LEVELS, POLLUTANTS, Edition, decimals_of, pollutant_of
from gateway.process.enough import ENOUGH, NOT_ENOUGH, PARTIAL
from gateway.process.number import Number, amount, exact, rounded

_PRIMARY_ABOVE = 50  # HJ 633-2012, 4.4.1; the same in 2026
_BEYOND = 200  # where the column of SO2 of an hour ends; ours for 2012, which has no word
_EXCEEDING_ABOVE = 100  # HJ 633-2012, 4.4.2; the word is gone in 2026, the limit of grade 2 is not


class Index(NamedTuple):
    """`aqi` is None where none stands. `level` 1..6. `each`: IAQI by pollutant. `missing`: pollutants without value."""

    state: str
    aqi: int | None
    level: int | None
    primary: tuple[str, ...]
    exceeding: tuple[str, ...]
    each: dict[str, int]
    missing: tuple[str, ...]
    edition: str


def iaqi(edition: Edition, item: str, concentration: Number | None) -> int | None:
    """Of "PM2.5_24h" and so on, rounded up; None: no value, or one that this edition does not compute."""
    value = exact(concentration)
    if value is not None and edition.rounds:
        value = rounded(value, decimals_of(item))
    if value is None or value < 0:
        return None
    points = edition.points[COLUMN.get(item, item)]
    if value > points[-1]:
        return edition.beyond.get(item, IAQI[-1])
    over, under = value.as_integer_ratio()
    place = next(number for number, high in enumerate(points) if over <= high * under)
    if place == 0:
        return IAQI[0]
    low, high = points[place - 1], points[place]
    rise = (IAQI[place] - IAQI[place - 1]) * (over - low * under)
    return IAQI[place - 1] - (-rise // ((high - low) * under))


def level(aqi: int | None) -> int | None:
    """1..6, of HJ 633 table 1."""
    if aqi is None or aqi < 0:
        return None
    return next((number for number, row in enumerate(LEVELS, 1) if aqi <= row[0]), len(LEVELS))


def hour(edition: Edition, values: Mapping[str, Number | None], waived: Collection[str] = ()) -> Index:
    """The real-time report: `values` of "SO2_1h".. (and "SO2_24h" for 2012's rule above 800)."""
    return _index(edition, edition.hour, edition.hour_gap, values, waived)


def day(edition: Edition, values: Mapping[str, Number | None], waived: Collection[str] = ()) -> Index:
    """The daily report: day means and "O3_8h", the greatest mean of 8 hours ("O3_1h", the greatest hour, in 2012).

    `waived`: pollutants that the station does not measure and that were never primary on a polluted day for three
    years (HJ 633-2026, 5.3.2); that they were not is the site's word."""
    return _index(edition, edition.day, edition.day_gap, values, waived)


def _index(
    edition: Edition,
    items: tuple[str, ...],
    gap: int | None,
    values: Mapping[str, Number | None],
    waived: Collection[str],
) -> Index:
    each: dict[str, int] = {}
    beyond = False
    for item in items:
        found = iaqi(edition, item, values.get(item))
        if found is None and _is_beyond(edition, item, values.get(item)):
            instead = edition.instead[item]
            found = iaqi(edition, instead, values.get(instead))
            beyond = beyond or found is None
        if found is not None:
            pollutant = pollutant_of(item)
            each[pollutant] = max(found, each.get(pollutant, 0))
    missing = tuple(name for name in POLLUTANTS if name not in each and name not in waived)
    top = max(each.values(), default=None)
    none = Index(NOT_ENOUGH, None, None, (), (), each, missing, edition.name)
    # air with so much of one pollutant that its column ends is not called good by the others
    if top is None or (missing and gap is not None and top <= gap) or (beyond and top <= _BEYOND):
        return none
    primary = tuple(name for name in POLLUTANTS if top > _PRIMARY_ABOVE and each.get(name) == top)
    exceeding = tuple(name for name in POLLUTANTS if each.get(name, 0) > _EXCEEDING_ABOVE)
    return Index(PARTIAL if missing else ENOUGH, top, level(top), primary, exceeding, each, missing, edition.name)


def _is_beyond(edition: Edition, item: str, concentration: Number | None) -> bool:
    value: Decimal | None = amount(concentration)
    return item in edition.instead and value is not None and value > edition.points[item][-1]
