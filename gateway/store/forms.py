"""Knows the form of a sound store: its tables, the types of their columns, its empty file; reads no store.

What a form can't tell, checksums and the chain do.
"""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import cache

from gateway.store import file as store_file
from gateway.store.rows import checksum

# Table, its key, and what its columns must be: integer, text, bytes, JSON, the line's checksum, anything; "?" or NULL.
TABLES = (
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


def fits(line: Sequence[object], kinds: str) -> bool:
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
        if kind == "c" and value != checksum(line[:-1]):
            return False
    return True


def schema(db: sqlite3.Connection) -> dict[str, str]:
    return dict(db.execute("SELECT name, sql FROM sqlite_schema").fetchall())


@cache
def expected() -> dict[str, str]:
    with closing(store_file.stand_in()) as db:
        return schema(db)


@cache
def pattern() -> bytes:
    """An empty store as bytes: what does not change when rows come is at the same places in every one."""
    with closing(store_file.stand_in()) as db:
        return db.serialize()
