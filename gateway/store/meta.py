"""Knows what a store keeps by name, one value each, and how the names are written; knows not what the values mean."""

import hashlib
import sqlite3
from typing import Any

RUNNING = "running"  # 1 while a gateway runs
REMOVED, REMOVING = "removed", "removing"  # blocks up to this one are, or are announced to be
USED_SEQ = "used_seq"  # no number up to this one is given again, whatever a rescue has lost
QUALITY = "quality"  # what the tests remember: gateway/store/verdicts.py
DERIVED_SINCE = "derived since"  # the first row that a start must show to the stages: gateway/derive.py


def day_of(uplink: str) -> str:
    """Up to which day its receiver has the signatures."""
    return f"days {uplink}"


def order_of(operator: str, key: bytes) -> str:
    """The counter of an operator's last order under that key."""
    return f"order {operator} {hashlib.sha256(key).hexdigest()[:16]}"


def get(db: sqlite3.Connection, name: str) -> Any:
    """None: it is not there."""
    found = db.execute("SELECT value FROM meta WHERE key = ?", (name,)).fetchone()
    return found[0] if found else None


def put(db: sqlite3.Connection, name: str, value: object) -> None:
    db.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (name, value))
