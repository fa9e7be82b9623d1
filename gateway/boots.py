"""Knows what the store keeps of the machine's boots and of what is dated later; knows no clock chip and no file."""

import sqlite3

from gateway.rows import checksum
from gateway.timekeeping import Boot, Timekeeper


def meet(db: sqlite3.Connection, clock: Timekeeper) -> int:
    """Makes the boot that runs known to store and clock; by how much times of it that wait in memory must be moved."""
    taken = clock.boot
    found = db.execute("SELECT id, base_ms, correction_ms FROM boot WHERE machine_id = ?", (taken.machine,)).fetchone()
    if found is None:
        began_ms = clock.unix_ms()
        row = (taken.machine, began_ms, taken.base_ms)
        number = db.execute("INSERT INTO boot (machine_id, began_ms, base_ms, crc) VALUES (?, ?, ?, 0)", row).lastrowid
        assert number is not None
        _seal(db, number)
        found = (number, taken.base_ms, None)
    known = Boot(found[0], taken.machine, *found[1:])
    clock.go_on(known)
    return known.base_ms - taken.base_ms


def date(db: sqlite3.Connection, boot: int, correction_ms: int) -> tuple[int, int] | None:
    """Notes what times of this boot lack; the first and last row that it moves."""
    db.execute("UPDATE boot SET correction_ms = ? WHERE id = ?", (correction_ms, boot))
    _seal(db, boot)
    first, last = db.execute("SELECT min(seq), max(seq) FROM row WHERE boot = ? AND trusted = 0", (boot,)).fetchone()
    return None if first is None else (first, last)


def _seal(db: sqlite3.Connection, boot: int) -> None:
    line = db.execute(
        "SELECT id, machine_id, began_ms, base_ms, correction_ms FROM boot WHERE id = ?", (boot,)
    ).fetchone()
    db.execute("UPDATE boot SET crc = ? WHERE id = ?", (checksum(line), boot))
