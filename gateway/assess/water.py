"""Knows how hours of water become classes of hours and days; knows no file."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from statistics import median

from gateway.assess.hours import Hour, by_place, local_day
from gateway.assess.verdict import DAY, HOUR, Verdict
from gateway.process.number import Number
from gateway.process.periods import HOUR_MS
from gateway.process.water import oxygen
from gateway.process.water.day import day_values
from gateway.process.water.grade import LAKE, altitude, grade
from gateway.process.water.tables import CLAUSE
from gateway.site.assessing import Assess

_ITEMS = ("pH", "DO", "CODMn", "COD", "BOD5", "NH3N", "TP", "TN", "F")


def verdicts(hours: Sequence[Hour], assess: Assess, altitude_m: float | None) -> list[Verdict]:
    """Hours, then days, of each place in turn; days only of places that have more than one hour."""
    found = []
    for _, rows in by_place(hours):
        refers = sonde(rows, altitude_m)
        found += [_verdict(row, HOUR, row.values, refers, len(row.values), assess, altitude_m) for row in rows]
        if len(rows) > 1:
            found += _days(rows, refers, assess, altitude_m)
    return found


def sonde(rows: Sequence[Hour], altitude_m: float | None) -> str:
    """Of which pressure the place's sonde reports its per cent."""
    hpa = [value for row in rows if (value := row.values.get("hpa")) is not None]
    station = float(median(hpa)) if hpa else None if altitude_m is None else oxygen.pressure_at(altitude_m)
    readings = [(row.values.get("DO"), row.values.get("DO_percent"), row.values.get("water_c")) for row in rows]
    return oxygen.refers_to(readings, station)


def _days(rows: Sequence[Hour], refers: str, assess: Assess, altitude_m: float | None) -> list[Verdict]:
    steps = [later.start_ms - row.start_ms for row, later in pairwise(rows)]
    usual = max(1, round(24 * HOUR_MS / max(median(steps), HOUR_MS)))
    days: dict[str, list[Hour]] = {}
    for row in rows:
        days.setdefault(local_day(row.start_ms, assess.zone_h), []).append(row)
    found = []
    for members in days.values():
        values = day_values([row.values for row in members], usual)
        asked = [name for name in assess.factors if any(row.values.get(name) is not None for row in members)]
        counts = [sum(row.values.get(name) is not None for row in members) for name in asked]
        day = members[0]._replace(published=None)
        one = _verdict(day, DAY, values, refers, min(counts, default=0), assess, altitude_m)
        found.append(one._replace(want=usual))
    return found


def kind_of(row: Hour, assess: Assess) -> str:
    return LAKE if row.is_lake else assess.water


def _verdict(
    row: Hour,
    period: str,
    values: dict[str, Decimal | None],
    refers: str,
    have: int,
    assess: Assess,
    altitude_m: float | None,
) -> Verdict:
    celsius = values.get("water_c")
    hpa: Number | None = values.get("hpa") or (None if altitude_m is None else oxygen.pressure_at(altitude_m))
    share: Number | None = oxygen.percent(values.get("DO"), celsius, hpa)
    notes = []
    kind = kind_of(row, assess)
    judged = grade(values, kind, assess.target, share, assess.factors, assess.needed)
    notes += [
        ("over_target", one.factor if one.times is None else f"{one.factor} +{one.times:.2f}")
        for one in judged.exceeding
    ]
    full = oxygen.saturation_mgl(celsius, hpa)
    high = altitude(full, oxygen.saturation_mgl(celsius, oxygen.SEA_HPA), assess.target)
    if share is not None:
        notes.append(("saturation", f"{float(share):.0f}"))
    if high is not None and high.is_limited and full is not None:
        notes.append(("by_altitude", f"{full:.2f}"))
    if refers == oxygen.SEA_LEVEL and values.get("DO_percent") is not None:
        local = oxygen.local_percent(values["DO_percent"], celsius, hpa)
        notes.append(("sonde", f"{values['DO_percent']:.0f} -> {'?' if local is None else f'{local:.0f}'}"))
    shown = {name: float(value) for name in _ITEMS if (value := values.get(name)) is not None}
    if period == HOUR:
        have = len(judged.each)
    return Verdict(
        "water", period, row.place, row.label, row.start_ms, judged.state, judged.cls, judged.cls, judged.limiting,
        have, len(assess.factors), judged.missing, tuple(notes), shown, row.published, f"{CLAUSE}, {kind}",
    )  # fmt: skip
