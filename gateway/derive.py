"""Knows how what stages make of rows comes into the transaction of those rows; knows no stage and no uplink.

There is no position to keep: the order of seq tells. A derived row holds every collected row of its period that has a
lower seq, so a start needs only the rows after it (`since_seq` of the stages), and what a node sends twice is no row.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from gateway.process.stage import Cell, Named, Past, Row, Series, Stage
from gateway.store import rows as store_rows
from gateway.store.rows import COLUMNS, DERIVED, sound

Add = Callable[[int, int, Sequence[Cell]], object]  # (series, Unix ms, cells): a derived row for the disk
_RECENT = 2 * 31  # so many of the last rows of each derived series are shown to the stages at a start; ours
_COLUMNS = "unix_ms, cells, quality, max(seq)"  # SQLite takes the others from the row that has the maximum
_KEY = "derived since"
_EVER_MS = 1 << 62  # what nobody knows the time of is not later than that


class Rows:
    """The derived rows of a store: the Past of its stages."""

    def __init__(self, db: sqlite3.Connection, id_of: Callable[[Series], int], add: Add) -> None:
        self._db = db
        self._id_of = id_of
        self._add = add

    def at(self, series: Series, unix_ms: int) -> Row | None:
        return self._first(series, "unix_ms = ? GROUP BY unix_ms", unix_ms)

    def before(self, series: Series, unix_ms: int) -> Row | None:
        return self._first(series, "unix_ms < ? GROUP BY unix_ms ORDER BY unix_ms DESC LIMIT 1", unix_ms)

    def after(self, series: Series, unix_ms: int) -> Row | None:
        return self._first(series, "unix_ms > ? GROUP BY unix_ms ORDER BY unix_ms LIMIT 1", unix_ms)

    def between(self, series: Series, from_ms: int, to_ms: int) -> list[Row]:
        which = "unix_ms >= ? AND unix_ms < ? GROUP BY unix_ms ORDER BY unix_ms"
        return list(self._found(series, which, from_ms, to_ms))

    def around(self, series: Series, unix_ms: int) -> Iterator[Row]:
        """The last ones up to that time, and the first ones of what a wrong clock has put after it."""
        yield from self._found(series, "unix_ms <= ? GROUP BY unix_ms ORDER BY unix_ms DESC LIMIT ?", unix_ms, _RECENT)
        yield from self._found(series, "unix_ms > ? GROUP BY unix_ms ORDER BY unix_ms LIMIT ?", unix_ms, _RECENT)

    def _first(self, series: Series, which: str, unix_ms: int) -> Row | None:
        return next(self._found(series, which, unix_ms), None)

    def _found(self, series: Series, which: str, *values: int) -> Iterator[Row]:
        query = f"SELECT {_COLUMNS} FROM row WHERE node = {DERIVED} AND series = ? AND {which}"
        for unix_ms, cells, quality, seq in self._db.execute(query, (self._id_of(series), *values)).fetchall():
            yield Row(series, unix_ms, _unpacked(cells, quality), seq)

    def is_worn(self, row: Row) -> bool:
        """Retention has begun to take what it is made of, and it was written when all was there: that stays."""
        if self.at(row.series, row.unix_ms) is None:
            return False
        # the middle one of the first rows: one of them alone may be late, or have a wrong clock's time
        first = "SELECT seq, unix_ms, trusted FROM row ORDER BY seq LIMIT 101"
        times_ms = f"SELECT unix_ms FROM ({first}) WHERE trusted AND seq > 101 ORDER BY unix_ms LIMIT 1 OFFSET 50"
        found = self._db.execute(times_ms).fetchone()
        return found is not None and row.unix_ms < found[0]

    def add(self, row: Row) -> None:
        self._add(self._id_of(row.series), row.unix_ms, row.cells)


class Deriver:
    """Shows rows to stages, inside the transaction that puts them on disk. `series_of` has every series of the store by
    its id, `newest_seq` the highest number of a row. Where a transaction fails, forget() has the stages begin anew from
    what is on disk."""

    def __init__(
        self,
        db: sqlite3.Connection,
        id_of: Callable[[str, Sequence[Named]], int],
        series_of: Callable[[], dict[int, Series]],
        stages: Callable[[Past, Iterable[Series]], Sequence[Stage]],
        add: Add,
        newest_seq: Callable[[], int],
    ) -> None:
        self._db = db
        self._rows = Rows(db, lambda series: self._number(series), add)
        self._id_of = id_of
        self._series_of = series_of
        self._make = stages
        self._newest_seq = newest_seq
        self._stages: Sequence[Stage] = ()
        self.forget()

    def forget(self) -> None:
        self.is_restored = False
        self._series: dict[int, Series] = {}
        self._ids: dict[Series, int] = {}
        self._since = 0

    def _number(self, series: Series) -> int:
        if series not in self._ids:
            self._ids[series] = self._id_of(series.source, series.channels)
        return self._ids[series]

    def is_urgent(self, row: store_rows.Row) -> bool:
        """Whether something follows from a row that should not wait for a group commit."""
        return any(stage.is_urgent(self._seen(row)) for stage in self._stages if hasattr(stage, "is_urgent"))

    def is_due(self, unix_ms: int) -> bool:
        """Whether something is to be written because its time has come."""
        return not self.is_restored or any(stage.due_ms <= unix_ms for stage in self._stages)

    def derive(
        self,
        fresh: Iterable[store_rows.Row],
        last_seq: int,
        unix_ms: int | None,
        corrections: Mapping[int, int | None],
    ) -> None:
        """`fresh` is in this transaction; `last_seq` was before it. `unix_ms` None: nobody knows the time."""
        if not self.is_restored:
            self._restore(last_seq, _EVER_MS if unix_ms is None else unix_ms, corrections)
        made = 0
        for collected in fresh:
            made += self._show(self._seen(collected), 0)
        if unix_ms is not None:
            for place, stage in enumerate(self._stages):
                for row in stage.tick(unix_ms):
                    made += self._take(row, place)
        if made:
            self._note_since()

    def _show(self, row: Row, place: int) -> int:
        """To the stages from that place on; how many rows came of it."""
        return sum(
            self._take(made, later)
            for later in range(place, len(self._stages))
            for made in self._stages[later].step(row)
        )

    def _take(self, row: Row, place: int) -> int:
        """A row that the stage at that place has made."""
        if self._rows.is_worn(row):
            return 0
        self._rows.add(row)
        return 1 + self._show(row, place + 1)

    def _note_since(self) -> None:
        """What a start has to begin with; as it only spares work, it is written with rows that are written anyhow."""
        since = min([self._newest_seq() + 1, *(stage.since_seq for stage in self._stages)])
        if since != self._since:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_KEY, since))
            self._since = int(since)

    def _seen(self, row: store_rows.Row) -> Row:
        """A collected row as stages see it."""
        if row.series not in self._series:
            self._series = self._series_of()
        qualities = row.quality or (0,) * len(row.cells)
        return Row(self._series[row.series], row.unix_ms, tuple(zip(row.cells, qualities, strict=True)), row.seq)

    def _restore(self, last_seq: int, unix_ms: int, corrections: Mapping[int, int | None]) -> None:
        """What was on disk before this transaction is shown to new stages. Where there was no deriver before, it begins
        with what comes."""
        found = self._db.execute("SELECT value FROM meta WHERE key = ?", (_KEY,)).fetchone()
        since = last_seq + 1 if found is None else found[0]
        if found is None:
            self._db.execute("INSERT INTO meta VALUES (?, ?)", (_KEY, since))
        self._since = since
        self._series = self._series_of()
        self._stages = self._make(self._rows, self._series.values())
        restated = ", ".join(str(id) for id, one in self._series.items() if one.original is not None) or "NULL"
        came = f"(node IS NOT {DERIVED} OR series IN ({restated}))"
        query = f"SELECT {COLUMNS} FROM row WHERE seq BETWEEN ? AND ? AND {came} ORDER BY seq"
        for collected in sound(self._db.execute(query, (since, last_seq)), corrections):
            self._recall(self._seen(collected))
        for series in self._series.values():
            if not series.is_collected and series.original is None:
                for row in self._rows.around(series, unix_ms):
                    self._recall(row)
        self.is_restored = True

    def _recall(self, row: Row) -> None:
        for stage in self._stages:
            if hasattr(stage, "recall"):
                stage.recall(row)
                continue
            for _ in stage.step(row):
                pass


def _unpacked(cells: str, quality: str | None) -> tuple[Cell, ...]:
    values = json.loads(cells)
    flags = [0] * len(values) if quality is None else json.loads(quality)
    return tuple(zip(values, flags, strict=True))
