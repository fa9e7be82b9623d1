"""Knows the line that a store keeps of each node: its life under one key, its counter, its records; knows no frame."""

import hashlib
import sqlite3
from typing import NamedTuple


class Life(NamedTuple):
    """`have`: the highest record that the node has given in this life."""

    node: int
    life: int
    have: int


def fingerprint(key: bytes) -> str:
    """What the store remembers of a node's key."""
    return hashlib.sha256(key).hexdigest()[:16]


def lives(db: sqlite3.Connection) -> list[Life]:
    return [Life(int(id), int(life), int(have)) for id, life, have in db.execute("SELECT id, life, have FROM node")]


def life(db: sqlite3.Connection, node: int) -> Life:
    """Of one node, met or not."""
    found = db.execute("SELECT life, have FROM node WHERE id = ?", (node,)).fetchone()
    return Life(node, int(found[0]), int(found[1])) if found else Life(node, 1, 0)


def counters(db: sqlite3.Connection) -> dict[int, int]:
    """The highest frame counter of each node; -1 before its first frame."""
    return dict(db.execute("SELECT id, counter FROM node"))


def note(db: sqlite3.Connection, node: int, counter: int, have: int) -> None:
    db.execute(
        "INSERT INTO node VALUES (?, ?, ?, 1, '') "
        "ON CONFLICT (id) DO UPDATE SET counter = excluded.counter, have = excluded.have",
        (node, counter, have),
    )


def begin(db: sqlite3.Connection, node: int, key: str) -> tuple[Life, bool]:
    """The node's life under the key with this fingerprint, and whether another one of the node ended with it: then
    counters and record numbers begin anew."""
    found = db.execute("SELECT key FROM node WHERE id = ?", (node,)).fetchone()
    if found is None:
        db.execute("INSERT INTO node VALUES (?, -1, 0, 1, ?)", (node, key))
        return life(db, node), False
    if found[0] in ("", key):
        db.execute("UPDATE node SET key = ? WHERE id = ?", (key, node))
        return life(db, node), False
    db.execute("UPDATE node SET counter = -1, have = 0, life = life + 1, key = ? WHERE id = ?", (key, node))
    return life(db, node), True
