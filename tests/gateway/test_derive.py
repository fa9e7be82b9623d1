"""Readings become minutes, hours and days inside the transaction that puts them on disk."""

from pathlib import Path

from protocols import quality
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
