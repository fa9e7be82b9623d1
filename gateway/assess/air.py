"""Knows how hours of air become AQI of hours and days; knows no file."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from gateway.assess.hours import Hour, by_place, hour_of_day, local_day
from gateway.assess.verdict import DAY, HOUR, Verdict
from gateway.process.air import index, limits, report
from gateway.process.air.editions import EDITIONS, POLLUTANTS, Edition, edition_on
from gateway.process.water.oxygen import pressure_at
from gateway.site.assessing import Assess


def edition_for(assess: Assess, day: str) -> Edition:
    return edition_on(date.fromisoformat(day)) if assess.hj633 is None else EDITIONS[assess.hj633]


def verdicts(hours: Sequence[Hour], assess: Assess, altitude_m: float | None) -> list[Verdict]:
    """Hours, then days, of each place in turn; days only of places that have more than one hour."""
    found = []
    for _, rows in by_place(hours):
        ready = [row._replace(values=_at_reference(row.values, assess, altitude_m)) for row in rows]
        found += [_hour(row, assess) for row in ready]
        if len(rows) > 1:
            found += _days(ready, assess)
    return found


def _at_reference(
    values: dict[str, Decimal | None], assess: Assess, altitude_m: float | None
) -> dict[str, Decimal | None]:
    """Without a barometer the pressure is that of the altitude."""
    if assess.gases == "reference":
        return values
    hpa = values.get("hpa") or (None if altitude_m is None else pressure_at(altitude_m))
    return report.at_reference(values, hpa, values.get("air_c"))


def _hour(row: Hour, assess: Assess) -> Verdict:
    day = local_day(row.start_ms, assess.zone_h)
    edition = edition_for(assess, day)
    values = report.hour_values(row.values)
    return _verdict(row, HOUR, day, edition, values, index.hour(edition, values, assess.waived), None, assess)


def _days(rows: Sequence[Hour], assess: Assess) -> list[Verdict]:
    days: dict[str, list[Hour]] = {}
    for row in rows:
        days.setdefault(local_day(row.start_ms, assess.zone_h), []).append(row)
    found = []
    for day, members in days.items():
        edition = edition_for(assess, day)
        hours = {hour_of_day(row.start_ms, assess.zone_h): row.values for row in members}
        values = report.day_values(hours)
        counts = {name: len(report.known_hours(hours, name)) for name in POLLUTANTS}
        asked = [name for name in POLLUTANTS if name not in assess.waived]
        have = min(counts[name] for name in asked)
        judged = index.day(edition, values, assess.waived)
        whole = members[0]._replace(published=None)
        found.append(_verdict(whole, DAY, day, edition, values, judged, have, assess))
    return found


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
    notes = tuple(("over_limit", f"{one.item} +{one.times:.2f}") for one in over if one is not None)
    asked = len(POLLUTANTS) - len(assess.waived)
    return Verdict(
        "air", period, row.place, row.label, row.start_ms, judged.state, judged.aqi, judged.level, judged.primary,
        len(judged.each) if have is None else have, asked if have is None else 24, judged.missing, notes,
        {item: float(value) for item, value in values.items() if value is not None}, row.published, edition.name,
    )  # fmt: skip
