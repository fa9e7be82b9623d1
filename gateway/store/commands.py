"""Knows what nodes are told to do and how it ended; knows no radio, and nobody who tells them.

Over the link a command has the low 16 bits of its id (protocols/command.py).
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from gateway.ports import Clock
from gateway.store.database import Database
from gateway.store.events import Events
from gateway.store.nodes import Nodes
from protocols.command import BATTERY, TOLD, Command

_BATTERY_KEPT_MS = 7 * 86_400_000  # answered questions for a battery, by which a person sees nights and days; ours


class Commands:
    """Those of all nodes; what waits is kept in memory as well."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        nodes: Nodes,
        events: Events,
        transaction: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._database = database
        self._clock = clock
        self._nodes = nodes
        self._events = events
        self._transaction = transaction
        self._waiting: dict[int, list[Command]] = {}
        self._batteries: dict[int, tuple[int, int]] = {}

    def load(self) -> None:
        db = self._database.db
        self._waiting = {}
        waiting = db.execute("SELECT node, id, kind, argument FROM command WHERE done IS NULL ORDER BY id")
        for node, id, kind, argument in waiting:
            self._waiting.setdefault(node, []).append(Command(id & 0xFFFF, kind, argument))
        told = db.execute(
            "SELECT node, argument * result, done, max(id) FROM command WHERE kind = ? AND result >= ? GROUP BY node",
            (BATTERY, TOLD),
        )
        self._batteries = {node: (mv, done) for node, mv, done, _ in told}

    def give(self, node: int, kind: int, argument: int = 0) -> int:
        """Leaves a command for a node, to be fetched with its next report; its id."""
        with self._transaction():
            cursor = self._database.db.execute(
                "INSERT INTO command (node, kind, argument, made) VALUES (?, ?, ?, ?)",
                (node, kind, argument, self._clock.unix_ms()),
            )
        assert cursor.lastrowid is not None
        self._waiting.setdefault(node, []).append(Command(cursor.lastrowid & 0xFFFF, kind, argument))
        return cursor.lastrowid

    def waiting(self, node: int) -> list[Command]:
        """Those that wait for the node, oldest first, as they go over the link."""
        return self._waiting.get(node, [])

    def last_argument(self, node: int, kind: int) -> int:
        """The highest argument of the commands of one kind that were ever given to a node; 0: none was."""
        query = "SELECT coalesce(max(argument), 0) FROM command WHERE node = ? AND kind = ?"
        return int(self._database.db.execute(query, (node, kind)).fetchone()[0])

    def note_sent(self, node: int, commands: Sequence[Command]) -> None:
        """These go out now; only the first time counts."""
        for command in commands:
            self._database.db.execute(
                "UPDATE command SET sent = ? WHERE node = ? AND id & 65535 = ? AND done IS NULL AND sent IS NULL",
                (self._clock.unix_ms(), node, command.id),
            )

    def add_results(self, node: int, counter: int, results: Sequence[tuple[int, int]]) -> int:
        """How commands ended, each told once; the node's `have`. What a node says of its battery is no event, and not
        kept for long."""
        now_ms = self._clock.unix_ms()
        told = dict(results)
        with self._transaction():
            have = self._nodes.heard(node, counter)
            for command in self.waiting(node):
                if command.id in told:
                    self._end(node, command, told[command.id], now_ms)
        self._waiting[node] = [command for command in self.waiting(node) if command.id not in told]
        return have

    def _end(self, node: int, command: Command, result: int, now_ms: int) -> None:
        (id,) = self._database.db.execute(
            "UPDATE command SET done = ?, result = ? WHERE node = ? AND id & 65535 = ? AND done IS NULL RETURNING id",
            (now_ms, result, node, command.id),
        ).fetchone()
        if command.kind != BATTERY:
            self._events.add("command_done", {"node": node, "id": id, "kind": command.kind, "result": result})
        elif result >= TOLD:
            self._batteries[node] = result * command.argument, now_ms
            self._database.db.execute(
                "DELETE FROM command WHERE node = ? AND kind = ? AND done < ?",
                (node, BATTERY, now_ms - _BATTERY_KEPT_MS),
            )

    def battery(self, node: int) -> tuple[int, int] | None:
        """What the node said of its battery last: mV, and when (Unix ms)."""
        return self._batteries.get(node)
