"""Knows the common questions over an archive and their SQL; knows no message and no table of a terminal."""

from datetime import datetime
from typing import Any, NamedTuple

import psycopg

_LAST = """
SELECT station.name, series.source, one.channel, newest.time, one.value, one.unit,
       coalesce(one.quality, 0), one.decimals
FROM station JOIN series ON series.station = station.id
CROSS JOIN LATERAL (SELECT time, value, quality FROM row
                    WHERE row.station = series.station AND row.series = series.series
                    ORDER BY time DESC, seq DESC LIMIT 1) AS newest
CROSS JOIN LATERAL unnest(series.channel, newest.value, series.unit, newest.quality, series.decimals)
    AS one (channel, value, unit, quality, decimals)
WHERE (%(station)s::text IS NULL OR station.name = %(station)s)
  AND (%(channel)s::text IS NULL OR one.channel = %(channel)s)
ORDER BY 1, 2, newest.time DESC, 3
"""

_COVERAGE = """
SELECT station.name, station.online, station.heard, station.complete,
       coalesce((SELECT sum(upper(one) - lower(one)) FROM unnest(station.has) AS one), 0)::bigint,
       coalesce((SELECT sum(upper(one) - lower(one)) FROM unnest(missing.seqs) AS one), 0)::bigint,
       (SELECT count(*) FROM signature WHERE signature.station = station.id AND verdict = 'sound'),
       coalesce((SELECT sum(times) FROM refusal WHERE refusal.station = station.name), 0)::bigint
FROM station LEFT JOIN missing ON missing.station = station.name
WHERE %(station)s::text IS NULL OR station.name = %(station)s
ORDER BY 1
"""

_EXCEEDANCES = """
SELECT station, source, unit, count(*), min(time), max(time),
       CASE WHEN %(above)s::float8 IS NULL THEN min(value) ELSE max(value) END
FROM reading
WHERE channel = %(channel)s AND quality & %(bad)s = 0
  AND (value > %(above)s::float8 OR value < %(below)s::float8)
  AND (%(station)s::text IS NULL OR station = %(station)s)
  AND (%(since)s::timestamptz IS NULL OR time >= %(since)s) AND (%(until)s::timestamptz IS NULL OR time < %(until)s)
GROUP BY 1, 2, 3
ORDER BY 1, 2
"""

_REFUSALS = """
SELECT station, reason, times, first, last, detail FROM refusal
WHERE %(station)s::text IS NULL OR station = %(station)s
ORDER BY last DESC, 1, 2
"""

_NAMES = {
    "station": "SELECT name FROM station ORDER BY 1",
    "channel": "SELECT DISTINCT unnest(channel) FROM series ORDER BY 1",
}

NO_READING = 1 | 2 | 8  # no reply, invalid, warming up: docs/mqtt.md


class Last(NamedTuple):
    """The newest of a channel within its source."""

    station: str
    source: str
    channel: str
    time: datetime
    value: float | None
    unit: str
    quality: int
    decimals: int


class Coverage(NamedTuple):
    """What there is of a station: rows here, rows missing below `complete`, sound signed days, refusals."""

    station: str
    online: bool | None
    heard: datetime | None
    complete: int
    rows: int
    missing: int
    signed_days: int
    refused: int


class Exceedance(NamedTuple):
    """How often a station's channel was beyond a limit, and how far at worst."""

    station: str
    source: str
    unit: str
    times: int
    first: datetime
    last: datetime
    worst: float


class Refusal(NamedTuple):
    """How often something of a station was not believed for that reason, and the newest case."""

    station: str
    reason: str
    times: int
    first: datetime
    last: datetime
    detail: str


class Limits(NamedTuple):
    channel: str
    above: float | None = None
    below: float | None = None
    station: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Questions:
    """psycopg.Error: the database can't be asked."""

    def __init__(self, dsn: str) -> None:
        self._db = psycopg.connect(dsn, autocommit=True)
        self._db.execute("SET default_transaction_read_only = on")
        self._db.execute("SET timezone = 'UTC'")

    def close(self) -> None:
        self._db.close()

    def last(self, station: str | None = None, channel: str | None = None) -> list[Last]:
        return list(map(Last._make, self._rows(_LAST, {"station": station, "channel": channel})))

    def coverage(self, station: str | None = None) -> list[Coverage]:
        return list(map(Coverage._make, self._rows(_COVERAGE, {"station": station})))

    def exceedances(self, limits: Limits) -> list[Exceedance]:
        return list(map(Exceedance._make, self._rows(_EXCEEDANCES, {**limits._asdict(), "bad": NO_READING})))

    def names(self, kind: str) -> list[str]:
        """Of all stations or channels."""
        return [name for (name,) in self._rows(_NAMES[kind], {})]

    def refusals(self, station: str | None = None) -> list[Refusal]:
        return list(map(Refusal._make, self._rows(_REFUSALS, {"station": station})))

    def _rows(self, query: str, values: dict[str, object]) -> list[tuple[Any, ...]]:
        return self._db.execute(query.encode(), values).fetchall()
