"""Knows what the store keeps of the machine's boots and of what is dated later; knows no clock chip and no file."""

import sqlite3

from gateway.machine.timekeeping import Boot, Timekeeper
from gateway.store.rows import checksum


def stamp(clock: Timekeeper) -> tuple[int, int, bool]:
    """Now: Unix time, boot, and whether that time can be trusted."""
    return clock.unix_ms(), clock.boot.number, clock.is_trusted()


def meet(db: sqlite3.Connection, clock: Timekeeper) -> int:
    """Makes the boot that runs known to store and clock; by how much times of it that wait in memory must be moved."""
    taken = clock.boot
    found = db.execute("SELECT id, base_ms, correction_ms FROM boot WHERE machine_id = ?", (taken.machine,)).fetchone()
    if found is None:
        number = db.execute("SELECT coalesce(max(id), 0) + 1 FROM boot").fetchone()[0]
        line = (number, taken.machine, clock.unix_ms(), taken.base_ms, None)
        db.execute("INSERT INTO boot VALUES (?, ?, ?, ?, ?, ?)", (*line, checksum(line)))
        found = (number, taken.base_ms, None)
    known = Boot(found[0], taken.machine, *found[1:])
    clock.go_on(known)
    return known.base_ms - taken.base_ms


def date(db: sqlite3.Connection, boot: int, correction_ms: int) -> tuple[int, int] | None:
    """Notes what times of this boot lack; the first and last row that it moves."""
    known = db.execute("SELECT id, machine_id, began_ms, base_ms FROM boot WHERE id = ?", (boot,)).fetchone()
    crc = checksum((*known, correction_ms))
    db.execute("UPDATE boot SET correction_ms = ?, crc = ? WHERE id = ?", (correction_ms, crc, boot))
    first, last = db.execute("SELECT min(seq), max(seq) FROM row WHERE boot = ? AND trusted = 0", (boot,)).fetchone()
    return None if first is None else (first, last)
