"""Knows how readings, events and positions lie on disk (SQLite, WAL); knows no bus, no radio and no broker.

What somebody waits for commits at once; polled rows wait in memory for keep(), which puts a few of them into the tail
first (gateway/store/tail.py). A seq exists only once it is on disk.
While the disk refuses the file, polled rows and events wait, and nothing of a node is taken.
"""

import asyncio
import hashlib
import json
import logging
import math
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from gateway.derive import Deriver
from gateway.evidence import chain
from gateway.evidence.chain import Block
from gateway.evidence.notary import Signature
from gateway.machine.timekeeping import Timekeeper, started
from gateway.ports import Clock
from gateway.process import stage
from gateway.process.alarm.rows import ALARM
from gateway.process.quality.judge import Judge
from gateway.process.stage import Named, Past, Stage
from gateway.site.config import Channel
from gateway.states import StoreState
from gateway.store import boots, rescue, retention, verdicts
from gateway.store import file as store_file
from gateway.store.file import StoreError as StoreError
from gateway.store.nodes import NodeStore
from gateway.store.ranges import Ranges, count, parse, text, union, without
from gateway.store.retention import Keeping
from gateway.store.rows import COLUMNS, DERIVED, MARKS, Cell, Stored, checksum, packed, sound, unpacked, whole
from gateway.store.rows import Row as Row
from gateway.store.tail import LineFile, Tail, path_of
from protocols.batch import NodeRecord

log = logging.getLogger(__name__)
_MANY = 5000  # rows that wait for the disk: ten seconds of a station with 500 sensors; ours
_MOST = 20_000  # more than that and the oldest go: a quarter of an hour of 20 sensors a second, some 10 MB; ours
_MOST_UNTOLD = 1000  # events that wait for a file
_BLOCK_ROWS, _BLOCK_MS = 2000, 600_000  # a block is closed when one of them is reached; ours
_NOTE_ROWS, _NOTE_MS = 1000, 600_000  # a position is written when one of them is reached: each costs a page; ours
_NOTE_ALONG_MS = 60_000  # and after that time with rows that are written anyhow
_FEW_ROWS, _TAIL_ROWS = 40, 1000  # so many at once go to the tail, and so many stay there: what a commit costs; ours
_TROUBLE_MS = 600_000  # so long after a failed commit the store is not trusted with more than it must take; ours
_RECENT = 2000  # rows among which the newest of each series is looked for at a start; ours
_MOST_URGENT = 200  # alarm rows, which is days of them; ours
_JUDGED_MS = 600_000  # how often it is noted what the tests remember: a start judges again what came since; ours
_LOOK_S = 10.0  # how often the clock and the file are looked after
_STEP_S = 0.2  # between two steps of cleaning up, in which others write


Stages = Callable[[Past, Iterable[stage.Series]], Sequence[Stage]]


class Series(NamedTuple):
    """The channels of a row's cells: (name, unit, decimals) each."""

    id: int
    source: str
    channels: tuple[tuple[str, str, int], ...]


class _Waiting(NamedTuple):
    """A polled row in memory."""

    series: int
    unix_ms: int
    trusted: bool
    cells: str
    quality: str | None


class Day(NamedTuple):
    """A signed day (gateway/evidence/notary.py): the block that closed it, and who signed."""

    day: str
    block: int
    hash: bytes
    signature: bytes
    public: bytes


class Store(NodeStore):
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
        self._path = path
        self._keeping = keeping or Keeping()
        self._free_bytes = free_bytes
        self._is_damaged = False  # a commit has met damage: the file is opened again, and rescued
        self.is_full = False  # by [store]: nothing more is taken until there is room again
        self.clock = self._clock = Timekeeper(clock, started(clock))
        self._pending: deque[_Waiting] = deque()
        self._dropped: list[int] = []  # of polled rows: [how many, Unix ms of the first, of the last]
        self._untold: deque[tuple[int, bool, str, str]] = deque(maxlen=_MOST_UNTOLD)
        self._polled = asyncio.Event()  # rows wait for commit()
        self._hurry = asyncio.Event()  # and at least one of them must not wait long
        self.urgent: Ranges = ()  # the newest rows that go before all others
        self._waiters: set[asyncio.Future[None]] = set()
        self._opening = asyncio.Event()
        self._runs = False
        self._failed_ms: int | None = None  # when a commit did, last
        self._series: dict[tuple[str, str], int] = {}
        self._positions: dict[str, Ranges] = {}
        self.last_seq = self._used_seq = 0
        self._given: dict[int, int] = {}  # ids of series that were given out without a file -> those in it
        self._has_stand_in = self.is_open = False
        self._tail = Tail(path, tail_file)
        self._is_in_doubt = False  # what the last commit left in the log
        self._newest: dict[int, Stored] = {}  # collected rows, by series
        self._fresh: list[Row] = []  # collected rows of the running transaction
        self._stages: Stages | None = None
        self._deriver: Deriver | None = None
        self._judge: Judge | None = None
        self._named: dict[int, stage.Series] = {}  # what is judged, by the number of its series
        self._restated: list[stage.Row] = []  # waits for the disk with the polled rows
        self.on_dated: list[Callable[[Ranges], object]] = []  # told of rows that say something else now
        self.try_open()

    # --- the file -----------------------------------------------------------------------------------------------------

    def try_open(self) -> None:
        """Opens the file, if the disk lets us. StoreError: a person must do something first."""
        try:
            db, rescued = rescue.opened(self._path)
        except (OSError, sqlite3.Error) as error:
            self._refused(error)
            return
        if self._has_stand_in:
            self._db.close()
        self._db = db
        self.is_open, self._has_stand_in = True, False
        try:
            self._take_over()
            if rescued is not None:
                self.event("store_rescued", rescued._asdict())
        except sqlite3.Error as error:  # it lets itself be read
            self._refused(error)
            return
        self._opening.set()

    def _refused(self, error: Exception) -> None:
        """The disk gives no file, or none that can be written."""
        if self._failed_ms is None:
            log.error("%s can't be used as the store yet: %s; tried again", self._path, error)
        self._failed_ms = self._clock.monotonic_ms()
        self._give_up_file()

    def _give_up_file(self) -> None:
        self._opening.clear()
        if self.is_open:
            self._db.close()
        if not self._has_stand_in:
            self._db = store_file.stand_in()
            self._load_nodes()
        self._has_stand_in, self.is_open, self._is_damaged = True, False, False

    async def opened(self) -> None:
        """Returns once there is a file."""
        await self._opening.wait()

    def _take_over(self) -> None:
        """What was given out and what waits belongs to the file from now on."""
        shift_ms = boots.meet(self._db, self.clock)
        self._pending = deque(
            row if row.trusted else row._replace(unix_ms=row.unix_ms + shift_ms) for row in self._pending
        )
        known = self._series
        self._load()
        for (source, channels), id in known.items():
            self._given[id] = self._series_id(source, channels)
        self._load_judge()
        for unix_ms, trusted, kind, detail in self._untold:
            self._insert_event(unix_ms if trusted else unix_ms + shift_ms, trusted, kind, detail)
        self._untold.clear()
        if self._runs:
            self._note_run()
        self._date()

    def _load(self) -> None:
        self._series = self._known_series()
        self._positions = {
            uplink: ((0, seq), *parse(beyond)) for uplink, seq, beyond in self._db.execute("SELECT * FROM position")
        }
        self._noted, self._noted_ms = dict(self._positions), self._clock.monotonic_ms()
        self._corrections: dict[int, int | None] = dict(self._db.execute("SELECT id, correction_ms FROM boot"))
        self._load_tail()
        self._count_rows()
        self._closed_seq = chain.newest(self._db).last_seq
        self._closed_ms = self._clock.monotonic_ms()
        self.newest_day = self.last_day()  # that is signed
        self._newest = {}
        recent = f"SELECT {COLUMNS} FROM row WHERE seq > ? AND node IS NOT {DERIVED} ORDER BY seq"
        for row in whole(self._db.execute(recent, (self.last_seq - _RECENT,))):
            self._note_newest(row)
        for row in self._tail.rows:
            self._note_newest(row)
        numbers = ", ".join(map(str, self._alarm_series())) or "0"
        alarms = f"SELECT seq FROM row WHERE node = {DERIVED} AND series IN ({numbers}) ORDER BY seq DESC LIMIT ?"
        self.urgent = ()
        self._note_urgent(seq for (seq,) in self._db.execute(alarms, (_MOST_URGENT,)))
        self._deriver = None if self._stages is None else self._new_deriver(self._stages)
        self._load_nodes()

    def _known_series(self) -> dict[tuple[str, str], int]:
        found = self._db.execute("SELECT id, source, channels FROM series")
        return {(source, channels): id for id, source, channels in found}

    def _note_newest(self, row: Stored) -> None:
        known = self._newest.get(row.series)
        if known is None or row.unix_ms >= known.unix_ms:
            self._newest[row.series] = row

    def _newest_seq(self) -> int:
        return int(self._db.execute("SELECT coalesce(max(seq), 0) FROM row").fetchone()[0])

    def _load_tail(self) -> None:
        try:
            self._tail.load(self._newest_seq(), self._series.values(), self._corrections)
        except OSError as error:
            log.error("%s can't be read; its rows are missing: %s", path_of(self._path), error)

    def _count_rows(self) -> None:
        """The newest row, and the highest number that any row ever had."""
        self.last_seq = self._tail.rows[-1].seq if self._tail.rows else self._newest_seq()
        known = self._db.execute("SELECT max(last_seq) FROM block UNION SELECT value FROM meta WHERE key = 'used_seq'")
        confirmed = (ranges[-1][1] for ranges in self._positions.values())
        self._used_seq = max(self.last_seq, *confirmed, *(seq or 0 for (seq,) in known))

    def close(self) -> None:
        """Lets go of the files; what was not committed is gone."""
        self._db.close()
        self._tail.close()

    def upkeep(self) -> float:
        """What is to be done now and then; in how many seconds again."""
        if self._is_damaged:
            self._give_up_file()
        if not self.is_open:
            self.try_open()
        self.clock.look()
        if self.is_open:
            self._date()
            if self._tail.rows and self._clock.monotonic_ms() >= self._closed_ms + _BLOCK_MS:
                self.close_block()
            if self._clean_up():
                return _STEP_S
        return _LOOK_S

    # --- a run --------------------------------------------------------------------------------------------------------

    def begin_run(self) -> None:
        """Notes that the gateway runs. After an unclean stop, polled readings after the last commit may be missing:
        that gap becomes an event."""
        self._runs = True
        if self.is_open:
            try:
                self._note_run()
            except sqlite3.Error as error:
                self._refused(error)

    def _note_run(self) -> None:
        if self._meta("running"):
            found = self._tail_rows()[-1:] or self._rows("WHERE node IS NULL ORDER BY seq DESC LIMIT 1")
            last_ms = found[0].unix_ms if found else None
            self.event("gap", {"reason": "unclean_stop", "from_ms": last_ms, "to_ms": self._clock.unix_ms()})
        self._set_meta("running", 1)

    def end_run(self) -> None:
        """Commits everything and notes a clean stop."""
        with self._transaction() if self.is_open and not self.is_full else self._own_transaction():
            self._note_positions()
            self._set_meta("running", 0)
        self._note_judge()
        self.close_block()

    def _meta(self, key: str) -> Any:
        found = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return found[0] if found else None

    def _set_meta(self, key: str, value: object) -> None:
        self._db.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
        )

    # --- writing ------------------------------------------------------------------------------------------------------

    def series(self, source: str, channels: Sequence[Channel]) -> int:
        """The id of the series of these channels; made when it is new. Without a file it is one that stands for it."""
        text = json.dumps([[c.name, c.unit, c.decimals] for c in channels], separators=(",", ":"))
        return self._series_id(source, text)

    def _series_id(self, source: str, text: str) -> int:
        if (source, text) in self._series:
            return self._series[source, text]
        id = -1 - len(self._series)
        if self.is_open:
            id = int(self._db.execute("SELECT coalesce(max(id), 0) + 1 FROM series").fetchone()[0])
            line = (id, source, text)
            self._db.execute("INSERT INTO series VALUES (?, ?, ?, ?)", (*line, checksum(line)))
        self._series[source, text] = id
        return id

    def add_poll(self, series: int, unix_ms: int, cells: Sequence[Cell]) -> None:
        """Takes one polled row; on disk with the next keep() or commit()."""
        is_trusted = self._clock.is_trusted()
        cells, restated = self._judged(series, unix_ms, cells, is_trusted)
        self._restated += restated
        self._pending.append(_Waiting(series, unix_ms, is_trusted, *packed(cells)))
        if len(self._pending) > _MOST:
            oldest = self._pending.popleft()
            self._dropped = [1, oldest.unix_ms, 0] if not self._dropped else self._dropped
            self._dropped[0] += bool(self._dropped[2])
            self._dropped[2] = oldest.unix_ms
        if self._deriver is not None and self.is_open and self._deriver.is_urgent(self._waiting_row(self._pending[-1])):
            self._hurry.set()
        self._polled.set()

    def _waiting_row(self, row: _Waiting) -> Row:
        stored = Stored(0, row.series, row.unix_ms, 0, int(row.trusted), None, None, None, row.cells, row.quality)
        return unpacked(stored._replace(series=self._given.get(row.series, row.series)), None)

    async def hurried(self) -> None:
        """Returns once a polled row waits that should be on disk at once."""
        await self._hurry.wait()

    async def polled(self) -> None:
        """Returns once a polled row waits for keep()."""
        await self._polled.wait()

    @property
    def waiting(self) -> int:
        """How many polled rows are not on disk yet."""
        return len(self._pending)

    @property
    def strained(self) -> bool:
        """Whether it is in trouble with its disk: whoever can wait should send less."""
        failed_ms = self._failed_ms
        lately = failed_ms is not None and self._clock.monotonic_ms() - failed_ms < _TROUBLE_MS
        return lately or self.is_full or len(self._pending) > _MANY

    def keep(self) -> None:
        """Puts every polled row on disk, a few of them into the tail. Without a file, or where [store] says that it is
        full, they wait."""
        if self._pending and self.is_open and not self.is_full:
            with self._transaction(self._are_few()):
                pass

    def _are_few(self) -> bool:
        """Of a commit that failed nobody knows whether it is in the log: until one is there for sure, no number that
        it may have used goes into the tail."""
        return not self._is_in_doubt and len(self._pending) <= min(_FEW_ROWS, _TAIL_ROWS - len(self._tail.rows))

    def commit(self) -> None:
        """Puts every polled row, and the tail, into the database."""
        if (self._pending or self._tail.rows) and self.is_open and not self.is_full:
            with self._transaction():
                pass

    def event(self, kind: str, detail: dict[str, object]) -> None:
        """Notes something a person may want to know later. On disk at once."""
        text = json.dumps(detail, separators=(",", ":"), ensure_ascii=False)
        unix_ms, _, trusted = self._stamp()
        if self.is_open:
            self._insert_event(unix_ms, trusted, kind, text)
        else:
            self._untold.append((unix_ms, trusted, kind, text))

    def _insert_event(self, unix_ms: int, trusted: bool, kind: str, text: str) -> None:
        self._db.execute(
            "INSERT INTO event (unix_ms, boot, trusted, kind, detail) VALUES (?, ?, ?, ?, ?)",
            (unix_ms, self.clock.boot.number, trusted, kind, text),
        )

    def _stamp(self) -> tuple[int, int, bool]:
        """Now: Unix time, boot, and whether that time can be trusted."""
        return self._clock.unix_ms(), self.clock.boot.number, self._clock.is_trusted()

    def close_block(self) -> Block:
        """What is on disk up to now can't be changed unnoticed; the newest block."""
        if self._tail.rows:
            self.commit()
        self._closed_ms = self._clock.monotonic_ms()
        block = chain.close(self._db, self._clock.unix_ms())
        self._closed_seq = block.last_seq
        return block

    def first_ms(self) -> float:
        """When the oldest row was measured; infinitely late without one."""
        found = self._rows("ORDER BY seq LIMIT 1") or self._tail_rows()[:1]
        return found[0].unix_ms if found else math.inf

    def last_day(self) -> str:
        """The last day that was signed, "" before the first."""
        return str(self._db.execute("SELECT coalesce(max(day), '') FROM day").fetchone()[0])

    def add_day(self, day: str, block: Block, signed: Signature) -> None:
        self._db.execute("INSERT OR IGNORE INTO day VALUES (?, ?, ?, ?)", (day, block.number, *signed))
        self.newest_day = self.last_day()

    def days_after(self, day: str) -> list[Day]:
        """The signed days behind that one, oldest first."""
        found = self._db.execute(
            "SELECT day, number, hash, signature, public FROM day JOIN block ON block = number "
            "WHERE day > ? ORDER BY day",
            (day,),
        )
        return [Day(*row) for row in found]

    def day_of(self, uplink: str) -> str:
        """Up to which day that uplink's receiver has confirmed the signatures; "" for none."""
        return str(self._meta(f"days {uplink}") or "")

    def set_day(self, uplink: str, day: str) -> None:
        self._set_meta(f"days {uplink}", day)

    def set_position(self, uplink: str, seq: int, beyond: Ranges = ()) -> None:
        """Everything up to `seq`, and `beyond` that these, is confirmed by that uplink's receiver. On disk now and
        then: after a kill it sends a few rows once more, which its receiver knows."""
        self._positions[uplink] = ((0, seq), *beyond)
        many = count(self._positions[uplink]) >= count(self._noted.get(uplink, ())) + _NOTE_ROWS
        if many or self._clock.monotonic_ms() >= self._noted_ms + _NOTE_MS:
            self._note_positions()

    def _note_positions(self) -> None:
        self._noted_ms = self._clock.monotonic_ms()
        self._db.executemany(
            "INSERT INTO position VALUES (?, ?, ?) "
            "ON CONFLICT (uplink) DO UPDATE SET seq = excluded.seq, beyond = excluded.beyond",
            [
                (uplink, confirmed[0][1], text(confirmed[1:]))
                for uplink, confirmed in self._positions.items()
                if confirmed != self._noted.get(uplink)
            ],
        )
        self._noted = dict(self._positions)

    def _reopen(self, rows: Ranges) -> None:
        """These say something else now: no receiver has them."""
        self._positions = {uplink: without(known, rows) for uplink, known in self._positions.items()}
        self._note_positions()

    def order_counter(self, operator: str, key: bytes) -> int:
        """The counter of that operator's last order under that key; a new key begins anew."""
        return int(self._meta(_order_key(operator, key)) or 0)

    def set_order_counter(self, operator: str, key: bytes, counter: int) -> None:
        self._set_meta(_order_key(operator, key), counter)

    @contextmanager
    def _transaction(self, to_tail: bool = False) -> Iterator[None]:
        """All or nothing. The polled rows that wait go along: into the database, and what is in the tail with them, or
        `to_tail`, if nothing else is written."""
        if not self.is_open or self.is_full:
            raise sqlite3.OperationalError(
                f"{self._path} is full" if self.is_open else f"{self._path} can't be used yet"
            )
        used_seq, self._fresh, unwritten = self._used_seq, [], self._tail.rows
        if self._judge is not None:
            self._judge.begin()
        try:
            self._db.execute("BEGIN" if to_tail else "BEGIN IMMEDIATE")
            before = self._db.total_changes
            if self._deriver is not None and not self._deriver.is_restored:
                self._write(unwritten)  # it is shown what is in the database
                unwritten = []
            self._tell_dropped()
            polled = self._numbered()
            self._take(polled)
            for row in self._restated:
                self._restate(row)
            unwritten = [*unwritten, *polled]
            if not to_tail:
                self._write(unwritten)
                unwritten = []
            yield
            if self._deriver is not None:
                self._derive(self._deriver, used_seq)
            is_written = not (to_tail and self._db.total_changes == before and self._to_tail(polled))
            if is_written:
                self._write(unwritten)
                if self._clock.monotonic_ms() >= self._noted_ms + _NOTE_ALONG_MS:
                    self._note_positions()
            self._db.execute("COMMIT")
        except BaseException as error:
            self._is_damaged |= isinstance(error, sqlite3.Error) and rescue.is_damage(error)
            self._failed_ms, self._is_in_doubt = self._clock.monotonic_ms(), True
            if self._db.in_transaction:  # some errors have ended it already
                self._db.execute("ROLLBACK")
            self._used_seq, self._noted = used_seq, {}
            if self._judge is not None:
                self._judge.undo()
            if self._deriver is not None:
                self._deriver.forget()
            if self._deriver is not None or self._judge is not None:
                self._series = self._known_series()
            raise
        if is_written:
            self._is_in_doubt = False
            self._forget_tail()
        self._now_on_disk()
        if self._judge is not None:
            self._judge.done()
            if self._clock.monotonic_ms() >= self._judged_ms + _JUDGED_MS:
                self._note_judge()
        if self.last_seq >= self._closed_seq + _BLOCK_ROWS or self._clock.monotonic_ms() >= self._closed_ms + _BLOCK_MS:
            self.close_block()

    def _to_tail(self, rows: Sequence[Stored]) -> bool:
        try:
            if rows:
                self._tail.append(rows)
        except OSError as error:
            log.error("%s takes no rows: %s", path_of(self._path), error)
            return False
        return True

    def _forget_tail(self) -> None:
        try:
            self._tail.clear()
        except OSError as error:  # what is in it is known by its seq
            log.warning("%s can't be emptied: %s", path_of(self._path), error)

    def _now_on_disk(self) -> None:
        """The polled rows are."""
        self._pending.clear()
        self._restated.clear()
        self._polled.clear()
        self._hurry.clear()
        self._dropped.clear()
        self.last_seq = self._used_seq
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    # --- what readings are worth --------------------------------------------------------------------------------------

    def judge(self, judge: Judge) -> None:
        """From now on every reading that comes in has the flags that this one adds."""
        self._judge = judge
        self._judged_ms = self._clock.monotonic_ms()
        if self.is_open:
            self._load_judge()

    @property
    def services(self) -> dict[str, tuple[str, int]]:
        """By sensor at which somebody works now: the state and when it ends."""
        return {} if self._judge is None else self._judge.services(self._clock.unix_ms())

    def serve(self, sensor: str, state: str | None, for_ms: int) -> None:
        """Somebody begins to work at a sensor (a state of sensor_state.STATES), or has done (None)."""
        if self._judge is not None:
            self._judge.serve(sensor, state, self._clock.unix_ms(), for_ms)
            if self.is_open:
                self.commit()
                self._note_judge()

    def _judged(
        self, series: int, unix_ms: int, cells: Sequence[Cell], is_dated: bool, is_late: bool = False
    ) -> tuple[Sequence[Cell], Sequence[stage.Row]]:
        if self._judge is None:
            return cells, ()
        return self._judge.judge(self._series_named(series), unix_ms, cells, is_dated, is_late)

    def _series_named(self, series: int) -> stage.Series:
        found = self._named.get(series)
        if found is None:
            number = self._given.get(series, series)
            source, channels = next(one for one, id in self._series.items() if id == number)
            found = self._named[series] = stage.Series(source, tuple(map(tuple, json.loads(channels))))
        return found

    def _restate(self, row: stage.Row) -> None:
        """What was found out later of a reading; stages see it like a reading."""
        series = self._series_id(row.series.source, json.dumps(row.series.channels, separators=(",", ":")))
        stored = self._add_derived(series, row.unix_ms, row.cells)
        if self._deriver is not None:
            self._fresh.append(unpacked(stored, None))

    def _load_judge(self) -> None:
        """What it knew when it was last noted, and what came since."""
        if self._judge is None:
            return
        self._named = {}
        if self._meta(verdicts.KEY) is None:  # it begins here, whatever is cut off before its first note
            self._set_meta(verdicts.KEY, verdicts.written(self.last_seq, {}, self.lives()))
        noted, state, have = verdicts.read(self._meta(verdicts.KEY), self.last_seq)
        self._judge.restore(state)
        query = f"SELECT {COLUMNS} FROM row WHERE seq > ? AND node IS NOT {DERIVED} ORDER BY seq"
        unmoved = [row for row in self._tail.rows if row.seq > noted]
        for stored in [*whole(self._db.execute(query, (noted,))), *unmoved]:
            row = unpacked(stored, self._corrections.get(stored.boot))
            whose = stored.node, stored.life
            highest, number = have.get(whose, 0), stored.record or 0
            self._recall_judged(row, bool(stored.trusted), stored.node is not None and number < highest)
            have[whose] = max(highest, number)
        for waiting in self._pending:
            self._recall_judged(self._waiting_row(waiting), waiting.trusted, False)
        self._judged_ms = self._clock.monotonic_ms()

    def _recall_judged(self, row: Row, is_dated: bool, is_late: bool) -> None:
        assert self._judge is not None
        cells = tuple(zip(row.cells, row.quality or (0,) * len(row.cells), strict=True))
        self._judge.recall(stage.Row(self._series_named(row.series), row.unix_ms, cells), is_dated, is_late)

    def _note_judge(self) -> None:
        """Only where nothing waits: what it knows is then what is on disk."""
        if self._judge is not None and not self._pending:
            self._set_meta(verdicts.KEY, verdicts.written(self.last_seq, self._judge.state(), self.lives()))
            self._judged_ms = self._clock.monotonic_ms()

    # --- what is made of rows -----------------------------------------------------------------------------------------

    def derive(self, stages: Stages) -> None:
        """From now on rows are shown to these on their way in, and theirs join the transaction."""
        self._stages = stages
        if self.is_open:
            self._deriver = self._new_deriver(stages)

    def _new_deriver(self, stages: Stages) -> Deriver:
        def id_of(source: str, channels: Sequence[Named]) -> int:
            return self._series_id(source, json.dumps(channels, separators=(",", ":")))

        def series_of() -> dict[int, stage.Series]:
            return {one.id: stage.Series(one.source, one.channels) for one in self.all_series()}

        return Deriver(self._db, id_of, series_of, stages, self._add_derived, lambda: self._used_seq)

    def _add_derived(self, series: int, unix_ms: int, cells: Sequence[Cell]) -> Stored:
        """Its time is a period's, which is known, or there would be no such row."""
        boot = self.clock.boot.number
        row = Stored(self._used_seq + 1, series, unix_ms, boot, 1, DERIVED, None, None, *packed(cells))
        self._insert([row])
        if series in self._alarm_series():
            self._note_urgent([row.seq])
        return row

    def _alarm_series(self) -> set[int]:
        return {id for (source, _), id in self._series.items() if source == ALARM}

    def _note_urgent(self, seqs: Iterable[int]) -> None:
        """Of a row that a failed transaction has taken back it says nothing wrong: the seq is given again at once."""
        self.urgent = union([*self.urgent, *((seq, seq) for seq in seqs)])[-_MOST_URGENT:]

    def _derive(self, deriver: Deriver, last_seq: int) -> None:
        """What was collected is kept, whatever may be wrong with what is made of it."""
        self._db.execute("SAVEPOINT derived")
        used_seq = self._used_seq
        now_ms = self._clock.unix_ms() if self._clock.is_trusted() else None
        try:
            deriver.derive(self._fresh, last_seq, now_ms, self._corrections)
        except sqlite3.Error:
            raise
        except Exception as error:  # it goes on at the next start, from the rows that are kept
            self._db.execute("ROLLBACK TO derived")
            self._used_seq = used_seq
            self._deriver = self._stages = None
            self._series = self._known_series()
            log.exception("nothing is derived any more")
            self.event("derive_failed", {"error": repr(error)})
        self._db.execute("RELEASE derived")

    def commit_due(self) -> None:
        """Puts on disk what is derived because its time has come."""
        is_ready = self.is_open and not self.is_full and self._clock.is_trusted()
        if is_ready and self._deriver is not None and self._deriver.is_due(self._clock.unix_ms()):
            with self._transaction(self._are_few()):
                pass

    def _tell_dropped(self) -> None:
        if self._dropped:
            count, first_ms, last_ms = self._dropped
            self.event("gap", {"reason": "no_disk", "rows": count, "from_ms": first_ms, "to_ms": last_ms})

    def _numbered(self) -> list[Stored]:
        """The polled rows as they are written next."""
        boot, seq = self.clock.boot.number, self._used_seq
        return [
            Stored(
                number, self._given.get(row.series, row.series), row.unix_ms, boot, int(row.trusted), None, None, None,
                row.cells, row.quality,
            )
            for number, row in enumerate(self._pending, seq + 1)
        ]  # fmt: skip

    def _insert(self, rows: Sequence[Stored]) -> None:
        self._write(rows)
        self._take(rows)

    def _write(self, rows: Sequence[Stored]) -> None:
        self._db.executemany(f"INSERT INTO row ({COLUMNS}) VALUES ({MARKS})", [(*row, row.crc) for row in rows])

    def _take(self, rows: Sequence[Stored]) -> None:
        """Their numbers are used, and they are shown to whoever makes something of them."""
        self._used_seq += len(rows)
        for row in rows:
            if row.node != DERIVED:
                self._note_newest(row)
                if self._deriver is not None:
                    self._fresh.append(unpacked(row, self._corrections.get(row.boot)))

    def _add_record(
        self, series: int, record: NodeRecord, node: int, life: int, knew_time: bool, is_late: bool
    ) -> bool:
        """A node's record becomes a row; False: it was one. `is_late`: later ones were here before it."""
        known = "SELECT 1 FROM row WHERE node = ? AND life = ? AND record = ?"
        if self._db.execute(known, (node, life, record.number)).fetchone():
            return False
        _, boot, trusted = self._stamp()
        is_dated = trusted or knew_time
        cells, restated = self._judged(series, record.time_s * 1000, record.cells, is_dated, is_late)
        row = Stored(
            self._used_seq + 1, self._given.get(series, series), record.time_s * 1000, boot,
            int(is_dated), node, life, record.number, *packed(cells),
        )  # fmt: skip
        self._insert([row])
        for one in restated:
            self._restate(one)
        return True

    # --- room ---------------------------------------------------------------------------------------------------------

    def _clean_up(self) -> bool:
        """One step of removing what is old or too much; whether there is more to do."""
        db, now = self._db, retention.room(self._db, self._free_bytes())
        removed, removing = self._meta("removed") or 0, self._meta("removing") or 0
        if removing > removed:
            with self._own_transaction():
                retention.remove(db, removed + 1)
                self._set_meta("removed", removed + 1)
            return True
        now_ms = self._clock.unix_ms() if self._clock.is_trusted() else None
        owed = min((self.position(uplink) for uplink in self._keeping.uplinks), default=1 << 62)
        due = retention.due(db, self._keeping, now, now_ms, owed, removed)
        if due is not None:
            self._announce(due, removed)
            return True
        is_short = now.short(self._keeping) > 0
        more = retention.shrink(db, self._keeping, now)
        if is_short is not self.is_full and not more:
            self.is_full = is_short
            log.warning("the store has %s", "no room: nothing more is taken" if is_short else "room again")
            self.event("store_full" if is_short else "store_has_room", {"mib": now.used // retention.MIB})
        return more

    def _announce(self, due: retention.Due, removed: int) -> None:
        """What is removed from now on is on record first."""
        first = chain.block(self._db, removed).last_seq + 1
        detail: dict[str, object] = {
            "reason": due.reason, "first": first, "last": due.block.last_seq, "block": due.block.number,
        }  # fmt: skip
        if due.reason == "full":
            positions = {uplink: self.position(uplink) for uplink in self._keeping.uplinks}
            detail["undelivered"] = {
                uplink: due.block.last_seq - max(seq, first - 1)
                for uplink, seq in positions.items()
                if seq < due.block.last_seq
            }
        with self._own_transaction():
            self.event("rows_removed", detail)
            self._set_meta("removing", due.block.number)

    @contextmanager
    def _own_transaction(self) -> Iterator[None]:
        """One without the polled rows, which works when nothing more is taken as well."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    # --- time ---------------------------------------------------------------------------------------------------------

    def _date(self) -> None:
        """Once the clock can be trusted, what this boot took on trust gets its true time."""
        boot, correction_ms = self.clock.boot, self.clock.correction_ms
        if boot.correction_ms is not None or correction_ms is None:
            return
        with self._transaction():
            guessed = boots.date(self._db, boot.number, correction_ms)
            if guessed is not None:
                first, last = guessed
                detail: dict[str, object] = {
                    "boot": boot.number,
                    "correction_ms": correction_ms,
                    "first": first,
                    "last": last,
                }
                self.event("clock_trusted", detail)
                self._reopen(((first, last),))
                if self._deriver is not None:
                    self._fresh += self._dated_rows(boot.number, correction_ms)
        boot.correction_ms = self._corrections[boot.number] = correction_ms
        if guessed is not None:
            for tell in self.on_dated:
                tell((guessed,))

    def _dated_rows(self, boot: int, correction_ms: int) -> Iterator[Row]:
        """Rows that were in no period, because nobody knew in which."""
        query = f"SELECT {COLUMNS} FROM row WHERE boot = ? AND trusted = 0 AND node IS NOT {DERIVED} ORDER BY seq"
        return sound(self._db.execute(query, (boot,)), {boot: correction_ms})

    # --- reading ------------------------------------------------------------------------------------------------------

    def position(self, uplink: str) -> int:
        """Everything up to this seq is confirmed."""
        return self.confirmed(uplink)[0][1]

    def confirmed(self, uplink: str) -> Ranges:
        """All that is confirmed; the first range begins at 0, which is no row."""
        return self._positions.get(uplink, ((0, 0),))

    def all_series(self) -> list[Series]:
        return [
            Series(id, source, tuple((name, unit, decimals) for name, unit, decimals in json.loads(channels)))
            for (source, channels), id in self._series.items()
        ]

    def newest(self) -> list[Row]:
        """The newest row of each series, those that wait for the disk included (with seq 0)."""
        found = {id: unpacked(row, self._corrections.get(row.boot)) for id, row in self._newest.items()}
        for waiting in map(self._waiting_row, self._pending):
            found[waiting.series] = waiting
        return list(found.values())

    def last_events(self, count: int) -> list[tuple[int, str, str]]:
        """(Unix ms, kind, detail) of the newest, newest first."""
        return self._db.execute("SELECT unix_ms, kind, detail FROM event ORDER BY id DESC LIMIT ?", (count,)).fetchall()

    @property
    def state(self) -> StoreState:
        size = self._path.stat().st_size if self.is_open and self._path.exists() else None
        return StoreState(
            is_open=self.is_open,
            is_full=self.is_full,
            last_seq=self.last_seq,
            waiting=len(self._pending),
            size_bytes=size,
            free_bytes=self._free_bytes(),
        )

    def rows_after(self, seq: int, limit: int) -> list[Row]:
        """The rows that follow `seq`, oldest first."""
        found = self._rows("WHERE seq > ? ORDER BY seq LIMIT ?", seq, limit)
        return found + self._tail_rows(seq + 1)[: limit - len(found)]

    def rows_within(self, first: int, last: int) -> list[Row]:
        """The rows from `first` to `last`, oldest first."""
        return self._rows("WHERE seq BETWEEN ? AND ? ORDER BY seq", first, last) + self._tail_rows(first, last)

    def _rows(self, which: str, *values: int) -> list[Row]:
        return list(sound(self._db.execute(f"SELECT {COLUMNS} FROM row {which}", values), self._corrections))

    def _tail_rows(self, first: int = 0, last: int = 1 << 62) -> list[Row]:
        """Those from `first` to `last` that are not in the database yet."""
        rows = self._tail.rows
        if not rows or rows[-1].seq < first or rows[0].seq > last:
            return []
        return [unpacked(row, self._corrections.get(row.boot)) for row in rows if first <= row.seq <= last]

    def measured_within(self, from_ms: int, to_ms: int, first: int, last: int) -> list[int]:
        """Which of the rows first..last were measured in that time. Nothing but the rows themselves tells: ask for a
        part at a time."""
        found = self._db.execute(
            "SELECT seq FROM row WHERE seq BETWEEN ? AND ? AND unix_ms BETWEEN ? AND ? ORDER BY seq",
            (first, last, from_ms, to_ms),
        )
        beyond = [row.seq for row in self._tail.rows if first <= row.seq <= last and from_ms <= row.unix_ms <= to_ms]
        return [seq for (seq,) in found] + beyond

    async def beyond(self, seq: int) -> None:
        """Returns once there is a row after `seq`."""
        while self.last_seq <= seq:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)


def _order_key(operator: str, key: bytes) -> str:
    return f"order {operator} {hashlib.sha256(key).hexdigest()[:16]}"
