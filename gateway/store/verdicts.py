"""Knows how readings get their flags on the way in, and how the memory of the tests stands on disk; tests nothing.

What they remember is noted now and then, with the seq up to which it has seen rows; a start judges what came since
again, without writing anything.
"""

import json
import zlib
from collections.abc import Sequence
from typing import Any

from gateway.ports import Clock
from gateway.process import stage
from gateway.process.quality.judge import Judge
from gateway.store import meta
from gateway.store.all_rows import AllRows
from gateway.store.all_series import AllSeries
from gateway.store.database import Database
from gateway.store.lives import Life, lives
from gateway.store.rows import Cell, Row
from gateway.store.waiting import Waiting

_NOTE_MS = 600_000  # how often it is noted what the tests remember: a start judges again what came since; ours
Highest = dict[tuple[int | None, int | None], int]  # (node, its life) -> the highest record that was here


class Verdicts:
    """Those of one judge; before there is one every reading is as it came."""

    def __init__(
        self, database: Database, clock: Clock, all_series: AllSeries, all_rows: AllRows, waiting: Waiting
    ) -> None:
        self._database = database
        self._clock = clock
        self._all_series = all_series
        self._all_rows = all_rows
        self._waiting = waiting
        self._judge: Judge | None = None
        self._noted_ms = 0

    def begin_with(self, judge: Judge) -> None:
        self._judge = judge
        self._noted_ms = self._clock.monotonic_ms()
        if self._database.is_open:
            self.load()

    def load(self) -> None:
        """What it knew when it was last noted, and what came since."""
        if self._judge is None:
            return
        db, last_seq = self._database.db, self._all_rows.last_seq
        if meta.get(db, meta.QUALITY) is None:  # it begins here, whatever is cut off before its first note
            meta.put(db, meta.QUALITY, written(last_seq, {}, lives(db)))
        noted_seq, state, have = read(meta.get(db, meta.QUALITY), last_seq)
        self._judge.restore(state)
        for stored in self._all_rows.collected_after(noted_seq):
            whose = stored.node, stored.life
            highest, number = have.get(whose, 0), stored.record or 0
            is_late = stored.node is not None and number < highest
            self._recall(self._judge, self._all_rows.unpacked(stored), bool(stored.trusted), is_late)
            have[whose] = max(highest, number)
        for polled in self._waiting.rows:
            row = polled.unpacked(self._all_series.in_file(polled.series))
            self._recall(self._judge, row, polled.trusted, False)
        self._noted_ms = self._clock.monotonic_ms()

    def _recall(self, judge: Judge, row: Row, is_dated: bool, is_late: bool) -> None:
        cells = tuple(zip(row.cells, row.quality or (0,) * len(row.cells), strict=True))
        judge.recall(stage.Row(self._all_series.named(row.series), row.unix_ms, cells), is_dated, is_late)

    def judged(
        self, series: int, unix_ms: int, cells: Sequence[Cell], is_dated: bool, is_late: bool = False
    ) -> tuple[Sequence[Cell], Sequence[stage.Row]]:
        """The cells with their flags, and what they tell of earlier readings. `is_late`: later ones came before."""
        if self._judge is None:
            return cells, ()
        return self._judge.judge(self._all_series.named(series), unix_ms, cells, is_dated, is_late)

    @property
    def services(self) -> dict[str, tuple[str, int]]:
        """By sensor at which somebody works now: the state and when it ends."""
        return {} if self._judge is None else self._judge.services(self._clock.unix_ms())

    def serve(self, sensor: str, state: str | None, for_ms: int) -> None:
        if self._judge is not None:
            self._judge.serve(sensor, state, self._clock.unix_ms(), for_ms)

    # --- with each transaction ----------------------------------------------------------------------------------------

    def begin(self) -> None:
        if self._judge is not None:
            self._judge.begin()

    def undo(self) -> None:
        if self._judge is not None:
            self._judge.undo()

    def done(self) -> None:
        if self._judge is not None:
            self._judge.done()
            if self._clock.monotonic_ms() >= self._noted_ms + _NOTE_MS:
                self.note()

    def note(self) -> None:
        """Only where nothing waits: what it knows is then what is on disk."""
        if self._judge is not None and not self._waiting.rows:
            db = self._database.db
            meta.put(db, meta.QUALITY, written(self._all_rows.last_seq, self._judge.state(), lives(db)))
            self._noted_ms = self._clock.monotonic_ms()


def written(seq: int, state: dict[str, Any], lives: Sequence[Life]) -> bytes:
    return zlib.compress(json.dumps([seq, state, lives], separators=(",", ":")).encode())


def read(noted: object, last_seq: int) -> tuple[int, dict[str, Any], Highest]:
    """(rows up to which it knows, what it knew, which records were there). What cannot be read or is of another store
    is nothing: then the tests begin anew with what comes."""
    if not isinstance(noted, bytes):
        return last_seq, {}, {}
    try:
        seq, state, lives = json.loads(zlib.decompress(noted))
        known: Highest = {(int(node), int(life)): int(have) for node, life, have in lives}
        return (int(seq), dict(state), known) if seq <= last_seq else (last_seq, {}, {})
    except (ValueError, TypeError, zlib.error):
        return last_seq, {}, {}
