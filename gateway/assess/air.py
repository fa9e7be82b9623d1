"""Knows how hours of air become AQI of hours and days; knows no file."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from gateway.assess.hours import Hour, by_place, hour_of_day, local_day
from gateway.assess.verdict import DAY, HOUR, Verdict
from gateway.process.air import index, limits, reference
from gateway.process.air.editions import EDITIONS, GASES, POLLUTANTS, Edition, edition_on
from gateway.process.number import rounded
from gateway.process.water.oxygen import pressure_at
from gateway.site.assessing import Assess

# GB 3095-2026, 6.4 table 4: 20 hours a day, 6 of 8 hours. 14 of the 17 means of 8 hours: HJ 663-2013, from memory.
_DAY_HOURS, _EIGHT_NEED, _MDA8_NEED = 20, 6, 14


def edition_for(assess: Assess, day: str) -> Edition:
    return edition_on(date.fromisoformat(day)) if assess.hj633 is None else EDITIONS[assess.hj633]


def verdicts(hours: Sequence[Hour], assess: Assess, altitude_m: float | None) -> list[Verdict]:
    """Hours, then days, of each place in turn; days only of places that have more than one hour."""
    found = []
    for _, rows in by_place(hours):
        ready = [row._replace(values=at_reference(row.values, assess, altitude_m)) for row in rows]
        found += [_hour(row, assess) for row in ready]
        if len(rows) > 1:
            found += _days(ready, assess)
    return found


def at_reference(
    values: dict[str, Decimal | None], assess: Assess, altitude_m: float | None
) -> dict[str, Decimal | None]:
    """Gases at 298.15 K and 1013.25 hPa; where they come at the station's own state, by its own pressure (without a
    barometer: of its altitude) and temperature."""
    if assess.gases == "reference":
        return values
    hpa = values.get("hpa") or (None if altitude_m is None else pressure_at(altitude_m))
    ready = dict(values)
    for gas in GASES:
        if gas in ready:
            found = reference.to_reference(gas, ready[gas], hpa, values.get("air_c"))
            ready[gas] = None if found is None else Decimal(str(found))
    return ready


def _hour(row: Hour, assess: Assess) -> Verdict:
    day = local_day(row.start_ms, assess.zone_h)
    edition = edition_for(assess, day)
    values = {f"{name}_1h": row.values.get(name) for name in POLLUTANTS}
    return _verdict(row, HOUR, day, edition, values, index.hour(edition, values, assess.waived), None, assess)


def _days(rows: Sequence[Hour], assess: Assess) -> list[Verdict]:
    days: dict[str, list[Hour]] = {}
    for row in rows:
        days.setdefault(local_day(row.start_ms, assess.zone_h), []).append(row)
    found = []
    for day, members in days.items():
        edition = edition_for(assess, day)
        values: dict[str, Decimal | None] = {}
        counts = {}
        for name in POLLUTANTS:
            hourly = [(hour_of_day(row.start_ms, assess.zone_h), row.values.get(name)) for row in members]
            known = {hour: value for hour, value in hourly if value is not None}
            counts[name] = len(known)
            values[f"{name}_24h"] = _mean(name, list(known.values())) if len(known) >= _DAY_HOURS else None
            if name == "O3":
                values["O3_8h"] = mda8(known)
                values["O3_1h"] = max(known.values()) if len(known) >= _DAY_HOURS else None
        asked = [name for name in POLLUTANTS if name not in assess.waived]
        have = min(counts[name] for name in asked)
        judged = index.day(edition, values, assess.waived)
        whole = members[0]._replace(published=None)
        found.append(_verdict(whole, DAY, day, edition, values, judged, have, assess))
    return found


def mda8(hours: dict[int, Decimal]) -> Decimal | None:
    """Greatest mean of 8 hours that ends from 8:00 to 24:00; `hours`: 0..23 -> ug/m3."""
    means = []
    for end in range(8, 25):
        members = [hours[hour] for hour in range(end - 8, end) if hour in hours]
        if len(members) >= _EIGHT_NEED:
            means.append(_mean("O3", members))
    return max(means) if len(means) >= _MDA8_NEED else None


def _mean(name: str, values: Sequence[Decimal]) -> Decimal:
    """Means keep whole ug/m3, CO one decimal (HJ 663-2013, from memory; HJ 633-2026 says so of what it is given)."""
    return rounded(sum(values, Decimal(0)) / len(values), 1 if name == "CO" else 0)


def _verdict(
    row: Hour,
    period: str,
    day: str,
    edition: Edition,
    values: dict[str, Decimal | None],
    judged: index.Index,
    have: int | None,
    assess: Assess,
) -> Verdict:
    over = [limits.over(item, value, assess.air_grade, date.fromisoformat(day)) for item, value in values.items()]
    notes = tuple(("assess.over_limit", f"{one.item} +{one.times:.2f}") for one in over if one is not None)
    asked = len(POLLUTANTS) - len(assess.waived)
    return Verdict(
        "air", period, row.place, row.label, row.start_ms, judged.state, judged.aqi, judged.level, judged.primary,
        len(judged.each) if have is None else have, asked if have is None else 24, judged.missing, notes,
        {item: float(value) for item, value in values.items() if value is not None}, row.published, edition.name,
    )  # fmt: skip
