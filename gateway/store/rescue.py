"""Knows whether the file of a store is damaged, and how what can be read of it gets into a new one; knows no reading.

The damaged file is renamed and kept. The new one is whole on disk before it takes the old one's name: a cut at any
moment leaves one or the other, and at worst the rescue begins again.
"""

import json
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

from gateway.evidence import chain
from gateway.store import file as store_file
from gateway.store import leaves, rows, wal
from gateway.store.file import PAGE_BYTES, StoreError
from protocols import link
from protocols.errors import FrameError

log = logging.getLogger(__name__)
_CHECK_S = 2.0  # a check that takes longer is given up: polls wait for the start meanwhile; ours
_MARGIN = 10_000  # rows that may have been behind the last one that can be read; ours
_FAILURES = 1000  # one by one; then in growing steps, so that a lost tree ends
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_FORMAT)

# Table, its key, and what its columns must be: integer, text, bytes, JSON, the line's checksum, anything; "?" or NULL.
_TABLES = (
    ("boot", "id", "itiii?c"),
    ("series", "id", "itjc"),
    ("frame", "id", "iiiiiiib"),
    ("block", "number", "iiiiib"),
    ("event", "id", "iiiitj"),
    ("command", "id", "iiiiii?i?i?"),
    ("unread", "id", "iiib"),
    ("meta", "key", "t*"),
    ("node", "id", "iiiit"),
    ("stretch", "node, life, first", "iiiit"),
    ("day", "day", "tibb"),
    ("position", "uplink", "tit"),
)
_TYPES: dict[str, type | tuple[type, ...]] = {"i": int, "t": str, "b": bytes, "j": str, "c": int, "*": object}


class Rescued(NamedTuple):
    """What became of a damaged file: its new name, what was wrong, and of each table how many lines are there and how
    many were not what they should be. `blocks`: those whose content is no longer whole."""

    kept_as: str
    reason: str
    kept: dict[str, int]
    left_out: dict[str, int]
    blocks: list[int]
    next_seq: int


def opened(path: Path) -> tuple[sqlite3.Connection, Rescued | None]:
    """The store at `path`, checked, and rescued where it was damaged. sqlite3.Error, OSError: the disk refuses.
    StoreError: a person must decide."""
    _finish(path)
    log_path = path.with_name(path.name + "-wal")
    wal_bytes = log_path.read_bytes() if log_path.is_file() else b""
    reason = _foreign_or_broken(path, wal_bytes)
    db = None
    if reason is None:
        try:
            db = store_file.connect(path)
            reason = _damage(db, path, wal_bytes)
            if reason is None:
                return db, None
        except UnicodeDecodeError as error:  # SQLite's own words about a schema that is none
            reason = str(error.object, "utf-8", "replace")
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                if db is not None:
                    db.close()
                raise
            reason = str(error)
    log.error("%s is damaged (%s): what can be read is rescued", path, reason)
    return _rescue(path, wal_bytes, reason, db)


# --- whether it is damaged --------------------------------------------------------------------------------------------


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error speaks of the file's content, not of the disk."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def _foreign_or_broken(path: Path, wal_bytes: bytes) -> str | None:
    """What is wrong with a file's head, which decides what SQLite makes of all the rest; None: nothing, or no file."""
    if path.is_dir():
        raise StoreError(f"{path} can't be used as the store: it is a folder")
    head = b""
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(100)
    if not head:
        return None
    is_ours = _fixed(head) == _fixed(_pattern()[:100])
    if is_ours:
        return None
    tables, version = _tables_of(path)
    if version not in (0, store_file.FORMAT) and not tables >= {name for name, _, _ in _TABLES}:
        raise StoreError(f"{path} has format {version}, this watertower reads {store_file.FORMAT}")
    if version == store_file.FORMAT and any(
        one.page == 1 and one.is_sound for one in wal.frames(wal_bytes, PAGE_BYTES)
    ):
        return None  # the head that counts is in the log
    if not tables and head[:16] == _pattern()[:16] and path.stat().st_size <= PAGE_BYTES:
        return None  # the power went before the first table
    if tables and not tables & {"row", "series"}:
        raise StoreError(f"{path} can't be used as the store: it is another database")
    return "file header"


def _fixed(head: bytes) -> tuple[bytes, ...]:
    """What is the same in every store: magic, page size, fractions, schema format, encoding, format, vacuum."""
    return head[:18], head[20:24], head[44:48], head[52:68], head[72:92], head[18:20].replace(b"\1", b"\2")


def _tables_of(path: Path) -> tuple[set[str], int]:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
            return set(_schema(db)), int(db.execute("PRAGMA user_version").fetchone()[0])
    except (sqlite3.Error, UnicodeDecodeError):
        return set(), 0


def _schema(db: sqlite3.Connection) -> dict[str, str]:
    return dict(db.execute("SELECT name, sql FROM sqlite_schema").fetchall())


def _damage(db: sqlite3.Connection, path: Path, wal_bytes: bytes) -> str | None:
    if _schema(db) != _expected():
        return "schema"
    for table, kinds in (("series", "itjc"), ("boot", "itiii?c")):
        if not all(_fits(line, kinds) for line in db.execute(f"SELECT * FROM {table}")):
            return table
    _, taken, _ = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if wal.commits_behind(wal_bytes, PAGE_BYTES, max(taken, 0)) > 1:
        content = path.read_bytes()
        whole = bytearray(content)
        wal.applied(whole, wal_bytes, PAGE_BYTES)
        if whole != content:  # what is in the file already is not missed
            return "write-ahead log"
    end_s = time.monotonic() + _CHECK_S
    db.set_progress_handler(lambda: time.monotonic() > end_s, 100_000)
    try:
        (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            return str(found).replace("\n", " ")
        for line in db.execute(f"SELECT {rows.COLUMNS} FROM row ORDER BY seq DESC"):
            rows.read(line)
    except rows.Damaged as error:
        return str(error)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        log.info("the store is too large to be checked whole at the start")
    finally:
        db.set_progress_handler(None, 0)
    return None


@cache
def _expected() -> dict[str, str]:
    with closing(store_file.stand_in()) as db:
        return _schema(db)


@cache
def _pattern() -> bytes:
    """An empty store as bytes: what does not change when rows come is at the same places in every one."""
    with closing(store_file.stand_in()) as db:
        return db.serialize()


# --- the rescue -------------------------------------------------------------------------------------------------------


def _named(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _finish(path: Path) -> None:
    """Ends a rescue that was cut off between its last renamings, or throws away what it had not finished; a file whose
    first page never got to the disk was not begun."""
    if path.is_file() and path.stat().st_size <= PAGE_BYTES and not path.read_bytes().strip(b"\0"):
        path.unlink()
        _named(path, "-journal").unlink(missing_ok=True)
    new = _named(path, "-rescued")
    if new.exists() and not path.exists():
        _set_wal_aside(path, max(path.parent.glob(f"{path.name}-damaged-*"), default=None))
        os.replace(new, path)
    for suffix in ("-rescued", "-rescued-wal", "-rescued-shm", "-copy", "-copy-journal"):
        _named(path, suffix).unlink(missing_ok=True)


def _set_wal_aside(path: Path, aside: Path | None) -> None:
    log_path = _named(path, "-wal")
    if log_path.exists() and aside is not None and not _named(aside, "-wal").exists():
        os.replace(log_path, _named(aside, "-wal"))
    _named(path, "-shm").unlink(missing_ok=True)


def _rescue(
    path: Path, wal_bytes: bytes, reason: str, open_db: sqlite3.Connection | None
) -> tuple[sqlite3.Connection, Rescued]:
    copy, new = _named(path, "-copy"), _named(path, "-rescued")
    content = bytearray(path.read_bytes())
    wal.applied(content, wal_bytes, PAGE_BYTES)
    copy.write_bytes(content)
    aside = _free_name(path)
    db = store_file.connect(new)
    with closing(sqlite3.connect(copy, isolation_level=None)) as old:
        if not _reads(old):
            old.close()
            copy.write_bytes(_grafted(content))
    with closing(sqlite3.connect(copy, isolation_level=None)) as old:
        store_file.read_any_text(old)
        rescued = _Rescue(old, db, aside.name, reason).all(bytes(content))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    if open_db is not None:
        open_db.close()
    os.replace(path, aside)
    if wal_bytes:  # SQLite may have taken its own away
        _named(aside, "-wal").write_bytes(wal_bytes)
        _named(path, "-wal").unlink(missing_ok=True)
    _finish(path)
    return store_file.connect(path), rescued


def _free_name(path: Path) -> Path:
    """Never one that is taken."""
    day = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    names = (_named(path, f"-damaged-{day}{more}") for more in ("", *(f"-{number}" for number in range(2, 10_000))))
    return next(name for name in names if not name.exists())


def _reads(db: sqlite3.Connection) -> bool:
    try:
        return _schema(db) == _expected()
    except (sqlite3.Error, UnicodeDecodeError):
        return False


def _grafted(content: bytearray) -> bytes:
    """The file with the head and the schema of an empty store: tables begin at the same pages in both."""
    pattern = bytearray(_pattern())
    size = max(len(content) // PAGE_BYTES, len(pattern) // PAGE_BYTES)
    content = content[: size * PAGE_BYTES]
    content.extend(bytes(size * PAGE_BYTES - len(content)))
    pattern[18:20] = b"\1\1"  # no log
    pattern[24:28] = pattern[92:96]  # the size below is true
    pattern[28:40] = size.to_bytes(4, "big") + bytes(8)  # no free pages: nobody writes into it
    with closing(store_file.stand_in()) as db:
        roots = {root for (root,) in db.execute("SELECT rootpage FROM sqlite_schema WHERE rootpage > 0")}
    for page in range(1, len(pattern) // PAGE_BYTES + 1):
        if page not in roots and page != 2:  # the second one says where pages belong, which reading does not ask
            content[(page - 1) * PAGE_BYTES : page * PAGE_BYTES] = pattern[(page - 1) * PAGE_BYTES : page * PAGE_BYTES]
    return bytes(content)


class _Rescue:
    """From one file into another."""

    def __init__(self, old: sqlite3.Connection, new: sqlite3.Connection, kept_as: str, reason: str) -> None:
        self._old = old
        self._new = new
        self._kept_as = kept_as
        self._reason = reason
        self._kept: dict[str, int] = {}
        self._left_out: dict[str, int] = {}

    def all(self, content: bytes) -> Rescued:
        self._new.execute("BEGIN")
        self._take("row", rows.COLUMNS, "seq", lambda row: rows.read(row) is not None)
        for table, key, kinds in _TABLES:
            self._take(table, "*", key, lambda line, kinds=kinds: _fits(line, kinds))  # type: ignore[misc]
        self._take_strays(content)
        self._name_lost_boots()
        self._name_lost_series()
        self._mend_nodes()
        next_seq = self._go_on_above()
        blocks = self._broken_blocks()
        self._new.execute("COMMIT")
        return Rescued(self._kept_as, self._reason, self._kept, self._left_out, blocks, next_seq)

    def _take(self, table: str, columns: str, key: str, is_sound: Callable[[Sequence[object]], bool]) -> None:
        for line in self._walk(table, columns, key):
            try:
                if is_sound(line):
                    self._new.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(line))})", line)
                    self._kept[table] = self._kept.get(table, 0) + 1
                    continue
            except (ValueError, TypeError, sqlite3.Error):
                pass
            self._left_out[table] = self._left_out.get(table, 0) + 1

    def _walk(self, table: str, columns: str, key: str) -> Iterator[tuple[object, ...]]:
        """Every line that can be read, by rising key; where a stretch can't, what follows it."""
        if key not in ("id", "seq", "number"):  # these have no numbers to go by: from both ends
            yield from self._both_ways(table, key)
            return
        at, failures, last = -1, 0, self._last(table, key)
        while at <= last:
            try:
                found = self._old.execute(f"SELECT {columns} FROM {table} WHERE {key} > ? ORDER BY {key}", (at,))
                for line in found:
                    number = line[0]
                    if not isinstance(number, int) or number <= at:
                        raise sqlite3.DatabaseError("out of order")
                    yield line
                    at, failures = number, 0
                return
            except sqlite3.DatabaseError:
                failures += 1
                at += 1 if failures <= _FAILURES else failures - _FAILURES

    def _last(self, table: str, key: str) -> int:
        with suppress(sqlite3.DatabaseError):
            return int(self._old.execute(f"SELECT max({key}) FROM {table}").fetchone()[0] or 0)
        with suppress(sqlite3.DatabaseError, TypeError, ValueError):
            if table == "row":
                return int(self._old.execute("SELECT max(last_seq) FROM block").fetchone()[0]) + _MARGIN
            found = self._old.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
            return min(int(found[0]), 1 << 40)
        return 10_000_000

    def _both_ways(self, table: str, key: str) -> Iterator[tuple[object, ...]]:
        seen = set()
        for direction in ("ASC", "DESC"):
            order = ", ".join(f"{one} {direction}" for one in key.split(", "))
            with suppress(sqlite3.DatabaseError):
                for line in self._old.execute(f"SELECT * FROM {table} ORDER BY {order}"):
                    if line not in seen:
                        seen.add(line)
                        yield line

    def _take_strays(self, content: bytes) -> None:
        """Rows that the tree no longer leads to. What was removed on purpose may still lie about and stays away."""
        (floor,) = self._new.execute(
            "SELECT coalesce(max(last_seq), 0) FROM block "
            "WHERE number <= (SELECT value FROM meta WHERE key = 'removed')"
        ).fetchone()
        for seq, columns in leaves.rows(content, PAGE_BYTES, len(rows.Stored._fields) + 1):
            with suppress(rows.Damaged, sqlite3.Error):
                line = (*rows.read([seq, *columns[1:]]), columns[-1])
                if seq > floor and self._new.execute(f"INSERT OR IGNORE INTO row VALUES ({rows.MARKS})", line).rowcount:
                    self._kept["row"] = self._kept.get("row", 0) + 1

    def _name_lost_boots(self) -> None:
        """A boot that nobody knows any more keeps its number, which must not become another one's; nothing dates it."""
        lost = self._new.execute("SELECT DISTINCT boot FROM row WHERE boot NOT IN (SELECT id FROM boot)").fetchall()
        for (id,) in lost:
            line = (id, f"lost {id}", 0, 0, None)
            self._new.execute("INSERT INTO boot VALUES (?, ?, ?, ?, ?, ?)", (*line, rows.checksum(line)))

    def _name_lost_series(self) -> None:
        """Rows whose channels nobody knows any more keep their number, which must not become another series'."""
        lost = self._new.execute(
            "SELECT series, max(cells) FROM row WHERE series NOT IN (SELECT id FROM series) GROUP BY series"
        ).fetchall()
        for id, cells in lost:
            channels = json.dumps([[f"lost_{id}.{place}", "", 0] for place in range(len(json.loads(cells)))])
            line = (id, f"lost {id}", channels)
            self._new.execute("INSERT INTO series VALUES (?, ?, ?, ?)", (*line, rows.checksum(line)))

    def _mend_nodes(self) -> None:
        """A node's counter, life and newest record, by its rows and frames: no frame that came may come again."""
        known = {
            node: (counter, have, life, key)
            for node, counter, have, life, key in self._new.execute("SELECT * FROM node")
        }
        said: dict[int, tuple[int, int]] = {}  # node -> life, counter
        for node, life, raw in self._new.execute("SELECT node, life, raw FROM frame ORDER BY life"):
            with suppress(FrameError):
                before = said.get(node, (life, -1))
                said[node] = (life, max(link.parse(raw).counter, before[1] if before[0] == life else -1))
        kept = self._new.execute("SELECT node, life, max(record) FROM row WHERE node > 0 GROUP BY node, life")
        have = {(node, life): record for node, life, record in kept}
        for node in {node for node, _ in have} | set(said) | set(known):
            lives = [life for one, life in have if one == node]
            counter, last, life, key = known.get(node, (-1, 0, max([*lives, said.get(node, (1, 0))[0]]), ""))
            if node in said and said[node][0] == life:
                counter = max(counter, said[node][1])
            last = max(last, have.get((node, life), 0))
            self._new.execute("INSERT OR REPLACE INTO node VALUES (?, ?, ?, ?, ?)", (node, counter, last, life, key))

    def _go_on_above(self) -> int:
        """No number that a row ever had is given again."""
        highest = self._new.execute(
            "SELECT max(coalesce((SELECT max(seq) FROM row), 0), coalesce((SELECT max(last_seq) FROM block), 0), "
            "coalesce((SELECT max(seq) FROM position), 0), "
            "coalesce((SELECT value FROM meta WHERE key = 'used_seq'), 0))"
        ).fetchone()[0]
        number = int(highest) + _MARGIN
        self._new.execute("INSERT OR REPLACE INTO meta VALUES ('used_seq', ?)", (number,))
        for table in ("frame", "event"):  # what a block says is behind it must stay so
            (last,) = self._new.execute(
                f"SELECT max(coalesce((SELECT max(id) FROM {table}), 0), "
                f"coalesce((SELECT max(last_{table}) FROM block), 0))"
            ).fetchone()
            self._set_sequence(table, last)
        return number + 1

    def _set_sequence(self, table: str, number: int) -> None:
        self._new.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        self._new.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, number))

    def _broken_blocks(self) -> list[int]:
        """Blocks that no longer have what they were closed over; those that were removed have nothing."""
        found = self._new.execute("SELECT value FROM meta WHERE key = 'removed'").fetchone()
        before, broken = chain.block(self._new, found[0] if found else 0), []
        for block in list(chain.blocks(self._new)):
            if block.number <= before.number:
                continue
            if block.number != before.number + 1 or chain.hashed(self._new, before, block) != block.hash:
                broken.append(block.number)
            before = block
        return broken


def _fits(line: Sequence[object], kinds: str) -> bool:
    """Whether a line has the types of its columns; "?" behind one: it may be empty, "j": it is JSON."""
    columns = [
        kinds[at] + ("?" if kinds[at + 1 : at + 2] == "?" else "") for at in range(len(kinds)) if kinds[at] != "?"
    ]
    if len(columns) != len(line):
        return False
    for kind, value in zip(columns, line, strict=True):
        if value is None and kind.endswith("?"):
            continue
        if not isinstance(value, _TYPES[kind[0]]):
            return False
        if kind == "j":
            json.loads(str(value))
        if kind == "c" and value != rows.checksum(line[:-1]):
            return False
    return True
