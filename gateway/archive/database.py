"""Knows how a batch of messages becomes one transaction in PostgreSQL; knows no broker and no clock.

Exactly once rests on one thing: a station's line is locked, and its set of seqs grows in the transaction that writes
the rows. So any number of workers may take the same message at the same time, or a second time, in any order.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import psycopg
from psycopg.types.range import Range as PgRange

from gateway.archive import tables
from gateway.archive.intake import Data, Refused, Row, Series, Signature, is_guess
from gateway.evidence.notary import day_message, is_signed
from gateway.store.ranges import Range, Ranges

_BY_KEY = "(station, {}) IN (SELECT * FROM unnest(%s::integer[], %s::bigint[]))"
_LATE = "CASE WHEN now() - noted_at >= %(grace)s * interval '1 second' THEN noted ELSE overdue END"

Key = tuple[int, int]  # station, series
Refusal = tuple[str, Refused]  # of which station


class Stored(NamedTuple):
    """What became of a batch: rows that are new, rows that came again, rows dated better than before; what was not
    believed; places in the batch whose series nobody has announced yet: not taken."""

    new: int
    again: int
    dated: int
    refused: list[Refusal]
    postponed: frozenset[int]


class _Line(NamedTuple):
    """A line of the table `row`."""

    station: int
    seq: int
    time: datetime
    series: int
    value: list[float | None]
    quality: list[int] | None


class Archive:
    """One worker's connection. psycopg.OperationalError: the database is away; do the same once more later.
    `grace_s`: so long after a station says that a row was confirmed it may still be on its way."""

    def __init__(self, dsn: str, grace_s: float = 30.0) -> None:
        self._db: tables.Connection = psycopg.connect(dsn, autocommit=True)
        self._grace_s = grace_s
        try:
            tables.make(self._db)
        except BaseException:
            self._db.close()
            raise
        self._months = tables.Months(self._db)
        self._db.execute("SET synchronous_commit = on")
        self._db.execute("CREATE TEMP TABLE incoming (LIKE row) ON COMMIT DELETE ROWS")
        self._db.execute("CREATE TEMP TABLE said (station integer, complete bigint) ON COMMIT DELETE ROWS")
        self._ids: dict[str, int] = {}
        self._widths: dict[Key, int] = {}  # channels of a series

    def close(self) -> None:
        self._db.close()

    # --- what is told of stations -------------------------------------------------------------------------------------

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        """Notes what was not taken."""
        newest = {(station[:100], refused.reason): refused.detail for station, refused in refusals}
        times = Counter((station[:100], refused.reason) for station, refused in refusals)
        with self._db.transaction(), self._db.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO refusal (station, reason, times, detail) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (station, reason) DO UPDATE"
                " SET times = refusal.times + excluded.times, last = now(), detail = excluded.detail",
                [(*key, times[key], newest[key].replace("\0", "")) for key in sorted(newest)],
            )

    def hear(self, online: Mapping[str, bool]) -> None:
        """Who is connected. Every worker hears it; the first one writes it."""
        self._meet(online)
        with self._db.transaction():
            self._db.execute(
                "WITH told AS (SELECT * FROM unnest(%s::integer[], %s::boolean[]) AS t (id, online)),"
                " changed AS (SELECT id FROM station WHERE id = ANY(%s) ORDER BY id FOR UPDATE)"
                " UPDATE station SET online = told.online, heard = now() FROM told JOIN changed USING (id)"
                " WHERE station.id = told.id AND station.online IS DISTINCT FROM told.online",
                (ids := [self._ids[name] for name in online], list(online.values()), ids),
            )

    def announce(self, said: Sequence[tuple[str, Series]]) -> list[Refusal]:
        """What the rows of series mean. The first one stands: a number is never used for another list."""
        self._meet(station for station, _ in said)
        by_key = {(self._ids[station], series.series): (station, _columns(series)) for station, series in said}
        with self._db.transaction(), self._db.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO series VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [(*key, *by_key[key][1]) for key in sorted(by_key)],
            )
        return [
            (by_key[key][0], Refused("series", f"series {key[1]} was another list before"))
            for key, columns in self._series(by_key).items()
            if columns != by_key[key][1]
        ]

    def sign(self, station: str, day: str, said: Signature) -> str:
        """Keeps a signed day with what is to be thought of it: sound, forged, stranger; "" if it was there before. The
        key of a station's first sound day is its key from then on."""
        self._meet((station,))
        id = self._ids[station]
        signature, digest, public = map(bytes.fromhex, (said.signature, said.hash, said.public))
        line = (id, day, said.block, digest, signature, public)
        with self._db.transaction():
            known = self._db.execute("SELECT public_key FROM station WHERE id = %s FOR UPDATE", (id,)).fetchone()
            assert known is not None
            if not is_signed(public, signature, day_message(station, day, said.block, digest)):
                verdict = "forged"
            elif known[0] is not None and bytes(known[0]) != public:
                verdict = "stranger"
            else:
                verdict = "sound"
            insert = "INSERT INTO signature VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
            is_new = self._db.execute(insert, (*line, verdict)).rowcount == 1
            if is_new and verdict == "sound" and known[0] is None:
                self._db.execute("UPDATE station SET public_key = %s WHERE id = %s", (public, id))
        return verdict if is_new else ""

    def _meet(self, names: Iterable[str]) -> None:
        """Knows the ids of these from now on."""
        if new := sorted(set(names) - self._ids.keys()):
            self._db.execute("INSERT INTO station (name) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", (new,))
            self._ids |= dict(self._db.execute("SELECT name, id FROM station WHERE name = ANY(%s)", (new,)).fetchall())

    def _series(self, keys: Collection[Key]) -> dict[Key, tuple[object, ...]]:
        if not keys:
            return {}
        query = f"SELECT station, series, source, channel, unit, decimals FROM series WHERE {_BY_KEY.format('series')}"
        found = self._db.execute(query.encode(), _columns_of(keys)).fetchall()
        self._widths |= {(station, series): len(channel) for station, series, _, channel, *_ in found}
        return {(station, series): tuple(columns) for station, series, *columns in found}

    # --- rows ---------------------------------------------------------------------------------------------------------

    def store(self, batch: Sequence[tuple[str, Data]]) -> Stored:
        """Writes what is new of the batch. When this returns it is on the database's disk."""
        self._meet(station for station, _ in batch)
        wanted = {(self._ids[station], row.series) for station, data in batch for row in data.rows}
        self._series(wanted - self._widths.keys())
        lines: dict[tuple[int, int], _Line] = {}  # by station and seq
        repeated: list[_Line] = []
        complete: dict[int, int] = {}
        refused: list[Refusal] = []
        postponed: set[int] = set()
        for place, (station, data) in enumerate(batch):
            id = self._ids[station]
            widths = [self._widths.get((id, row.series)) for row in data.rows]
            if None in widths:
                postponed.add(place)
                continue
            if widths != [len(row.values) for row in data.rows]:
                refused.append((station, Refused("width", f"rows from {data.first}: not as many values as channels")))
                continue
            complete[id] = max(complete.get(id, 0), data.complete)
            for seq, row in enumerate(data.rows, data.first):
                line = _line(id, seq, data.unix_ms, row)
                if lines.setdefault((id, seq), line) is not line:
                    repeated.append(line)
        self._months.make(line.time for line in lines.values())
        new, dated, lies = self._write(lines.values(), repeated, complete) if lines else (0, 0, [])
        came = len(lines) + len(repeated)
        return Stored(new, came - new - dated - len(lies), dated, refused + lies, frozenset(postponed))

    def _write(
        self, lines: Collection[_Line], repeated: Sequence[_Line], complete: Mapping[int, int]
    ) -> tuple[int, int, list[Refusal]]:
        """Stations' lines are locked as late as can be: other workers wait for them."""
        with self._db.transaction(), self._db.cursor() as cursor:
            with cursor.copy("COPY incoming FROM STDIN") as copy:
                copy.write("".join(map(_text, lines)))
            with cursor.copy("COPY said FROM STDIN") as copy:
                copy.write("".join(f"{id}\t{seq}\n" for id, seq in complete.items()))
            cursor.execute("SELECT FROM station WHERE id IN (SELECT station FROM said) ORDER BY id FOR UPDATE")
            before = cursor.execute(
                "SELECT incoming.station, seq FROM incoming JOIN station ON id = incoming.station WHERE has @> seq"
            ).fetchall()
            new = cursor.execute(
                "INSERT INTO row SELECT incoming.* FROM incoming JOIN station ON id = incoming.station"
                " WHERE NOT has @> seq ON CONFLICT DO NOTHING"
            ).rowcount
            cursor.execute(
                "UPDATE station SET online = true, heard = now(), has = has + came,"
                f" complete = greatest(station.complete, said.complete), overdue = {_LATE},"
                " noted = CASE WHEN now() - noted_at >= %(grace)s * interval '1 second'"
                "   THEN greatest(station.complete, said.complete) ELSE noted END,"
                " noted_at = CASE WHEN now() - noted_at >= %(grace)s * interval '1 second' THEN now()"
                "   ELSE noted_at END,"
                " asked_times = CASE WHEN came - has && int8range(1, overdue + 1) THEN 0 ELSE asked_times END"
                " FROM said, (SELECT station, range_agg(int8range(seq, seq + 1)) AS came FROM incoming"
                "   GROUP BY station) AS i"
                " WHERE id = said.station AND id = i.station",
                {"grace": self._grace_s},
            )
            known = {(id, seq) for id, seq in before}
            again = [line for line in lines if line[:2] in known] if known else []
            dated, lies = self._take_again([*again, *repeated])
        return new, dated, lies

    def _take_again(self, again: Sequence[_Line]) -> tuple[int, list[Refusal]]:
        """What came before: the same is passed over, a guessed time gives way to a known one, all else is a lie."""
        if not again:
            return 0, []
        names = {id: name for name, id in self._ids.items()}
        query = f"SELECT * FROM row WHERE {_BY_KEY.format('seq')}"
        found = self._db.execute(query.encode(), _columns_of([line[:2] for line in again])).fetchall()
        kept = {line[:2]: line for line in map(_Line._make, found)}
        dated, lies = 0, []
        for line in again:
            before = kept.get(line[:2])
            if before is None or before == line:
                continue
            if before.value != line.value or before.series != line.series or not (is_guess(before) or is_guess(line)):
                lies.append(
                    (names[line.station], Refused("altered", f"row {line.seq}: {before[2:]} became {line[2:]}"))
                )
            elif is_guess(before) and not is_guess(line):
                self._db.execute("DELETE FROM row WHERE station = %s AND seq = %s", line[:2])
                self._db.execute("INSERT INTO row VALUES (%s, %s, %s, %s, %s, %s)", line)
                kept[line[:2]] = line
                dated += 1
        return dated, lies

    # --- what is missing ----------------------------------------------------------------------------------------------

    def to_ask(
        self, stations: Collection[str] | None, first_pause_s: float, longest_pause_s: float
    ) -> dict[str, Ranges]:
        """What connected stations (None: of all) should be asked for. This worker has taken it upon itself: no other
        asks the same before a pause that doubles each time nothing comes."""
        found = self._db.execute(
            "WITH late AS ("
            f"  SELECT id, int8multirange(int8range(1, {_LATE} + 1)) - has AS seqs FROM station"
            "   WHERE online IS NOT FALSE AND (%(stations)s::text[] IS NULL OR name = ANY(%(stations)s))"
            f"  AND NOT has @> int8range(1, {_LATE} + 1)"
            "   AND now() > asked"
            "     + least(%(first)s * 2.0 ^ least(asked_times - 1, 20), %(longest)s) * interval '1 second'"
            "   FOR UPDATE SKIP LOCKED)"
            " UPDATE station SET asked = now(), asked_times = asked_times + 1 FROM late WHERE station.id = late.id"
            " RETURNING name, seqs",
            {
                "grace": self._grace_s,
                "stations": None if stations is None else list(stations),
                "first": first_pause_s,
                "longest": longest_pause_s,
            },
        ).fetchall()
        return {name: tuple(map(_pair, seqs)) for name, seqs in found}


def _columns(series: Series) -> tuple[str, list[str], list[str], list[int]]:
    channels = series.channels
    return (
        series.source,
        [name for name, _, _ in channels],
        [unit for _, unit, _ in channels],
        [d for _, _, d in channels],
    )


def _columns_of(keys: Collection[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [key[0] for key in keys], [key[1] for key in keys]


def _line(station: int, seq: int, base_ms: int, row: Row) -> _Line:
    time = datetime.fromtimestamp((base_ms + row.after_ms) / 1000, UTC)
    return _Line(station, seq, time, row.series, row.values, row.quality)


def _text(line: _Line) -> str:
    """As COPY reads it (PostgreSQL manual, COPY, text format): numbers need no escapes."""
    value = ",".join(["NULL" if one is None else repr(one) for one in line.value])
    quality = "\\N" if line.quality is None else f"{{{','.join(map(str, line.quality))}}}"
    return f"{line.station}\t{line.seq}\t{line.time.isoformat()}\t{line.series}\t{{{value}}}\t{quality}\n"


def _pair(one: "PgRange[int]") -> Range:
    assert one.lower is not None and one.upper is not None
    return one.lower, one.upper - 1
