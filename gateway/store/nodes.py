"""Knows what of a node's frames is on disk: the frame, its records, what is missing; knows no radio and no uplink.

What a frame carried is on disk together with its counter, or neither is. Holes are looked for once, when a node is met,
and kept in memory: a batch that follows the last one costs nothing more.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from gateway.machine.timekeeping import Timekeeper
from gateway.store import boots, lives, ranges
from gateway.store.database import Database
from gateway.store.events import Events
from gateway.store.incoming import Incoming
from gateway.store.ranges import Range, Ranges, gaps, union, within, without
from gateway.store.rows import packed
from protocols.batch import NodeRecord

_HOLE, _GONE, _UNREAD = "hole", "gone", "unread"


class Frame(NamedTuple):
    """A node's frame as received, and the schema that it leaves out if it is brief."""

    raw: bytes
    schema: int


class Nodes:
    """The nodes of a store."""

    def __init__(
        self,
        database: Database,
        clock: Timekeeper,
        incoming: Incoming,
        events: Events,
        transaction: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._database = database
        self._clock = clock
        self._incoming = incoming
        self._events = events
        self._transaction = transaction
        self._holes: dict[int, Ranges] = {}
        self._doubled: set[int] = set()

    def load(self) -> None:
        self._holes = {}
        found = self._database.db.execute(
            "SELECT node, first, last FROM stretch JOIN node ON node = id AND stretch.life = node.life "
            "WHERE state = ? ORDER BY node, first",
            (_HOLE,),
        )
        for node, first, last in found:
            self._holes[node] = (*self._holes.get(node, ()), (first, last))
        self._doubled = set()

    def meet(self, node: int, fingerprint: str) -> None:
        """A node and the fingerprint of its key. Another key is another life: counters and record numbers begin anew,
        the former life's records stay. What of this life is missing becomes a hole."""
        life, is_renewed = lives.begin(self._database.db, node, fingerprint)
        if is_renewed:
            self._holes.pop(node, None)
            self._events.add("node_renewed", {"node": node, "life": life.life})
        else:
            self._look_for_holes(node)

    def counters(self) -> dict[int, int]:
        return lives.counters(self._database.db)

    def have(self, node: int) -> int:
        return self._life(node).have

    def _life(self, node: int) -> lives.Life:
        return lives.life(self._database.db, node)

    # --- what frames carry: each returns the node's `have`, and keeps the frame where it is given ---------------------

    def heard(self, node: int, counter: int) -> int:
        """Notes a counter that carried nothing."""
        have = self.have(node)
        lives.note(self._database.db, node, counter, have)
        return have

    def _keep(self, node: int, life: int, frame: Frame | None) -> None:
        if frame is not None:
            self._database.db.execute(
                "INSERT INTO frame (unix_ms, boot, trusted, node, life, schema, raw) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*boots.stamp(self._clock), node, life, frame.schema, frame.raw),
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
        _, life, had = self._life(node)
        with self._transaction():
            self._keep(node, life, frame)
            for row in rows:
                if not self._incoming.add_record(series, row, node, life, knew_time, row.number < had):
                    self.compare(node, row)
            have, left = self._advance(node, counter, life, [row.number for row in rows])
        self._holes[node] = left
        return have

    def compare(self, node: int, row: NodeRecord) -> None:
        """A record that came again with other values is from another board under the same identity, or from flash that
        was erased without a new key: that becomes an event, once until the next start."""
        found = self._database.db.execute(
            "SELECT cells FROM row WHERE node = ? AND life = ? AND record = ?",
            (node, self._life(node).life, row.number),
        ).fetchone()
        if found is not None and found[0] != packed(row.cells)[0] and node not in self._doubled:
            self._doubled.add(node)
            self._events.add("node_doubled", {"node": node, "record": row.number})

    def add_unread(
        self, node: int, counter: int, body: bytes, numbers: Sequence[int], frame: Frame | None = None
    ) -> int:
        """Keeps a batch that can't be read, whose records have these numbers."""
        life = self._life(node).life
        with self._transaction():
            self._keep(node, life, frame)
            line = (self._clock.unix_ms(), node, body)
            self._database.db.execute("INSERT INTO unread (unix_ms, node, body) VALUES (?, ?, ?)", line)
            have, left = self._advance(node, counter, life, numbers)
            self._note(node, life, [(number, number) for number in numbers], _UNREAD)
        self._holes[node] = left
        return have

    def add_gone(self, node: int, counter: int, first: int, last: int, frame: Frame | None = None) -> int:
        """The node no longer holds these: nobody asks for them again, and the gap is on record."""
        _, life, have = self._life(node)
        before = self.holes(node)
        gone = within(before, first, last)
        left = without(before, ((first, last),))
        with self._transaction():
            self._keep(node, life, frame)
            lives.note(self._database.db, node, counter, have)
            self._replace_holes(node, life, left)
            self._note(node, life, gone, _GONE)
            for low, high in gone:
                self._events.add("records_gone", {"node": node, "first": low, "last": high})
        self._holes[node] = left
        return have

    def _advance(self, node: int, counter: int, life: int, numbers: Sequence[int]) -> tuple[int, Ranges]:
        """Notes rising numbers that are here from now on: the node's `have`, and the holes that are left."""
        have = self.have(node)
        before = left = self.holes(node)
        if before:
            for number in numbers:
                left = without(left, ((number, number),))
        left = union([*left, *_passed_over(numbers, have + 1)])
        have = max(have, numbers[-1])
        lives.note(self._database.db, node, counter, have)
        if left != before:
            self._replace_holes(node, life, left)
        return have, left

    # --- holes --------------------------------------------------------------------------------------------------------

    def holes(self, node: int) -> Ranges:
        """What the node is to send again."""
        return self._holes.get(node, ())

    def _replace_holes(self, node: int, life: int, left: Sequence[Range]) -> None:
        mine = (node, life, _HOLE)
        self._database.db.execute("DELETE FROM stretch WHERE node = ? AND life = ? AND state = ?", mine)
        self._note(node, life, left, _HOLE)

    def _note(self, node: int, life: int, ranges: Sequence[Range], state: str) -> None:
        self._database.db.executemany(
            "INSERT OR REPLACE INTO stretch VALUES (?, ?, ?, ?, ?)",
            [(node, life, first, last, state) for first, last in ranges],
        )

    def _look_for_holes(self, node: int) -> None:
        """A store that was damaged and rescued lacks rows. What is older than the oldest one may be gone with
        good reason and is not asked for."""
        db = self._database.db
        _, life, have = self._life(node)
        mine = (node, life)
        count, low = db.execute("SELECT count(*), min(record) FROM row WHERE node = ? AND life = ?", mine).fetchone()
        known = union(db.execute("SELECT first, last FROM stretch WHERE node = ? AND life = ?", mine))
        low = low or 1
        accounted = count + ranges.count(within(known, low, have))
        if accounted >= have - low + 1:
            return  # the normal case, without looking at each
        found = db.execute("SELECT record FROM row WHERE node = ? AND life = ? ORDER BY record", mine)
        missing = _passed_over([*(record for (record,) in found), have + 1], low)
        left = union([*self.holes(node), *without(missing, known)])
        with self._transaction():
            self._replace_holes(node, life, left)
        self._holes[node] = left


def _passed_over(numbers: Sequence[int], following: int) -> Ranges:
    """What rising numbers leave out, from `following` on."""
    return gaps(union((number, number) for number in numbers), following, numbers[-1])
