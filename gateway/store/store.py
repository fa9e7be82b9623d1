"""Knows how a store is opened, written in transactions and closed; knows no bus, no radio and no broker.

What somebody waits for commits at once; polled rows wait in memory for keep(), which puts a few of them into the tail
first (gateway/store/tail.py). While the disk refuses the file, polled rows and events wait, and nothing of a node is
taken. What it keeps is the business of its parts, each in a file of its own: each loads what the file has, and undoes
what it noted in a transaction that was taken back.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gateway.evidence.chain import Block
from gateway.evidence.notary import Signature
from gateway.machine.timekeeping import Timekeeper, started
from gateway.ports import Clock
from gateway.process.quality.judge import Judge
from gateway.site.config import Channel
from gateway.states import StoreState
from gateway.store import boots, meta
from gateway.store.all_rows import AllRows
from gateway.store.all_series import AllSeries, Series, written
from gateway.store.blocks import Blocks, Day
from gateway.store.cleaning import Cleaning
from gateway.store.commands import Commands
from gateway.store.database import Database
from gateway.store.deriving import Deriving, Stages
from gateway.store.events import Events
from gateway.store.incoming import Incoming
from gateway.store.nodes import Nodes
from gateway.store.positions import Positions
from gateway.store.ranges import Ranges
from gateway.store.retention import Keeping
from gateway.store.rows import Cell, Row, Stored
from gateway.store.tail import LineFile, Tail, path_of
from gateway.store.verdicts import Verdicts
from gateway.store.waiting import MANY, Waiting

log = logging.getLogger(__name__)
_FEW_ROWS, _TAIL_ROWS = 40, 1000  # so many at once go to the tail, and so many stay there: what a commit costs; ours
_LOOK_S = 10.0  # how often the clock and the file are looked after
_STEP_S = 0.2  # between two steps of cleaning up, in which others write


class Store:
    """The only writer of one station's database. `clock` is the time that it believes in, and all parts should.
    `keeping`: how long rows stay; `free_bytes` says what its disk has left (None: enough); `tail_file`
    is where its tail lies."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        keeping: Keeping | None = None,
        free_bytes: Callable[[], int | None] = lambda: None,
        tail_file: Callable[[Path], LineFile] = LineFile,
    ) -> None:
        time = self.clock = Timekeeper(clock, started(clock))
        base = self.database = Database(path, time)
        self._tail = Tail(path, tail_file)
        events = self._events = Events(base, time)
        series = self._all_series = AllSeries(base)
        rows = self._all_rows = AllRows(base, self._tail)
        self._waiting = Waiting()
        self._positions = Positions(base, time)
        self._blocks = Blocks(base, time)
        self._verdicts = Verdicts(base, time, series, rows, self._waiting)
        self._deriving = Deriving(base, time, series, rows, events)
        self._incoming = Incoming(base, time, series, rows, self._waiting, self._verdicts, self._deriving)
        self.nodes = Nodes(base, time, self._incoming, events, self._transaction)
        self.commands = Commands(base, time, self.nodes, events, self._transaction)
        self._cleaning = Cleaning(base, time, keeping or Keeping(), free_bytes, self._positions, events)
        self._runs = False
        self.on_dated: list[Callable[[Ranges], object]] = []  # told of rows that say something else now
        self.try_open()

    # --- the file -----------------------------------------------------------------------------------------------------

    def try_open(self) -> None:
        """Opens the file, if the disk lets us. StoreError: a person must do something first."""
        try:
            rescued = self.database.open()
            self._take_over()  # where nothing can be written, this finds out
            if rescued is not None:
                self.event("store_rescued", rescued._asdict())
        except (OSError, sqlite3.Error) as error:
            self.database.refused(error)
            self._load_nodes()
            return
        self.database.taken_over()

    def _take_over(self) -> None:
        """What was given out and what waits belongs to the file from now on."""
        shift_ms = boots.meet(self.database.db, self.clock)
        self._waiting.move(shift_ms)
        given = self._all_series.load()
        self._positions.load()
        self._all_rows.load(self._all_series.ids(), self._positions.highest())
        self._blocks.load()
        self._deriving.load()
        self._load_nodes()
        self._all_series.settle(given)
        self._verdicts.load()
        self._events.tell(shift_ms)
        if self._runs:
            self._note_run()
        self._date()

    def _load_nodes(self) -> None:
        self.nodes.load()
        self.commands.load()

    @property
    def is_open(self) -> bool:
        return self.database.is_open

    async def opened(self) -> None:
        """Returns once there is a file."""
        await self.database.opened()

    def close(self) -> None:
        """Lets go of the files; what was not committed is gone."""
        self.database.db.close()
        self._tail.close()

    def upkeep(self) -> float:
        """What is to be done now and then; in how many seconds again."""
        if self.database.is_damaged:
            self.database.give_up()
        if not self.is_open:
            self.try_open()
        self.clock.look()
        if self.is_open:
            self._date()
            if self._tail.rows and self._blocks.is_late():
                self.close_block()
            if self._cleaning.step():
                return _STEP_S
        return _LOOK_S

    def _date(self) -> None:
        """Once the clock can be trusted, what this boot took on trust gets its true time, as soon as there is room."""
        boot, correction_ms = self.clock.boot, self.clock.correction_ms
        if boot.correction_ms is not None or correction_ms is None or self.is_full:
            return
        with self._transaction():
            guessed = boots.date(self.database.db, boot.number, correction_ms)
            if guessed is not None:
                first, last = guessed
                detail = {"boot": boot.number, "correction_ms": correction_ms, "first": first, "last": last}
                self.event("clock_trusted", {**detail})
                self._positions.reopen((guessed,))
                self._deriving.show_dated(boot.number, correction_ms)
        boot.correction_ms = self._all_rows.corrections[boot.number] = correction_ms
        if guessed is not None:
            for tell in self.on_dated:
                tell((guessed,))

    # --- a run --------------------------------------------------------------------------------------------------------

    def begin_run(self) -> None:
        """Notes that the gateway runs. After an unclean stop, polled readings after the last commit may be missing:
        that gap becomes an event."""
        self._runs = True
        if self.is_open:
            try:
                self._note_run()
            except sqlite3.Error as error:
                self.database.refused(error)
                self._load_nodes()

    def _note_run(self) -> None:
        if meta.get(self.database.db, meta.RUNNING):
            last_ms = self._all_rows.last_polled_ms()
            self.event("gap", {"reason": "unclean_stop", "from_ms": last_ms, "to_ms": self.clock.unix_ms()})
        meta.put(self.database.db, meta.RUNNING, 1)

    def end_run(self) -> None:
        """Commits everything and notes a clean stop."""
        with self._transaction() if self.is_open and not self.is_full else self.database.transaction():
            self._positions.note()
            meta.put(self.database.db, meta.RUNNING, 0)
        self._verdicts.note()
        self.close_block()

    # --- writing ------------------------------------------------------------------------------------------------------

    def series(self, source: str, channels: Sequence[Channel]) -> int:
        """The id of the series of these channels; made when it is new. Without a file it is one that stands for it."""
        return self._all_series.id_of(source, written([(c.name, c.unit, c.decimals) for c in channels]))

    def add_poll(self, series: int, unix_ms: int, cells: Sequence[Cell]) -> None:
        """Takes one polled row; on disk with the next keep() or commit()."""
        self._incoming.add_poll(series, unix_ms, cells)

    def event(self, kind: str, detail: dict[str, object]) -> None:
        """Notes something a person may want to know later. On disk at once."""
        self._events.add(kind, detail)

    def keep(self) -> None:
        """Puts every polled row on disk, a few of them into the tail. Without a file, or where [store] says that it is
        full, they wait."""
        if self.waiting and self._takes:
            with self._transaction(self._are_few()):
                pass

    def commit(self) -> None:
        """Puts every polled row, and the tail, into the database."""
        if (self.waiting or self._tail.rows) and self._takes:
            with self._transaction():
                pass

    def commit_due(self) -> None:
        """Puts on disk what is derived because its time has come."""
        if self._takes and self._deriving.is_due():
            with self._transaction(self._are_few()):
                pass

    @property
    def _takes(self) -> bool:
        return self.is_open and not self.is_full

    def _are_few(self) -> bool:
        """Of a commit that failed nobody knows whether it is in the log: until one is there for sure, no number that
        it may have used goes into the tail."""
        return not self.database.is_in_doubt and self.waiting <= min(_FEW_ROWS, _TAIL_ROWS - len(self._tail.rows))

    @contextmanager
    def _transaction(self, to_tail: bool = False) -> Iterator[None]:
        """All or nothing. The polled rows that wait go along: into the database, and what is in the tail with them, or
        `to_tail`, if nothing else is written."""
        database, all_rows = self.database, self._all_rows
        if not self._takes:
            raise sqlite3.OperationalError(
                f"{database.path} is full" if self.is_open else f"{database.path} can't be used yet"
            )
        last_seq, unwritten = all_rows.used_seq, self._tail.rows
        for part in (all_rows, self._verdicts, self._deriving):
            part.begin()
        try:
            database.db.execute("BEGIN" if to_tail else "BEGIN IMMEDIATE")
            before = database.db.total_changes
            if self._deriving.reads_rows:
                all_rows.write(unwritten)
                unwritten = []
            gap = self._waiting.gap()
            if gap is not None:
                self.event("gap", gap)
            polled = self._incoming.numbered()
            unwritten = [*unwritten, *polled]
            if not to_tail:
                all_rows.write(unwritten)
                unwritten = []
            yield
            self._deriving.derive(last_seq)
            is_written = not (to_tail and database.db.total_changes == before and self._to_tail(polled))
            if is_written:
                all_rows.write(unwritten)
                self._positions.note_along()
            database.db.execute("COMMIT")
        except BaseException as error:
            database.failed(error)
            database.roll_back()
            for noted in (all_rows, self._positions, self._verdicts, self._deriving, self._all_series):
                noted.undo()
            raise
        if is_written:
            database.is_in_doubt = False
            self._forget_tail()
        for memory in (self._waiting, all_rows, self._verdicts):
            memory.done()
        if self._blocks.is_due(self.last_seq):
            self.close_block()

    def _to_tail(self, rows: Sequence[Stored]) -> bool:
        try:
            if rows:
                self._tail.append(rows)
        except OSError as error:
            log.error("%s takes no rows: %s", path_of(self.database.path), error)
            return False
        return True

    def _forget_tail(self) -> None:
        try:
            self._tail.clear()
        except OSError as error:  # what is in it is known by its seq
            log.warning("%s can't be emptied: %s", path_of(self.database.path), error)

    # --- what readings are worth, and what is made of them ------------------------------------------------------------

    def judge(self, judge: Judge) -> None:
        """From now on every reading that comes in has the flags that this one adds."""
        self._verdicts.begin_with(judge)

    @property
    def services(self) -> dict[str, tuple[str, int]]:
        """By sensor at which somebody works now: the state and when it ends."""
        return self._verdicts.services

    def serve(self, sensor: str, state: str | None, for_ms: int) -> None:
        """Somebody begins to work at a sensor (a state of sensor_state.STATES), or has done (None)."""
        self._verdicts.serve(sensor, state, for_ms)
        if self.is_open:
            self.commit()
            self._verdicts.note()

    def derive(self, stages: Stages) -> None:
        """From now on rows are shown to these on their way in, and theirs join the transaction."""
        self._deriving.begin_with(stages)

    @property
    def urgent(self) -> Ranges:
        """The newest rows that go before all others."""
        return self._deriving.urgent

    # --- reading ------------------------------------------------------------------------------------------------------

    @property
    def last_seq(self) -> int:
        """Of the newest row on disk."""
        return self._all_rows.last_seq

    def rows_after(self, seq: int, limit: int) -> list[Row]:
        """The rows that follow `seq`, oldest first."""
        return self._all_rows.after(seq, limit)

    def rows_within(self, first: int, last: int) -> list[Row]:
        """The rows from `first` to `last`, oldest first."""
        return self._all_rows.within(first, last)

    def measured_within(self, from_ms: int, to_ms: int, first: int, last: int) -> list[int]:
        """Which of the rows first..last were measured in that time; ask for a part at a time."""
        return self._all_rows.measured_within(from_ms, to_ms, first, last)

    def newest(self) -> list[Row]:
        """The newest row of each series, those that wait for the disk included (with seq 0)."""
        return self._incoming.newest()

    def first_ms(self) -> float:
        """When the oldest row was measured; infinitely late without one."""
        return self._all_rows.first_ms()

    async def beyond(self, seq: int) -> None:
        """Returns once there is a row after `seq`."""
        await self._all_rows.beyond(seq)

    def all_series(self) -> list[Series]:
        return self._all_series.all()

    def last_events(self, count: int) -> list[tuple[int, str, str]]:
        """(Unix ms, kind, detail) of the newest, newest first."""
        return self._events.last(count)

    # --- positions ----------------------------------------------------------------------------------------------------

    def position(self, uplink: str) -> int:
        """Everything up to this seq is confirmed."""
        return self._positions.up_to(uplink)

    def confirmed(self, uplink: str) -> Ranges:
        """All that is confirmed; the first range begins at 0, which is no row."""
        return self._positions.confirmed(uplink)

    def set_position(self, uplink: str, seq: int, beyond: Ranges = ()) -> None:
        """Everything up to `seq`, and `beyond` that these, is confirmed by that uplink's receiver. On disk now and
        then: after a kill it sends a few rows once more, which its receiver knows."""
        self._positions.confirm(uplink, seq, beyond)

    def day_of(self, uplink: str) -> str:
        """Up to which day that uplink's receiver has confirmed the signatures; "" for none."""
        return self._positions.day(uplink)

    def set_day(self, uplink: str, day: str) -> None:
        self._positions.confirm_day(uplink, day)

    def order_counter(self, operator: str, key: bytes) -> int:
        """The counter of that operator's last order under that key; a new key begins anew."""
        return int(meta.get(self.database.db, meta.order_of(operator, key)) or 0)

    def set_order_counter(self, operator: str, key: bytes, counter: int) -> None:
        meta.put(self.database.db, meta.order_of(operator, key), counter)

    # --- blocks and days ----------------------------------------------------------------------------------------------

    def close_block(self) -> Block:
        """What is on disk up to now can't be changed unnoticed; the newest block."""
        if self._tail.rows:
            self.commit()
        return self._blocks.close()

    @property
    def newest_day(self) -> str:
        """The last day that was signed, "" before the first."""
        return self._blocks.newest_day

    def add_day(self, day: str, block: Block, signed: Signature) -> None:
        self._blocks.add_day(day, block, signed)

    def days_after(self, day: str) -> list[Day]:
        """The signed days behind that one, oldest first."""
        return self._blocks.days_after(day)

    # --- how it is ----------------------------------------------------------------------------------------------------

    @property
    def is_full(self) -> bool:
        """By [store] nothing more is taken until there is room again."""
        return self._cleaning.is_full

    @property
    def waiting(self) -> int:
        """How many polled rows are not on disk yet."""
        return len(self._waiting.rows)

    async def polled(self) -> None:
        """Returns once a polled row waits for keep()."""
        await self._waiting.polled()

    async def hurried(self) -> None:
        """Returns once a polled row waits that should be on disk at once."""
        await self._waiting.hurried()

    @property
    def strained(self) -> bool:
        """Whether it is in trouble with its disk: whoever can wait should send less."""
        return self.database.has_failed_lately or self.is_full or self.waiting > MANY

    @property
    def state(self) -> StoreState:
        return StoreState(
            is_open=self.is_open,
            is_full=self.is_full,
            last_seq=self.last_seq,
            waiting=self.waiting,
            size_bytes=self.database.size_bytes(),
            free_bytes=self._cleaning.free_bytes(),
        )
