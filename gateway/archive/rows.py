"""Knows how a batch of rows becomes one transaction in PostgreSQL; knows no broker and no clock.

Exactly once rests on one thing: a station's line is locked, and its set of seqs grows in the transaction that writes
the rows. So any number of workers may take the same message at the same time, or a second time, in any order.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import psycopg

from gateway.archive.intake import Data, Refused, is_guess
from gateway.archive.known import Known
from gateway.archive.line import Line, copied, line
from gateway.archive.refusals import Refusal
from gateway.archive.tables import Connection, Months

# What of a station's rows is missing or comes again must be older than what may still be on its way.
LATE = "CASE WHEN now() - noted_at >= %(grace)s * interval '1 second' THEN noted ELSE overdue END"

_PREPARE = "CREATE TEMP TABLE incoming (LIKE row) ON COMMIT DELETE ROWS"

# One question, because each is a wait where the database is far; and none while lines are locked, because other workers
# wait for those. The second statement says what is here already, and whether the station had the broker's word for it a
# while ago and nobody has asked for it lately.
_WRITE = f"""
SELECT FROM station WHERE id = ANY(%(ids)s) ORDER BY id FOR UPDATE;
SELECT incoming.station, seq, seq <= {LATE} AND asked < now() - interval '1 hour'
FROM incoming JOIN station ON id = incoming.station WHERE has @> seq;
INSERT INTO row SELECT incoming.* FROM incoming JOIN station ON id = incoming.station
WHERE NOT has @> seq ON CONFLICT DO NOTHING;
UPDATE station SET online = true, heard = now(), has = has + came,
    complete = greatest(station.complete, said.complete), overdue = {LATE},
    noted = CASE WHEN now() - noted_at >= %(grace)s * interval '1 second'
        THEN greatest(station.complete, said.complete) ELSE noted END,
    noted_at = CASE WHEN now() - noted_at >= %(grace)s * interval '1 second' THEN now() ELSE noted_at END,
    asked_times = CASE WHEN came - has && int8range(1, overdue + 1) THEN 0 ELSE asked_times END
FROM unnest(%(ids)s, %(complete)s) AS said (id, complete)
JOIN (SELECT station, range_agg(int8range(seq, seq + 1)) AS came FROM incoming GROUP BY station) AS new
    ON new.station = said.id
WHERE station.id = said.id;
COMMIT
"""

_LOCK = b"SELECT FROM station WHERE id = ANY(%s) ORDER BY id FOR UPDATE"
_KEPT = b"""
SELECT station, seq, (extract(epoch FROM time) * 1000)::bigint, series, value, quality FROM row
WHERE (station, seq) IN (SELECT * FROM unnest(%s::integer[], %s::bigint[]))
"""
_INSERT = b"INSERT INTO row VALUES (%s, %s, timestamptz 'epoch' + %s * interval '1 ms', %s, %s, %s)"

Key = tuple[int, int]  # station, seq


class Stored(NamedTuple):
    """What became of a batch: rows that are new, rows that came again, rows dated better than before; what was not
    believed; places in the batch whose series nobody has announced yet: not taken."""

    new: int
    again: int
    dated: int
    refused: list[Refusal]
    postponed: frozenset[int]


class _Sorted(NamedTuple):
    """A batch by station and seq; `repeated` within it; `complete`: the stations' highest words."""

    lines: dict[Key, Line]
    repeated: list[Line]
    complete: dict[int, int]
    refused: list[Refusal]
    postponed: set[int]


class Rows:
    """`grace_s`: so long after a station says that a row was confirmed it may still be on its way."""

    def __init__(self, db: Connection, known: Known, grace_s: float) -> None:
        self._db, self._known, self._grace_s = db, known, grace_s
        self._months = Months(db)
        db.execute(_PREPARE)

    def store(self, batch: Sequence[tuple[str, Data]]) -> Stored:
        """Writes what is new of the batch. When this returns it is on the database's disk."""
        found = self._sorted(batch)
        if not found.lines:
            return Stored(0, 0, 0, found.refused, frozenset(found.postponed))
        self._months.make(one.unix_ms for one in (*found.lines.values(), *found.repeated))
        new, dated, lies = self._write(found)
        came = len(found.lines) + len(found.repeated)
        return Stored(new, came - new - dated - len(lies), dated, found.refused + lies, frozenset(found.postponed))

    def _sorted(self, batch: Sequence[tuple[str, Data]]) -> _Sorted:
        known, found = self._known, _Sorted({}, [], {}, [], set())
        known.meet(station for station, _ in batch)
        known.look_up((known.ids[station], row.series) for station, data in batch for row in data.rows)
        for place, (station, data) in enumerate(batch):
            id = known.ids[station]
            widths = [known.widths.get((id, row.series)) for row in data.rows]
            if None in widths:
                found.postponed.add(place)
                continue
            if widths != [len(row.values) for row in data.rows]:
                found.refused.append(
                    (station, Refused("width", f"rows from {data.first}: not as many values as channels"))
                )
                continue
            found.complete[id] = max(found.complete.get(id, 0), data.complete)
            for seq, row in enumerate(data.rows, data.first):
                one = line(id, seq, data.unix_ms, row)
                if found.lines.setdefault((id, seq), one) is not one:
                    found.repeated.append(one)
        return found

    def _write(self, found: _Sorted) -> tuple[int, int, list[Refusal]]:
        values = {"ids": [*found.complete], "complete": [*found.complete.values()], "grace": self._grace_s}
        self._db.execute("BEGIN")
        try:
            with psycopg.ClientCursor(self._db) as cursor:
                with cursor.copy("COPY incoming FROM STDIN (FORMAT BINARY)") as copy:
                    copy.write(copied(found.lines.values()))
                cursor.execute(_WRITE.encode(), values)
                cursor.nextset()
                before = {(station, seq): is_old for station, seq, is_old in cursor.fetchall()}
                cursor.nextset()
                new = cursor.rowcount
        except psycopg.Error:
            if not self._db.closed:
                self._db.rollback()
            raise
        again = [one for key, one in found.lines.items() if key in before] if before else []
        return new, *self._take_again([*again, *found.repeated], {key for key in before if before[key]})

    def _take_again(self, again: Sequence[Line], old: Collection[Key]) -> tuple[int, list[Refusal]]:
        """What came before: the same is passed over, and is a replay if it is `old`; a guessed time gives way to a
        known one; all else is a lie. A transaction of its own: who dies before it has not confirmed the message."""
        if not again:
            return 0, []
        with self._db.transaction():
            self._db.execute(_LOCK, ([one.station for one in again],))
            keys = [one[:2] for one in again]
            rows = self._db.execute(_KEPT, ([key[0] for key in keys], [key[1] for key in keys])).fetchall()
            kept = {one[:2]: one for one in map(Line._make, rows)}
            dated: dict[Key, Line] = {}
            lies: list[tuple[int, Refused]] = []
            for one in again:
                before = kept.get(key := one[:2])
                if before is None:
                    continue
                if before == one:
                    if key in old:
                        lies.append((one.station, Refused("replayed", f"row {one.seq}")))
                elif before[3:5] != one[3:5] or not (is_guess(before) or is_guess(one)):
                    lies.append((one.station, Refused("altered", f"row {one.seq}: {before[2:]} became {one[2:]}")))
                elif is_guess(before) and not is_guess(one):
                    dated[key] = kept[key] = one
            for one in dated.values():  # a hypertable moves no line to another chunk
                self._db.execute("DELETE FROM row WHERE station = %s AND seq = %s", one[:2])
                self._db.execute(_INSERT, one)
        names = {id: name for name, id in self._known.ids.items()}
        return len(dated), [(names[station], refused) for station, refused in lies]
