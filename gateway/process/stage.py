"""Knows the small shape that everything made of readings has; knows no store, no clock and no rule.

    raw row, with its flags -> aggregates -> indices -> alarms

A Stage is shown each row on its way into the store, those of the stages before it included, and returns rows of its
own. They join the transaction of the rows that they come from: a kill loses both or neither. A row that is returned is
in the past before the next one is asked for, so a stage may yield one row and look it up for the following one.
"""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

Cell = tuple[int | None, int]  # (fixed-point value, quality)
Named = tuple[str, str, int]  # (name, unit, decimals)
_RESTATED = "quality "  # before the source of rows of which something was found out later


class Series(NamedTuple):
    """What the cells of a row are: `source` is "sensor level", "node 17", or of a derived row "minute", "hour", .."""

    source: str
    channels: tuple[Named, ...]

    @property
    def is_collected(self) -> bool:
        return self.source.startswith(("sensor ", "node "))

    @property
    def restated(self) -> "Series":
        """Of rows in which readings of this one stand once more, with all flags that they have by then."""
        return Series(_RESTATED + self.source, self.channels)

    @property
    def original(self) -> "Series | None":
        """Of which this one restates readings."""
        return Series(self.source[len(_RESTATED) :], self.channels) if self.source.startswith(_RESTATED) else None


class Row(NamedTuple):
    """`unix_ms`: when it was measured; of an aggregate, the start of its period. `seq`: 0 until it is
    written."""

    series: Series
    unix_ms: int
    cells: tuple[Cell, ...]
    seq: int = 0


class Past(Protocol):
    """Derived rows that are there already. Of several with one series and time only the newest is seen."""

    def at(self, series: Series, unix_ms: int) -> Row | None: ...

    def before(self, series: Series, unix_ms: int) -> Row | None:
        """The last one before that time."""

    def after(self, series: Series, unix_ms: int) -> Row | None:
        """The first one after that time."""

    def between(self, series: Series, from_ms: int, to_ms: int) -> list[Row]:
        """From that time on and before the other, in the order of time."""


class Stage(Protocol):
    """`due_ms`: tick() has nothing to do before that Unix time. `since_seq`: the first collected row that is in its
    memory and in nothing that it gave; infinite without one. After a start a new one is shown the collected rows from
    there on, some of which may be in what the former one gave, and the last derived rows; it must come to the same."""

    @property
    def due_ms(self) -> float: ...

    @property
    def since_seq(self) -> float: ...

    def step(self, row: Row) -> Iterable[Row]:
        """What follows at once from this row."""

    def tick(self, unix_ms: int) -> Iterable[Row]:
        """What follows from the time that has come."""
