"""Knows the last day of each channel as a few hundred points, read from the store beside its gateway; knows no page.

Only what is new is read: after the first time a look costs some rows.
"""

import json
import sqlite3
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from gateway.beside import ends, reading, rows
from gateway.store import StoreError
from gateway.store.rows import DERIVED, Row, unpacked, whole

SPAN_MS = 24 * 3_600_000
STEP_MS = 300_000  # 288 points: a phone is some 360 wide
_STEPS = SPAN_MS // STEP_MS
_PART = 2000  # rows read at once, as gateway/export.py
_EVENTS = 100


class Curve:
    """One channel in steps. A step's place is its number modulo the day's: what is a day older makes room by itself."""

    def __init__(self, unit: str, decimals: int) -> None:
        self.unit = unit
        self.decimals = decimals
        self.newest: tuple[int, int | None, int] | None = None  # (Unix ms, value, quality)
        self._step = array("q", [-1]) * _STEPS
        # doubles, which have 53 bits: lists of lists would be ten times as large
        self._low, self._high, self._total, self._count, self._flagged = (array("d", [0.0]) * _STEPS for _ in range(5))

    def add(self, unix_ms: int, value: int | None, quality: int) -> None:
        if value is None and not quality:
            return  # it was not asked
        if self.newest is None or unix_ms >= self.newest[0]:
            self.newest = (unix_ms, value, quality)
        step = unix_ms // STEP_MS
        place = step % _STEPS
        if value is None or step < self._step[place]:
            return
        if step > self._step[place]:
            self._step[place], self._low[place], self._high[place] = step, value, value
            self._total[place] = self._count[place] = self._flagged[place] = 0
        self._low[place] = min(self._low[place], value)
        self._high[place] = max(self._high[place], value)
        self._total[place] += value
        self._count[place] += 1
        if quality:
            self._flagged[place] = 1

    def plain(self, first: int) -> list[tuple[int, float, float, float, int]]:
        """(step from the window's first, lowest, mean, highest, flagged) in its unit."""
        scale = 10.0**self.decimals
        found = []
        for step in range(first, first + _STEPS):
            place = step % _STEPS
            if self._step[place] == step:
                mean = round(self._total[place] / self._count[place] / scale, self.decimals + 1)
                low, high = self._low[place] / scale, self._high[place] / scale
                found.append((step - first, low, mean, high, int(self._flagged[place])))
        return found


class History:
    """Blocking, all of it: a thread's work, one at a time."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._seq = 0
        self._corrections: dict[int, int | None] = {}
        self.curves: dict[str, Curve] = {}
        self.last_row: tuple[int, int] | None = None  # (seq, Unix ms)
        self.trouble = ""

    def catch_up(self, now_ms: int) -> None:
        """Reads what has come since."""
        try:
            with reading(self._store) as db:
                self._read(db, now_ms)
            self.trouble = ""
        except (StoreError, ValueError, KeyError) as error:
            self.trouble = str(error)

    def plain(self, now_ms: int) -> bytes:
        """For the page's plots, as JSON; curve by curve, so that they are never all there as objects."""
        first = now_ms // STEP_MS - _STEPS + 1
        curves = [
            msgspec.json.encode(name) + b":" + msgspec.json.encode(points)
            for name, curve in self.curves.items()
            if (points := curve.plain(first))
        ]
        head = b'{"from_ms":%d,"step_ms":%d,"steps":%d,"curves":{' % (first * STEP_MS, STEP_MS, _STEPS)
        return head + b",".join(curves) + b"}}"

    def events(self, before: int | None = None) -> list[dict[str, Any]]:
        """The newest first, older than the one of that id."""
        try:
            with reading(self._store) as db:
                found = db.execute(
                    "SELECT id, unix_ms, kind, detail FROM event WHERE id < ? ORDER BY id DESC LIMIT ?",
                    (before or 1 << 62, _EVENTS),
                ).fetchall()
        except StoreError:
            return []
        return [dict(zip(("id", "unix_ms", "kind", "detail"), one, strict=True)) for one in found]

    def _read(self, db: sqlite3.Connection, now_ms: int) -> None:
        corrections = dict(db.execute("SELECT id, correction_ms FROM boot"))
        _, last = ends(db)
        if last < self._seq or any(corrections.get(boot, 0) != ms for boot, ms in self._corrections.items()):
            self._seq, self.curves = 0, {}  # another file, or rows that have got their true time
        self._corrections = corrections
        since_ms = now_ms - SPAN_MS
        if self._seq == 0:
            self._seq = max(min(_closed_before(db, since_ms), last - _PART), 0)  # of a day without a gateway too
        series = {
            id: (source, json.loads(channels))
            for id, source, channels in db.execute("SELECT id, source, channels FROM series")
        }
        for row in self._rows(db, last):
            _, channels = series[row.series]
            worths = row.quality or (0,) * len(row.cells)
            for (name, unit, decimals), cell, worth in zip(channels, row.cells, worths, strict=False):
                curve = self.curves.get(name)
                if curve is None or curve.decimals != decimals:
                    curve = self.curves[name] = Curve(unit, decimals)
                curve.add(row.unix_ms, cell, worth)

    def _rows(self, db: sqlite3.Connection, last: int) -> Iterator[Row]:
        """What was collected since; what was derived has no curve of its own."""
        while self._seq < last:
            end = min(self._seq + _PART, last)
            for stored in whole(rows(db, self._seq + 1, end)):
                if stored.node != DERIVED:
                    row = unpacked(stored, self._corrections.get(stored.boot))
                    self.last_row = (row.seq, row.unix_ms)
                    yield row
            self._seq = end


def _closed_before(db: sqlite3.Connection, unix_ms: int) -> int:
    """The last row of the blocks that were closed before then: it was measured before then as well. Only a plot may
    trust in the clocks of old blocks."""
    first = db.execute("SELECT min(number) FROM block WHERE unix_ms >= ?", (unix_ms,)).fetchone()[0]
    which = "number < ?" if first is not None else "?1 IS NULL"
    return int(db.execute(f"SELECT coalesce(max(last_seq), 0) FROM block WHERE {which}", (first,)).fetchone()[0])
