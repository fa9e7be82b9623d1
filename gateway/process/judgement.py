"""Knows which cells a judgement of air or water has, and how it comes to them; knows no store and no time but a day.

Where there is not enough data they have no value and quality 1048576 (few); with it, a value is of less than all items.
A set of names is a number: 1 for the first of POLLUTANTS or of the site's factors, 2 for the second, 4, 8..
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from gateway.process.air import attainment, evaluation, index, limits
from gateway.process.air.editions import POLLUTANTS, Edition, edition_on
from gateway.process.enough import ENOUGH
from gateway.process.number import Number, exact, rounded
from gateway.process.periods import DAY, HOUR, MONTH, YEAR
from gateway.process.stage import Cell, Named
from gateway.process.water import oxygen
from gateway.process.water.grade import NO_MULTIPLE, Grade, altitude, grade
from protocols import quality

AIR, WATER = "air", "water"
_PLAIN = "1"
_FEW: Cell = (None, quality.FEW)
_DECIMALS = 1  # of a concentration, CO two more; ours: an hour's after its conversion has as many as anybody can use


class Judged(NamedTuple):
    """By what a place is judged. `items`: channel -> item; `edition` None: that of the day; `hpa`: of its altitude,
    where it has no barometer; `water_hours`: hours a day that its water is measured in."""

    items: Mapping[str, str]
    edition: Edition | None
    waived: Sequence[str]
    gases_are_actual: bool
    kind: str
    target: int
    factors: Sequence[str]
    needed: Sequence[str] | None
    hpa: float
    water_hours: int
    air_grade: int = 2  # of GB 3095


def has_sonde(judged: Judged) -> bool:
    """Whether something reports oxygen in per cent."""
    return "DO_percent" in judged.items.values()


def air_cells(judged: Judged, level: str, today: date, values: Mapping[str, Decimal | None]) -> tuple[Cell, ...]:
    """Of an hour or a day; `values` as report.py has them."""
    edition = judged.edition or edition_on(today)
    found = (index.hour if level == HOUR else index.day)(edition, values, judged.waived)
    worth = 0 if found.state == ENOUGH else quality.FEW
    each = [found.each.get(name) for name in POLLUTANTS]
    over = [item for item, value in values.items() if limits.over(item, value, judged.air_grade, today)]
    return (
        (found.aqi, worth),
        (found.level, worth),
        (None if found.aqi is None else bits(found.primary, POLLUTANTS), worth),
        *(_FEW if one is None else (one, 0) for one in each),
        (bits([item.partition("_")[0] for item in over], POLLUTANTS), worth),
        *(_concentration(name, values.get(f"{name}_{'1h' if level == HOUR else '24h'}")) for name in POLLUTANTS),
        *([_concentration("O3", values.get("O3_8h"))] if level == DAY else []),
    )


def air_channels(level: str) -> tuple[Named, ...]:
    names = [_lower(name) for name in POLLUTANTS]
    return (
        ("air.aqi", _PLAIN, 0),
        ("air.level", _PLAIN, 0),
        ("air.primary", _PLAIN, 0),
        *((f"air.iaqi_{name}", _PLAIN, 0) for name in names),
        ("air.over_limit", _PLAIN, 0),
        *_concentrations(),
        *([("air.o3_mda8", "ug/m3", _DECIMALS)] if level == DAY else []),
    )


def longer_cells(
    judged: Judged, level: str, today: date, days: Sequence[tuple[int, Sequence[Cell]]]
) -> tuple[Cell, ...]:
    """Of a month or a year whose last day is `today`, of its days' (month, cells)."""
    aqis = [cells[0][0] for _, cells in days]
    values = [(month, _day_values(cells)) for month, cells in days]
    if level == MONTH:
        share, figures = attainment.good_days_of_month(aqis, today.month), evaluation.of_month(values, today.month)
    else:
        share = attainment.good_days_of_year([(month, cells[0][0]) for month, cells in days])
        figures = evaluation.of_year(values)
    over = [
        name for name, value in figures.items()
        if limits.over(evaluation.limit_item(name), value, judged.air_grade, today)
    ]  # fmt: skip
    if level == YEAR:
        shares = evaluation.day_percentiles(values)
        over += [name for name, value in shares.items()
                 if name not in over and limits.over(f"{name}_24h", value, judged.air_grade, today)]  # fmt: skip
    lacks = any(figures[name] is None for name in POLLUTANTS if name not in judged.waived)
    return (
        _tenths(share.percent),
        (share.good, 0),
        (share.valid, 0),
        *(_concentration(name, figures[name]) for name in POLLUTANTS),
        *([(bits(over, POLLUTANTS), quality.FEW if lacks else 0)] if level == YEAR else []),  # no limit is of a month
    )


def longer_channels(level: str) -> tuple[Named, ...]:
    return (
        ("air.good_percent", "%", 1),
        ("air.good_days", "", 0),
        ("air.valid_days", "", 0),
        *((f"{name}_p{int(evaluation.PERCENTILE[one] * 100)}" if one in evaluation.PERCENTILE else name, unit, decimals)
          for one, (name, unit, decimals) in zip(POLLUTANTS, _concentrations(), strict=True)),
        *([("air.over_limit", _PLAIN, 0)] if level == YEAR else []),
    )  # fmt: skip


def _day_values(cells: Sequence[Cell]) -> dict[str, Decimal | None]:
    """What air_cells() made of a day; of O3 the greatest 8 hours."""
    first = len(air_channels(DAY)) - len(POLLUTANTS) - 1
    named = dict(zip(POLLUTANTS, cells[first:-1], strict=True)) | {"O3": cells[-1]}
    return {
        name: None if value is None else Decimal(value).scaleb(-_decimals(name)) for name, (value, _) in named.items()
    }


def _concentrations() -> tuple[Named, ...]:
    return tuple((f"air.{_lower(name)}", "mg/m3" if name == "CO" else "ug/m3", _decimals(name)) for name in POLLUTANTS)


def _concentration(name: str, value: Decimal | None) -> Cell:
    return _FEW if value is None else (int(rounded(value, _decimals(name)).scaleb(_decimals(name))), 0)


def _decimals(name: str) -> int:
    return _DECIMALS + 2 if name == "CO" else _DECIMALS


def _lower(name: str) -> str:
    return name.lower().replace(".", "_")


def water_cells(judged: Judged, values: Mapping[str, Decimal | None]) -> tuple[Cell, ...]:
    hpa: Number = values.get("hpa") or judged.hpa
    share = oxygen.percent(values.get("DO"), values.get("water_c"), hpa)
    found = grade(values, judged.kind, judged.target, share, judged.factors, judged.needed)
    worth = 0 if found.state == ENOUGH else quality.FEW
    return (
        (found.cls, worth),
        (None if found.cls is None else bits(found.limiting, judged.factors), worth),
        (bits([one.factor for one in found.exceeding], judged.factors), worth),
        _tenths(share),
        _by_altitude(judged.target, values, hpa),
        *(_times(name, found) for name in judged.factors if name not in NO_MULTIPLE),
        *(_sonde(values, hpa) if has_sonde(judged) else ()),
    )


def water_channels(has_sonde: bool, factors: Sequence[str]) -> tuple[Named, ...]:
    times = tuple((f"water.times_{name.lower()}", _PLAIN, 2) for name in factors if name not in NO_MULTIPLE)
    sonde = (("water.sonde_is_of_1atm", _PLAIN, 0), ("water.sonde_saturation", "%", 1)) if has_sonde else ()
    return (
        ("water.class", _PLAIN, 0),
        ("water.limiting", _PLAIN, 0),
        ("water.over_target", _PLAIN, 0),
        ("water.saturation", "%", 1),
        ("water.by_altitude", _PLAIN, 0),
        *times,
        *sonde,
    )


def _times(factor: str, found: Grade) -> Cell:
    """By how many times the target's limit it is over it."""
    if factor not in found.each:
        return _FEW
    over = next((one.times for one in found.exceeding if one.factor == factor), None)
    return int(rounded(exact(over) or Decimal(0), 2).scaleb(2)), 0


def _by_altitude(target: int, values: Mapping[str, Decimal | None], hpa: Number) -> Cell:
    """Whether saturated water has less oxygen here than the target asks for, and would not at the sea."""
    celsius = values.get("water_c")
    full, at_sea = oxygen.saturation_mgl(celsius, hpa), oxygen.saturation_mgl(celsius, oxygen.SEA_HPA)
    found = altitude(full, at_sea, target)
    return _FEW if found is None else (int(found.is_limited), 0)


def _sonde(values: Mapping[str, Decimal | None], hpa: Number) -> tuple[Cell, Cell]:
    """Whether its per cent are of 1 atm, and what they are at the station's pressure."""
    told, celsius = values.get("DO_percent"), values.get("water_c")
    refers = oxygen.refers_to([(values.get("DO"), told, celsius)], hpa)
    if refers == oxygen.UNDECIDED:
        return _FEW, _FEW
    is_of_sea = refers == oxygen.SEA_LEVEL
    return (int(is_of_sea), 0), _tenths(oxygen.local_percent(told, celsius, hpa) if is_of_sea else told)


def _tenths(value: Number | None) -> Cell:
    return _FEW if value is None else (round(value * 10), 0)


def bits(names: Sequence[str], order: Sequence[str]) -> int:
    return sum(1 << place for place, name in enumerate(order) if name in names)
