"""Knows how the readings of one channel in one period are counted and summed, in integers; knows no row and no store.

A tally does not depend on the order of its readings, and its cells give it back: one that was written goes on where
late readings come. What was seen of readings that do not count is the quality of the cell `:count`.
"""

import math
from collections.abc import Sequence

from gateway.process.forms import COUNT, COUNTER, DIRECTION, Shape
from gateway.process.rounding import half_even
from gateway.process.stage import Cell
from gateway.process.validity import is_good
from protocols import quality


class Tally:
    """Of plain means; `slots` are the parts of the period in which there was a good reading, as bits."""

    __slots__ = ("count", "high", "low", "seen", "slots", "total")

    def __init__(self) -> None:
        self.count = self.total = self.seen = self.slots = 0
        self.low: int | None = None
        self.high: int | None = None

    def add(self, cells: Sequence[Cell], shape: Shape, slot: int) -> None:
        value, flags = cells[shape.place]
        if value is not None and is_good(value, flags):
            self.count += 1
            self.slots |= 1 << slot
            self._take(value, cells, shape)
        elif not flags & quality.CLOCK:  # null without a flag: not due in that wake
            self.seen |= flags

    def _take(self, value: int, cells: Sequence[Cell], shape: Shape) -> None:
        self.total += value
        if self.low is None or value < self.low:
            self.low = value
        if self.high is None or value > self.high:
            self.high = value

    def cells(self, is_valid: bool, digits: int, before: int | None) -> list[Cell]:
        """As they go into a row, with so many digits more; `before`: `:last` of the period before."""
        worth = self.worth(is_valid)
        mean = half_even(self.total * 10**digits, self.count) if self.count else None
        return [(mean, worth), (self.low, 0), (self.high, 0), (self.count, self.seen)]

    def worth(self, is_valid: bool) -> int:
        return 0 if is_valid else self.seen | quality.FEW

    def join(self, cells: Sequence[Cell], digits: int) -> None:
        """Adds what those cells are made of."""
        (mean, _), (low, _), (high, _), (count, seen) = cells
        self.seen |= seen
        if not count:
            return
        assert mean is not None and low is not None and high is not None
        self.count += count
        self.total += half_even(mean * count, 10**digits)
        self.low = low if self.low is None else min(self.low, low)
        self.high = high if self.high is None else max(self.high, high)


class DirectionTally(Tally):
    """Of a wind's direction: the sums of its components to the east (`low`) and to the north (`high`) of where it comes
    from."""

    __slots__ = ()

    def _take(self, value: int, cells: Sequence[Cell], shape: Shape) -> None:
        angle = math.radians(value / 10**shape.own_decimals)
        length = 10.0**shape.decimals
        if shape.speed is not None:
            speed, flags = cells[shape.speed]
            if speed is None or not is_good(speed, flags):
                self.count -= 1
                self.seen |= flags
                return
            length = speed * 10.0 ** (shape.decimals - shape.speed_decimals)
        self.low = (self.low or 0) + round(length * math.sin(angle))
        self.high = (self.high or 0) + round(length * math.cos(angle))

    def cells(self, is_valid: bool, digits: int, before: int | None) -> list[Cell]:
        east, north = (
            half_even(part * 10**digits, self.count) if self.count and part is not None else None
            for part in (self.low, self.high)
        )
        return [*wind(east, north, self.worth(is_valid)), (self.count, self.seen)]

    def join(self, cells: Sequence[Cell], digits: int) -> None:
        _, (east, _), (north, _), (count, seen) = cells
        self.seen |= seen
        if count:
            assert east is not None and north is not None
            self.count += count
            self.low = (self.low or 0) + half_even(east * count, 10**digits)
            self.high = (self.high or 0) + half_even(north * count, 10**digits)


def wind(east: int | None, north: int | None, worth: int) -> list[Cell]:
    """The cells of a mean vector; calm or contrary winds have no direction."""
    if east is None or north is None or not (east or north):
        return [(None, worth or quality.INVALID), (east, 0), (north, 0)]
    tenths = round(math.degrees(math.atan2(east, north)) * 10) % 3600
    return [(tenths, worth), (east, 0), (north, 0)]


class CounterTally(Tally):
    """Of a number that only rises. Where the period before ended higher, it began again at zero meanwhile."""

    __slots__ = ()

    def cells(self, is_valid: bool, digits: int, before: int | None) -> list[Cell]:
        return [(rise(self.low, self.high, before), self.worth(is_valid)), (self.low, 0), (self.high, 0),
                (self.count, self.seen)]  # fmt: skip

    def join(self, cells: Sequence[Cell], digits: int) -> None:
        _, (low, _), (high, _), (count, seen) = cells
        self.seen |= seen
        if count:
            assert low is not None and high is not None
            self.count += count
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)


def rise(first: int | None, last: int | None, before: int | None) -> int | None:
    """Of a counter within a period and since the end of the last one that has readings."""
    if first is None or last is None:
        return None
    if before is None:
        return last - first
    return last - before if last >= before else last


def last_of(cells: Sequence[Cell]) -> int | None:
    """`:last` of a counter's cells."""
    return cells[COUNT - 1][0]


def new(shape: Shape) -> Tally:
    return {DIRECTION: DirectionTally, COUNTER: CounterTally}.get(shape.wanted.form, Tally)()
