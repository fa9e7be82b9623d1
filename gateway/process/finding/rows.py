"""Knows how hours and days in the store become findings beside them; knows no standard.

A finding is a row of source `hour` or `day` at the start of its period, as an aggregate is, so rules, platforms and
exports have it by name. With not enough data it has no value and quality 1048576 (few). Late data write it again.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from gateway.process.finding.kinds import DEPTH, KINDS, Found, scaled
from gateway.process.finding.spans import SPANS, Span, Stretch
from gateway.process.flow.rating import Curve, in_force
from gateway.process.number import exact, rounded
from gateway.process.periods import DAY, DAY_MS, HOUR, HOUR_MS, Calendar
from gateway.process.places import Places
from gateway.process.stage import Cell, Named, Past, Row, Series
from protocols import quality

_LENGTHS = {HOUR: HOUR_MS, DAY: DAY_MS}


class Finding(NamedTuple):
    """`channels`: input -> channel; `curves`: of a rating, each for its time; `base`: m3/s of each month, of a base
    flow; `limit`: the name of a limit of dust."""

    name: str
    by: str
    channels: Mapping[str, str]
    numbers: Mapping[str, float]
    curves: tuple[Curve, ...] = ()
    base: Sequence[float] = ()
    limit: str = ""


class Findings:
    """The Stage of all findings of a site; those further down may be made of those above, a base flow of a rating."""

    def __init__(self, past: Past, findings: Sequence[Finding], calendar: Calendar, grace_ms: int) -> None:
        self._past = past
        self._findings = findings
        self._calendar = calendar
        self._grace_ms = grace_ms
        self._wanted = {channel for finding in findings for channel in finding.channels.values()}
        self._places = Places(past)
        for finding in findings:
            for level in (HOUR, DAY):
                series = series_of(finding, level)
                for place, (name, _, _) in enumerate(series.channels):
                    self._places.note(f"{level}/{name}", series, place)
        self._changed: set[tuple[str, int]] = set()
        self._spans: set[tuple[str, int]] = set()  # days, months and years that are to be looked at again
        self.since_seq = math.inf

    @property
    def due_ms(self) -> float:
        if self._changed:
            return -math.inf
        return min((self._due_ms(*one) for one in self._spans), default=math.inf)

    def _due_ms(self, level: str, start_ms: int) -> int:
        return self._calendar.end(level, start_ms) + self._grace_ms

    def step(self, row: Row) -> tuple[Row, ...]:
        level = row.series.source
        if level in (HOUR, DAY):
            for place, (name, _, _) in enumerate(row.series.channels):
                if name in self._wanted:
                    self._places.note(f"{level}/{name}", row.series, place)
                    self._changed.add((level, row.unix_ms))
        return ()

    def tick(self, unix_ms: int) -> Iterator[Row]:
        for level, start_ms in sorted(self._changed, key=lambda one: (one[1], one[0] != HOUR)):
            for finding in self._findings:
                span = SPANS.get(finding.by)
                if span is not None:
                    self._spans |= self._concerned(span, level, start_ms)
                elif level in KINDS[finding.by].levels:
                    yield from self._written(finding, level, start_ms, self._found(finding, level, start_ms))
        self._changed.clear()
        for level, start_ms in sorted(one for one in self._spans if self._due_ms(*one) <= unix_ms):
            self._spans.discard((level, start_ms))
            for finding in self._findings:
                span = SPANS.get(finding.by)
                if span is not None and level in span.levels:
                    stretch = self._stretch(finding, span, level, start_ms)
                    yield from self._written(finding, level, start_ms, span.reckon(stretch))

    def _concerned(self, span: Span, level: str, start_ms: int) -> set[tuple[str, int]]:
        """The periods that an hour or a day has a part in."""
        if level != span.below:
            return set()
        found = {(one, self._calendar.start(one, start_ms)) for one in span.levels}
        for one, start in tuple(found):
            end_ms = self._calendar.end(one, start)
            if one != level and start_ms >= end_ms - span.days_before * DAY_MS:
                found.add((one, end_ms))
        return found

    def _written(self, finding: Finding, level: str, start_ms: int, found: Found) -> Iterator[Row]:
        series = series_of(finding, level)
        cells = tuple(_cell(exact(one), places) for one, (_, _, places) in zip(found, series.channels, strict=True))
        known = self._past.at(series, start_ms)
        if known is None or known.cells != cells:
            yield Row(series, start_ms, cells)

    def _found(self, finding: Finding, level: str, start_ms: int) -> Found:
        kind = KINDS[finding.by]
        found = self._places.at({f"{level}/{channel}" for channel in finding.channels.values()}, start_ms)
        values = {
            name: _amount(found.get(f"{level}/{channel}"), kind.inputs.get(name, kind.inputs.get(DEPTH)))
            for name, channel in finding.channels.items()
        }
        return kind.reckon(values, finding.numbers, in_force(finding.curves, start_ms) or Curve())

    def _stretch(self, finding: Finding, span: Span, level: str, start_ms: int) -> Stretch:
        first_ms = start_ms - span.days_before * DAY_MS
        times = range(first_ms, self._calendar.end(level, start_ms), _LENGTHS[span.below])
        columns = {
            name: self._column(span.below, channel, times, span.inputs.get(name, span.inputs.get(DEPTH)))
            for name, channel in finding.channels.items()
        }
        month = self._calendar.month(start_ms)
        base = finding.base[(month - 1) % len(finding.base)] if finding.base else 0.0
        return Stretch(columns, base, finding.limit)

    def _column(self, level: str, channel: str, times: range, wanted: str | None) -> list[Decimal | None]:
        found = self._places.between(f"{level}/{channel}", times.start, times.stop)
        return [_amount(found.get(unix_ms), wanted) for unix_ms in times]


def _amount(found: tuple[Named, Cell] | None, wanted: str | None) -> Decimal | None:
    """In the unit that is wanted; None: there is no valid one."""
    if found is None:
        return None
    (_, unit, decimals), (value, flags) = found
    times = scaled(unit, wanted)
    if value is None or times is None or flags & quality.FEW:
        return None
    return Decimal(value).scaleb(-decimals) * times


def _cell(value: Decimal | None, decimals: int) -> Cell:
    return (None, quality.FEW) if value is None else (int(rounded(value, decimals).scaleb(decimals)), 0)


def series_of(finding: Finding, level: str) -> Series:
    span = SPANS.get(finding.by)
    outputs = KINDS[finding.by].outputs if span is None else span.outputs
    return Series(level, tuple((f"{finding.name}.{suffix}", unit, decimals) for suffix, unit, decimals in outputs))
