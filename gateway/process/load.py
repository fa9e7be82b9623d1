"""Knows how a load (kg) is made of a concentration and a flow, hour by hour, and summed up; knows no other product.

An hour's load is the mean concentration times the mean flow times an hour, as HJ 212-2017 annex D makes emissions of
hourly means; a day's is the sum of its hours, a month's and a year's that of their days. It is valid where both means
are, a day's where 18 hours are, a month's and a year's where 75 % of the days are: ours. What is missing is in no sum.
"""

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from gateway.process.periods import DAY, DAY_MS, HOUR, MONTH, YEAR, Calendar
from gateway.process.places import Places
from gateway.process.rounding import half_even
from gateway.process.stage import Cell, Past, Row, Series
from gateway.process.validity import share
from protocols import quality

_DECIMALS = 6  # of a load in kg: milligrams; ours
_HOURS = 18
_BELOW = {DAY: HOUR, MONTH: DAY, YEAR: DAY}  # what each is the sum of; in this order

KG_PER_M3 = {"mg/L": Fraction(1, 10**3), "g/m3": Fraction(1, 10**3), "ug/L": Fraction(1, 10**6),
             "mg/m3": Fraction(1, 10**6), "ug/m3": Fraction(1, 10**9)}  # fmt: skip
M3_PER_HOUR = {"m3/s": Fraction(3600), "m3/h": Fraction(1), "L/s": Fraction(36, 10), "L/min": Fraction(6, 100)}


class Load(NamedTuple):
    """Named so; of the channels of a concentration and of a flow, which need not be of one sensor."""

    name: str
    concentration: str
    flow: str


class Loads:
    """The Stage of all loads of a site. It takes hours and gives hours and the longer ones of `levels`."""

    def __init__(
        self, past: Past, loads: Sequence[Load], calendar: Calendar, grace_ms: int, levels: Sequence[str] = (DAY,)
    ) -> None:
        self._past = past
        self._loads = loads
        self._calendar = calendar
        self._grace_ms = grace_ms
        self._places = Places(past)  # by channel
        self._levels = [level for level in _BELOW if level in levels]
        self._hours: set[int] = set()
        self._sums: set[tuple[str, int]] = set()  # periods that are to be summed up again
        self._wanted = {name for load in loads for name in load[1:]}
        self.since_seq = math.inf

    @property
    def due_ms(self) -> float:
        if self._hours:
            return -math.inf
        return min((self._due_ms(*one) for one in self._sums), default=math.inf)

    def _due_ms(self, level: str, start_ms: int) -> int:
        return self._calendar.end(level, start_ms) + self._grace_ms

    def step(self, row: Row) -> tuple[Row, ...]:
        if row.series.source == HOUR:
            for place, (name, _, _) in enumerate(row.series.channels):
                if name in self._wanted:
                    self._places.note(name, row.series, place)
                    self._hours.add(row.unix_ms)
        return ()

    def tick(self, unix_ms: int) -> Iterator[Row]:
        for start_ms in sorted(self._hours):
            for load in self._loads:
                yield from self._written(HOUR, load, start_ms, self._hour(load, start_ms))
            self._sums |= {(level, self._calendar.start(level, start_ms)) for level in self._levels}
        self._hours.clear()
        due = [one for one in self._sums if self._due_ms(*one) <= unix_ms]
        self._sums.difference_update(due)
        for level, start_ms in sorted(due, key=lambda one: (self._levels.index(one[0]), one[1])):
            for load in self._loads:
                yield from self._written(level, load, start_ms, self._sum(level, load, start_ms))

    def _written(self, level: str, load: Load, start_ms: int, cell: tuple[Cell, ...]) -> Iterator[Row]:
        row = Row(_series(level, load), start_ms, cell)
        known = self._past.at(row.series, start_ms)
        if cell and (known is None or known.cells != row.cells):
            yield row

    def _hour(self, load: Load, start_ms: int) -> tuple[Cell, ...]:
        """Empty: one of the two is not there, or not yet."""
        product, worth = Fraction(10**_DECIMALS), 0
        found = self._places.at((load.concentration, load.flow), start_ms)
        for name, scales in ((load.concentration, KG_PER_M3), (load.flow, M3_PER_HOUR)):
            if name not in found:
                return ()
            (_, unit, decimals), (value, flags) = found[name]
            if unit not in scales:
                return ()  # `check` refuses it; a series may be older than the site file
            worth |= flags
            product *= Fraction(value or 0, 10**decimals) * scales[unit]
            if value is None:
                return ((None, worth),)
        return ((half_even(product.numerator, product.denominator), worth),)

    def _sum(self, level: str, load: Load, start_ms: int) -> tuple[Cell, ...]:
        end_ms = self._calendar.end(level, start_ms)
        rows = self._past.between(_series(_BELOW[level], load), start_ms, end_ms)
        known = [row.cells[0] for row in rows if row.cells[0][0] is not None]
        good = sum(not flags & quality.FEW for _, flags in known)
        need = _HOURS if level == DAY else share(75, 100, (end_ms - start_ms) // DAY_MS)
        worth = 0 if good >= need else quality.FEW
        total = sum(value or 0 for value, _ in known)
        return ((total if known else None, worth), (good, 0)) if rows else ()


def _series(level: str, load: Load) -> Series:
    count = () if level == HOUR else ((f"{load.name}:count", "", 0),)
    return Series(level, ((load.name, "kg", _DECIMALS), *count))
