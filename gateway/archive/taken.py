"""Knows how a station's readings leave the archive, in the order of seq, for gateway/export; knows no format."""

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg

from gateway.archive.tables import Connection
from gateway.export.reading import EVER_MS, Channels, Progress, Reading, Wish, readings_of

_PART = 2000  # rows fetched at once: some 200 kB; ours
_ROWS = """
SELECT seq, (extract(epoch FROM time) * 1000)::bigint, series, value, quality FROM row
WHERE station = %(station)s AND time >= %(since)s::timestamptz AND time < %(until)s::timestamptz
ORDER BY seq
"""


class NoStation(Exception):
    """The archive has none of this name. `known`: those that it has."""

    def __init__(self, known: list[str]) -> None:
        super().__init__(known)
        self.known = known


class Taken:
    """What one transaction sees. psycopg.Error: the database can't be asked. NoStation."""

    def __init__(self, db: Connection, station: str) -> None:
        self._db = db
        found = db.execute("SELECT id, upper(range_merge(has)) - 1 FROM station WHERE name = %s", (station,)).fetchone()
        if found is None:
            raise NoStation([name for (name,) in db.execute("SELECT name FROM station ORDER BY 1")])
        self._station, self._last = found[0], found[1] or 0
        series = db.execute("SELECT series, source, channel, unit, decimals FROM series WHERE station = %s", found[:1])
        self.series: dict[int, tuple[str, Channels]] = {
            id: (source, list(zip(*columns, strict=True))) for id, source, *columns in series
        }

    def readings(self, wish: Wish, progress: Progress = lambda done, of: None) -> Iterator[Reading]:
        values = {"station": self._station, "since": _bound(wish.from_ms), "until": _bound(wish.to_ms)}
        with psycopg.ServerCursor(self._db, "taken") as cursor:  # the client holds a part, the server sorts by index
            cursor.itersize = _PART
            for count, (seq, unix_ms, series, value, quality) in enumerate(cursor.execute(_ROWS, values)):
                source, channels = self.series[series]
                if wish.has(unix_ms, source):
                    cells = [_cell(one, places) for one, (_, _, places) in zip(value, channels, strict=True)]
                    yield from readings_of(seq, unix_ms, source, channels, cells, quality, wish.channels)
                if count % _PART == 0:
                    progress(seq, self._last)


def _cell(value: float | None, decimals: int) -> int | None:
    """The station divided it by 10^decimals; up to 15 digits this is exact."""
    return None if value is None else round(value * 10**decimals)


def _bound(unix_ms: int) -> str:
    if abs(unix_ms) == EVER_MS:
        return "infinity" if unix_ms > 0 else "-infinity"
    return datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat()
