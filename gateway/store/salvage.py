"""Knows how what can be read of a damaged store gets into a new one, line by line; knows no file's name, no reading.

A line is taken if it is what its table holds; then the new store is made consistent: no number is given twice, no
frame accepted twice, and every row has its series and boot.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from gateway.evidence import chain
from gateway.store import forms, leaves, meta, rows
from gateway.store.file import PAGE_BYTES
from protocols import link
from protocols.errors import FrameError

_MARGIN = 10_000  # rows that may have been behind the last one that can be read; ours
_FAILURES = 1000  # one by one; then in growing steps, so that a lost tree ends


class Rescued(NamedTuple):
    """What became of a damaged file: its new name, what was wrong, and of each table how many lines are there and how
    many were not what they should be. `blocks`: those whose content is no longer whole."""

    kept_as: str
    reason: str
    kept: dict[str, int]
    left_out: dict[str, int]
    blocks: list[int]
    next_seq: int


class Salvage:
    """From one file into another."""

    def __init__(self, old: sqlite3.Connection, new: sqlite3.Connection, kept_as: str, reason: str) -> None:
        self._old = old
        self._new = new
        self._kept_as = kept_as
        self._reason = reason
        self._kept: dict[str, int] = {}
        self._left_out: dict[str, int] = {}

    def all(self, content: bytes) -> Rescued:
        self._new.execute("BEGIN")
        self._take("row", rows.COLUMNS, "seq", lambda row: rows.read(row) is not None)
        for table, key, kinds in forms.TABLES:
            self._take(table, "*", key, lambda line, kinds=kinds: forms.fits(line, kinds))  # type: ignore[misc]
        self._take_strays(content)
        self._name_lost_boots()
        self._name_lost_series()
        self._mend_nodes()
        next_seq = self._go_on_above()
        blocks = self._broken_blocks()
        self._new.execute("COMMIT")
        return Rescued(self._kept_as, self._reason, self._kept, self._left_out, blocks, next_seq)

    def _take(self, table: str, columns: str, key: str, is_sound: Callable[[Sequence[object]], bool]) -> None:
        for line in self._walk(table, columns, key):
            try:
                if is_sound(line):
                    self._new.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(line))})", line)
                    self._kept[table] = self._kept.get(table, 0) + 1
                    continue
            except (ValueError, TypeError, sqlite3.Error):
                pass
            self._left_out[table] = self._left_out.get(table, 0) + 1

    def _walk(self, table: str, columns: str, key: str) -> Iterator[tuple[object, ...]]:
        """Every line that can be read, by rising key; where a stretch can't, what follows it."""
        if key not in ("id", "seq", "number"):  # these have no numbers to go by: from both ends
            yield from self._both_ways(table, key)
            return
        at, failures, last = -1, 0, self._last(table, key)
        while at <= last:
            try:
                found = self._old.execute(f"SELECT {columns} FROM {table} WHERE {key} > ? ORDER BY {key}", (at,))
                for line in found:
                    number = line[0]
                    if not isinstance(number, int) or number <= at:
                        raise sqlite3.DatabaseError("out of order")
                    yield line
                    at, failures = number, 0
                return
            except sqlite3.DatabaseError:
                failures += 1
                at += 1 if failures <= _FAILURES else failures - _FAILURES

    def _last(self, table: str, key: str) -> int:
        with suppress(sqlite3.DatabaseError):
            return int(self._old.execute(f"SELECT max({key}) FROM {table}").fetchone()[0] or 0)
        with suppress(sqlite3.DatabaseError, TypeError, ValueError):
            if table == "row":
                return int(self._old.execute("SELECT max(last_seq) FROM block").fetchone()[0]) + _MARGIN
            found = self._old.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
            return min(int(found[0]), 1 << 40)
        return 10_000_000

    def _both_ways(self, table: str, key: str) -> Iterator[tuple[object, ...]]:
        seen = set()
        for direction in ("ASC", "DESC"):
            order = ", ".join(f"{one} {direction}" for one in key.split(", "))
            with suppress(sqlite3.DatabaseError):
                for line in self._old.execute(f"SELECT * FROM {table} ORDER BY {order}"):
                    if line not in seen:
                        seen.add(line)
                        yield line

    def _take_strays(self, content: bytes) -> None:
        """Rows that the tree no longer leads to. What was removed on purpose may still lie about and stays away."""
        (floor,) = self._new.execute(
            "SELECT coalesce(max(last_seq), 0) FROM block WHERE number <= ?", (meta.get(self._new, meta.REMOVED),)
        ).fetchone()
        for seq, columns in leaves.rows(content, PAGE_BYTES, len(rows.Stored._fields) + 1):
            with suppress(rows.Damaged, sqlite3.Error):
                line = (*rows.read([seq, *columns[1:]]), columns[-1])
                if seq > floor and self._new.execute(f"INSERT OR IGNORE INTO row VALUES ({rows.MARKS})", line).rowcount:
                    self._kept["row"] = self._kept.get("row", 0) + 1

    def _name_lost_boots(self) -> None:
        """A boot that nobody knows any more keeps its number, which must not become another one's; nothing dates it."""
        lost = self._new.execute("SELECT DISTINCT boot FROM row WHERE boot NOT IN (SELECT id FROM boot)").fetchall()
        for (id,) in lost:
            line = (id, f"lost {id}", 0, 0, None)
            self._new.execute("INSERT INTO boot VALUES (?, ?, ?, ?, ?, ?)", (*line, rows.checksum(line)))

    def _name_lost_series(self) -> None:
        """Rows whose channels nobody knows any more keep their number, which must not become another series'."""
        lost = self._new.execute(
            "SELECT series, max(cells) FROM row WHERE series NOT IN (SELECT id FROM series) GROUP BY series"
        ).fetchall()
        for id, cells in lost:
            channels = json.dumps([[f"lost_{id}.{place}", "", 0] for place in range(len(json.loads(cells)))])
            line = (id, f"lost {id}", channels)
            self._new.execute("INSERT INTO series VALUES (?, ?, ?, ?)", (*line, rows.checksum(line)))

    def _mend_nodes(self) -> None:
        """A node's counter, life and newest record, by its rows and frames: no frame that came may come again."""
        known = {
            node: (counter, have, life, key)
            for node, counter, have, life, key in self._new.execute("SELECT * FROM node")
        }
        said: dict[int, tuple[int, int]] = {}  # node -> life, counter
        for node, life, raw in self._new.execute("SELECT node, life, raw FROM frame ORDER BY life"):
            with suppress(FrameError):
                before = said.get(node, (life, -1))
                said[node] = (life, max(link.parse(raw).counter, before[1] if before[0] == life else -1))
        kept = self._new.execute("SELECT node, life, max(record) FROM row WHERE node > 0 GROUP BY node, life")
        have = {(node, life): record for node, life, record in kept}
        for node in {node for node, _ in have} | set(said) | set(known):
            lives = [life for one, life in have if one == node]
            counter, last, life, key = known.get(node, (-1, 0, max([*lives, said.get(node, (1, 0))[0]]), ""))
            if node in said and said[node][0] == life:
                counter = max(counter, said[node][1])
            last = max(last, have.get((node, life), 0))
            self._new.execute("INSERT OR REPLACE INTO node VALUES (?, ?, ?, ?, ?)", (node, counter, last, life, key))

    def _go_on_above(self) -> int:
        """No number that a row ever had is given again."""
        highest = self._new.execute(
            "SELECT max(coalesce((SELECT max(seq) FROM row), 0), coalesce((SELECT max(last_seq) FROM block), 0), "
            "coalesce((SELECT max(seq) FROM position), 0), "
            "coalesce((SELECT value FROM meta WHERE key = ?), 0))",
            (meta.USED_SEQ,),
        ).fetchone()[0]
        number = int(highest) + _MARGIN
        meta.put(self._new, meta.USED_SEQ, number)
        for table in ("frame", "event"):  # what a block says is behind it must stay so
            (last,) = self._new.execute(
                f"SELECT max(coalesce((SELECT max(id) FROM {table}), 0), "
                f"coalesce((SELECT max(last_{table}) FROM block), 0))"
            ).fetchone()
            self._set_sequence(table, last)
        return number + 1

    def _set_sequence(self, table: str, number: int) -> None:
        self._new.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        self._new.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, number))

    def _broken_blocks(self) -> list[int]:
        """Blocks that no longer have what they were closed over; those that were removed have nothing."""
        before, broken = chain.block(self._new, meta.get(self._new, meta.REMOVED) or 0), []
        for block in list(chain.blocks(self._new)):
            if block.number <= before.number:
                continue
            if block.number != before.number + 1 or chain.hashed(self._new, before, block) != block.hash:
                broken.append(block.number)
            before = block
        return broken
