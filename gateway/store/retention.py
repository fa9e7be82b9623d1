"""Knows which blocks of a store may go and how they are removed, oldest first; knows no clock and no disk.

A block goes whole: its rows, frames and events. Its own line stays, so that the chain still links. What is to go is
announced by an event in one commit; then each block goes in a commit of its own, so that none takes long.
"""

import sqlite3
from typing import Literal, NamedTuple

from gateway.evidence import chain
from gateway.evidence.chain import Block
from gateway.ports import OLDEST_MS

MIB = 1 << 20
_DAY_MS = 86_400_000
_ASIDE_BYTES = MIB // 4  # below max_mib when it was too much: pages that are free for what comes next; ours
_LOOSE_BYTES = 4 * MIB  # unused pages that a file keeps for what comes next; ours
_SHRINK_PAGES = 512  # given back at a time; ours


class Keeping(NamedTuple):
    """How long rows are kept. `max_mib` and `reserve_mib` give way to `min_days` and to what `uplinks` owe, until
    nothing else is left: then `when_full` says what happens."""

    keep_days: int | None = None
    max_mib: int | None = None
    min_days: int = 0
    when_full: Literal["stop", "drop_oldest"] = "stop"
    reserve_mib: int = 0
    uplinks: tuple[str, ...] = ()


class Room(NamedTuple):
    """Bytes: the store's own pages in use and not in use, and what is free on its disk (None: enough)."""

    used: int
    loose: int
    free: int | None

    def short(self, keeping: Keeping) -> int:
        """How much too little room there is."""
        most = None if keeping.max_mib is None else keeping.max_mib * MIB
        over = 0 if most is None or self.used <= most else self.used - most + _ASIDE_BYTES
        lacking = 0 if self.free is None else keeping.reserve_mib * MIB - self.free - self.loose
        return max(over, lacking, 0)


class Due(NamedTuple):
    """Blocks up to `block` are to go."""

    block: Block
    reason: str  # "age", "size"; "full": although somebody still waits for them


def room(db: sqlite3.Connection, free: int | None) -> Room:
    names = ("page_count", "freelist_count", "page_size")
    pages, unused, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    return Room((pages - unused) * size, unused * size, free)


def due(db: sqlite3.Connection, keeping: Keeping, now: Room, now_ms: int | None, owed: int, removed: int) -> Due | None:
    """What is to go next, behind block `removed`. `now_ms` None: nobody knows what is old. `owed`: rows behind it are
    still to be delivered somewhere."""
    if keeping.keep_days is not None and now_ms is not None:
        days = max(keeping.keep_days, keeping.min_days)
        number = _last_older(db, now_ms - days * _DAY_MS, owed, removed)
        if number is not None:
            return Due(_block(db, number), "age")
    short = now.short(keeping)
    if not short:
        return None
    wanted = _enough(db, short / now.used, removed)
    if keeping.min_days == 0:
        allowed = _last_delivered(db, owed, removed)
    else:
        allowed = None if now_ms is None else _last_older(db, now_ms - keeping.min_days * _DAY_MS, owed, removed)
    if wanted is not None and allowed is not None:
        return Due(_block(db, min(wanted, allowed)), "size")
    if wanted is not None and keeping.when_full == "drop_oldest":
        return Due(_block(db, wanted), "full")
    return None


def _last_older(db: sqlite3.Connection, limit_ms: int, owed: int, removed: int) -> int | None:
    """The last block such that it and all before are older; a time from before there were gateways tells nothing."""
    return _number(
        db,
        "SELECT max(number) FROM block WHERE number > ?1 AND last_seq <= ?2 AND unix_ms BETWEEN ?4 AND ?3 - 1 "
        "AND number < coalesce((SELECT min(number) FROM block WHERE number > ?1 AND unix_ms >= ?3), 1 << 62)",
        (removed, owed, limit_ms, OLDEST_MS),
    )


def _last_delivered(db: sqlite3.Connection, owed: int, removed: int) -> int | None:
    return _number(db, "SELECT max(number) FROM block WHERE number > ? AND last_seq <= ?", (removed, owed))


def _enough(db: sqlite3.Connection, share: float, removed: int) -> int | None:
    """The block behind which that share of the rows lies."""
    first, last = db.execute("SELECT (SELECT min(seq) FROM row), (SELECT max(seq) FROM row)").fetchone()
    target = 0 if first is None else first + int((last - first) * min(share, 1.0))
    found = _number(db, "SELECT min(number) FROM block WHERE number > ? AND last_seq >= ?", (removed, target))
    return found or _number(db, "SELECT max(number) FROM block WHERE number > ?", (removed,))


def _number(db: sqlite3.Connection, sql: str, values: tuple[int, ...]) -> int | None:
    found: int | None = db.execute(sql, values).fetchone()[0]
    return found


def _block(db: sqlite3.Connection, number: int) -> Block:
    return chain.block(db, number)


def remove(db: sqlite3.Connection, number: int) -> None:
    """Takes away what is in this block; those before it are gone."""
    block = _block(db, number)
    db.execute("DELETE FROM row WHERE seq <= ?", (block.last_seq,))
    db.execute("DELETE FROM frame WHERE id <= ?", (block.last_frame,))
    db.execute("DELETE FROM event WHERE id <= ?", (block.last_event,))
    db.execute("DELETE FROM unread WHERE unix_ms < ?", (block.unix_ms,))


def shrink(db: sqlite3.Connection, keeping: Keeping, now: Room) -> bool:
    """Gives unused pages back to the disk, some at a time; whether there are more."""
    is_needed = now.free is not None and now.free < keeping.reserve_mib * MIB
    if now.loose <= (0 if is_needed else _LOOSE_BYTES):
        return False
    db.execute(f"PRAGMA incremental_vacuum({_SHRINK_PAGES})").fetchall()  # each step of it frees one page
    return True
