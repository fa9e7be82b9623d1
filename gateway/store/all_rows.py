"""Knows the rows of a store as one sequence, in the database and behind it in the tail; knows not where they come from.

A seq exists only once it is on disk. Where a transaction fails, the numbers that it used are given again.
"""

import asyncio
import logging
import math
from collections.abc import Iterator, Sequence

from gateway.store import meta
from gateway.store.database import Database
from gateway.store.rows import COLUMNS, DERIVED, MARKS, Row, Stored, sound, unpacked, whole
from gateway.store.tail import Tail, path_of

log = logging.getLogger(__name__)
_RECENT = 2000  # rows among which the newest of each series is looked for at a start; ours


class AllRows:
    """`last_seq`: of the newest row on disk. `used_seq`: the highest number of all, that of the running transaction
    included. `corrections`: by boot, what its times taken on trust lack; None: nobody knows."""

    def __init__(self, database: Database, tail: Tail) -> None:
        self._database = database
        self._tail = tail
        self.last_seq = self.used_seq = self._before = 0
        self.corrections: dict[int, int | None] = {}
        self._newest: dict[int, Stored] = {}  # collected rows, by series
        self._waiters: set[asyncio.Future[None]] = set()

    def load(self, series: set[int], confirmed_seq: int) -> None:
        """What is on disk. `confirmed_seq`: a number that was a row's, whatever became of it."""
        db = self._database.db
        self.corrections = dict(db.execute("SELECT id, correction_ms FROM boot"))
        newest_seq = int(db.execute("SELECT coalesce(max(seq), 0) FROM row").fetchone()[0])
        try:
            self._tail.load(newest_seq, series, self.corrections)
        except OSError as error:
            log.error("%s can't be read; its rows are missing: %s", path_of(self._database.path), error)
        self.last_seq = self._tail.rows[-1].seq if self._tail.rows else newest_seq
        closed_seq = db.execute("SELECT coalesce(max(last_seq), 0) FROM block").fetchone()[0]
        self.used_seq = max(self.last_seq, confirmed_seq, closed_seq, meta.get(db, meta.USED_SEQ) or 0)
        self._newest = {}
        for row in self.collected_after(self.last_seq - _RECENT):
            self._note_newest(row)

    # --- writing, inside a transaction --------------------------------------------------------------------------------

    def begin(self) -> None:
        self._before = self.used_seq

    def write(self, rows: Sequence[Stored]) -> None:
        """Into the database."""
        marked = [(*row, row.crc) for row in rows]
        self._database.db.executemany(f"INSERT INTO row ({COLUMNS}) VALUES ({MARKS})", marked)

    def number(self, rows: Sequence[Stored]) -> None:
        """The numbers that these have are used."""
        self.used_seq += len(rows)
        for row in rows:
            if row.node != DERIVED:
                self._note_newest(row)

    def undo(self) -> None:
        self.used_seq = self._before

    def done(self) -> None:
        self.last_seq = self.used_seq
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    def _note_newest(self, row: Stored) -> None:
        known = self._newest.get(row.series)
        if known is None or row.unix_ms >= known.unix_ms:
            self._newest[row.series] = row

    # --- reading back -------------------------------------------------------------------------------------------------

    def after(self, seq: int, limit: int) -> list[Row]:
        """The rows that follow `seq`, oldest first."""
        found = self._rows("WHERE seq > ? ORDER BY seq LIMIT ?", seq, limit)
        return found + self._tail_rows(seq + 1)[: limit - len(found)]

    def within(self, first: int, last: int) -> list[Row]:
        """The rows from `first` to `last`, oldest first."""
        return self._rows("WHERE seq BETWEEN ? AND ? ORDER BY seq", first, last) + self._tail_rows(first, last)

    def measured_within(self, from_ms: int, to_ms: int, first: int, last: int) -> list[int]:
        """Which of the rows first..last were measured in that time. Nothing but the rows themselves tells: ask for a
        part at a time."""
        found = self._database.db.execute(
            "SELECT seq FROM row WHERE seq BETWEEN ? AND ? AND unix_ms BETWEEN ? AND ? ORDER BY seq",
            (first, last, from_ms, to_ms),
        )
        beyond = [row.seq for row in self._tail.rows if first <= row.seq <= last and from_ms <= row.unix_ms <= to_ms]
        return [seq for (seq,) in found] + beyond

    def first_ms(self) -> float:
        """When the oldest row was measured; infinitely late without one."""
        found = self._rows("ORDER BY seq LIMIT 1") or self._tail_rows()[:1]
        return found[0].unix_ms if found else math.inf

    def last_polled_ms(self) -> int | None:
        """When the newest polled row was measured; None without one."""
        found = self._tail_rows()[-1:] or self._rows("WHERE node IS NULL ORDER BY seq DESC LIMIT 1")
        return found[0].unix_ms if found else None

    def newest(self) -> dict[int, Row]:
        """The newest collected row of each series."""
        return {series: self.unpacked(row) for series, row in self._newest.items()}

    def collected_after(self, seq: int) -> Iterator[Stored]:
        """The polled and the nodes' rows that follow `seq`, as they are stored."""
        query = f"SELECT {COLUMNS} FROM row WHERE seq > ? AND node IS NOT {DERIVED} ORDER BY seq"
        yield from whole(self._database.db.execute(query, (seq,)))
        yield from (row for row in self._tail.rows if row.seq > seq)

    def guessed(self, boot: int, correction_ms: int) -> Iterator[Row]:
        """The collected rows of a boot whose time was a guess, with the one that it gets."""
        query = f"SELECT {COLUMNS} FROM row WHERE boot = ? AND trusted = 0 AND node IS NOT {DERIVED} ORDER BY seq"
        return sound(self._database.db.execute(query, (boot,)), {boot: correction_ms})

    def unpacked(self, row: Stored) -> Row:
        """What it says, with its time as it is known now."""
        return unpacked(row, self.corrections.get(row.boot))

    async def beyond(self, seq: int) -> None:
        """Returns once there is a row after `seq`."""
        while self.last_seq <= seq:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)

    def _rows(self, which: str, *values: int) -> list[Row]:
        return list(sound(self._database.db.execute(f"SELECT {COLUMNS} FROM row {which}", values), self.corrections))

    def _tail_rows(self, first: int = 0, last: int = 1 << 62) -> list[Row]:
        """Those from `first` to `last` that are not in the database yet."""
        rows = self._tail.rows
        if not rows or rows[-1].seq < first or rows[0].seq > last:
            return []
        return [self.unpacked(row) for row in rows if first <= row.seq <= last]
