"""Knows which stations and series the database has, and remembers their numbers; knows no row."""

from collections.abc import Collection, Iterable, Sequence

from gateway.archive.intake import Refused, Series
from gateway.archive.refusals import Refusal
from gateway.archive.tables import Connection

_SERIES = (
    b"SELECT station, series, source, channel, unit, decimals FROM series"
    b" WHERE (station, series) IN (SELECT * FROM unnest(%s::integer[], %s::bigint[]))"
)

Key = tuple[int, int]  # station, series


class Known:
    """`ids`: of the stations that were met; `widths`: how many channels a series has."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self.ids: dict[str, int] = {}
        self.widths: dict[Key, int] = {}

    def meet(self, names: Iterable[str]) -> None:
        """Knows the ids of these from now on."""
        if new := sorted(set(names) - self.ids.keys()):
            self._db.execute("INSERT INTO station (name) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", (new,))
            self.ids |= dict(self._db.execute("SELECT name, id FROM station WHERE name = ANY(%s)", (new,)).fetchall())

    def look_up(self, keys: Iterable[Key]) -> None:
        """Knows the widths of these from now on, if they were announced."""
        self._found(set(keys) - self.widths.keys())

    def announce(self, said: Sequence[tuple[str, Series]]) -> list[Refusal]:
        """What the rows of series mean. The first one stands: a number is never used for another list."""
        self.meet(station for station, _ in said)
        by_key = {(self.ids[station], series.series): (station, _columns(series)) for station, series in said}
        with self._db.transaction(), self._db.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO series VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [(*key, *by_key[key][1]) for key in sorted(by_key)],
            )
        return [
            (by_key[key][0], Refused("series", f"series {key[1]} was another list before"))
            for key, columns in self._found(by_key).items()
            if columns != by_key[key][1]
        ]

    def _found(self, keys: Collection[Key]) -> dict[Key, tuple[object, ...]]:
        if not keys:
            return {}
        found = self._db.execute(_SERIES, ([key[0] for key in keys], [key[1] for key in keys])).fetchall()
        self.widths |= {(station, series): len(channel) for station, series, _, channel, *_ in found}
        return {(station, series): tuple(columns) for station, series, *columns in found}


def _columns(series: Series) -> tuple[str, list[str], list[str], list[int]]:
    channels = series.channels
    return (
        series.source,
        [name for name, _, _ in channels],
        [unit for _, unit, _ in channels],
        [places for _, _, places in channels],
    )
