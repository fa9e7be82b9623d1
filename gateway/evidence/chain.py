"""Knows how what is in a store is hashed, block after block, so that nobody changes a part of it alone; knows no key.

A block covers all rows, frames and events that were committed since the one before. Its hash is SHA-256 over the hash
before it and then a JSON line for each of them, in this order: the block's own numbers, its rows by seq, its frames and
its events by id. Who changes, adds, removes or reorders any of them changes this hash and all that follow. It says
nothing about who did the writing: that is what signatures (gateway/evidence/notary.py) and nodes' tags are for.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

GENESIS = bytes(32)  # before the first block


class Block(NamedTuple):
    """Up to where it reaches, from where the one before it does. `unix_ms`: when it was closed."""

    number: int
    last_seq: int
    last_frame: int
    last_event: int
    unix_ms: int
    hash: bytes


NONE = Block(0, 0, 0, 0, 0, GENESIS)

# What is covered, and how it is read: both who closes a block and who verifies it go through here.
_CONTENT = (
    (
        "SELECT 'row', seq, source, channels, unix_ms, boot, trusted, node, life, record, cells, quality FROM row "
        "JOIN series ON series.id = row.series WHERE seq > ? AND seq <= ? ORDER BY seq",
        "last_seq",
    ),
    (
        "SELECT 'frame', id, unix_ms, boot, trusted, node, life, schema, hex(raw) FROM frame "
        "WHERE id > ? AND id <= ? ORDER BY id",
        "last_frame",
    ),
    (
        "SELECT 'event', id, unix_ms, boot, trusted, kind, detail FROM event WHERE id > ? AND id <= ? ORDER BY id",
        "last_event",
    ),
)
_BLOCKS = "SELECT number, last_seq, last_frame, last_event, unix_ms, hash FROM block"


def content(db: sqlite3.Connection, before: Block, block: Block) -> Iterator[tuple[object, ...]]:
    """What stands between two blocks, as it goes into the hash."""
    for query, reach in _CONTENT:
        yield from db.execute(query, (getattr(before, reach), getattr(block, reach)))


def hashed(db: sqlite3.Connection, before: Block, block: Block) -> bytes:
    """The hash that the block must have."""
    digest = hashlib.sha256(before.hash)
    digest.update(_line(block[:-1]))
    for one in content(db, before, block):
        digest.update(_line(one))
    return digest.digest()


def _line(values: tuple[object, ...]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def blocks(db: sqlite3.Connection) -> Iterator[Block]:
    """All of them, oldest first."""
    for found in db.execute(f"{_BLOCKS} ORDER BY number"):
        yield Block(*found)


def block(db: sqlite3.Connection, number: int) -> Block:
    """One of them; NONE before the first."""
    found = db.execute(f"{_BLOCKS} WHERE number = ?", (number,)).fetchone()
    return NONE if found is None else Block(*found)


def newest(db: sqlite3.Connection) -> Block:
    """NONE before the first."""
    found = db.execute(f"{_BLOCKS} ORDER BY number DESC LIMIT 1").fetchone()
    return NONE if found is None else Block(*found)


def close(db: sqlite3.Connection, unix_ms: int) -> Block:
    """Closes a block over everything committed since the newest one, and returns it; that one, if there is nothing."""
    before = newest(db)
    ends = db.execute(
        "SELECT coalesce((SELECT max(seq) FROM row), 0), coalesce((SELECT max(id) FROM frame), 0), "
        "coalesce((SELECT max(id) FROM event), 0)"
    ).fetchone()
    # where everything has been deleted the numbers go on
    last_seq, last_frame, last_event = (max(end, known) for end, known in zip(ends, before[1:4], strict=True))
    if (last_seq, last_frame, last_event) == before[1:4]:
        return before
    open_block = Block(before.number + 1, last_seq, last_frame, last_event, unix_ms, b"")
    block = open_block._replace(hash=hashed(db, before, open_block))
    db.execute("INSERT INTO block VALUES (?, ?, ?, ?, ?, ?)", block)
    return block
