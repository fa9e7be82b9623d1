"""The form of each quantity's aggregate, and how much of a period must be there."""

import math
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.process.periods import DAY, DAY_MS, EIGHT_HOURS, HOUR, HOUR_MS, MONTH, YEAR, Calendar
from gateway.process.rounding import half_even
from gateway.process.validity import RULES, share
from gateway.store.rows import Cell
from protocols import quality
from tests.gateway import doubles
from tests.gateway.derived import MIDNIGHT_MS, Ground

AGGREGATE = "[aggregate]\nminute_s = 600\ngrace_s = 0\n"


def polled(
    folder: Path, profile: str, quantities: str, readings: list[tuple[int, list[Cell]]], period_s: int = 60,
    table: str = AGGREGATE,
) -> Ground:  # fmt: skip
    """A sensor "one", polled at these ms after midnight; two days later."""
    sensor = doubles.sensor("one", 1, period_s, profile) + f'quantities = [{quantities}]\nserial = "as_bus"\n'
    ground = Ground(folder, doubles.RIVER, sensor, table)
    for after_ms, cells in readings:
        ground.poll("one", MIDNIGHT_MS + after_ms, *cells)
    ground.at(MIDNIGHT_MS + 2 * DAY_MS)
    return ground


def each_minute(minutes: range, value: "list[Cell] | None" = None) -> list[tuple[int, list[Cell]]]:
    return [(60_000 * minute, value or [(minute, 0)]) for minute in minutes]


def test_halves_go_to_the_even_neighbour() -> None:
    # GB/T 8170-2008, 3.2: 四舍六入五成双; its examples 3.5 -> 4, 2.5 -> 2 and -0.35 -> -0.4 (in tenths)
    assert [half_even(35, 10), half_even(25, 10), half_even(-35, 10), half_even(-25, 10)] == [4, 2, -4, -2]


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6))
def test_rounding_is_exact(over: int, under: int) -> None:
    assert half_even(over, under) == round(Fraction(over, under))


@given(st.lists(st.integers(-99_999, 99_999), min_size=1, max_size=600))
def test_the_sum_can_be_had_back_from_a_minutes_mean(values: list[int]) -> None:
    mean = half_even(sum(values) * 1000, len(values))
    assert half_even(mean * len(values), 1000) == sum(values)


def test_a_wind_around_north_is_no_south_wind(tmp_path: Path) -> None:
    winds: list[list[Cell]] = [[(200, 0), (350, 0)], [(200, 0), (10, 0)]]
    readings = [(60_000 * n, winds[n % 2]) for n in range(60)]
    ground = polled(tmp_path, "cwt_weather", '"wind_speed", "wind_direction"', readings)
    (hour,) = ground.made("hour")
    assert hour.values["one.wind_direction"] == 0
    assert hour.values["one.wind_speed"] == 200 * 10**4
    assert hour.values["one.wind_direction:east"] == 0
    north = hour.values["one.wind_direction:north"]
    assert north == round(200_000 * math.cos(math.radians(10))) * 10**4  # 1.9696 m/s


def test_a_strong_wind_counts_more_than_a_breeze_and_a_calm_not_at_all(tmp_path: Path) -> None:
    kinds: list[list[Cell]] = [[(1000, 0), (90, 0)], [(1, 0), (270, 0)], [(0, 0), (180, 0)]]
    readings = [(60_000 * n, kinds[n % 3]) for n in range(60)]
    ground = polled(tmp_path, "cwt_weather", '"wind_speed", "wind_direction"', readings)
    (hour,) = ground.made("hour")
    assert (hour.values["one.wind_direction"], hour.values["one.wind_direction:count"]) == (900, 60)


def test_rain_is_what_the_gauge_has_risen_by_over_the_hours_edge_too(tmp_path: Path) -> None:
    # 0.1 mm each minute from 1000 on; the gauge begins again at zero after 90 minutes
    readings: list[tuple[int, list[Cell]]] = [(60_000 * n, [(1000 + n if n < 90 else n - 90, 0)]) for n in range(180)]
    ground = polled(tmp_path, "sl651_rain", '"rain"', readings)
    assert [hour.values["one.rain"] for hour in ground.made("hour")] == [59, 30 + 29, 60]
    (day,) = ground.made("day")
    assert (day.values["one.rain"], day.quality["one.rain"]) == (178, quality.FEW)


@pytest.mark.parametrize(("minutes", "is_valid"), [(50, True), (49, True), (47, False), (44, False)])
def test_an_hour_of_a_gas_needs_45_minutes(tmp_path: Path, minutes: int, is_valid: bool) -> None:
    # five whole ten minutes, or four and one of 9; 8 of 10 still are a valid one, 7 are not
    ground = polled(tmp_path, "gas_o3", '"ozone"', each_minute(range(minutes)))
    (hour,) = ground.made("hour")
    assert (hour.quality["one.ozone"] & quality.FEW == 0) == is_valid
    assert hour.values["one.ozone:count"] == minutes


def test_a_burst_does_not_stand_for_an_hour(tmp_path: Path) -> None:
    table = "[aggregate]\nminute_s = 0\ngrace_s = 0\n"
    readings: list[tuple[int, list[Cell]]] = [(1000 * n, [(5, 0)]) for n in range(900)]  # 15 minutes, each second
    ground = polled(tmp_path, "gas_o3", '"ozone"', readings, 600, table)
    (hour,) = ground.made("hour")
    assert (hour.values["one.ozone:count"], hour.quality["one.ozone"]) == (900, quality.FEW)


@pytest.mark.parametrize(("profile", "quantity"), [("sds069", "pm2_5"), ("gas_so2", "sulfur_dioxide")])
@pytest.mark.parametrize(("hours", "is_valid"), [(20, True), (19, False)])
def test_a_day_of_air_needs_20_hours(tmp_path: Path, hours: int, is_valid: bool, profile: str, quantity: str) -> None:
    ground = polled(tmp_path, profile, f'"{quantity}"', each_minute(range(60 * hours)))
    (day,) = ground.made("day")
    assert day.values[f"one.{quantity}:count"] == hours
    assert day.quality[f"one.{quantity}"] == (0 if is_valid else quality.FEW)


def test_readings_with_a_flag_are_not_counted_and_the_flag_is_told(tmp_path: Path) -> None:
    readings = each_minute(range(30), [(9000, quality.RANGE)]) + each_minute(range(30, 60), [(5, 0)])
    ground = polled(tmp_path, "gas_o3", '"ozone"', readings)
    (hour,) = ground.made("hour")
    assert (hour.values["one.ozone"], hour.values["one.ozone:max"], hour.values["one.ozone:count"]) == (50_000, 5, 30)
    assert hour.quality["one.ozone"] == quality.FEW | quality.RANGE


def test_ozone_has_its_greatest_eight_hours(tmp_path: Path) -> None:
    # 100 in every hour, 180 in eight of them from 11:00 to 19:00
    readings = [(60_000 * n, [(180 if 660 <= n < 1140 else 100, 0)]) for n in range(1440)]
    ground = polled(tmp_path, "gas_o3", '"ozone"', readings)  # type: ignore[arg-type]
    day = ground.made("day")[0]
    assert (day.values["one.ozone:mda8"], day.quality["one.ozone:mda8"]) == (180 * 10**4, 0)
    slides = {row.unix_ms: row for row in ground.made("8h")}
    assert slides[MIDNIGHT_MS + 11 * HOUR_MS].values["one.ozone"] == 180 * 10**4
    assert slides[MIDNIGHT_MS + 10 * HOUR_MS].values["one.ozone"] == 170 * 10**4
    assert slides[MIDNIGHT_MS - 2 * HOUR_MS].quality["one.ozone"] == 0  # six of eight
    assert slides[MIDNIGHT_MS - 3 * HOUR_MS].quality["one.ozone"] == quality.FEW


def test_the_greatest_eight_hours_of_too_few_is_not_valid(tmp_path: Path) -> None:
    ground = polled(tmp_path, "gas_o3", '"ozone"', each_minute(range(60 * 19), [(100, 0)]))
    (day,) = ground.made("day")
    assert day.quality["one.ozone:mda8"] == 0  # 12 whole windows, one of 7 hours and one of 6
    (tmp_path / "less").mkdir()
    ground = polled(tmp_path / "less", "gas_o3", '"ozone"', each_minute(range(60 * 18), [(100, 0)]))
    (day,) = ground.made("day")
    assert day.quality["one.ozone:mda8"] == quality.FEW


@pytest.mark.parametrize(
    ("year", "month", "days", "is_valid"),
    [(2027, 2, 25, True), (2027, 2, 24, False), (2027, 3, 27, True), (2027, 3, 26, False)],
)
def test_a_month_needs_27_days_and_february_25(
    tmp_path: Path, year: int, month: int, days: int, is_valid: bool
) -> None:
    calendar = Calendar()
    start_ms = calendar.start(MONTH, MIDNIGHT_MS)
    while calendar.month(start_ms) != month:
        start_ms = calendar.end(MONTH, start_ms)
    hourly = doubles.sensor("one", 1, 3600, "sds069") + 'quantities = ["pm10"]\nserial = "as_bus"\n'
    ground = Ground(tmp_path, doubles.RIVER, hourly, AGGREGATE, unix_ms=start_ms)
    for hour in range(24 * days):
        ground.poll("one", start_ms + HOUR_MS * hour, (hour, 0))
    ground.at(calendar.end(MONTH, start_ms))
    (row,) = ground.made("month")
    assert (row.unix_ms, row.values["one.pm10:count"]) == (start_ms, days)
    assert row.quality["one.pm10"] == (0 if is_valid else quality.FEW)


def test_periods_are_those_of_the_stations_zone() -> None:
    china, utc = Calendar(), Calendar(0)
    assert china.start(DAY, MIDNIGHT_MS - 1) == MIDNIGHT_MS - DAY_MS
    assert utc.start(DAY, MIDNIGHT_MS) == MIDNIGHT_MS - 16 * HOUR_MS
    assert china.end(YEAR, china.start(YEAR, MIDNIGHT_MS)) - china.start(YEAR, MIDNIGHT_MS) == 365 * DAY_MS
    assert len(china.starts(EIGHT_HOURS, MIDNIGHT_MS)) == 8
    assert china.start(HOUR, MIDNIGHT_MS + HOUR_MS - 1) == MIDNIGHT_MS


def test_twenty_of_24_hours_are_five_of_six() -> None:
    assert share(RULES["gas"].day, 24, 6) == 5
    assert share(45, 60, 6) == 5
    assert share(45, 60, 12) == 9
