"""Knows how a batch of messages becomes one transaction in PostgreSQL; knows no broker and no clock.

Exactly once rests on one thing: a station's line is locked, and its set of seqs grows in the transaction that writes the
rows. So any number of workers may take the same message at the same time, or a second time, in any order.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any, NamedTuple

import psycopg
from psycopg.types.multirange import Int8Multirange
from psycopg.types.range import Int8Range

from gateway.archive.intake import Data, Series, Signature, Status
from gateway.evidence.notary import day_message, is_signed
from gateway.store.ranges import Range, Ranges, union

SCHEMA_VERSION = 1
_MAKING = 0x7761746572  # the advisory lock under which tables are made: "water"


class WrongSchema(Exception):
    """The archive was made by a newer watertower; the text says what to do."""


class Stored(NamedTuple):
    """What became of a batch: rows that are new, rows that came again, rows dated better than before; places in the
    batch whose series nobody has announced yet: not taken."""

    new: int
    again: int
    dated: int
    postponed: frozenset[int]


class Missing(NamedTuple):
    """What one station should be asked for."""

    station: str
    seqs: Ranges


class _Row(NamedTuple):
    station: int
    seq: int
    time: datetime
    series: int
    value: list[float | None]
    quality: list[int] | None


class Archive:
    """One worker's connection. psycopg.OperationalError: the database is away; do the same once more later."""

    def __init__(self, dsn: str) -> None:
        self._db = psycopg.connect(dsn, autocommit=True)
        self._db.execute("SET synchronous_commit = on")
        self._make()
        self._stations: dict[str, int] = {}
        self._widths: dict[tuple[int, int], int] = {}  # channels of a series
        self._months: set[tuple[int, int]] = set()
        self._is_hypertable = self._has("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'")

    def close(self) -> None:
        self._db.close()

    def _has(self, query: str) -> bool:
        return self._db.execute(query.encode()).fetchone() is not None

    # --- the schema ---------------------------------------------------------------------------------------------------

    def _make(self) -> None:
        """Makes the tables where there are none; the first worker does, the others wait for it."""
        with self._db.transaction():
            self._db.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
            self._db.execute("CREATE TABLE IF NOT EXISTS watertower_archive (version integer NOT NULL)")
            found = self._db.execute("SELECT version FROM watertower_archive").fetchone()
            version = 0 if found is None else int(found[0])
            if version > SCHEMA_VERSION:
                raise WrongSchema(f"the archive has format {version}, this watertower writes {SCHEMA_VERSION}")
            if version == 0:
                script = files(__package__).joinpath("schema.sql").read_text("utf-8")
                if self._has("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'"):
                    script = script.replace(" PARTITION BY RANGE (time)", "")
                    script += "SELECT create_hypertable('row', 'time', chunk_time_interval => interval '1 month');"
                self._db.execute(script.encode())
                self._db.execute("INSERT INTO watertower_archive VALUES (%s)", (SCHEMA_VERSION,))

    def _make_months(self, times: Iterable[datetime]) -> None:
        """A partition for each month of these; a hypertable makes its own."""
        new = {(time.year, time.month) for time in times} - self._months
        if not new or self._is_hypertable:
            return
        with self._db.transaction():
            self._db.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
            for year, month in sorted(new):
                first = datetime(year, month, 1, tzinfo=UTC)
                after = (first + timedelta(days=32)).replace(day=1)
                name = f"row_{first:%Y_%m}"
                query = f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF row FOR VALUES FROM ('{first}') TO ('{after}')"
                self._db.execute(query.encode())
        self._months |= new

    # --- messages -----------------------------------------------------------------------------------------------------

    def refuse(self, station: str, reason: str, detail: str) -> None:
        """Notes what was not taken."""
        self._db.execute(
            "INSERT INTO refusal (station, reason, detail) VALUES (%s, %s, %s) ON CONFLICT (station, reason) DO UPDATE"
            " SET times = refusal.times + 1, last = now(), detail = excluded.detail",
            (station[:100], reason, detail.replace("\0", "")),
        )

    def hear(self, station: str, status: Status) -> None:
        """Whether it is connected."""
        self._db.execute(
            "UPDATE station SET online = %s, heard = now() WHERE id = %s", (status.online, self._id(station))
        )

    def announce(self, station: str, series: Series) -> None:
        """What the rows of a series mean. The first one stands: a number is never used for another list."""
        names, units, decimals = (list(part) for part in zip(*series.channels, strict=True)) if series.channels else ([],) * 3
        made = self._db.execute(
            "INSERT INTO series VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (station, series) DO NOTHING",
            (self._id(station), series.series, series.source, names, units, decimals),
        )
        if made.rowcount == 0:
            same = self._db.execute(
                "SELECT source = %s AND channel = %s AND unit = %s FROM series WHERE station = %s AND series = %s",
                (series.source, names, units, self._id(station), series.series),
            ).fetchone()
            if same is not None and not same[0]:
                self.refuse(station, "series", f"series {series.series} is another list now")

    def sign(self, station: str, day: str, said: Signature) -> str:
        """Keeps a signed day with what is to be thought of it: sound, forged, stranger. The key of a station's first
        sound day is its key from then on."""
        id = self._id(station)
        signature, digest, public = map(bytes.fromhex, (said.signature, said.hash, said.public))
        with self._db.transaction():
            known = self._db.execute("SELECT public_key FROM station WHERE id = %s FOR UPDATE", (id,)).fetchone()
            assert known is not None
            if not is_signed(public, signature, day_message(station, day, said.block, digest)):
                verdict = "forged"
            elif known[0] is not None and bytes(known[0]) != public:
                verdict = "stranger"
            else:
                verdict = "sound"
                self._db.execute("UPDATE station SET public_key = %s WHERE id = %s", (public, id))
            self._db.execute(
                "INSERT INTO signature VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (id, day, said.block, digest, signature, public, verdict),
            )
        if verdict != "sound":
            self.refuse(station, f"signature_{verdict}", f"{day}: block {said.block}, key {said.public}")
        return verdict

    def _id(self, station: str) -> int:
        if station not in self._stations:
            self._db.execute("INSERT INTO station (name) VALUES (%s) ON CONFLICT DO NOTHING", (station,))
            found = self._db.execute("SELECT id FROM station WHERE name = %s", (station,)).fetchone()
            assert found is not None
            self._stations[station] = int(found[0])
        return self._stations[station]

    # --- rows ---------------------------------------------------------------------------------------------------------

    def store(self, batch: Sequence[tuple[str, Data]]) -> Stored:
        """Writes what is new of the batch. When this returns it is on the database's disk."""
        ids = [self._id(station) for station, _ in batch]
        self._learn({(id, row.series) for id, (_, data) in zip(ids, batch, strict=True) for row in data.rows})
        rows: dict[int, dict[int, _Row]] = defaultdict(dict)  # by station, by seq
        complete: dict[int, int] = defaultdict(int)
        postponed: set[int] = set()
        for place, (id, (station, data)) in enumerate(zip(ids, batch, strict=True)):
            found = self._rows(id, station, data)
            if found is None:
                postponed.add(place)
                continue
            complete[id] = max(complete[id], data.complete)
            rows[id].update((row.seq, row) for row in found)
        self._make_months(row.time for some in rows.values() for row in some.values())
        with self._db.transaction():
            new, again, dated = self._write(rows, complete)
        return Stored(new, again, dated, frozenset(postponed))

    def _learn(self, wanted: set[tuple[int, int]]) -> None:
        unknown = wanted - self._widths.keys()
        if unknown:
            stations, series = zip(*unknown, strict=True)
            self._widths |= {
                (station, number): width
                for station, number, width in self._db.execute(
                    "SELECT station, series, cardinality(channel) FROM series"
                    " WHERE (station, series) IN (SELECT * FROM unnest(%s::integer[], %s::bigint[]))",
                    (list(stations), list(series)),
                )
            }

    def _rows(self, id: int, station: str, data: Data) -> list[_Row] | None:
        """None: of a series that is not known."""
        found = []
        for seq, row in enumerate(data.rows, data.first):
            width = self._widths.get((id, row.series))
            if width is None:
                return None
            if width != len(row.values):
                self.refuse(station, "width", f"row {seq}: {len(row.values)} values, series {row.series} has {width}")
                return []
            time = datetime.fromtimestamp((data.unix_ms + row.after_ms) / 1000, UTC)
            found.append(_Row(id, seq, time, row.series, row.values, row.quality))
        return found

    def _write(self, rows: dict[int, dict[int, _Row]], complete: dict[int, int]) -> tuple[int, int, int]:
        new: list[_Row] = []
        again: list[_Row] = []
        locked = self._db.execute("SELECT id, has FROM station WHERE id = ANY(%s) ORDER BY id FOR UPDATE", (list(rows),))
        for id, has in locked.fetchall():
            for seq, row in rows[id].items():
                (again if _holds(has, seq) else new).append(row)
        with self._db.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE IF NOT EXISTS incoming (LIKE row) ON COMMIT DELETE ROWS")
            with cursor.copy("COPY incoming FROM STDIN") as copy:
                for row in new:
                    copy.write_row(row)
            cursor.execute("INSERT INTO row SELECT * FROM incoming ON CONFLICT DO NOTHING")
        dated = self._take_again(again)
        for id, some in rows.items():
            came = Int8Multirange([Int8Range(first, last + 1) for first, last in union((seq, seq) for seq in some)])
            self._db.execute(
                "UPDATE station SET has = has + %s, complete = greatest(complete, %s), heard = now(),"
                " asked_times = CASE WHEN has @> %s THEN asked_times ELSE 0 END WHERE id = %s",
                (came, complete[id], came, id),
            )
        return len(new), len(again) - dated, dated

    def _take_again(self, again: Sequence[_Row]) -> int:
        """What came before: the same is passed over, a guessed time gives way to a known one, all else is a lie."""
        if not again:
            return 0
        names = {id: name for name, id in self._stations.items()}
        kept = {
            (station, seq): (time, series, value, quality)
            for station, seq, time, series, value, quality in self._db.execute(
                "SELECT * FROM row WHERE (station, seq) IN (SELECT * FROM unnest(%s::integer[], %s::bigint[]))",
                ([row.station for row in again], [row.seq for row in again]),
            )
        }
        dated = 0
        for row in again:
            before = kept.get((row.station, row.seq))
            if before is None or before == row[2:]:
                continue
            if before[3] is not None and all(bits & 16 for bits in before[3]) and not _is_guess(row):
                self._db.execute("DELETE FROM row WHERE station = %s AND seq = %s", (row.station, row.seq))
                self._db.execute("INSERT INTO row VALUES (%s, %s, %s, %s, %s, %s)", row)
                dated += 1
            else:
                self.refuse(names[row.station], "altered", f"row {row.seq}: {before[2]} became {row.value}")
        return dated

    # --- what is missing ----------------------------------------------------------------------------------------------

    def to_ask(self, first_pause_s: float, longest_pause_s: float) -> list[Missing]:
        """Stations that lack rows below their `complete` and may be asked now. This worker has taken it upon itself:
        no other asks the same before a pause that doubles each time nothing comes."""
        found = self._db.execute(
            "UPDATE station SET asked = now(), asked_times = station.asked_times + 1 FROM missing"
            " WHERE station.id = missing.station AND station.online IS NOT FALSE AND now() > missing.asked"
            "   + least(%s * 2 ^ least(missing.asked_times, 20), %s) * interval '1 second'"
            " RETURNING station.name, missing.seqs",
            (first_pause_s, longest_pause_s),
        ).fetchall()
        return [Missing(name, tuple(map(_pair, seqs))) for name, seqs in found]

    def totals(self) -> dict[str, Any]:
        """Stations, rows, and how many are missing."""
        row = self._db.execute(
            "SELECT (SELECT count(*) FROM station), (SELECT count(*) FROM row),"
            " (SELECT coalesce(sum(upper(one) - lower(one)), 0) FROM missing, unnest(seqs) AS one),"
            " (SELECT coalesce(sum(times), 0) FROM refusal)"
        ).fetchone()
        assert row is not None
        return dict(zip(("stations", "rows", "missing", "refused"), map(int, row), strict=True))


def _holds(has: "Int8Multirange", seq: int) -> bool:
    return any(seq in one for one in has)


def _pair(one: "Int8Range") -> Range:
    assert one.lower is not None and one.upper is not None
    return one.lower, one.upper - 1


def _is_guess(row: _Row) -> bool:
    return row.quality is not None and all(bits & 16 for bits in row.quality)
