"""Knows how a damaged store is set aside and a new one takes its place, whenever the power goes; knows no table.

The damaged file is renamed and kept. The new one is whole on disk before it takes the old one's name: a cut at any
moment leaves one or the other, and at worst the rescue begins again.
"""

import logging
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from gateway.store import damage, forms, wal
from gateway.store import file as store_file
from gateway.store.file import PAGE_BYTES
from gateway.store.salvage import Rescued, Salvage

log = logging.getLogger(__name__)


def opened(path: Path) -> tuple[sqlite3.Connection, Rescued | None]:
    """The store at `path`, checked, and rescued where it was damaged. sqlite3.Error, OSError: the disk refuses.
    StoreError: a person must decide."""
    _finish(path)
    log_path = path.with_name(path.name + "-wal")
    wal_bytes = log_path.read_bytes() if log_path.is_file() else b""
    reason = damage.of_head(path, wal_bytes)
    db = None
    if reason is None:
        try:
            db = store_file.connect(path)
            reason = damage.of_content(db, path, wal_bytes)
            if reason is None:
                return db, None
        except UnicodeDecodeError as error:  # SQLite's own words about a schema that is none
            reason = str(error.object, "utf-8", "replace")
        except sqlite3.DatabaseError as error:
            if not damage.is_damage(error):
                if db is not None:
                    db.close()
                raise
            reason = str(error)
    log.error("%s is damaged (%s): what can be read is rescued", path, reason)
    return _rescue(path, wal_bytes, reason, db)


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
        rescued = Salvage(old, db, aside.name, reason).all(bytes(content))
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
        return forms.schema(db) == forms.expected()
    except (sqlite3.Error, UnicodeDecodeError):
        return False


def _grafted(content: bytearray) -> bytes:
    """The file with the head and the schema of an empty store: tables begin at the same pages in both."""
    pattern = bytearray(forms.pattern())
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
