"""Knows how readings that come in any order of time become a sheet: one line a time, one column a channel; knows no
format.

It sorts in a temporary SQLite database, which keeps 2 MB in memory and the rest in a file without a name in SQLite's
temporary folder (sqlite.org/tempfiles.html, 3), so a year is no matter of memory.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from gateway.export.reading import Progress, Reading, is_measured

Cell = tuple[int | None, int, int]  # value * 10^decimals, decimals, flags

_TABLE = (
    "CREATE TABLE reading (unix_ms INTEGER, channel INTEGER, cell INTEGER, decimals INTEGER, worth INTEGER,"
    " PRIMARY KEY (unix_ms, channel)) WITHOUT ROWID"
)


class Mixed(ValueError):
    """A channel has two units."""

    def __init__(self, channel: str, units: tuple[str, str]) -> None:
        super().__init__(channel, units)
        self.channel = channel
        self.units = units


class Column(NamedTuple):
    name: str
    unit: str
    decimals: int  # the most that any of its readings has


class Sheet:
    """`step_ms`: times are cut to multiples of it, so that sensors that are asked one after the other share a line."""

    def __init__(self, step_ms: int = 1, progress: Progress = lambda done, of: None) -> None:
        self._step_ms = step_ms
        self._progress = progress
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute(_TABLE)
        self._db.execute("BEGIN")
        self._columns: dict[str, tuple[int, Column]] = {}
        self.guessed = 0  # that were not, because nobody knows when they were measured
        self.crowded = 0  # that gave way to a later one of their step
        self.lines_written = 0

    def close(self) -> None:
        self._db.close()

    def put(self, readings: Iterable[Reading], has_source: bool) -> None:
        """In the order of seq: of several with one time and channel the last counts, because it has the latest flags.
        Without a source that was asked for, what was derived stays out: an hour's mean is no reading of that minute.
        Mixed."""
        wanted = (one for one in readings if has_source or is_measured(one.source))
        self._db.executemany("INSERT OR REPLACE INTO reading VALUES (?, ?, ?, ?, ?)", self._placed(wanted))

    def _placed(self, readings: Iterable[Reading]) -> Iterator[tuple[int, int, int | None, int, int]]:
        for one in readings:
            if one.is_guess:
                self.guessed += 1
                continue
            yield one.unix_ms, self._column(one), one.cell, one.decimals, one.worth

    def _column(self, one: Reading) -> int:
        place, column = self._columns.get(one.channel) or (len(self._columns), Column(one.channel, one.unit, 0))
        if column.unit != one.unit:
            raise Mixed(one.channel, (column.unit, one.unit))
        if one.channel not in self._columns or column.decimals < one.decimals:
            self._columns[one.channel] = place, column._replace(decimals=one.decimals)
        return place

    @property
    def channels(self) -> list[Column]:
        return [column for _, column in self._columns.values()]

    def lines(self) -> Iterator[tuple[int, list[Cell | None]]]:
        """(time, a cell or None for each channel), by time. None: nothing was measured then."""
        (of,) = self._db.execute("SELECT count(*) FROM reading").fetchone()
        done = self.lines_written = self.crowded = 0
        found = self._db.execute("SELECT * FROM reading ORDER BY unix_ms, channel")
        for step, group in groupby(found, key=lambda one: one[0] // self._step_ms):
            cells: list[Cell | None] = [None] * len(self._columns)
            for _, place, *cell in group:
                self.crowded += cells[place] is not None
                cells[place] = (cell[0], cell[1], cell[2])
                done += 1
            self.lines_written += 1
            yield step * self._step_ms, cells
            if self.lines_written % 1000 == 0:
                self._progress(done, of)
