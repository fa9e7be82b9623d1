"""Knows how hours in the store become AQI and classes beside them; knows the shape of rows, no standard's rule.

Rows of `air_hour`, `air_day`, `water_hour` and `water_day`, at the start of their period, and of `air_month` and
`air_year` with the share of good days and the means. They are written again, as the aggregates are, when late data
change them. What is in them: judgement.py.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from gateway.process.air import report
from gateway.process.air.editions import POLLUTANTS
from gateway.process.items import in_unit, is_fraction
from gateway.process.judgement import (
    AIR,
    WATER,
    Judged,
    air_cells,
    air_channels,
    has_sonde,
    longer_cells,
    longer_channels,
    water_cells,
    water_channels,
)
from gateway.process.periods import DAY, HOUR, HOUR_MS, MONTH, YEAR, Calendar
from gateway.process.places import Places
from gateway.process.stage import Past, Row, Series
from gateway.process.water import day
from protocols import quality


class Indices:
    """The Stage that takes hours and gives judgements."""

    def __init__(
        self, past: Past, judged: Judged, calendar: Calendar, grace_ms: int, levels: Sequence[str] = ()
    ) -> None:
        self._past = past
        self._judged = judged
        self._calendar = calendar
        self._grace_ms = grace_ms
        self._places = Places(past)  # by item
        self._hours: set[int] = set()
        self._days: set[int] = set()
        self._spans: set[tuple[str, int]] = set()  # months and years that are to be made again
        self._span_levels = [level for level in (MONTH, YEAR) if level in levels]
        self._items = {*judged.items.values()}
        self._subjects = [
            name for name, wanted in ((AIR, POLLUTANTS), (WATER, judged.factors)) if not self._items.isdisjoint(wanted)
        ]
        self.since_seq = math.inf  # it needs no collected row

    @property
    def due_ms(self) -> float:
        if self._hours:
            return -math.inf
        open_ones = {(DAY, start) for start in self._days} | self._spans
        return min((self._due_ms(*one) for one in open_ones), default=math.inf)

    def _due_ms(self, level: str, start_ms: int) -> int:
        return self._calendar.end(level, start_ms) + self._grace_ms

    def step(self, row: Row) -> tuple[Row, ...]:
        if row.series.source == HOUR:
            for place, (name, _, _) in enumerate(row.series.channels):
                item = self._judged.items.get(name)
                if item is not None:
                    self._places.note(item, row.series, place)
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
                self._spans |= {(level, self._calendar.start(level, start_ms)) for level in self._span_levels}
            if end_ms + self._grace_ms <= unix_ms:
                self._days.discard(start_ms)
                hours = {(at - start_ms) // HOUR_MS: self._values(at) for at in range(start_ms, end_ms, HOUR_MS)}
                for subject in self._subjects:
                    usual = self._judged.water_hours
                    whole = report.day_values(hours) if subject == AIR else day.day_values([*hours.values()], usual)
                    yield from self._written(subject, DAY, start_ms, whole)
        for level, start_ms in sorted(one for one in self._spans if self._due_ms(*one) <= unix_ms):
            self._spans.discard((level, start_ms))
            yield from self._longer(level, start_ms)

    def _longer(self, level: str, start_ms: int) -> Iterator[Row]:
        of_days = Series(f"{AIR}_{DAY}", air_channels(DAY))
        end_ms = self._calendar.end(level, start_ms)
        rows = self._past.between(of_days, start_ms, end_ms)
        days = [(self._calendar.month(row.unix_ms), row.cells) for row in rows]
        cells = longer_cells(self._judged, level, self._local_day(end_ms - 1), days)
        yield from self._new(Row(Series(f"{AIR}_{level}", longer_channels(level)), start_ms, cells))

    def _values(self, start_ms: int) -> dict[str, Decimal | None]:
        """What was measured in that hour, in the standards' units and state."""
        found: dict[str, Decimal | None] = {}
        fractions = []  # in_unit() has them at the state of reference already
        for item, ((_, unit, decimals), (value, flags)) in self._places.at(self._items, start_ms).items():
            is_valid = value is not None and not flags & quality.FEW
            found[item] = in_unit(item, Decimal(value or 0).scaleb(-decimals), unit) if is_valid else None
            if is_fraction(item, unit):
                fractions.append(item)
        if self._judged.gases_are_actual:
            ready = report.at_reference(found, found.get("hpa") or self._judged.hpa, found.get("air_c"))
            return ready | {item: found[item] for item in fractions}
        return found

    def _written(self, subject: str, level: str, start_ms: int, values: Mapping[str, Decimal | None]) -> Iterator[Row]:
        if subject == AIR:
            today = self._local_day(start_ms)
            cells = air_cells(self._judged, level, today, report.hour_values(values) if level == HOUR else values)
            series = Series(f"{AIR}_{level}", air_channels(level))
        else:
            cells = water_cells(self._judged, values)
            series = Series(f"{WATER}_{level}", water_channels(has_sonde(self._judged), self._judged.factors))
        yield from self._new(Row(series, start_ms, cells))

    def _new(self, row: Row) -> Iterator[Row]:
        known = self._past.at(row.series, row.unix_ms)
        if known is None or known.cells != row.cells:
            yield row

    def _local_day(self, start_ms: int) -> date:
        return datetime.fromtimestamp((start_ms + self._calendar.zone_ms) / 1000, UTC).date()
