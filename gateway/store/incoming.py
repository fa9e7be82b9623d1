"""Knows how a poll and a node's record become rows: judged, packed and numbered; knows no bus and no radio.

A poll waits in memory for the next transaction, a record is written in the one that runs.
"""

from collections.abc import Sequence

from gateway.machine.timekeeping import Timekeeper
from gateway.store import boots
from gateway.store.all_rows import AllRows
from gateway.store.all_series import AllSeries
from gateway.store.database import Database
from gateway.store.deriving import Deriving
from gateway.store.rows import Cell, Row, Stored, packed
from gateway.store.verdicts import Verdicts
from gateway.store.waiting import Polled, Waiting
from protocols.batch import NodeRecord


class Incoming:
    def __init__(
        self,
        database: Database,
        clock: Timekeeper,
        all_series: AllSeries,
        all_rows: AllRows,
        waiting: Waiting,
        verdicts: Verdicts,
        deriving: Deriving,
    ) -> None:
        self._database = database
        self._clock = clock
        self._all_series = all_series
        self._all_rows = all_rows
        self._waiting = waiting
        self._verdicts = verdicts
        self._deriving = deriving

    def add_poll(self, series: int, unix_ms: int, cells: Sequence[Cell]) -> None:
        is_trusted = self._clock.is_trusted()
        cells, restated = self._verdicts.judged(series, unix_ms, cells, is_trusted)
        row = Polled(series, unix_ms, is_trusted, *packed(cells))
        self._waiting.add(row, restated)
        if self._database.is_open and self._deriving.is_urgent(lambda: self._read(row)):
            self._waiting.hurry()

    def _read(self, row: Polled) -> Row:
        return row.unpacked(self._all_series.in_file(row.series))

    def newest(self) -> list[Row]:
        """The newest row of each series, those that wait for the disk included (with seq 0)."""
        found = self._all_rows.newest()
        for row in map(self._read, self._waiting.rows):
            found[row.series] = row
        return list(found.values())

    # --- inside a transaction -----------------------------------------------------------------------------------------

    def numbered(self) -> list[Stored]:
        """The polled rows, with the numbers that follow the last one; somebody has yet to write them."""
        boot, following = self._clock.boot.number, self._all_rows.used_seq + 1
        rows = [
            row.stored(number, boot, self._all_series.in_file(row.series))
            for number, row in enumerate(self._waiting.rows, following)
        ]
        self._take(rows)
        for restated in self._waiting.restated:
            self._deriving.restate(restated)
        return rows

    def add_record(self, series: int, record: NodeRecord, node: int, life: int, knew_time: bool, is_late: bool) -> bool:
        """A node's record becomes a row; False: it was one. `is_late`: later ones were here before it."""
        known = "SELECT 1 FROM row WHERE node = ? AND life = ? AND record = ?"
        if self._database.db.execute(known, (node, life, record.number)).fetchone():
            return False
        _, boot, trusted = boots.stamp(self._clock)
        is_dated = trusted or knew_time
        unix_ms, number = record.time_s * 1000, self._all_series.in_file(series)
        cells, restated = self._verdicts.judged(series, unix_ms, record.cells, is_dated, is_late)
        seq = self._all_rows.used_seq + 1
        row = Stored(seq, number, unix_ms, boot, int(is_dated), node, life, record.number, *packed(cells))
        self._all_rows.write([row])
        self._take([row])
        for one in restated:
            self._deriving.restate(one)
        return True

    def _take(self, rows: Sequence[Stored]) -> None:
        """Their numbers are used, and they are shown to whoever makes something of them."""
        self._all_rows.number(rows)
        self._deriving.show(rows)
