"""Knows what the store keeps of nodes: lives, records, holes, commands; knows no radio and no uplink.

What a frame carried is on disk together with its counter, or neither is. Holes are looked for once, when a node is met,
and kept in memory: a batch that follows the last one costs nothing more.
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from gateway.ports import Clock
from gateway.store import ranges
from gateway.store.ranges import Range, Ranges, gaps, union, within, without
from gateway.store.rows import packed
from protocols.batch import NodeRecord
from protocols.command import BATTERY, TOLD, Command

_HOLE, _GONE, _UNREAD = "hole", "gone", "unread"
_BATTERY_KEPT_MS = 7 * 86_400_000  # answered questions for a battery, by which a person sees nights and days; ours


class Frame(NamedTuple):
    """A node's frame as received, and the schema that it leaves out if it is brief."""

    raw: bytes
    schema: int


def fingerprint(key: bytes) -> str:
    """What the store remembers of a node's key."""
    return hashlib.sha256(key).hexdigest()[:16]


class NodeStore:
    """The part of a Store that belongs to nodes."""

    _db: sqlite3.Connection
    _clock: Clock

    def _transaction(self) -> AbstractContextManager[None]:
        raise NotImplementedError

    def event(self, kind: str, detail: dict[str, object]) -> None:
        raise NotImplementedError

    def _stamp(self) -> tuple[int, int, bool]:
        raise NotImplementedError

    def _add_record(
        self, series: int, record: NodeRecord, node: int, life: int, knew_time: bool, is_late: bool
    ) -> bool:
        raise NotImplementedError

    def _load_nodes(self) -> None:
        self._holes: dict[int, Ranges] = {}
        found = self._db.execute(
            "SELECT node, first, last FROM stretch JOIN node ON node = id AND stretch.life = node.life "
            "WHERE state = ? ORDER BY node, first",
            (_HOLE,),
        )
        for node, first, last in found:
            self._holes[node] = (*self._holes.get(node, ()), (first, last))
        self._doubled: set[int] = set()
        self._commands: dict[int, list[Command]] = {}
        waiting = self._db.execute("SELECT node, id, kind, argument FROM command WHERE done IS NULL ORDER BY id")
        for node, id, kind, argument in waiting:
            self._commands.setdefault(node, []).append(Command(id & 0xFFFF, kind, argument))
        told = self._db.execute(
            "SELECT node, argument * result, done, max(id) FROM command WHERE kind = ? AND result >= ? GROUP BY node",
            (BATTERY, TOLD),
        )
        self._batteries: dict[int, tuple[int, int]] = {node: (mv, done) for node, mv, done, _ in told}

    # --- lives --------------------------------------------------------------------------------------------------------

    def meet(self, node: int, fingerprint: str) -> None:
        """A node and the fingerprint of its key. Another key is another life: counters and record numbers begin anew,
        the former life's records stay. What of this life is missing becomes a hole."""
        found = self._db.execute("SELECT life, key FROM node WHERE id = ?", (node,)).fetchone()
        if found is None:
            self._db.execute("INSERT INTO node VALUES (?, -1, 0, 1, ?)", (node, fingerprint))
        elif found[1] in ("", fingerprint):
            self._db.execute("UPDATE node SET key = ? WHERE id = ?", (fingerprint, node))
            self._look_for_holes(node)
        else:
            self._db.execute(
                "UPDATE node SET counter = -1, have = 0, life = life + 1, key = ? WHERE id = ?", (fingerprint, node)
            )
            self._holes.pop(node, None)
            self.event("node_renewed", {"node": node, "life": found[0] + 1})

    def counters(self) -> dict[int, int]:
        return dict(self._db.execute("SELECT id, counter FROM node"))

    def have(self, node: int) -> int:
        return self._life_and_have(node)[1]

    def _life_and_have(self, node: int) -> tuple[int, int]:
        found = self._db.execute("SELECT life, have FROM node WHERE id = ?", (node,)).fetchone()
        return (int(found[0]), int(found[1])) if found else (1, 0)

    def lives(self) -> list[tuple[int, int, int]]:
        """(node, its life, the highest record that it has given) of each."""
        return [
            (int(id), int(life), int(have)) for id, life, have in self._db.execute("SELECT id, life, have FROM node")
        ]

    def _set_node(self, node: int, counter: int, have: int) -> None:
        self._db.execute(
            "INSERT INTO node VALUES (?, ?, ?, 1, '') "
            "ON CONFLICT (id) DO UPDATE SET counter = excluded.counter, have = excluded.have",
            (node, counter, have),
        )

    # --- what frames carry: each returns the node's `have`, and keeps the frame where it is given ---------------------

    def heard(self, node: int, counter: int) -> int:
        """Notes a counter that carried nothing."""
        have = self.have(node)
        self._set_node(node, counter, have)
        return have

    def _keep(self, node: int, life: int, frame: Frame | None) -> None:
        if frame is not None:
            self._db.execute(
                "INSERT INTO frame (unix_ms, boot, trusted, node, life, schema, raw) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*self._stamp(), node, life, frame.schema, frame.raw),
            )

    def add_batch(
        self,
        node: int,
        counter: int,
        series: int,
        rows: Sequence[NodeRecord],
        frame: Frame | None = None,
        knew_time: bool = True,
    ) -> int:
        """Puts a node's records on disk, each once. `knew_time`: their times are the node's own, not the gateway's."""
        life, had = self._life_and_have(node)
        with self._transaction():
            self._keep(node, life, frame)
            for row in rows:
                if not self._add_record(series, row, node, life, knew_time, row.number < had):
                    self.compare(node, row)
            have, left = self._advance(node, counter, life, [row.number for row in rows])
        self._holes[node] = left
        return have

    def compare(self, node: int, row: NodeRecord) -> None:
        """A record that came again with other values is from another board under the same identity, or from flash that
        was erased without a new key: that becomes an event, once until the next start."""
        life = self._life_and_have(node)[0]
        found = self._db.execute(
            "SELECT cells FROM row WHERE node = ? AND life = ? AND record = ?", (node, life, row.number)
        ).fetchone()
        if found is not None and found[0] != packed(row.cells)[0] and node not in self._doubled:
            self._doubled.add(node)
            self.event("node_doubled", {"node": node, "record": row.number})

    def add_unread(
        self, node: int, counter: int, body: bytes, numbers: Sequence[int], frame: Frame | None = None
    ) -> int:
        """Keeps a batch that can't be read, whose records have these numbers."""
        life = self._life_and_have(node)[0]
        with self._transaction():
            self._keep(node, life, frame)
            self._db.execute(
                "INSERT INTO unread (unix_ms, node, body) VALUES (?, ?, ?)", (self._clock.unix_ms(), node, body)
            )
            have, left = self._advance(node, counter, life, numbers)
            for number in numbers:
                self._note(node, life, [(number, number)], _UNREAD)
        self._holes[node] = left
        return have

    def add_gone(self, node: int, counter: int, first: int, last: int, frame: Frame | None = None) -> int:
        """The node no longer holds these: nobody asks for them again, and the gap is on record."""
        life, have = self._life_and_have(node)
        before = self._holes.get(node, ())
        gone = within(before, first, last)
        left = without(before, ((first, last),))
        with self._transaction():
            self._keep(node, life, frame)
            self._set_node(node, counter, have)
            self._replace_holes(node, life, left)
            self._note(node, life, gone, _GONE)
            for low, high in gone:
                self.event("records_gone", {"node": node, "first": low, "last": high})
        self._holes[node] = left
        return have

    def add_results(self, node: int, counter: int, results: Sequence[tuple[int, int]]) -> int:
        """How commands ended, each told once. What a node says of its battery is no event, and not kept for long."""
        have = self.have(node)
        now_ms = self._clock.unix_ms()
        told = dict(results)
        with self._transaction():
            self._set_node(node, counter, have)
            for command in self._commands.get(node, ()):
                if command.id in told:
                    result = told[command.id]
                    (id,) = self._db.execute(
                        "UPDATE command SET done = ?, result = ? WHERE node = ? AND id & 65535 = ? AND done IS NULL "
                        "RETURNING id",
                        (now_ms, result, node, command.id),
                    ).fetchone()
                    if command.kind == BATTERY:
                        self._note_battery(node, command.argument, result, now_ms)
                    else:
                        self.event("command_done", {"node": node, "id": id, "kind": command.kind, "result": result})
        self._commands[node] = [command for command in self._commands.get(node, ()) if command.id not in told]
        return have

    def _note_battery(self, node: int, step_mv: int, result: int, now_ms: int) -> None:
        if result >= TOLD:
            self._batteries[node] = result * step_mv, now_ms
            self._db.execute(
                "DELETE FROM command WHERE node = ? AND kind = ? AND done < ?",
                (node, BATTERY, now_ms - _BATTERY_KEPT_MS),
            )

    def battery(self, node: int) -> tuple[int, int] | None:
        """What the node said of its battery last: mV, and when (Unix ms)."""
        return self._batteries.get(node)

    def _advance(self, node: int, counter: int, life: int, numbers: Sequence[int]) -> tuple[int, Ranges]:
        """Notes rising numbers that are here from now on: the node's `have`, and the holes that are left."""
        have = self.have(node)
        before = left = self._holes.get(node, ())
        if before:
            for number in numbers:
                left = without(left, ((number, number),))
        left = union([*left, *_passed_over(numbers, have + 1)])
        have = max(have, numbers[-1])
        self._set_node(node, counter, have)
        if left != before:
            self._replace_holes(node, life, left)
        return have, left

    # --- holes --------------------------------------------------------------------------------------------------------

    def holes(self, node: int) -> Ranges:
        """What the node is to send again."""
        return self._holes.get(node, ())

    def _replace_holes(self, node: int, life: int, left: Sequence[Range]) -> None:
        self._db.execute("DELETE FROM stretch WHERE node = ? AND life = ? AND state = ?", (node, life, _HOLE))
        self._note(node, life, left, _HOLE)

    def _note(self, node: int, life: int, ranges: Sequence[Range], state: str) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO stretch VALUES (?, ?, ?, ?, ?)",
            [(node, life, first, last, state) for first, last in ranges],
        )

    def _look_for_holes(self, node: int) -> None:
        """A store that was damaged and rescued lacks rows. What is older than the oldest one may be gone with
        good reason and is not asked for."""
        life, have = self._life_and_have(node)
        mine = (node, life)
        count, low = self._db.execute(
            "SELECT count(*), min(record) FROM row WHERE node = ? AND life = ?", mine
        ).fetchone()
        known = union(self._db.execute("SELECT first, last FROM stretch WHERE node = ? AND life = ?", mine))
        low = low or 1
        accounted = count + ranges.count(within(known, low, have))
        if accounted >= have - low + 1:
            return  # the normal case, without looking at each
        found = self._db.execute("SELECT record FROM row WHERE node = ? AND life = ? ORDER BY record", mine)
        missing = _passed_over([*(record for (record,) in found), have + 1], low)
        left = union([*self.holes(node), *without(missing, known)])
        with self._transaction():
            self._replace_holes(node, life, left)
        self._holes[node] = left

    # --- commands -----------------------------------------------------------------------------------------------------

    def give_command(self, node: int, kind: int, argument: int = 0) -> int:
        """Leaves a command (protocols/command.py) for a node, to be fetched with its next report; its id."""
        with self._transaction():
            cursor = self._db.execute(
                "INSERT INTO command (node, kind, argument, made) VALUES (?, ?, ?, ?)",
                (node, kind, argument, self._clock.unix_ms()),
            )
        assert cursor.lastrowid is not None
        self._commands.setdefault(node, []).append(Command(cursor.lastrowid & 0xFFFF, kind, argument))
        return cursor.lastrowid

    def commands(self, node: int) -> list[Command]:
        """Those that wait for the node, oldest first, as they go over the link."""
        return self._commands.get(node, [])

    def last_argument(self, node: int, kind: int) -> int:
        """The highest argument of the commands of one kind that were ever given to a node; 0: none was."""
        query = "SELECT coalesce(max(argument), 0) FROM command WHERE node = ? AND kind = ?"
        return int(self._db.execute(query, (node, kind)).fetchone()[0])

    def note_sent(self, node: int, commands: Sequence[Command]) -> None:
        """These go out now; only the first time counts."""
        for command in commands:
            self._db.execute(
                "UPDATE command SET sent = ? WHERE node = ? AND id & 65535 = ? AND done IS NULL AND sent IS NULL",
                (self._clock.unix_ms(), node, command.id),
            )


def _passed_over(numbers: Sequence[int], following: int) -> Ranges:
    """What rising numbers leave out, from `following` on."""
    return gaps(union((number, number) for number in numbers), following, numbers[-1])
