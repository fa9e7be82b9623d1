"""AQI and classes come into the store beside the hours they are made of, and `assess` says the same of the export."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.messages import set_language
from protocols import quality
from tests.gateway import doubles
from tests.gateway.derived import HOUR_MS, MIDNIGHT_MS, Ground

DUST = doubles.sensor("dust", 1, period_s=600, profile="sds069") + 'quantities = ["pm2_5", "pm10"]\n'
SONDE = doubles.sensor("sonde", 2, period_s=600, profile="yosemitech_y4000") + (
    'quantities = ["dissolved_oxygen", "ph", "temperature"]\n'
)
HOURLY = "[aggregate]\nminute_s = 0\ngrace_s = 20\n"
ASSESS = '[assess]\nwaived = ["SO2", "NO2", "CO", "O3"]\nfactors = ["pH", "DO"]\ntarget = 2\n'


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path, doubles.RIVER, DUST, SONDE, HOURLY, ASSESS)


def fill(
    ground: Ground, hours: range, pm2_5: int = 30, pm10: int = 60, do: int = 650, start_ms: int = MIDNIGHT_MS
) -> None:
    for hour in hours:
        for minute in range(0, 60, 10):
            at = start_ms + HOUR_MS * hour + 60_000 * minute
            ground.poll("dust", at, (pm2_5 + hour, 0), (pm10, 0))
            # registers keep the profile's order: oxygen, pH, temperature
            ground.poll("sonde", at, (do, 0), (780, 0), (120, 0))
        ground.at(start_ms + HOUR_MS * (hour + 1) + 20_000)


def test_an_hour_and_a_day_of_air_have_an_index(ground: Ground) -> None:
    fill(ground, range(23))
    assert ground.made("air_day") == []  # a day is judged when it has ended
    fill(ground, range(23, 24))
    hours = ground.made("air_hour")
    # HJ 633-2026: PM2.5 of 30 is 43, PM10 of 60 is 58: PM10 is primary, the fifth name
    assert [hours[0].values[f"air.{name}"] for name in ("aqi", "level", "primary", "iaqi_pm2_5", "iaqi_pm10")] == [
        58, 2, 16, 43, 58,
    ]  # fmt: skip
    # GB 3095 has no limit for an hour of particles
    assert hours[0].values["air.over_limit"] == 0
    assert hours[0].quality["air.aqi"] == 0 and hours[0].values["air.iaqi_o3"] is None
    (day,) = ground.made("air_day")
    # 30..53: mean 41.5, half to even 42: 50 + 7 x 50 / 25 = 64
    assert (day.unix_ms, day.values["air.aqi"], day.values["air.primary"]) == (MIDNIGHT_MS, 64, 32)


@pytest.mark.parametrize(("grade", "over"), [(1, 32 + 16), (2, 0)])
def test_a_day_is_held_against_the_limits_of_its_zone_and_date(tmp_path: Path, grade: int, over: int) -> None:
    """PM2.5 of 42 and PM10 of 60: GB 3095-2026 until 2030 has 35 and 50 in grade 1, 60 and 120 in grade 2."""
    ground = Ground(tmp_path, doubles.RIVER, DUST, HOURLY, f"{ASSESS}air_grade = {grade}\n")
    for hour in range(24):
        for minute in range(0, 60, 10):
            ground.poll("dust", MIDNIGHT_MS + HOUR_MS * hour + 60_000 * minute, (42, 0), (60, 0))
        ground.at(MIDNIGHT_MS + HOUR_MS * (hour + 1) + 20_000)
    (day,) = ground.made("air_day")
    assert (day.values["air.over_limit"], day.quality["air.over_limit"]) == (over, 0)


def test_water_has_a_class_by_its_own_pressure(ground: Ground) -> None:
    fill(ground, range(24), do=650)
    hour, day = ground.made("water_hour")[0], ground.made("water_day")[0]
    # 6.50 mg/L at 12 degC: class II at the sea (60 %); at 4,200 m that is all it can hold, so class I
    assert hour.values["water.class"] == day.values["water.class"] == 1
    assert 1020 <= hour.values["water.saturation"] <= 1035


def test_what_is_not_enough_makes_no_index_and_no_class(ground: Ground) -> None:
    fill(ground, range(18))
    ground.at(MIDNIGHT_MS + 24 * HOUR_MS + 20_000)
    (day,) = ground.made("air_day")
    assert day.values["air.aqi"] is None and day.quality["air.aqi"] == quality.FEW
    assert ground.made("water_day")[0].values["water.class"] == 1  # 18 of 24 hours: three quarters


def test_late_readings_judge_their_hour_and_day_again(ground: Ground) -> None:
    fill(ground, range(19))
    ground.at(MIDNIGHT_MS + 24 * HOUR_MS + 20_000)
    assert ground.made("air_day")[0].values["air.aqi"] is None
    fill(ground, range(20, 24))
    ground.at(MIDNIGHT_MS + 30 * HOUR_MS)
    assert ground.made("air_day")[0].values["air.aqi"] is not None
    written = len(ground.rows("air_hour"))
    ground.at(MIDNIGHT_MS + 31 * HOUR_MS)
    assert len(ground.rows("air_hour")) == written  # once, unless something changes


def test_a_kill_changes_no_judgement(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    calm = Ground(tmp_path / "one", doubles.RIVER, DUST, SONDE, HOURLY, ASSESS)
    killed = Ground(tmp_path / "two", doubles.RIVER, DUST, SONDE, HOURLY, ASSESS)
    fill(calm, range(24))
    for part in (range(7), range(7, 15), range(15, 24)):
        fill(killed, part)
        killed.kill()
    killed.at(MIDNIGHT_MS + 25 * HOUR_MS)
    for source in ("air_hour", "air_day", "water_hour", "water_day"):
        assert killed.made(source) == calm.made(source) != []


def test_without_the_table_nothing_is_judged(tmp_path: Path) -> None:
    ground = Ground(tmp_path, doubles.RIVER, DUST, SONDE, HOURLY)
    fill(ground, range(2))
    assert ground.made("hour") and not ground.made("air_hour") and not ground.made("water_hour")


@pytest.mark.parametrize("with_hours", [True, False], ids=["the gateway's hours", "readings alone"])
def test_assess_says_of_an_export_what_the_gateway_said(
    ground: Ground, tmp_path: Path, with_hours: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(ground, range(24))
    set_language("en")
    data = tmp_path / "out.csv"
    assert main(["export", str(tmp_path / "site.toml"), "-o", str(data)]) == 0
    if not with_hours:
        with data.open(newline="") as file:
            rows = [row for row in csv.reader(file) if row[-1] != "hour"]
        with data.open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    capsys.readouterr()
    assert main(["assess", "--data", str(data), "--site", str(tmp_path / "site.toml")]) == 0
    lines = capsys.readouterr().out.splitlines()
    set_language(None)
    days = [
        line.split("  ") for line in lines if line.startswith("2026-11-29 ") and "/24" in line and ":" not in line[:17]
    ]
    assert [part.strip() for part in days[0]][1:4] == ["AQI 64 moderate", "PM2.5", "24/24"]
    assert days[1][1].strip() == "class I"
    hours = [line for line in lines if line.startswith("2026-11-29 00:00  AQI 58 moderate")]
    assert len(hours) == 1 and " PM10 " in hours[0]


def assessed(tmp_path: Path, kept: Callable[[list[str]], bool], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of water's hours that `assess` makes of the lines of an export that are kept, the newest first."""
    data = tmp_path / "out.csv"
    set_language("en")
    assert main(["export", str(tmp_path / "site.toml"), "-o", str(data)]) == 0
    with data.open(newline="") as file:
        head, *rows = csv.reader(file)
    with data.open("w", newline="") as file:
        csv.writer(file).writerows([head, *filter(kept, reversed(rows))])
    capsys.readouterr()
    assert main(["assess", "--data", str(data), "--site", str(tmp_path / "site.toml"), "--only", "hour"]) == 0
    said = capsys.readouterr().out.splitlines()
    set_language(None)
    return [line for line in said if "class" in line or "not enough" in line]


def test_assess_counts_what_the_newest_row_says_of_a_spike_and_of_an_hour(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At 0:30 oxygen spiked to 0.4 mg/L, which its successor told; the hour from 1:00 had three readings at first."""
    site = (doubles.RIVER, SONDE, HOURLY, '[assess]\nfactors = ["DO"]\ntarget = 2\n')
    ground = Ground(tmp_path, *site, is_judged=True)

    def poll(minute: int, do: int = 650) -> None:
        ground.poll("sonde", MIDNIGHT_MS + 60_000 * minute, (do, 0), (780, 0), (200, 0))

    for minute in (0, 10, 20, 30, 40, 50, 60, 70, 80):
        poll(minute, 40 if minute == 30 else 650)
    ground.at(MIDNIGHT_MS + 2 * HOUR_MS + 20_000)
    assert ground.made("water_hour")[1].values["water.class"] is None
    for minute in (90, 100, 110):
        poll(minute)
    ground.at(MIDNIGHT_MS + 3 * HOUR_MS)
    # 6.5 mg/L at 20 degC are above 90 % of what water holds at 4,200 m: class I; the mean with the spike would be III
    assert [made.values["water.class"] for made in ground.made("water_hour")] == [1, 1]
    for source in ("hour", "sensor sonde"):
        lines = assessed(tmp_path, lambda row, source=source: source in row[-1], capsys)
        assert [line.split("  ")[1].strip() for line in lines] == ["class I", "class I"], source
    alone = assessed(tmp_path, lambda row: row[-1] == "sensor sonde", capsys)
    assert "not enough" in alone[0]  # nothing says what became of 0:30 and 0:40: too few, but never the spike


def test_an_hour_of_too_few_readings_is_not_judged(ground: Ground) -> None:
    for minute in (0, 10, 20):
        ground.poll("dust", MIDNIGHT_MS + 60_000 * minute, (30, 0), (60, 0))
        ground.poll("sonde", MIDNIGHT_MS + 60_000 * minute, (650, 0), (780, 0), (120, 0))
    ground.at(MIDNIGHT_MS + HOUR_MS + 20_000)
    assert ground.made("hour")[0].values  # there is an hour, and it says that it is of too few
    assert ground.made("air_hour")[0].values["air.aqi"] is None
    assert ground.made("water_hour")[0].values["water.class"] is None
    assert ground.made("water_hour")[0].quality["water.class"] == quality.FEW


def test_what_a_late_reading_does_not_change_is_not_written_again(ground: Ground) -> None:
    for minute in (0, 10, 20, 30, 40):
        ground.poll("dust", MIDNIGHT_MS + 60_000 * minute, (30, 0), (60, 0))
    ground.at(MIDNIGHT_MS + HOUR_MS + 20_000)
    hours, judged = len(ground.rows("hour")), len(ground.rows("air_hour"))
    ground.poll("dust", MIDNIGHT_MS + 50 * 60_000, (30, 0), (60, 0))
    ground.at(MIDNIGHT_MS + 2 * HOUR_MS + 20_000)
    assert len(ground.rows("hour")) > hours  # one reading more
    assert len(ground.rows("air_hour")) == judged == 1
