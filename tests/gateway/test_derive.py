"""Readings become minutes, hours and days inside the transaction that puts them on disk."""

import json
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.process.stage import Row
from protocols import quality
from protocols.batch import NodeRecord
from tests.gateway import doubles
from tests.gateway.derived import HOUR_MS, MIDNIGHT_MS, Ground

LEVEL = doubles.sensor("level", 1, period_s=10)
TEN = "[aggregate]\nminute_s = 600\ngrace_s = 20\n"
P, T = "level.pressure", "level.temperature"


def test_ten_minutes_become_a_row_once_they_and_the_grace_have_passed(tmp_path: Path) -> None:
    ground = Ground(tmp_path, doubles.RIVER, LEVEL, TEN)
    for second in range(0, 600, 10):
        ground.poll("level", MIDNIGHT_MS + 1000 * second, (100 + second, 0), (5, 0))
    ground.at(MIDNIGHT_MS + 619_999)
    assert ground.made("minute") == []
    ground.at(MIDNIGHT_MS + 620_000)
    (row,) = ground.made("minute")
    assert row.unix_ms == MIDNIGHT_MS
    assert row.values[P] == (100 + 295) * 1000
    assert (row.values[f"{P}:min"], row.values[f"{P}:max"], row.values[f"{P}:count"]) == (100, 690, 60)
    assert row.values[T] == 5000
    assert not any(row.quality.values())


def test_an_hour_and_a_day_follow(tmp_path: Path) -> None:
    ground = Ground(tmp_path, doubles.RIVER, LEVEL, TEN)
    for hour in range(24):
        for second in range(0, 3600, 10):
            ground.poll("level", MIDNIGHT_MS + HOUR_MS * hour + 1000 * second, (hour, 0), (second % 7, 0))
        ground.at(MIDNIGHT_MS + HOUR_MS * (hour + 1) + 20_000)
    assert [row.values[P] for row in ground.made("hour")] == [10_000 * hour for hour in range(24)]
    assert [row.values[f"{P}:count"] for row in ground.made("hour")] == [360] * 24
    (day,) = ground.made("day")
    assert day.unix_ms == MIDNIGHT_MS
    assert (day.values[P], day.values[f"{P}:min"], day.values[f"{P}:max"]) == (115_000, 0, 230_000)
    assert day.values[f"{P}:count"] == 24
    assert not day.quality[P] & quality.FEW


NODE = doubles.NODE  # reports every minute, reads every minute
HOURLY = "[aggregate]\nminute_s = 600\ngrace_s = 0\n"


def record(number: int, unix_ms: int, *cells: tuple[int | None, int]) -> NodeRecord:
    return NodeRecord(number, unix_ms // 1000, cells)


def hour_of(values: range, at_ms: int = MIDNIGHT_MS) -> list[NodeRecord]:
    """A reading each minute."""
    return [record(1 + value, at_ms + 60_000 * value, (value, 0), (value, 0)) for value in values]


def test_a_batch_that_comes_three_hours_late_opens_its_hours_and_its_day_again(tmp_path: Path) -> None:
    ground = Ground(tmp_path, NODE, HOURLY)
    ground.batch(hour_of(range(60, 120)))  # the second hour only
    ground.at(MIDNIGHT_MS + 26 * HOUR_MS)
    (hour,) = ground.made("hour")
    (day,) = ground.made("day")
    assert (hour.unix_ms, hour.values[f"{P}:count"]) == (MIDNIGHT_MS + HOUR_MS, 60)
    assert (day.values[f"{P}:count"], day.quality[P] & quality.FEW) == (1, quality.FEW)
    ground.batch(hour_of(range(0, 60)))
    assert [row.values[f"{P}:count"] for row in ground.made("hour")] == [60, 60]
    (day,) = ground.made("day")
    assert (day.values[f"{P}:count"], day.values[P]) == (2, 595_000)
    assert day.unix_ms == MIDNIGHT_MS


def test_what_changes_nothing_is_not_written_again(tmp_path: Path) -> None:
    ground = Ground(tmp_path, NODE, HOURLY)
    ground.batch(hour_of(range(60)))
    ground.at(MIDNIGHT_MS + 3 * HOUR_MS)
    before = ground.rows("hour"), ground.rows("minute")
    ground.batch(hour_of(range(60)))  # once more, word for word
    ground.batch([record(61, MIDNIGHT_MS, (None, 0), (None, 0))])  # nothing was due in that wake
    ground.kill()
    ground.at(MIDNIGHT_MS + 4 * HOUR_MS)
    assert (ground.rows("hour"), ground.rows("minute")) == before


def test_a_reading_whose_time_is_a_guess_is_in_no_period_until_it_is_dated(tmp_path: Path) -> None:
    ground = Ground(tmp_path, NODE, HOURLY)
    guess = quality.CLOCK
    ground.batch([record(n, MIDNIGHT_MS + 60_000 * n, (n, guess), (n, guess)) for n in range(1, 60)])
    ground.at(MIDNIGHT_MS + 3 * HOUR_MS)
    assert ground.made("hour") == []
    ground.batch([record(100 + n, MIDNIGHT_MS + 60_000 * n, (n, 0), (n, 0)) for n in range(60)])
    (hour,) = ground.made("hour")
    assert hour.values[f"{P}:count"] == 60


def test_a_period_without_any_row_has_none_and_one_of_failed_polls_says_so(tmp_path: Path) -> None:
    ground = Ground(tmp_path, doubles.RIVER, LEVEL, TEN)
    for second in range(0, 3600, 10):
        ground.poll("level", MIDNIGHT_MS + 2 * HOUR_MS + 1000 * second, (None, 1), (None, 1))
    ground.at(MIDNIGHT_MS + 5 * HOUR_MS)
    (hour,) = ground.made("hour")
    assert (hour.unix_ms, hour.values[P], hour.values[f"{P}:count"]) == (MIDNIGHT_MS + 2 * HOUR_MS, None, 0)
    assert hour.quality[P] == quality.FEW | quality.NO_REPLY
    assert hour.quality[f"{P}:count"] == quality.NO_REPLY


def test_a_clock_that_jumps_a_year_and_back_leaves_the_hours_right(tmp_path: Path) -> None:
    ground = Ground(tmp_path, doubles.RIVER, LEVEL, TEN)
    year_ms = 365 * 24 * HOUR_MS
    for second in range(0, 3600, 10):
        jumped_ms = year_ms if 1200 <= second < 1800 else 0
        ground.poll("level", MIDNIGHT_MS + jumped_ms + 1000 * second, (second, 0), (0, 0))
        ground.at(MIDNIGHT_MS + jumped_ms + 1000 * second)
        if second % 600 == 300:
            ground.kill()
    ground.at(MIDNIGHT_MS + year_ms + 4 * HOUR_MS)
    first, wrong = ground.made("hour")
    assert (first.unix_ms, first.values[f"{P}:count"]) == (MIDNIGHT_MS, 300)
    assert first.values[P] == 10**4 * sum(s for s in range(0, 3600, 10) if not 1200 <= s < 1800) // 300
    assert wrong.unix_ms == MIDNIGHT_MS + year_ms
    assert not first.quality[P]  # five of six ten minutes: 50 min


def test_a_transaction_that_fails_leaves_nothing_behind_and_nothing_counted_twice(tmp_path: Path) -> None:
    ground = Ground(tmp_path, NODE, doubles.RIVER, doubles.sensor("gauge", 1, period_s=60), HOURLY)
    ground.batch(hour_of(range(30)))
    ground.poll("gauge", MIDNIGHT_MS + 1000, (7, 0), (7, 0))
    full = "BEGIN SELECT raise(ABORT, 'full'); END"
    ground.clock.unix = MIDNIGHT_MS + HOUR_MS  # so that some minutes are written in it
    ground.store.database.db.execute(f"CREATE TEMP TRIGGER full AFTER INSERT ON main.row WHEN new.node = 0 {full}")
    with pytest.raises(sqlite3.Error):
        ground.batch(hour_of(range(30, 60)))
    ground.store.database.db.execute("DROP TRIGGER full")
    ground.batch(hour_of(range(30, 60)))
    ground.at(MIDNIGHT_MS + 3 * HOUR_MS)
    assert sorted(json.loads(cells)[3] for _, _, cells, _ in ground.rows("hour")) == [1, 60]


def test_a_counter_that_comes_late_changes_the_hour_after_it(tmp_path: Path) -> None:
    gauge = doubles.sensor("gauge", 1, 600, "sl651_rain")
    ground = Ground(tmp_path, doubles.RIVER, gauge, HOURLY)
    for minute in (0, 50, 120, 170):
        ground.poll("gauge", MIDNIGHT_MS + 60_000 * minute, (minute, 0))
    ground.at(MIDNIGHT_MS + 5 * HOUR_MS)
    assert [row.values["gauge.rain"] for row in ground.made("hour")] == [50, 120]
    ground.poll("gauge", MIDNIGHT_MS + 60_000 * 100, (100, 0))
    ground.at(MIDNIGHT_MS + 6 * HOUR_MS)
    assert [row.values["gauge.rain"] for row in ground.made("hour")] == [50, 50, 70]


def test_however_mad_a_clock_is_few_periods_are_in_memory(tmp_path: Path) -> None:
    ground = Ground(tmp_path, NODE, HOURLY)
    for day in range(40):
        ground.batch([record(1 + day, MIDNIGHT_MS + 24 * HOUR_MS * (day + 1), (day, 0), (day, 0))])
    assert len(ground.made("minute")) == 36


class Broken:
    """A Stage with a mistake."""

    due_ms = since_seq = 0.0

    def step(self, row: Row) -> tuple[Row, ...]:
        return ()

    def tick(self, unix_ms: int) -> tuple[Row, ...]:
        raise KeyError("a mistake")


def test_a_stage_that_fails_costs_no_reading_and_is_made_up_for_at_the_next_start(tmp_path: Path) -> None:
    ground = Ground(tmp_path, NODE, HOURLY)
    ground.batch(hour_of(range(20)))
    ground.store.derive(lambda past, series: [Broken()])
    ground.batch(hour_of(range(20, 40)))
    ground.batch(hour_of(range(40, 60)))
    assert doubles.query(tmp_path, "SELECT count(*) FROM row WHERE node = 17") == [(60,)]
    assert doubles.events(tmp_path, "derive_failed") == [("derive_failed", {"error": "KeyError('a mistake')"})]
    ground.kill()
    ground.at(MIDNIGHT_MS + 3 * HOUR_MS)
    assert [row.values[f"{P}:count"] for row in ground.made("hour")] == [60]


# --- any order, any lateness, kills: the same in the end --------------------------------------------------------------

READINGS = [record(1 + n, MIDNIGHT_MS + 250_000 * n, (3 * n - 40, 0 if n % 5 else 4), (n, 0)) for n in range(50)]


def finals(ground: Ground) -> list[object]:
    ground.at(MIDNIGHT_MS + 40 * 24 * HOUR_MS)
    return [(source, ground.made(source)) for source in ("minute", "hour", "day", "month")]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
@pytest.mark.parametrize("minute_s", [0, 60, 600])
def test_order_lateness_repetition_and_kills_do_not_matter(
    minute_s: int, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    table = f"[aggregate]\nminute_s = {minute_s}\ngrace_s = 30\n"
    plain = Ground(tmp_path_factory.mktemp("plain"), NODE, table)
    plain.batch(READINGS)
    ground = Ground(tmp_path_factory.mktemp("tried"), NODE, table)
    order = data.draw(st.permutations(READINGS))
    waiting = list(order)
    now_ms = MIDNIGHT_MS
    while waiting:
        size = data.draw(st.integers(1, 12))
        now_ms += data.draw(st.sampled_from([0, 60_000, 600_000, 2 * HOUR_MS]))
        ground.clock.unix = now_ms
        batch = sorted(waiting[:size] + data.draw(st.lists(st.sampled_from(READINGS), max_size=3)),
                       key=lambda one: one.number)  # fmt: skip
        waiting = waiting[size:]
        ground.batch(list({one.number: one for one in batch}.values()))
        what = data.draw(st.sampled_from(["", "kill", "tick"]))
        if what == "kill":
            ground.kill()
        elif what == "tick":
            ground.at(now_ms)
    assert finals(ground) == finals(plain)
    plain.store.close()
    ground.store.close()


def test_a_day_in_which_the_site_file_changed_is_one_day(tmp_path: Path) -> None:
    """At noon the temperature is wanted too, which begins a new series: the pressure's day has its 24 hours."""
    slow = doubles.sensor("level", 1, period_s=600)
    minutes = "[aggregate]\nminute_s = 0\n"

    def fill(ground: Ground, hours: range, *more: tuple[int, int]) -> None:
        for hour in hours:
            for minute in range(0, 60, 10):
                ground.poll("level", MIDNIGHT_MS + HOUR_MS * hour + 60_000 * minute, (hour, 0), *more)
            ground.at(MIDNIGHT_MS + HOUR_MS * (hour + 1) + 20_000)

    ground = Ground(tmp_path, doubles.RIVER, slow + 'quantities = ["pressure"]\n', minutes)
    fill(ground, range(12))
    ground.store.close()
    ground = Ground(tmp_path, doubles.RIVER, slow, minutes, unix_ms=MIDNIGHT_MS + 12 * HOUR_MS)
    fill(ground, range(12, 24), (5, 0))
    day = ground.made("day")[-1]
    assert (day.values[P], day.values[f"{P}:count"], day.quality[P]) == (115_000, 24, 0)
    # both series have a row of that day, and they agree
    told = [json.loads(cells)[names.index(P)] for _, names, cells, _ in ground.rows("day") if P in names]
    assert told == [115_000, 115_000]


def test_what_retention_took_of_a_day_leaves_what_was_written_of_it(tmp_path: Path) -> None:
    ground = Ground(tmp_path, NODE, HOURLY)
    for hour in range(3):
        ground.batch([record(1 + minute, MIDNIGHT_MS + 60_000 * minute, (5, 0), (5, 0))
                      for minute in range(60 * hour, 60 * hour + 60)])  # fmt: skip
        ground.at(MIDNIGHT_MS + (hour + 2) * HOUR_MS)
    ground.at(MIDNIGHT_MS + 26 * HOUR_MS)
    whole = ground.made("day")
    assert whole[0].values[f"{P}:count"] == 3
    ground.store.close()
    with sqlite3.connect(tmp_path / "store.db") as db:
        hour = "SELECT seq FROM row JOIN series ON series.id = series WHERE source = 'hour' ORDER BY seq LIMIT 1"
        db.execute(f"DELETE FROM row WHERE seq <= ({hour})")
    db.close()
    ground.begin()
    ground.at(MIDNIGHT_MS + 27 * HOUR_MS)
    assert ground.made("day") == whole
    assert len(ground.made("hour")) == 2
