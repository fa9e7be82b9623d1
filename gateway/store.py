"""Knows how readings, events and positions lie on disk (SQLite, WAL); knows no bus, no radio and no broker.

What somebody waits for commits at once; polled rows wait in memory for commit(). A seq exists only once it is on disk.
"""

import asyncio
import hashlib
import json
import logging
import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from gateway.derive import Deriver
from gateway.evidence import chain
from gateway.evidence.chain import Block
from gateway.evidence.notary import Signature
from gateway.ports import Clock
from gateway.process import stage
from gateway.process.stage import Named, Past, Stage
from gateway.ranges import Ranges, parse, text
from gateway.site.config import Channel
from gateway.store_nodes import Cell, Fresh, NodeStore, packed

log = logging.getLogger(__name__)
SCHEMA_VERSION = 2
_MANY = 5000  # rows that wait for the disk: ten seconds of a station with 500 sensors; ours
_BLOCK_ROWS, _BLOCK_MS = 2000, 600_000  # a block is closed when one of them is reached; ours
_TROUBLE_MS = 600_000  # so long after a failed commit the store is not trusted with more than it must take; ours


class StoreError(Exception):
    """The store can't be used as it is; the text says what to do."""


class Series(NamedTuple):
    """The channels of a row's cells: (name, unit, decimals) each."""

    id: int
    source: str
    channels: tuple[tuple[str, str, int], ...]


class Row(NamedTuple):
    """One poll or one node record."""

    seq: int
    series: int
    unix_ms: int
    cells: tuple[int | None, ...]
    quality: tuple[int, ...] | None


class Day(NamedTuple):
    """A signed day (gateway/evidence/notary.py): the block that closed it, and who signed."""

    day: str
    block: int
    hash: bytes
    signature: bytes
    public: bytes


class Store(NodeStore):
    """The only writer of one station's database."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")  # a commit is on disk when it returns, power cut or not
            self._create(path)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{path} can't be used as the store: {error}") from error
        self._pending: list[tuple[int, int, str, str | None]] = []
        self._polled = asyncio.Event()  # rows wait for commit()
        self._waiters: set[asyncio.Future[None]] = set()
        self._polls: list[tuple[int, int, Sequence[Cell]]] = []  # the same, as the deriver wants to see them
        self._fresh: list[Fresh] = []  # rows of the running transaction
        self._deriver: Deriver | None = None
        self._series = self._known_series()
        self.last_seq: int = self._db.execute("SELECT coalesce(max(seq), 0) FROM row").fetchone()[0]
        self._failed_ms: int | None = None  # when a commit did, last
        self._closed_seq = chain.newest(self._db).last_seq
        self._closed_ms = clock.monotonic_ms()
        self.newest_day = self.last_day()  # that is signed
        self._load_nodes()

    def _create(self, path: Path) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            script = Path(__file__).with_name("store.sql").read_text("utf-8")
            self._db.executescript(f"BEGIN; {script} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        elif version != SCHEMA_VERSION:
            raise StoreError(f"{path} has format {version}, this watertower reads {SCHEMA_VERSION}")

    # --- a run --------------------------------------------------------------------------------------------------------

    def begin_run(self) -> None:
        """Notes that the gateway runs. After an unclean stop, polled readings after the last commit may be missing:
        that gap becomes an event."""
        if self._meta("running"):
            last_ms = self._db.execute("SELECT max(unix_ms) FROM row WHERE node IS NULL").fetchone()[0]
            self.event("gap", {"reason": "unclean_stop", "from_ms": last_ms, "to_ms": self._clock.unix_ms()})
        self._set_meta("running", 1)

    def end_run(self) -> None:
        """Commits everything and notes a clean stop."""
        self.commit()
        self._set_meta("running", 0)
        self.close_block()

    def close(self) -> None:
        """Lets go of the file; what was not committed is gone."""
        self._db.close()

    def _meta(self, key: str) -> Any:
        found = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return found[0] if found else None

    def _set_meta(self, key: str, value: object) -> None:
        self._db.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
        )

    # --- writing ------------------------------------------------------------------------------------------------------

    def derive(self, stages: Callable[[Past, Iterable[stage.Series]], Sequence[Stage]]) -> None:
        """From now on rows are shown to these on their way in, and theirs join the transaction."""
        self._deriver = Deriver(self._db, self._series_id, self._stage_series, stages)

    def _stage_series(self) -> dict[int, stage.Series]:
        return {one.id: stage.Series(one.source, one.channels) for one in self.all_series()}

    def _known_series(self) -> dict[tuple[str, str], int]:
        found = self._db.execute("SELECT id, source, channels FROM series")
        return {(source, channels): id for id, source, channels in found}

    def series(self, source: str, channels: Sequence[Channel]) -> int:
        """The id of the series of these channels; made when it is new."""
        return self._series_id(source, [(c.name, c.unit, c.decimals) for c in channels])

    def _series_id(self, source: str, channels: Sequence[Named]) -> int:
        text = json.dumps(channels, separators=(",", ":"))
        if (source, text) not in self._series:
            cursor = self._db.execute("INSERT INTO series (source, channels) VALUES (?, ?)", (source, text))
            assert cursor.lastrowid is not None
            self._series[source, text] = cursor.lastrowid
        return self._series[source, text]

    def add_poll(self, series: int, unix_ms: int, cells: Sequence[Cell]) -> None:
        """Takes one polled row; on disk with the next commit()."""
        self._pending.append((series, unix_ms, *packed(cells)))
        if self._deriver is not None:
            self._polls.append((series, unix_ms, cells))
        self._polled.set()

    async def polled(self) -> None:
        """Returns once a polled row waits for commit()."""
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
        return lately or len(self._pending) > _MANY

    def commit(self) -> None:
        """Puts every polled row on disk."""
        if self._pending:
            with self._transaction():
                pass

    def commit_due(self) -> None:
        """Puts on disk what is derived because its time has come."""
        if self._deriver is not None and self._deriver.is_due(self._clock.unix_ms()):
            with self._transaction():
                pass

    def event(self, kind: str, detail: dict[str, object]) -> None:
        """Notes something a person may want to know later. On disk at once."""
        text = json.dumps(detail, separators=(",", ":"), ensure_ascii=False)
        self._db.execute(
            "INSERT INTO event (unix_ms, kind, detail) VALUES (?, ?, ?)", (self._clock.unix_ms(), kind, text)
        )

    def close_block(self) -> Block:
        """What has been committed up to now can't be changed unnoticed; the newest block."""
        self._closed_ms = self._clock.monotonic_ms()
        block = chain.close(self._db, self._clock.unix_ms())
        self._closed_seq = block.last_seq
        return block

    def first_ms(self) -> float:
        """When the oldest row was measured; infinitely late without one."""
        found = self._db.execute("SELECT unix_ms FROM row ORDER BY seq LIMIT 1").fetchone()
        return math.inf if found is None else int(found[0])

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
        """Everything up to `seq`, and `beyond` that these, is confirmed by that uplink's receiver."""
        self._db.execute(
            "INSERT INTO position VALUES (?, ?, ?) "
            "ON CONFLICT (uplink) DO UPDATE SET seq = excluded.seq, beyond = excluded.beyond",
            (uplink, seq, text(beyond)),
        )

    def order_counter(self, operator: str, key: bytes) -> int:
        """The counter of that operator's last order under that key; a new key begins anew."""
        return int(self._meta(_order_key(operator, key)) or 0)

    def set_order_counter(self, operator: str, key: bytes, counter: int) -> None:
        self._set_meta(_order_key(operator, key), counter)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing; the polled rows that wait go along."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany("INSERT INTO row (series, unix_ms, cells, quality) VALUES (?, ?, ?, ?)", self._pending)
            self._fresh = []
            if self._deriver is not None:
                last = self._db.execute("SELECT max(seq) FROM row").fetchone()[0] or 0
                numbers = range(last - len(self._polls) + 1, last + 1)
                self._fresh = [(seq, *poll) for seq, poll in zip(numbers, self._polls, strict=True)]
            yield
            if self._deriver is not None:
                self._derive(self._deriver)
            self._db.execute("COMMIT")
        except BaseException:
            self._failed_ms = self._clock.monotonic_ms()
            if self._db.in_transaction:  # some errors have ended it already
                self._db.execute("ROLLBACK")
            if self._deriver is not None:
                self._series = self._known_series()
                self._deriver.forget()
            raise
        self._pending.clear()
        self._polls.clear()
        self._polled.clear()
        self.last_seq = self._db.execute("SELECT coalesce(max(seq), 0) FROM row").fetchone()[0]
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()
        if self.last_seq >= self._closed_seq + _BLOCK_ROWS or self._clock.monotonic_ms() >= self._closed_ms + _BLOCK_MS:
            self.close_block()

    def _derive(self, deriver: Deriver) -> None:
        """What was collected is kept, whatever may be wrong with what is made of it."""
        self._db.execute("SAVEPOINT derived")
        try:
            deriver.derive(self._fresh, self.last_seq, self._clock.unix_ms())
        except sqlite3.Error:
            raise
        except Exception as error:  # it goes on at the next start, from the rows that are kept
            self._db.execute("ROLLBACK TO derived")
            self._deriver = None
            self._series = self._known_series()
            self._polls.clear()
            log.exception("nothing is derived any more")
            self.event("derive_failed", {"error": repr(error)})
        self._db.execute("RELEASE derived")

    # --- reading ------------------------------------------------------------------------------------------------------

    def position(self, uplink: str) -> int:
        """Everything up to this seq is confirmed."""
        return self.confirmed(uplink)[0][1]

    def confirmed(self, uplink: str) -> Ranges:
        """All that is confirmed; the first range begins at 0, which is no row."""
        found = self._db.execute("SELECT seq, beyond FROM position WHERE uplink = ?", (uplink,)).fetchone()
        return ((0, int(found[0])), *parse(found[1])) if found else ((0, 0),)

    def all_series(self) -> list[Series]:
        return [
            Series(id, source, tuple((name, unit, decimals) for name, unit, decimals in json.loads(channels)))
            for (source, channels), id in self._series.items()
        ]

    def rows_after(self, seq: int, limit: int) -> list[Row]:
        """The rows that follow `seq`, oldest first."""
        return self._rows("seq > ? ORDER BY seq LIMIT ?", seq, limit)

    def rows_within(self, first: int, last: int) -> list[Row]:
        """The rows from `first` to `last`, oldest first."""
        return self._rows("seq BETWEEN ? AND ? ORDER BY seq", first, last)

    def _rows(self, which: str, *values: int) -> list[Row]:
        found = self._db.execute(f"SELECT seq, series, unix_ms, cells, quality FROM row WHERE {which}", values)
        return [
            Row(seq, series, unix_ms, tuple(json.loads(cells)), tuple(json.loads(quality)) if quality else None)
            for seq, series, unix_ms, cells, quality in found
        ]

    def measured_within(self, from_ms: int, to_ms: int, first: int, last: int) -> list[int]:
        """Which of the rows first..last were measured in that time. Nothing but the rows themselves tells: ask for a
        part at a time."""
        found = self._db.execute(
            "SELECT seq FROM row WHERE seq BETWEEN ? AND ? AND unix_ms BETWEEN ? AND ? ORDER BY seq",
            (first, last, from_ms, to_ms),
        )
        return [seq for (seq,) in found]

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
