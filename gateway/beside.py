"""Knows how a store is read from beside its gateway, running or not; writes nothing and never makes the gateway wait.

In WAL mode readers and the writer do not wait for each other, but a reader that stays keeps the WAL from being emptied
(sqlite.org/wal.html, 2.3): who reads much reads it in parts.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from gateway.messages import say
from gateway.store import tail
from gateway.store.file import FORMAT, StoreError
from gateway.store.rows import COLUMNS, MARKS

_BETWEEN = f"SELECT {COLUMNS} FROM %s WHERE seq BETWEEN ?1 AND ?2"


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """The store, open for reading; `rows` and `ends` of it see its tail as well. StoreError, here or later: it is none,
    or too damaged to be read."""
    try:
        newest = tail.read(path)
        with closing(_opened(path)) as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version != FORMAT:
                raise StoreError(say("verify.unreadable", path=path, reason=f"format {version}"))
            db.execute(f"CREATE TEMP TABLE tail AS SELECT {COLUMNS} FROM row LIMIT 0")
            db.executemany(f"INSERT INTO tail VALUES ({MARKS})", [(*row, row.crc) for row in newest])
            yield db
    except (OSError, sqlite3.Error) as error:
        raise StoreError(say("verify.unreadable", path=path, reason=error)) from error


def _opened(path: Path) -> sqlite3.Connection:
    """Who may not write can't make the WAL's index of a store that nobody has open; but where there is no WAL nobody
    writes either, and the file is read as it is (sqlite.org/wal.html, 5, read-only databases)."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    db = sqlite3.connect(address, uri=True, isolation_level=None)
    try:
        db.execute("PRAGMA user_version").fetchone()
        return db
    except sqlite3.OperationalError:
        db.close()
        if not path.exists() or path.with_name(path.name + "-wal").exists():
            raise
    return sqlite3.connect(f"{address}&immutable=1", uri=True, isolation_level=None)


def ends(db: sqlite3.Connection) -> tuple[int, int]:
    """The seq of the oldest and of the newest row; (1, 0) without one."""
    found = [db.execute(f"SELECT min(seq), max(seq) FROM {table}").fetchone() for table in ("row", "tail")]
    oldest, newest = ([seq for seq in end if seq is not None] for end in zip(*found, strict=True))
    return min(oldest, default=1), max(newest, default=0)


def rows(db: sqlite3.Connection, first: int, last: int) -> list[Sequence[object]]:
    """The columns of each row from `first` to `last`, by seq; one that has just left the tail is there once."""
    return db.execute(f"{_BETWEEN % 'row'} UNION {_BETWEEN % 'tail'} ORDER BY seq", (first, last)).fetchall()
