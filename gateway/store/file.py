"""Knows how the file of a store is made and opened: SQLite's settings and the tables; knows no row."""

import sqlite3
from pathlib import Path

FORMAT = 3
PAGE_BYTES = 2048  # a commit of a few rows writes one: measured, 900 bytes for a reading each second; 4096 takes 1,150
_LOG_PAGES = 3000  # 6 MB: a page that changes often goes into the file once for all; 1000, SQLite's own, costs 2 B more


class StoreError(Exception):
    """The store can't be used as it is; the text says what to do."""


def connect(path: Path) -> sqlite3.Connection:
    """The store at `path`, made when there is none. sqlite3.Error, OSError: the disk or the file refuses. StoreError:
    it is another format, or no file."""
    if path.is_dir():
        raise StoreError(f"{path} can't be used as the store: it is a folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, isolation_level=None)
    try:
        read_any_text(db)
        _set_form(db)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")  # a commit is on disk when it returns, power cut or not
        db.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0 and not db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            _make(db)
        elif version != FORMAT:
            raise StoreError(f"{path} has format {version}, this watertower reads {FORMAT}")
    except BaseException:
        db.close()
        raise
    return db


def read_any_text(db: sqlite3.Connection) -> None:
    """What is damaged is seen by its checksum, not by an error of whoever reads it."""
    db.text_factory = lambda text: text.decode("utf-8", "replace")


def stand_in() -> sqlite3.Connection:
    """An empty store that is nowhere, for as long as the real one can't be had."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    _set_form(db)
    _make(db)
    return db


def _set_form(db: sqlite3.Connection) -> None:
    """Before the first table: a file that has tables keeps its own."""
    db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA secure_delete = OFF")  # what is removed is not written once more as zeros


def _make(db: sqlite3.Connection) -> None:
    script = Path(__file__).with_name("store.sql").read_text("utf-8")
    db.executescript(f"BEGIN; {script} PRAGMA user_version = {FORMAT}; COMMIT;")
