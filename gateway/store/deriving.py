"""Knows how what stages make of rows joins the transaction of those rows, and which of it is urgent; knows no stage.

gateway/derive.py shows the rows to the stages.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterable, Sequence

from gateway.derive import Deriver
from gateway.machine.timekeeping import Timekeeper
from gateway.process import stage
from gateway.process.stage import Named, Past, Stage
from gateway.store.all_rows import AllRows
from gateway.store.all_series import AllSeries, written
from gateway.store.database import Database
from gateway.store.events import Events
from gateway.store.ranges import Ranges, union
from gateway.store.rows import DERIVED, Cell, Row, Stored, packed, unpacked

log = logging.getLogger(__name__)
_MOST_URGENT = 200  # alarm rows, which is days of them; ours

Stages = Callable[[Past, Iterable[stage.Series]], Sequence[Stage]]


class Deriving:
    """`urgent`: the newest rows that go before all others."""

    def __init__(
        self, database: Database, clock: Timekeeper, all_series: AllSeries, all_rows: AllRows, events: Events
    ) -> None:
        self._database = database
        self._clock = clock
        self._all_series = all_series
        self._all_rows = all_rows
        self._events = events
        self.urgent: Ranges = ()
        self._stages: Stages | None = None
        self._deriver: Deriver | None = None
        self._fresh: list[Row] = []  # collected rows of the running transaction

    def begin_with(self, stages: Stages) -> None:
        self._stages = stages
        if self._database.is_open:
            self._deriver = self._new_deriver(stages)

    def load(self) -> None:
        numbers = ", ".join(map(str, self._all_series.alarms())) or "0"
        alarms = f"SELECT seq FROM row WHERE node = {DERIVED} AND series IN ({numbers}) ORDER BY seq DESC LIMIT ?"
        self.urgent = ()
        self._note_urgent(seq for (seq,) in self._database.db.execute(alarms, (_MOST_URGENT,)))
        self._deriver = None if self._stages is None else self._new_deriver(self._stages)

    def _new_deriver(self, stages: Stages) -> Deriver:
        def id_of(source: str, channels: Sequence[Named]) -> int:
            return self._all_series.id_of(source, written(channels))

        def series_of() -> dict[int, stage.Series]:
            return {one.id: stage.Series(one.source, one.channels) for one in self._all_series.all()}

        return Deriver(self._database.db, id_of, series_of, stages, self._add, lambda: self._all_rows.used_seq)

    def is_urgent(self, read: Callable[[], Row]) -> bool:
        """Whether something follows from a row that should not wait for a group commit; it is read only if asked."""
        return self._deriver is not None and self._deriver.is_urgent(read())

    def is_due(self) -> bool:
        """Whether something is to be written because its time has come."""
        is_dated = self._clock.is_trusted()
        return is_dated and self._deriver is not None and self._deriver.is_due(self._clock.unix_ms())

    # --- with each transaction ----------------------------------------------------------------------------------------

    @property
    def reads_rows(self) -> bool:
        """Whether it will look into the database for the rows before this transaction."""
        return self._deriver is not None and not self._deriver.is_restored

    def begin(self) -> None:
        self._fresh = []

    def undo(self) -> None:
        if self._deriver is not None:
            self._deriver.forget()

    def show(self, rows: Iterable[Stored]) -> None:
        """Collected rows, in their order."""
        if self._deriver is not None:
            self._fresh += map(self._all_rows.unpacked, rows)

    def show_dated(self, boot: int, correction_ms: int) -> None:
        """Rows that were in no period, because nobody knew in which."""
        if self._deriver is not None:
            self._fresh += self._all_rows.guessed(boot, correction_ms)

    def restate(self, row: stage.Row) -> None:
        """What was found out later of a reading; stages see it like a reading."""
        series = self._all_series.id_of(row.series.source, written(row.series.channels))
        stored = self._add(series, row.unix_ms, row.cells)
        if self._deriver is not None:
            self._fresh.append(unpacked(stored, None))

    def derive(self, last_seq: int) -> None:
        """What was collected is kept, whatever may be wrong with what is made of it. `last_seq`: of the row before
        this transaction."""
        if self._deriver is None:
            return
        self._database.db.execute("SAVEPOINT derived")
        used_seq = self._all_rows.used_seq
        now_ms = self._clock.unix_ms() if self._clock.is_trusted() else None
        try:
            self._deriver.derive(self._fresh, last_seq, now_ms, self._all_rows.corrections)
        except sqlite3.Error:
            raise
        except Exception as error:  # it goes on at the next start, from the rows that are kept
            self._database.db.execute("ROLLBACK TO derived")
            self._all_rows.used_seq = used_seq
            self._deriver = self._stages = None
            self._all_series.undo()
            log.exception("nothing is derived any more")
            self._events.add("derive_failed", {"error": repr(error)})
        self._database.db.execute("RELEASE derived")

    def _add(self, series: int, unix_ms: int, cells: Sequence[Cell]) -> Stored:
        """Its time is a period's, which is known, or there would be no such row."""
        seq, boot = self._all_rows.used_seq + 1, self._clock.boot.number
        row = Stored(seq, series, unix_ms, boot, 1, DERIVED, None, None, *packed(cells))
        self._all_rows.write([row])
        self._all_rows.number([row])
        if series in self._all_series.alarms():
            self._note_urgent([seq])
        return row

    def _note_urgent(self, seqs: Iterable[int]) -> None:
        """Of a row that a failed transaction has taken back it says nothing wrong: the seq is given again at once."""
        self.urgent = union([*self.urgent, *((seq, seq) for seq in seqs)])[-_MOST_URGENT:]
