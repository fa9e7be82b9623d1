"""Where TimescaleDB is, rows are a hypertable. The real one, and a function of its name where only the order counts."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from gateway.archive.database import Archive
from gateway.archive.questions import Limits, Questions
from hw_sim.station import free_ports
from tests.system.archive.rig import NOW_MS, SERIES, ask, data

ROOT = Path(__file__).resolve().parents[3]
_COMPRESS = (
    "ALTER TABLE row SET (timescaledb.compress, timescaledb.compress_segmentby = 'station, series',"
    " timescaledb.compress_orderby = 'time')"
)
JANUARY_MS, MAY_MS = 1_769_900_399_000, 1_779_900_000_000


@pytest.fixture(scope="module")
def timescale() -> Iterator[str]:
    """The dsn of a database with the extension and nothing else; it serves one connection at a time."""
    if subprocess.run([ROOT / "scripts" / "timescale"]).returncode:
        pytest.skip("scripts/timescale could not fetch it: the real TimescaleDB was not asked")
    (port,) = free_ports(1)
    words = ["node", str(Path(__file__).with_name("timescale.mjs")), str(ROOT / ".cache" / "timescale"), str(port)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None and server.stdout.readline() == b"ready\n"
        yield f"host=127.0.0.1 port={port} user=postgres dbname=postgres password=any"
        server.terminate()


def test_in_a_real_timescale_all_goes_as_without_it(timescale: str) -> None:
    archive = Archive(timescale, grace_s=0)
    archive.announce([("one", SERIES)])
    may = data(2, 6, unix_ms=MAY_MS)
    guess = data(3, 7, quality=[16], unix_ms=JANUARY_MS)
    first = archive.store([("one", data(1, 5, unix_ms=JANUARY_MS)), ("one", may), ("one", guess)])
    assert first[:4] == (3, 0, 0, [])
    dated = data(3, 7, quality=[4], unix_ms=NOW_MS)  # to another chunk
    second = archive.store([("one", may), ("one", dated), ("one", data(6, 9, complete=5))])
    assert second[:4] == (1, 1, 1, [])
    assert archive.to_ask(None, 0, 0) == {"one": ((4, 5),)}
    assert [refused.reason for _, refused in archive.store([("one", data(2, 8, unix_ms=MAY_MS))]).refused] == [
        "altered"
    ]
    archive.close()

    other = Archive(timescale)  # finds the tables made
    assert other.store([("one", data(6, 9))]).again == 1
    other.close()
    hypertables = "SELECT hypertable_name, num_chunks FROM timescaledb_information.hypertables"
    assert ask(timescale, hypertables) == [("row", 3)]
    indices = ask(timescale, "SELECT indexname FROM pg_indexes WHERE tablename = 'row' ORDER BY 1")
    assert indices == [("row_by_time",), ("row_pkey",)]
    questions = Questions(timescale)
    assert [(one.value, one.quality) for one in questions.last()] == [(9, 0)]
    (coverage,) = questions.coverage()
    assert (coverage.rows, coverage.missing, coverage.refused) == (4, 2, 0)
    (beyond,) = questions.exceedances(Limits("level.level", above=5.5))
    assert (beyond.times, beyond.worst) == (3, 9)
    questions.close()

    with psycopg.connect(timescale, autocommit=True) as db:  # as docs/archive.md says
        db.execute(_COMPRESS)
        assert db.execute("SELECT count(compress_chunk(one)) FROM show_chunks('row') AS one").fetchall() == [(3,)]
    pressed = Archive(timescale, grace_s=0)  # and rows still come
    stored = pressed.store([("one", may), ("one", data(2, 8, unix_ms=MAY_MS)), ("one", data(4, 3, unix_ms=MAY_MS))])
    assert (stored.new, stored.again, [refused.reason for _, refused in stored.refused]) == (1, 1, ["altered"])
    pressed.close()
    with psycopg.connect(timescale, autocommit=True) as db:  # a month ends
        db.execute("SELECT drop_chunks('row', older_than => timestamptz '2026-03-15')")
    assert ask(timescale, "SELECT seq FROM row ORDER BY 1") == [(2,), (3,), (4,), (6,)]
    last = Archive(timescale, grace_s=0)
    assert last.to_ask(None, 0, 0) == {"one": ((5, 5),)}
    last.close()


# What we ask of it, beside a native table: a function of its name that notes how it was called.
TIMESCALE = """
CREATE TABLE asked (relation text, kind "char", column_name name, chunk interval, indexes boolean);
CREATE FUNCTION create_hypertable(relation regclass, time_column_name name, chunk_time_interval interval,
                                  create_default_indexes boolean) RETURNS void LANGUAGE sql AS $$
    INSERT INTO asked SELECT $1::text, (SELECT relkind FROM pg_class WHERE oid = $1), $2, $3, $4
$$;
"""


def test_where_timescale_is_a_hypertable_is_asked_for_and_no_partition_is_made(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute(TIMESCALE)
    for times in (1, 1):  # the second worker finds it made
        archive = Archive(dsn)
        archive.announce([("one", SERIES)])
        archive.store([("one", data(times, 5, unix_ms=1_769_900_399_000)), ("one", data(2, 6))])
        archive.close()
    assert ask(dsn, "SELECT relation, kind::text, column_name, chunk = '1 month', indexes FROM asked") == [
        ('"row"', "r", "time", True, False)  # a plain table, as that function wants it
    ]
    assert ask(dsn, "SELECT seq FROM row ORDER BY 1") == [(1,), (2,)]
    assert ask(dsn, "SELECT FROM pg_class WHERE relname LIKE 'row\\_2%'") == []


def test_timescale_that_came_after_the_tables_changes_nothing(archive: Archive, dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute(TIMESCALE)
    late = Archive(dsn)
    assert late.store([("one", data(1, 5, unix_ms=1_769_900_399_000))]).new == 1
    late.close()
    assert ask(dsn, "SELECT tableoid::regclass::text FROM row") == [("row_2026_01",)]
