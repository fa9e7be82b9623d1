"""Knows how hours are made of minutes, days of hours, months and years of days; knows no reading and no store.

Nothing is kept in memory but which periods have changed: each is reckoned anew from the rows below it, and written only
if something is other than what was written before.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from gateway.process import tally
from gateway.process.forms import COUNT, COUNTER, DIRECTION, Shape, digits
from gateway.process.periods import DAY, DAY_MS, EIGHT_HOURS, HOUR, HOUR_MS, MINUTE, MONTH, YEAR, Calendar
from gateway.process.rounding import half_even
from gateway.process.stage import Cell, Past, Row, Series
from gateway.process.unit import Unit, Units, at_channel, key
from gateway.process.validity import EIGHT_HOURS_NEED, MDA8_NEED, share
from protocols import quality

BELOW = {HOUR: MINUTE, EIGHT_HOURS: HOUR, DAY: HOUR, MONTH: DAY, YEAR: DAY}  # what each level is made of


Held = dict[int, Sequence[Cell]]  # by time: the cells of one channel


class Longer:
    """The Stage of one level."""

    def __init__(self, level: str, past: Past, units: Units, calendar: Calendar, grace_ms: int) -> None:
        self._level = level
        self._past = past
        self._units = units
        self._calendar = calendar
        self._grace_ms = grace_ms
        self._changed: set[tuple[Series, int]] = set()
        self.due_ms = math.inf
        self.since_seq = math.inf  # it needs no collected row

    def step(self, row: Row) -> tuple[Row, ...]:
        unit = self._units.made(row.series)
        if unit is not None and self._level in unit.series and unit.series.get(BELOW[self._level]) == row.series:
            for start_ms in self._calendar.starts(self._level, row.unix_ms):
                self._changed.add((row.series, start_ms))
                self.due_ms = min(self.due_ms, self._due_ms(row.series, start_ms))
        return ()

    def _due_ms(self, series: Series, start_ms: int) -> int:
        return self._calendar.end(self._level, start_ms) + self._grace_ms + self._unit(series).late_ms

    def _unit(self, series: Series) -> Unit:
        unit = self._units.made(series)
        assert unit is not None
        return unit

    def tick(self, unix_ms: int) -> Iterator[Row]:
        if unix_ms < self.due_ms:
            return
        due = sorted(
            (start_ms, series) for series, start_ms in self._changed if self._due_ms(series, start_ms) <= unix_ms
        )
        self._changed.difference_update((series, start_ms) for start_ms, series in due)
        self.due_ms = min((self._due_ms(series, start_ms) for series, start_ms in self._changed), default=math.inf)
        for start_ms, series in due:
            unit = self._unit(series)
            end_ms = self._calendar.end(self._level, start_ms)
            below = self._below(unit, start_ms, end_ms)
            if any(below.values()):
                row = Row(unit.series[self._level], start_ms, tuple(self._cells(unit, start_ms, end_ms, below)))
                known = self._past.at(row.series, start_ms)
                if known is None or known.cells != row.cells:
                    yield row

    def _below(self, unit: Unit, start_ms: int, end_ms: int) -> dict[Shape, Held]:
        """What each channel has of the level below, be it that some of it stands in a series with other channels."""
        level = BELOW[self._level]
        found: dict[Shape, Held] = {shape: {} for shape in unit.shapes}
        for one in (unit, *self._units.kin(unit)):
            if level not in one.series:
                continue
            same = {key(shape): shape for shape in one.shapes}
            shared = [(shape, same[key(shape)]) for shape in unit.shapes if key(shape) in same]
            for row in self._past.between(one.series[level], start_ms, end_ms):
                for shape, there in shared:
                    cells = row.cells[at_channel(there)]
                    known = found[shape].get(row.unix_ms)
                    # where the list changed within a period, the fuller part of it counts
                    if known is None or (cells[COUNT][0] or 0) > (known[COUNT][0] or 0):
                        found[shape][row.unix_ms] = cells
        return {shape: dict(sorted(held.items())) for shape, held in found.items()}

    def _cells(self, unit: Unit, start_ms: int, end_ms: int, below: Mapping[Shape, Held]) -> Iterator[Cell]:
        if self._level == EIGHT_HOURS:
            for shape in unit.sliding:
                hours = [*below[shape].values()]
                yield from _over(shape, hours, sum(map(_is_good, hours)) >= EIGHT_HOURS_NEED)
            return
        for shape in unit.shapes:
            members = [*below[shape].values()]
            if self._level == HOUR:
                minute_ms = self._calendar.end(MINUTE, start_ms) - start_ms
                yield from _joined(shape, members, HOUR_MS // minute_ms)
            else:
                yield from _over(shape, members, self._is_enough(shape, start_ms, end_ms, below[shape]))
        if self._level == DAY:
            for shape in unit.sliding:
                yield _mda8(start_ms, below[shape])

    def _is_enough(self, shape: Shape, start_ms: int, end_ms: int, held: Held) -> bool:
        """Whether so much of a day, a month or a year is valid as the rule asks for."""
        rule = shape.wanted.rule
        good = [unix_ms for unix_ms, cells in held.items() if _is_good(cells)]
        if self._level == DAY:
            expected = min(24, max(1, DAY_MS // max(HOUR_MS, 1000 * shape.wanted.period_s)))
            return len(good) >= share(rule.day, 24, expected)
        days = (end_ms - start_ms) // DAY_MS
        if self._level == MONTH:
            need = rule.february if self._calendar.month(start_ms) == 2 else rule.month
            return len(good) >= (share(75, 100, days) if need is None else need)
        return rule.is_year([self._calendar.month(unix_ms) for unix_ms in good], days)


def _is_good(cells: Sequence[Cell]) -> bool:
    return cells[0][0] is not None and not cells[0][1] & quality.FEW


def _joined(shape: Shape, minutes: Sequence[Sequence[Cell]], expected: int) -> list[Cell]:
    """An hour of its minutes: by count, as if it had been made of the readings themselves."""
    whole = tally.new(shape)
    for cells in minutes:
        whole.join(cells, digits(MINUTE))
    good = sum(_is_good(cells) for cells in minutes)
    is_valid = good >= share(shape.wanted.rule.hour, 60, expected)
    if shape.wanted.form == COUNTER:
        return _risen(whole.cells(is_valid, 0, None), minutes)
    return whole.cells(is_valid, digits(HOUR), None)


def _risen(cells: list[Cell], below: Sequence[Sequence[Cell]]) -> list[Cell]:
    """A counter's rise is the sum of the rises below; what is doubtful there is not left out: rain has fallen."""
    rises = [one[0][0] for one in below if one[0][0] is not None]
    return [(sum(rises) if rises else None, cells[0][1]), *cells[1:]]


def _over(shape: Shape, below: Sequence[Sequence[Cell]], is_valid: bool) -> list[Cell]:
    """A day, a month, a year, 8 hours: the mean of what is valid below, each counting once."""
    good = [cells for cells in below if _is_good(cells)]
    count = len(good)
    seen = 0
    for cells in below:
        seen |= cells[COUNT][1] | cells[0][1] & ~quality.FEW
    worth = 0 if is_valid else seen | quality.FEW
    if shape.wanted.form == COUNTER:
        ends = [cells for cells in below if cells[COUNT - 1][0] is not None]
        first, last = (ends[0][1], ends[-1][2]) if ends else ((None, 0), (None, 0))
        return [*_risen([(None, worth), first, last], below), (count, seen)]
    if not good:
        return [(None, worth), (None, 0), (None, 0), (0, seen)]
    if shape.wanted.form == DIRECTION:
        east, north = (half_even(sum(cells[place][0] or 0 for cells in good), count) for place in (1, 2))
        return [*tally.wind(east, north, worth), (count, seen)]
    means = [cells[0][0] or 0 for cells in good]
    return [(half_even(sum(means), count), worth), (min(means), 0), (max(means), 0), (count, seen)]


def _mda8(start_ms: int, held: Held) -> Cell:
    """The greatest of the means of 8 hours that end from 8:00 to 24:00."""
    hours = {(unix_ms - start_ms) // HOUR_MS: cells for unix_ms, cells in held.items()}
    means = []
    for first in range(17):
        good = [hours[hour][0][0] or 0 for hour in range(first, first + 8) if hour in hours and _is_good(hours[hour])]
        if len(good) >= EIGHT_HOURS_NEED:
            means.append(half_even(sum(good), len(good)))
    if not means:
        return None, quality.FEW
    return max(means), 0 if len(means) >= MDA8_NEED else quality.FEW
