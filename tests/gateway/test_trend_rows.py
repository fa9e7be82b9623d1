"""Corrected hours and trends are rows of their own, made again where what they are made of changes."""

import json
from pathlib import Path

import pytest

from gateway.faults import SiteError, check_text
from gateway.process.periods import DAY_MS
from gateway.process.stage import Row, Series
from gateway.site.config import load
from protocols import quality
from tests.gateway import doubles
from tests.gateway.derived import HOUR_MS, MIDNIGHT_MS, Ground

PROBE = (
    doubles.RIVER
    + """
[aggregate]
[[sensor]]
id = "river"
profile = "yosemitech_y4000"
bus = "river"
unit_id = 1
period_s = 1800
quantities = ["ph"]
"""
)
DRIFT = """
[[calibration]]
channel = "river.ph"
from = "2026-11-29T00:00:00+08:00"
to = "2026-11-30T00:00:00+08:00"
low = [4.0, 4.5]
"""
TREND = """
[[trend]]
channel = "river.ph"
days = 40
limit = 9.0
"""


def _fill(ground: Ground, days: int, rise_a_day: float, first: int = 0) -> None:
    for step in range(first * 48, days * 48):
        value = 800 + round(rise_a_day * step / 48 * 100) + 4 * (step // 48 % 2)
        ground.poll("river", MIDNIGHT_MS + step * HOUR_MS // 2, (value, 0))
        if step % 48 == 47:
            ground.at(MIDNIGHT_MS + (step + 1) * HOUR_MS // 2 + 60_000)
    for _ in range(20):  # what is due is done piece by piece
        ground.at(ground.clock.unix + 1000)


def test_a_deployments_hours_get_a_corrected_channel_and_stay_as_they_are(tmp_path: Path) -> None:
    ground = Ground(tmp_path, PROBE)
    _fill(ground, 2, 0.0)
    hours = ground.rows("hour")
    assert ground.made("corrected") == []
    (tmp_path / "site.toml").write_text(doubles.STATION + PROBE + DRIFT, "utf-8")
    ground.site = load(tmp_path / "site.toml")
    ground.kill()
    for _ in range(5):
        ground.at(ground.clock.unix + 1000)
    made = ground.made("corrected")
    assert [one.unix_ms for one in made] == [MIDNIGHT_MS + hour * HOUR_MS for hour in range(24)]
    for hour, one in enumerate(made):
        assert one.values["river.ph:corrected"] == round((8.0 - (hour + 0.5) / 24 * 0.5) * 10**6)
    assert ground.rows("hour") == hours
    written = len(ground.rows("corrected"))
    ground.kill()
    for _ in range(5):
        ground.at(ground.clock.unix + 1000)
    assert len(ground.rows("corrected")) == written


def test_a_late_reading_has_its_hour_corrected_again(tmp_path: Path) -> None:
    ground = Ground(tmp_path, PROBE, DRIFT)
    _fill(ground, 1, 0.0)
    first = ground.made("corrected")[5].values["river.ph:corrected"]
    ground.poll("river", MIDNIGHT_MS + 5 * HOUR_MS + 60_000, (830, 0))
    ground.at(ground.clock.unix + HOUR_MS)
    later = ground.made("corrected")[5].values["river.ph:corrected"]
    assert first is not None and later is not None and later - first == 100_000  # a third of 0.30


def test_a_trend_tells_slope_direction_and_when_the_limit_will_be_met(tmp_path: Path) -> None:
    ground = Ground(tmp_path, PROBE, TREND)
    _fill(ground, 36, 0.02)
    last = ground.made("trend")[-1]
    told = {name.partition(":")[2]: value for name, value in last.values.items()}
    assert (told["size"], told["direction"], told["cusum"], told["ewma"]) == (36, 1, 1, 1)
    assert last.unix_ms == MIDNIGHT_MS + 35 * DAY_MS
    assert told["slope"] == pytest.approx(0.02 * 365.25 * 10**6, rel=0.02)
    crossing = told["crossing"], told["earliest"], told["latest"]
    assert None not in crossing
    due_s = MIDNIGHT_MS // 1000 + 49 * 86_400  # 8.0 + 0.02 a day, and 0.02 on every other day, is 9.0 after 49 to 50
    assert crossing[1] < crossing[0] < crossing[2]  # type: ignore[operator]
    assert abs(crossing[0] - due_s) < 2 * 86_400  # type: ignore[operator]


def test_with_too_few_days_there_is_no_trend_and_it_says_so(tmp_path: Path) -> None:
    ground = Ground(tmp_path, PROBE, TREND)
    _fill(ground, 5, 0.02)
    last = ground.made("trend")[-1]
    assert last.values["river.ph:size"] == 5 and last.values["river.ph:direction"] is None
    assert last.quality["river.ph:direction"] == quality.FEW


def test_a_start_writes_no_trend_again(tmp_path: Path) -> None:
    ground = Ground(tmp_path, PROBE, TREND)
    _fill(ground, 12, 0.02)
    written = ground.rows("trend")
    ground.kill()
    for _ in range(5):
        ground.at(ground.clock.unix + 1000)
    assert ground.rows("trend") == written and written


def test_months_are_held_against_the_same_month_of_other_years(tmp_path: Path) -> None:
    """A season of 4 pH that a plain test would drown in; 0.06 a year are seen."""
    from gateway.process.periods import Calendar
    from gateway.process.trend.rows import Trends, Wanted

    calendar = Calendar()
    series = Series("month", (("river.ph", "pH", 2),))
    start_ms = calendar.start("year", MIDNIGHT_MS)
    rows = []
    for month in range(72):
        rows.append(Row(series, start_ms, ((600 + 40 * (month % 12) + month // 2, 0),), month + 1))
        start_ms = calendar.end("month", start_ms)

    class Past:
        def between(self, one: Series, from_ms: int, to_ms: int) -> list[Row]:
            return [row for row in rows if from_ms <= row.unix_ms < to_ms]

        def at(self, one: Series, unix_ms: int) -> None:
            return None

    trends = Trends(Past(), [Wanted("river.ph", "month")], calendar)  # type: ignore[arg-type]
    trends.step(rows[-1])
    (made,) = trends.tick(start_ms)
    assert made.cells[0][0] == 6 and made.cells[4][0] == 1


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("river.ph", "river.hp", "trend[0].channel: the station has no channel 'river.hp'"),
        ("days = 40", "days = 4", "trend[0].days: 4 is out of range"),
        ("days = 40", 'by = "month"\n[aggregate]\nlevels = ["hour", "day"]',
         "trend[0].by: this site makes no 'month' of which a trend could be seen"),
    ],
)  # fmt: skip
def test_a_faulty_table_is_told(tmp_path: Path, old: str, new: str, expected: str) -> None:
    text = doubles.STATION + PROBE.replace("[aggregate]\n", "" if "[aggregate]" in new else "[aggregate]\n")
    (tmp_path / "site.toml").write_text(text + TREND.replace(old, new), "utf-8")
    with pytest.raises(SiteError) as refused:
        load(tmp_path / "site.toml")
    assert any(expected in line for line in check_text(refused.value, "site.toml", "en")), json.dumps(
        check_text(refused.value, "site.toml", "en")
    )
