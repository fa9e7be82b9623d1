"""Knows how the archive's tables come into a database, and a month's partition when it is needed; knows no message."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import psycopg

_STEPS = ("schema.sql",)  # each makes one version out of the one before
_MAKING = 0x7761746572  # the advisory lock under which tables are made: "water"
_FIRST_MONTH = datetime(2020, 1, 1, tzinfo=UTC)  # what is dated before is a guess of a machine without a clock
_DAY_MS = 86_400_000
_CREATE_MONTH = "CREATE TABLE IF NOT EXISTS {name} PARTITION OF row FOR VALUES FROM ({start}) TO ('{end}')"

Connection = psycopg.Connection[tuple[Any, ...]]


class WrongSchema(Exception):
    """The archive was made by a newer watertower."""


def make(db: Connection) -> None:
    """Makes or changes the tables where it is due; the first worker does, the others wait for it. WrongSchema."""
    with db.transaction():
        db.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
        db.execute("CREATE TABLE IF NOT EXISTS watertower_archive (version integer NOT NULL)")
        found = db.execute("SELECT version FROM watertower_archive").fetchone()
        version = 0 if found is None else int(found[0])
        if version > len(_STEPS):
            raise WrongSchema(f"the archive has version {version}, this watertower knows {len(_STEPS)}")
        for step in _STEPS[version:]:
            script = files(__package__).joinpath(step).read_text("utf-8")
            db.execute((_for_timescale(script) if _has_timescale(db) else script).encode())
        db.execute("DELETE FROM watertower_archive")
        db.execute("INSERT INTO watertower_archive VALUES (%s)", (len(_STEPS),))


_TIMESCALE = "SELECT FROM pg_proc WHERE proname = 'create_hypertable' AND pg_function_is_visible(oid)"
# The indices that we need stand in the script; the extension would make one of its own over `time` beside them.
_HYPERTABLE = (
    "SELECT create_hypertable('row', 'time', chunk_time_interval => interval '1 month',"
    " create_default_indexes => false);"
)
_PARTITIONED = " PARTITION BY RANGE (time)"


def _has_timescale(db: Connection) -> bool:
    """Whether its function can be called: an extension that is only on the machine is of no use."""
    return db.execute(_TIMESCALE).fetchone() is not None


def _for_timescale(script: str) -> str:
    return script.replace(_PARTITIONED, "") + _HYPERTABLE


class Months:
    """The partitions that this connection knows of; a hypertable makes its own."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._made: set[datetime] = set()
        self._days: set[int] = set()  # since 1970, of which the month was made
        # not whether the extension is there: it may have come after the tables
        kind = db.execute("SELECT relkind::text FROM pg_class WHERE oid = 'row'::regclass").fetchone()
        self._is_hypertable = kind != ("p",)

    def make(self, times_ms: Iterable[int]) -> None:
        days = {time_ms // _DAY_MS for time_ms in times_ms} - self._days
        if not days or self._is_hypertable:
            return
        new = {max(month_of(datetime.fromtimestamp(86_400 * day, UTC)), _BEFORE) for day in days} - self._made
        if new:
            with self._db.transaction():
                self._db.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
                for month in sorted(new):
                    self._db.execute(_create(month).encode())
        self._made |= new
        self._days |= days


_BEFORE = _FIRST_MONTH - timedelta(days=31)


def month_of(time: datetime) -> datetime:
    return datetime(time.year, time.month, 1, tzinfo=UTC)


def _create(month: datetime) -> str:
    if month < _FIRST_MONTH:
        return _CREATE_MONTH.format(name="row_undated", start="MINVALUE", end=_FIRST_MONTH)
    end = month_of(month + timedelta(days=32))
    return _CREATE_MONTH.format(name=f"row_{month:%Y_%m}", start=f"'{month}'", end=end)
