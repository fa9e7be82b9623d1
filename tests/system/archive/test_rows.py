"""What becomes of rows in a real PostgreSQL, without a broker."""

import math
import threading

import psycopg
import pytest

from gateway.archive.database import Archive
from gateway.archive.intake import Data, Row, Series
from gateway.archive.tables import WrongSchema
from tests.system.archive.rig import NOW_MS, SERIES, ask, data, rows_in


def test_workers_with_the_same_rows_at_once_write_each_once_even_if_times_differ(archive: Archive, dsn: str) -> None:
    others = [Archive(dsn) for _ in range(3)]
    stored: list[int] = []

    def work(place: int) -> None:  # the primary key, which has the time in it, stops nobody
        for first in range(1, 400, 4):
            stored.append(others[place].store([("one", data(first, 1, 2, 3, 4, unix_ms=NOW_MS + place))]).new)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in others:
        one.close()
    assert sum(stored) == rows_in(dsn) == 400
    assert ask(dsn, "SELECT has::text FROM station") == [("{[1,401)}",)]


def test_rows_of_every_form_are_kept_as_they_came_and_known_again(archive: Archive, dsn: str) -> None:
    numbers = [-0.0, 5e-324, 0.1, -999_999_999_999.5, 123456.789]
    told = [
        ([*numbers, None], [0, 4, 1 << 30, 0, 8, 1]),
        ([None] * 6, None),
        ([1.0, *numbers], None),
        ([1.0, *numbers], [16] * 6),  # as old as no PostgreSQL is
    ]
    archive.announce([("one", Series(2, "sensor wide", [(f"wide.{n}", "", 3) for n in range(6)]))])
    archive.announce([("one", Series(3, "alarm", []))])
    rows = [Row(2, 60_000 * place, *one) for place, one in enumerate(told)] + [Row(3, 0, [])]
    rows[3] = Row(2, 1 - NOW_MS, *told[3])
    batch = [("one", Data(0, 1, NOW_MS, rows))]
    assert archive.store(batch).new == 5
    found = ask(dsn, "SELECT (extract(epoch from time) * 1000)::bigint, series, value, quality FROM row ORDER BY seq")
    assert found == [(NOW_MS + row.after_ms, row.series, row.values, row.quality) for row in rows]
    assert math.copysign(1, found[0][2][0]) == -1
    assert archive.store(batch)[:4] == (0, 5, 0, [])


def test_a_guessed_time_gives_way_to_a_known_one_and_never_the_other_way_round(archive: Archive, dsn: str) -> None:
    guess, dated = data(1, 5, quality=[16], unix_ms=1000), data(1, 5)
    assert archive.store([("one", guess)]).new == 1
    assert archive.store([("one", dated)]).dated == 1
    assert archive.store([("one", guess), ("one", dated)])[:4] == (0, 2, 0, [])
    assert ask(dsn, "SELECT extract(epoch from time) * 1000, quality FROM row") == [(NOW_MS, None)]
    for other in (data(1, 6), data(1, 6, quality=[16], unix_ms=1000)):
        assert [refused.reason for _, refused in archive.store([("one", other)]).refused] == ["altered"]


def test_rows_wait_for_the_announcement_of_their_series(archive: Archive) -> None:
    assert archive.store([("two", data(1, 5)), ("one", data(1, 5))])[0:5:4] == (1, frozenset({0}))
    archive.announce([("two", SERIES)])
    assert archive.store([("two", data(1, 5))]).new == 1


def test_what_is_missing_below_complete_is_asked_for_once_in_a_pause(archive: Archive) -> None:
    archive.store([("one", data(1, 5, 5)), ("one", data(6, 5, 5, complete=5))])
    assert archive.to_ask(None, 60, 60) == {"one": ((3, 5),)}
    assert archive.to_ask(None, 60, 60) == {}
    assert archive.to_ask(None, 0, 0) == {"one": ((3, 5),)}
    assert archive.to_ask(["two"], 0, 0) == {}
    archive.store([("one", data(3, 5, 5, 5))])
    assert archive.to_ask(None, 0, 0) == {}


def test_rows_that_may_be_on_their_way_are_not_asked_for(archive: Archive, dsn: str) -> None:
    patient = Archive(dsn, grace_s=1000)
    patient.store([("one", data(6, 5, complete=5))])
    assert patient.to_ask(None, 0, 0) == {}
    patient.close()


def test_each_month_has_its_partition_and_guesses_of_machines_without_a_clock_have_theirs(
    archive: Archive, dsn: str
) -> None:
    archive.store([("one", data(1, 5, unix_ms=1_769_900_399_000)), ("one", data(2, 5, quality=[16], unix_ms=0))])
    where = "SELECT seq, tableoid::regclass::text FROM row ORDER BY 1"
    assert ask(dsn, where) == [(1, "row_2026_01"), (2, "row_undated")]


def test_of_a_derived_row_the_newest_counts_and_of_a_reading_each(archive: Archive, dsn: str) -> None:
    archive.announce([("one", Series(2, "hour", [("level.level", "mm", 0)]))])
    for series in (1, 2):
        rows = [Row(series, 0, [value]) for value in (1.0, 2.0)]
        archive.store([("one", Data(0, 10 * series, NOW_MS, rows))])
    assert ask(dsn, "SELECT source, value FROM reading ORDER BY seq") == [
        ("sensor level", 1), ("sensor level", 2), ("hour", 2),
    ]  # fmt: skip


def test_an_archive_of_a_newer_version_is_left_alone(archive: Archive, dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute("UPDATE watertower_archive SET version = version + 1")
    with pytest.raises(WrongSchema, match="version 2"):
        Archive(dsn)
