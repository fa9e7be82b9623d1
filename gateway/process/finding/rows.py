"""Knows how hours and days in the store become findings beside them; knows no standard.

A finding is a row of source `hour` or `day` at the start of its period, as an aggregate is, so rules, platforms and
exports have it by name. With not enough data it has no value and quality 1048576 (few). Late data write it again.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from gateway.process.finding.kinds import DEPTH, KINDS, Kind, scaled
from gateway.process.flow.release import release
from gateway.process.number import exact, rounded
from gateway.process.periods import DAY, HOUR, HOUR_MS, MONTH, Calendar
from gateway.process.stage import Cell, Past, Row, Series
from protocols import quality

RELEASE = "base_flow"  # the one finding that is made of many hours: how many of them kept it


class Finding(NamedTuple):
    """`channels`: input -> channel; `points`: of a rating curve; `base`: m3/s of each month, of a base flow."""

    name: str
    by: str
    channels: Mapping[str, str]
    numbers: Mapping[str, float]
    points: Sequence[tuple[float, float]] = ()
    base: Sequence[float] = ()


class Findings:
    """The Stage of all findings of a site; those further down may be made of those above, a base flow of a rating."""

    def __init__(self, past: Past, findings: Sequence[Finding], calendar: Calendar, grace_ms: int) -> None:
        self._past = past
        self._findings = findings
        self._calendar = calendar
        self._grace_ms = grace_ms
        self._wanted = {channel for finding in findings for channel in finding.channels.values()}
        # (level, channel) -> where its newest rows are
        self._at = {
            (level, name): (series, place)
            for finding in findings
            for level in (HOUR, DAY)
            for series in (series_of(finding, level),)
            for place, (name, _, _) in enumerate(series.channels)
        }
        self._changed: set[tuple[str, int]] = set()
        self._shares: set[tuple[str, int]] = set()  # days and months whose kept hours are to be counted again
        self._has_shares = any(finding.by == RELEASE for finding in findings)
        self.since_seq = math.inf

    @property
    def due_ms(self) -> float:
        if self._changed:
            return -math.inf
        return min((self._due_ms(*one) for one in self._shares), default=math.inf)

    def _due_ms(self, level: str, start_ms: int) -> int:
        return self._calendar.end(level, start_ms) + self._grace_ms

    def step(self, row: Row) -> tuple[Row, ...]:
        level = row.series.source
        if level in (HOUR, DAY):
            for place, (name, _, _) in enumerate(row.series.channels):
                if name in self._wanted:
                    self._at[level, name] = row.series, place
                    self._changed.add((level, row.unix_ms))
        return ()

    def tick(self, unix_ms: int) -> Iterator[Row]:
        for level, start_ms in sorted(self._changed, key=lambda one: (one[1], one[0] != HOUR)):
            for finding in self._findings:
                if finding.by == RELEASE:
                    if level == HOUR:
                        self._shares |= {(one, self._calendar.start(one, start_ms)) for one in (DAY, MONTH)}
                elif level in KINDS[finding.by].levels:
                    yield from self._written(series_of(finding, level), start_ms, self._cells(finding, level, start_ms))
        self._changed.clear()
        for level, start_ms in sorted(one for one in self._shares if self._due_ms(*one) <= unix_ms):
            self._shares.discard((level, start_ms))
            for finding in self._findings:
                if finding.by == RELEASE:
                    yield from self._written(series_of(finding, level), start_ms, self._kept(finding, level, start_ms))

    def _written(self, series: Series, start_ms: int, cells: tuple[Cell, ...]) -> Iterator[Row]:
        known = self._past.at(series, start_ms)
        if known is None or known.cells != cells:
            yield Row(series, start_ms, cells)

    def _cells(self, finding: Finding, level: str, start_ms: int) -> tuple[Cell, ...]:
        kind = KINDS[finding.by]
        values = {
            name: self._value(level, channel, start_ms, kind.inputs.get(name, kind.inputs.get(DEPTH)))
            for name, channel in finding.channels.items()
        }
        found = kind.reckon(values, finding.numbers, finding.points)
        return tuple(_cell(exact(one), decimals) for one, (_, _, decimals) in zip(found, kind.outputs, strict=True))

    def _value(self, level: str, channel: str, start_ms: int, wanted: str | None) -> Decimal | None:
        series, place = self._at.get((level, channel), (None, 0))
        row = None if series is None else self._past.at(series, start_ms)
        if series is None or row is None:
            return None
        value, flags = row.cells[place]
        _, unit, decimals = series.channels[place]
        times = scaled(unit, wanted)
        if value is None or times is None or flags & quality.FEW:
            return None
        return Decimal(value).scaleb(-decimals) * times

    def _kept(self, finding: Finding, level: str, start_ms: int) -> tuple[Cell, ...]:
        hours = range(start_ms, self._calendar.end(level, start_ms), HOUR_MS)
        base = finding.base[(self._calendar.month(start_ms) - 1) % len(finding.base)]
        found = release((self._value(HOUR, finding.channels["flow"], hour, "m3/s"), base) for hour in hours)
        shortfall = None if found.percent is None else found.shortfall_m3s
        return (
            _cell(exact(found.percent), 1),
            _cell(exact(None if found.percent is None else found.longest), 0),
            _cell(exact(shortfall), 4),
            (found.judged, 0),
        )


def _cell(value: Decimal | None, decimals: int) -> Cell:
    return (None, quality.FEW) if value is None else (int(rounded(value, decimals).scaleb(decimals)), 0)


_SHARE = (("kept", "%", 1), ("longest", "h", 0), ("shortfall", "m3/s", 4), ("hours", "", 0))


def series_of(finding: Finding, level: str) -> Series:
    kind: Kind | None = KINDS.get(finding.by)
    outputs = _SHARE if kind is None else kind.outputs
    return Series(level, tuple((f"{finding.name}.{suffix}", unit, decimals) for suffix, unit, decimals in outputs))
