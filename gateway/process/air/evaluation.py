"""Knows how days of air become a month's and a year's figures; knows no row.

The means of SO2, NO2, PM10 and PM2.5, the 95th percentile of CO's days and the 90th of O3's greatest 8 hours, with the
digits of HJ 663-2013: from memory, its text was not to be had. How many days there must be: GB 3095-2026, 6.4 table 4.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from gateway.process.air.editions import POLLUTANTS
from gateway.process.number import rounded
from gateway.process.validity import RULES

PERCENTILE = {"CO": Decimal("0.95"), "O3": Decimal("0.9")}
YEAR_SHARE = {"SO2": Decimal("0.98"), "NO2": Decimal("0.98"), "PM10": Decimal("0.95"), "PM2.5": Decimal("0.95")}
_DAY_LIMIT = {"CO": "CO_24h", "O3": "O3_8h"}  # what a percentile is held against
_RULE = RULES["gas"]  # PM10 and PM2.5 have the same

Days = Sequence[tuple[int, Mapping[str, Decimal | None]]]  # (month 1..12, by pollutant: that day's value)


def of_month(days: Days, month: int) -> dict[str, Decimal | None]:
    """By pollutant; None: too few days."""
    least = (_RULE.february if month == 2 else _RULE.month) or 1
    found = {name: _known(days, name) for name in POLLUTANTS}
    return {name: _figure(name, [value for _, value in one]) if len(one) >= least else None
            for name, one in found.items()}  # fmt: skip


def of_year(days: Days) -> dict[str, Decimal | None]:
    found: dict[str, Decimal | None] = {}
    for name in POLLUTANTS:
        known = _known(days, name)
        is_enough = _RULE.is_year([month for month, _ in known], 365)
        found[name] = _figure(name, [value for _, value in known]) if is_enough else None
    return found


def day_percentiles(days: Days) -> dict[str, Decimal | None]:
    """What of a year is held against the limits of a day, besides its means (HJ 663, table 1; that both must be kept is
    from memory of HJ 663-2013)."""
    found: dict[str, Decimal | None] = {}
    for name, share in YEAR_SHARE.items():
        known = _known(days, name)
        is_enough = _RULE.is_year([month for month, _ in known], 365)
        found[name] = rounded(percentile([value for _, value in known], share), 0) if is_enough else None
    return found


def limit_item(name: str) -> str:
    """As which item of GB 3095 a year's figure is held against a limit."""
    return _DAY_LIMIT.get(name, f"{name}_annual")


def _known(days: Days, name: str) -> list[tuple[int, Decimal]]:
    return [(month, value) for month, values in days if (value := values.get(name)) is not None]


def _figure(name: str, values: Sequence[Decimal]) -> Decimal:
    share = PERCENTILE.get(name)
    figure = sum(values, Decimal(0)) / len(values) if share is None else percentile(values, share)
    return rounded(figure, 1 if name == "CO" else 0)


def percentile(values: Sequence[Decimal], share: Decimal) -> Decimal:
    """HJ 663-2013, annex A: between the two values at 1 + (n - 1) x share, in a straight line."""
    ordered = sorted(values)
    at = (len(ordered) - 1) * share
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)
