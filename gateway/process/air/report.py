"""Knows which means of a day's hours a daily report of air is made of; knows no index.

GB 3095-2026, 6.4 table 4: 20 hours a day, 6 of 8. 14 of the 17 means of 8 hours, and how many digits means keep: HJ
663-2013, from memory (HJ 633-2026 says the same of what it is given).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from gateway.process.air.editions import POLLUTANTS
from gateway.process.air.reference import to_reference
from gateway.process.number import Number, rounded
from gateway.process.validity import EIGHT_HOURS_NEED, MDA8_NEED, RULES

_DAY_HOURS = RULES["gas"].day

Values = Mapping[str, Decimal | None]


def at_reference(values: Values, hpa: Number | None, celsius: Number | None) -> dict[str, Decimal | None]:
    """Pollutants that came at the station's own state, as GB 3095 wants them; none without pressure and temperature."""
    ready = dict(values)
    for name in POLLUTANTS:
        if name in ready:
            found = to_reference(name, ready[name], hpa, celsius)
            ready[name] = None if found is None else Decimal(str(found))
    return ready


def hour_values(values: Values) -> dict[str, Decimal | None]:
    """Pollutant -> mean of an hour, named as the items of HJ 633."""
    return {f"{name}_1h": values.get(name) for name in POLLUTANTS}


def day_values(hours: Mapping[int, Values]) -> dict[str, Decimal | None]:
    """Of the hours 0..23 of a day in local time; what has too few is None."""
    found: dict[str, Decimal | None] = {}
    for name in POLLUTANTS:
        known = known_hours(hours, name)
        is_enough = len(known) >= _DAY_HOURS
        found[f"{name}_24h"] = _mean(name, list(known.values())) if is_enough else None
        if name == "O3":
            found["O3_8h"] = mda8(known)
            found["O3_1h"] = max(known.values()) if is_enough else None
    return found


def known_hours(hours: Mapping[int, Values], name: str) -> dict[int, Decimal]:
    return {hour: value for hour, values in hours.items() if (value := values.get(name)) is not None}


def mda8(hours: Mapping[int, Decimal]) -> Decimal | None:
    """Greatest mean of 8 hours that ends from 8:00 to 24:00."""
    means = []
    for end in range(8, 25):
        members = [hours[hour] for hour in range(end - 8, end) if hour in hours]
        if len(members) >= EIGHT_HOURS_NEED:
            means.append(_mean("O3", members))
    return max(means) if len(means) >= MDA8_NEED else None


def _mean(name: str, values: Sequence[Decimal]) -> Decimal:
    """Whole ug/m3, CO one decimal of mg/m3."""
    return rounded(sum(values, Decimal(0)) / len(values), 1 if name == "CO" else 0)
