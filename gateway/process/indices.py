"""Knows how hours in the store become AQI and classes of hours and days; knows the shape of rows, no standard's rule.

Rows of `air_hour`, `air_day`, `water_hour` and `water_day`, at the start of their period, and of `air_month` and
`air_year` with the share of good days. They are written again, as
the aggregates are, when late data change them. Where there is not enough data they have no value and
quality 1048576 (few); with it, a value is of less than all items. A set of names is a number: 1 for the first of
POLLUTANTS or of the site's factors, 2 for the second, 4, 8..
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

from gateway.process.air import attainment, index, limits, report
from gateway.process.air.editions import POLLUTANTS, Edition, edition_on
from gateway.process.enough import ENOUGH
from gateway.process.items import in_unit
from gateway.process.number import Number, exact, rounded
from gateway.process.periods import DAY, HOUR, HOUR_MS, MONTH, YEAR, Calendar
from gateway.process.stage import Cell, Named, Past, Row, Series
from gateway.process.water import day, oxygen
from gateway.process.water.grade import NO_MULTIPLE, Grade, altitude, grade
from protocols import quality

AIR, WATER = "air", "water"
_PLAIN = "1"


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


class Indices:
    """The Stage that takes hours and gives judgements."""

    def __init__(
        self, past: Past, judged: Judged, calendar: Calendar, grace_ms: int, levels: Sequence[str] = ()
    ) -> None:
        self._past = past
        self._judged = judged
        self._calendar = calendar
        self._grace_ms = grace_ms
        self._at: dict[str, tuple[Series, int]] = {}  # item -> where its newest hours are
        self._hours: set[int] = set()
        self._days: set[int] = set()
        self._shares: set[tuple[str, int]] = set()  # months and years whose good days are to be counted again
        self._share_levels = [level for level in (MONTH, YEAR) if level in levels]
        items = {*judged.items.values()}
        self._has_sonde = "DO_percent" in items
        self._subjects = [
            name for name, wanted in ((AIR, POLLUTANTS), (WATER, judged.factors)) if not items.isdisjoint(wanted)
        ]
        self.since_seq = math.inf  # it needs no collected row

    @property
    def due_ms(self) -> float:
        if self._hours:
            return -math.inf
        open_ones = {(DAY, start) for start in self._days} | self._shares
        return min((self._due_ms(*one) for one in open_ones), default=math.inf)

    def _due_ms(self, level: str, start_ms: int) -> int:
        return self._calendar.end(level, start_ms) + self._grace_ms

    def step(self, row: Row) -> tuple[Row, ...]:
        if row.series.source == HOUR:
            for place, (name, _, _) in enumerate(row.series.channels):
                item = self._judged.items.get(name)
                if item is not None:
                    self._at[item] = row.series, place
                    self._hours.add(row.unix_ms)
        return ()

    def tick(self, unix_ms: int) -> Iterator[Row]:
        for start_ms in sorted(self._hours):
            values = self._values(start_ms)
            for subject in self._subjects:
                yield from self._written(subject, HOUR, start_ms, values)
            self._days.add(self._calendar.start(DAY, start_ms))
        self._hours.clear()
        for start_ms in sorted(self._days):
            end_ms = self._calendar.end(DAY, start_ms)
            if AIR in self._subjects:
                self._shares |= {(level, self._calendar.start(level, start_ms)) for level in self._share_levels}
            if end_ms + self._grace_ms <= unix_ms:
                self._days.discard(start_ms)
                hours = {(at - start_ms) // HOUR_MS: self._values(at) for at in range(start_ms, end_ms, HOUR_MS)}
                for subject in self._subjects:
                    usual = self._judged.water_hours
                    whole = report.day_values(hours) if subject == AIR else day.day_values([*hours.values()], usual)
                    yield from self._written(subject, DAY, start_ms, whole)
        for level, start_ms in sorted(one for one in self._shares if self._due_ms(*one) <= unix_ms):
            self._shares.discard((level, start_ms))
            yield from self._good_days(level, start_ms)

    def _good_days(self, level: str, start_ms: int) -> Iterator[Row]:
        days = self._past.between(
            Series(f"{AIR}_{DAY}", air_channels(DAY)), start_ms, self._calendar.end(level, start_ms)
        )
        aqis = [row.cells[0][0] for row in days]
        if level == MONTH:
            found = attainment.good_days_of_month(aqis, self._calendar.month(start_ms))
        else:
            found = attainment.good_days_of_year(aqis)
        share = (None, quality.FEW) if found.percent is None else (round(found.percent * 10), 0)
        yield from self._new(Row(Series(f"{AIR}_{level}", SHARE), start_ms, (share, (found.good, 0), (found.valid, 0))))

    def _values(self, start_ms: int) -> dict[str, Decimal | None]:
        """What was measured in that hour, in the standards' units and state."""
        found: dict[str, Decimal | None] = {}
        rows = {series: self._past.at(series, start_ms) for series in {series for series, _ in self._at.values()}}
        for item, (series, place) in self._at.items():
            row = rows[series]
            if row is None:
                continue
            value, flags = row.cells[place]
            _, unit, decimals = series.channels[place]
            is_valid = value is not None and not flags & quality.FEW
            found[item] = in_unit(item, Decimal(value or 0).scaleb(-decimals), unit) if is_valid else None
        if self._judged.gases_are_actual:
            return report.at_reference(found, found.get("hpa") or self._judged.hpa, found.get("air_c"))
        return found

    def _written(self, subject: str, level: str, start_ms: int, values: Mapping[str, Decimal | None]) -> Iterator[Row]:
        channels = air_channels(level) if subject == AIR else water_channels(self._has_sonde, self._judged.factors)
        cells = self._air(level, start_ms, values) if subject == AIR else self._water(values)
        yield from self._new(Row(Series(f"{subject}_{level}", channels), start_ms, cells))

    def _new(self, row: Row) -> Iterator[Row]:
        known = self._past.at(row.series, row.unix_ms)
        if known is None or known.cells != row.cells:
            yield row

    def _air(self, level: str, start_ms: int, values: Mapping[str, Decimal | None]) -> tuple[Cell, ...]:
        today = self._local_day(start_ms)
        edition = self._judged.edition or edition_on(today)
        if level == HOUR:
            values = report.hour_values(values)
            found = index.hour(edition, values, self._judged.waived)
        else:
            found = index.day(edition, values, self._judged.waived)
        worth = 0 if found.state == ENOUGH else quality.FEW
        each = [found.each.get(name) for name in POLLUTANTS]
        over = [item for item, value in values.items() if limits.over(item, value, self._judged.air_grade, today)]
        o3 = values.get("O3_8h")  # of a day alone; whole ug/m3
        greatest = ((None, quality.FEW) if o3 is None else (int(o3), 0),) if level == DAY else ()
        return (
            (found.aqi, worth),
            (found.level, worth),
            (None if found.aqi is None else bits(found.primary, POLLUTANTS), worth),
            *((one, quality.FEW if one is None else 0) for one in each),
            (bits([item.partition("_")[0] for item in over], POLLUTANTS), worth),
            *greatest,
        )

    def _water(self, values: Mapping[str, Decimal | None]) -> tuple[Cell, ...]:
        judged = self._judged
        hpa: Number = values.get("hpa") or judged.hpa
        share = oxygen.percent(values.get("DO"), values.get("water_c"), hpa)
        found = grade(values, judged.kind, judged.target, share, judged.factors, judged.needed)
        worth = 0 if found.state == ENOUGH else quality.FEW
        over = bits([one.factor for one in found.exceeding], judged.factors)
        return (
            (found.cls, worth),
            (None if found.cls is None else bits(found.limiting, judged.factors), worth),
            (over, worth),
            _tenths(share),
            self._by_altitude(values, hpa),
            *(self._times(name, found) for name in self._judged.factors if name not in NO_MULTIPLE),
            *(self._sonde(values, hpa) if self._has_sonde else ()),
        )

    def _times(self, factor: str, found: Grade) -> Cell:
        """By how many times the target's limit it is over it."""
        if factor not in found.each:
            return None, quality.FEW
        over = next((one.times for one in found.exceeding if one.factor == factor), None)
        return int(rounded(exact(over) or Decimal(0), 2).scaleb(2)), 0

    def _by_altitude(self, values: Mapping[str, Decimal | None], hpa: Number) -> Cell:
        """Whether saturated water has less oxygen here than the target asks for, and would not at the sea."""
        celsius = values.get("water_c")
        full, at_sea = oxygen.saturation_mgl(celsius, hpa), oxygen.saturation_mgl(celsius, oxygen.SEA_HPA)
        found = altitude(full, at_sea, self._judged.target)
        return (None, quality.FEW) if found is None else (int(found.is_limited), 0)

    def _sonde(self, values: Mapping[str, Decimal | None], hpa: Number) -> tuple[Cell, Cell]:
        """Whether its per cent are of 1 atm, and what they are at the station's pressure."""
        told, celsius = values.get("DO_percent"), values.get("water_c")
        refers = oxygen.refers_to([(values.get("DO"), told, celsius)], hpa)
        if refers == oxygen.UNDECIDED:
            return (None, quality.FEW), (None, quality.FEW)
        is_of_sea = refers == oxygen.SEA_LEVEL
        return (int(is_of_sea), 0), _tenths(oxygen.local_percent(told, celsius, hpa) if is_of_sea else told)

    def _local_day(self, start_ms: int) -> date:
        return datetime.fromtimestamp((start_ms + self._calendar.zone_ms) / 1000, UTC).date()


def bits(names: Sequence[str], order: Sequence[str]) -> int:
    return sum(1 << place for place, name in enumerate(order) if name in names)


SHARE: tuple[Named, ...] = (("air.good_percent", "%", 1), ("air.good_days", "", 0), ("air.valid_days", "", 0))


def _tenths(value: Number | None) -> Cell:
    return (None, quality.FEW) if value is None else (round(value * 10), 0)


def air_channels(level: str) -> tuple[Named, ...]:
    pollutants = tuple((f"air.iaqi_{name.lower().replace('.', '_')}", _PLAIN, 0) for name in POLLUTANTS)
    over = ("air.over_limit", _PLAIN, 0)
    greatest = (("air.o3_mda8", "ug/m3", 0),) if level == DAY else ()
    return (("air.aqi", _PLAIN, 0), ("air.level", _PLAIN, 0), ("air.primary", _PLAIN, 0), *pollutants, over, *greatest)


def water_channels(has_sonde: bool, factors: Sequence[str]) -> tuple[Named, ...]:
    """`has_sonde`: something reports oxygen in per cent."""
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
