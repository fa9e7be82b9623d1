"""Knows whether the file of a store is damaged, and how; mends nothing.

A check that takes too long is given up: polls wait for the start meanwhile.
"""

import logging
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from gateway.store import file as store_file
from gateway.store import forms, rows, wal
from gateway.store.file import PAGE_BYTES, StoreError

log = logging.getLogger(__name__)
_CHECK_S = 2.0  # ours
_CHECKED = ("boot", "series")  # tables whose lines have a checksum, without which no row can be read
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_FORMAT)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error speaks of the file's content, not of the disk."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def of_head(path: Path, wal_bytes: bytes) -> str | None:
    """What is wrong with a file's head, which decides what SQLite makes of all the rest; None: nothing, or no file.
    StoreError: it is no store, or of another format."""
    if path.is_dir():
        raise StoreError(f"{path} can't be used as the store: it is a folder")
    head = b""
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(100)
    if not head:
        return None
    is_ours = _fixed(head) == _fixed(forms.pattern()[:100])
    if is_ours:
        return None
    tables, version = _tables_of(path)
    if version not in (0, store_file.FORMAT) and not tables >= {name for name, _, _ in forms.TABLES}:
        raise StoreError(f"{path} has format {version}, this watertower reads {store_file.FORMAT}")
    if version == store_file.FORMAT and any(
        one.page == 1 and one.is_sound for one in wal.frames(wal_bytes, PAGE_BYTES)
    ):
        return None  # the head that counts is in the log
    if not tables and head[:16] == forms.pattern()[:16] and path.stat().st_size <= PAGE_BYTES:
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
            return set(forms.schema(db)), int(db.execute("PRAGMA user_version").fetchone()[0])
    except (sqlite3.Error, UnicodeDecodeError):
        return set(), 0


def of_content(db: sqlite3.Connection, path: Path, wal_bytes: bytes) -> str | None:
    """What is wrong behind a good head; None: nothing. sqlite3.Error: SQLite itself can't read on."""
    if forms.schema(db) != forms.expected():
        return "schema"
    for table, _, kinds in forms.TABLES:
        if table in _CHECKED and not all(forms.fits(line, kinds) for line in db.execute(f"SELECT * FROM {table}")):
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
