"""Knows how a store is copied whole while its gateway writes on; knows nothing of what is in it.

The copy is that of one moment. SQLite begins a copy anew whenever somebody else writes between two steps
(sqlite.org/backup.html), which at a busy station would be for ever; a read that stays open for the whole copy holds the
moment. Meanwhile the gateway writes on, and its WAL grows by what it writes.
"""

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from gateway.beside import reading
from gateway.messages import say
from gateway.site.config import MqttUplink, Site
from gateway.store import StoreError
from gateway.store.rows import COLUMNS, MARKS
from gateway.whole_file import whole_file

_STEP_PAGES = 256  # 1 MiB at once; ours
_PAUSE_S = 0.01  # between two steps, so that the disk is the gateway's too; ours


def main(site: Site, site_path: Path, target: Path) -> int:
    """`watertower backup`: 0 done, 1 failed. A target that is a folder gets a file with station and time."""
    store = Path(site.store.path)
    if target.is_dir():
        target /= f"{site.station.id}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.db"
    if target.exists() and store.exists() and target.samefile(store):
        print(say("backup.itself", path=target), file=sys.stderr)
        return 1
    try:
        copy(store, target, _progress)
    except OSError as error:
        print(say("export.unwritable", path=target, reason=error), file=sys.stderr)
        return 1
    print(say("backup.done", path=target, size=f"{target.stat().st_size / 1e6:.1f}"))
    print(say("backup.left_out", files=", ".join(map(str, left_out(site, site_path)))))
    return 0


def left_out(site: Site, site_path: Path) -> list[Path]:
    """The files that a new card needs too. They hold keys and passwords: no copy of readings should carry them."""
    named = [site.store.key]
    for uplink in site.uplinks:
        if isinstance(uplink, MqttUplink):
            named += [name for name in (uplink.password_file, uplink.tls and uplink.tls.key) if name]
    return [site_path, *dict.fromkeys(map(Path, named))]


def _progress(left: int, of: int) -> None:
    if sys.stderr.isatty():
        percent = 100 * (of - left) // max(of, 1)
        print(say("export.progress", percent=percent), end="\r", file=sys.stderr, flush=True)


def copy(
    store: Path,
    target: Path,
    progress: Callable[[int, int], None] = lambda left, of: None,
    step_pages: int = _STEP_PAGES,
) -> None:
    """`progress` is told the pages left and all pages. OSError, StoreError: there is no copy, and `target` is what it
    was."""
    with reading(store) as db, whole_file(target) as beside:
        db.execute("BEGIN")
        db.execute("SELECT 1 FROM meta").fetchone()  # the moment of the copy
        with closing(sqlite3.connect(beside, isolation_level=None)) as new:
            new.execute("PRAGMA synchronous = OFF")  # it is synced as a whole
            db.backup(new, pages=step_pages, progress=lambda _, left, of: progress(left, of), sleep=_PAUSE_S)
            newest = db.execute(f"SELECT {COLUMNS} FROM tail").fetchall()
            new.executemany(f"INSERT OR IGNORE INTO row ({COLUMNS}) VALUES ({MARKS})", newest)
            new.execute("PRAGMA journal_mode = DELETE")  # one file, nothing beside it
            found = new.execute("PRAGMA quick_check(1)").fetchone()[0]
        db.execute("COMMIT")
        if found != "ok":
            raise StoreError(say("verify.unreadable", path=store, reason=found))
