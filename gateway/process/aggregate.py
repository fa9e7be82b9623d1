"""Knows how readings become minutes, or hours where there are no minutes; knows no longer period and no store.

A period is open in memory until its end and a grace have passed by the gateway's clock. A reading that comes later
opens it again, with what was written of it, and it is written again with the same start: the newest row counts.
"""

import math
from collections.abc import Collection, Iterator

from gateway.process import tally
from gateway.process.forms import COUNTER, Wanted, digits
from gateway.process.periods import HOUR, HOUR_MS, Calendar
from gateway.process.stage import Cell, Past, Row, Series
from gateway.process.tally import Tally
from gateway.process.unit import Unit, Units, at_channel, slots
from gateway.process.validity import share
from protocols import quality
from protocols.worth import AWAITED

_MOST_OPEN = 4  # periods of a series in memory: more are open only where a clock is mad; ours


class _Open:
    """A period in memory. `seq`: of the row that was written of it, 0: none was."""

    def __init__(self, unit: Unit, start_ms: int, end_ms: int, written: Row | None) -> None:
        self.start_ms = start_ms
        self.end_ms = end_ms
        self.seq = 0 if written is None else written.seq
        self.first_seq = math.inf  # of what is only here
        self.tallies = [tally.new(shape) for shape in unit.shapes]
        self.parts = [-(-(end_ms - start_ms) // slots(shape, end_ms - start_ms)) for shape in unit.shapes]
        if written is not None:
            for place, (shape, one) in enumerate(zip(unit.shapes, self.tallies, strict=True)):
                one.join(written.cells[at_channel(shape)], digits(unit.base))
                if unit.base == HOUR:
                    one.slots = written.cells[place - len(unit.shapes)][0] or 0


class Aggregates:
    """The Stage that takes readings and gives the rows of the shortest periods."""

    def __init__(self, past: Past, units: Units, calendar: Calendar, grace_ms: int) -> None:
        self._past = past
        self._units = units
        self._calendar = calendar
        self._grace_ms = grace_ms
        self._open: dict[Series, dict[int, _Open]] = {}
        self.due_ms = math.inf

    @property
    def since_seq(self) -> float:
        return min((one.first_seq for periods in self._open.values() for one in periods.values()), default=math.inf)

    def step(self, row: Row) -> tuple[Row, ...]:
        """Only counts. What has to be written is written by tick(), after all rows of a transaction: so a row with a
        seq below that of its period's newest row is in it, and one above is not."""
        if row.series.is_collected:
            unit = self._units.of(row.series)
            # with a guessed time it would fall into a wrong period
            if unit is not None and not any(flags & quality.CLOCK for _, flags in row.cells):
                if any(flags & AWAITED for _, flags in row.cells):
                    row = _only(row, 0)
                self._count(unit, row)
            return ()
        original = row.series.original
        unit = None if original is None else self._units.of(original)
        if unit is not None and original is not None and any(flags & AWAITED for _, flags in row.cells):
            self._count(unit, _only(row._replace(series=original), AWAITED))
        return ()

    def _count(self, unit: Unit, row: Row) -> None:
        start_ms = self._calendar.start(unit.base, row.unix_ms)
        periods = self._open.setdefault(row.series, {})
        period = periods.get(start_ms)
        if period is None:
            end_ms = self._calendar.end(unit.base, start_ms)
            written = self._past.at(unit.series[unit.base], start_ms)
            period = periods[start_ms] = _Open(unit, start_ms, end_ms, written)
            is_many = len(periods) > _MOST_OPEN
            self.due_ms = min(self.due_ms, -math.inf if is_many else end_ms + self._grace_ms + unit.late_ms)
        if row.seq < period.seq:
            return  # is in what was written
        period.first_seq = min(period.first_seq, row.seq)
        after_ms = row.unix_ms - start_ms
        for shape, one, part_ms in zip(unit.shapes, period.tallies, period.parts, strict=True):
            one.add(row.cells, shape, after_ms // part_ms)

    def tick(self, unix_ms: int) -> Iterator[Row]:
        if unix_ms < self.due_ms:
            return
        self.due_ms = math.inf
        for series, periods in self._open.items():
            unit = self._units.of(series)
            assert unit is not None
            wait_ms = self._grace_ms + unit.late_ms
            for start_ms in sorted(periods):
                due_ms = periods[start_ms].end_ms + wait_ms
                if due_ms <= unix_ms or len(periods) > _MOST_OPEN:
                    yield from self._close(unit, periods.pop(start_ms), periods)
                else:
                    self.due_ms = min(self.due_ms, due_ms)

    def _close(self, unit: Unit, period: _Open, others: Collection[int]) -> Iterator[Row]:
        series = unit.series[unit.base]
        before = self._before(unit, series, period.start_ms)
        cells: list[Cell] = []
        for shape, one in zip(unit.shapes, period.tallies, strict=True):
            known = None if before is None else tally.last_of(before.cells[at_channel(shape)])
            is_valid = _is_valid(shape.wanted, one, slots(shape, period.end_ms - period.start_ms), period)
            cells += one.cells(is_valid, digits(unit.base), known)
        if unit.base == HOUR:
            cells += [(one.slots, 0) for one in period.tallies]
        if all(value is None or not value for value, _ in cells) and not any(
            flags & ~quality.FEW for _, flags in cells
        ):
            return  # nothing was due: no reading, and none that failed
        yield from self._written(Row(series, period.start_ms, tuple(cells)))
        yield from self._followed(unit, series, period.start_ms, others)

    def _written(self, row: Row) -> Iterator[Row]:
        known = self._past.at(row.series, row.unix_ms)
        if known is None or known.cells != row.cells:
            yield row

    def _before(self, unit: Unit, series: Series, start_ms: int) -> Row | None:
        """The last period that has a counter's reading."""
        if not any(shape.wanted.form == COUNTER for shape in unit.shapes):
            return None
        return self._past.before(series, start_ms)

    def _followed(self, unit: Unit, series: Series, start_ms: int, others: Collection[int]) -> Iterator[Row]:
        """The rise of a counter in the period after this one begins where this one ended."""
        counters = [shape for shape in unit.shapes if shape.wanted.form == COUNTER]
        if not counters:
            return
        this, later = self._past.at(series, start_ms), self._past.after(series, start_ms)
        if this is None or later is None or later.unix_ms in others:
            return  # what is open sees it when it is written
        cells = list(later.cells)
        for shape in counters:
            (_, worth), (first, _), (last, _), _ = cells[at_channel(shape)]
            cells[shape.at] = (tally.rise(first, last, tally.last_of(this.cells[at_channel(shape)])), worth)
        yield from self._written(later._replace(cells=tuple(cells), seq=0))


def _only(row: Row, awaited: int) -> Row:
    """Of a reading that jumped only what stands in the row that restates it counts, once."""
    return row._replace(
        cells=tuple(
            (value, flags & ~AWAITED) if flags & AWAITED == awaited else (None, 0) for value, flags in row.cells
        )
    )


def _is_valid(wanted: Wanted, one: Tally, parts: int, period: _Open) -> bool:
    """Enough readings, and not all of them in one corner of the hour."""
    length_ms = period.end_ms - period.start_ms
    expected = max(1, length_ms // (1000 * wanted.period_s))
    if length_ms < HOUR_MS:
        return one.count >= share(wanted.rule.minute_percent, 100, expected)
    hour = wanted.rule.hour
    return one.count >= share(hour, 60, expected) and one.slots.bit_count() >= share(hour, 60, parts)
