"""The whole climate of a place: against the recording of Xidatan, reproducible, continuous, quick, coupled."""

import csv
import hashlib
import subprocess
import sys
import time
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from hw_sim import climate as climates
from hw_sim.climate import Climate, ClimateSettings, ColdWave, Place, SnowOnPanel, SpringFlood, Storm, UnknownSignal
from hw_sim.climate.air import dew_point, saturation_vapour, standard_pressure
from hw_sim.climate.grid import Array, Grid
from hw_sim.climate.overlays import AnyOverlay
from hw_sim.climate.sky import Sky
from hw_sim.signals import RECORDINGS
from hw_sim.streams import Streams

XIDATAN = Place(latitude=35.7, longitude=94.1, altitude_m=4500.0)
DAY = 288
DAY_S = 86400.0


def unix(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp())


def month(seed: int = 1, start: tuple[int, int] = (6, 1), *overlays: AnyOverlay, days: float = 30.0) -> Climate:
    return Climate(XIDATAN, unix(2025, *start), days, Streams(seed), overlays=overlays)


@cache
def years() -> tuple[Climate, ...]:
    return tuple(Climate(XIDATAN, unix(2014, 1, 1), 365, Streams(seed)) for seed in range(3))


def daily(climate: Climate, name: str) -> Array:
    values = climate.values(name)
    means: Array = values[: len(values) // DAY * DAY].reshape(-1, DAY).mean(axis=1)
    return means


def recorded(column: str) -> dict[int, list[float]]:
    found = defaultdict(list)
    with (RECORDINGS / "met_xidatan_daily_2014_2018.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row[column]:
                found[int(row["date"][5:7])].append(float(row[column]))
    return found


def simulated(name: str) -> dict[int, list[float]]:
    found = defaultdict(list)
    for climate in years():
        for index, value in enumerate(daily(climate, name)):
            found[(date(2014, 1, 1) + timedelta(days=index)).month].append(float(value))
    return found


@pytest.mark.parametrize(
    ("column", "name", "off", "narrow", "wide"),  # off: of a month's mean; narrow, wide: of its days' deviation
    [
        ("tair_c", "air.temperature", 2.5, 0.6, 1.6),
        ("rh_pct", "air.humidity", 16.0, 0.6, 1.4),
        ("wspd_ms", "air.wind_speed", 1.4, 0.3, 2.6),
        ("swdown_wm2", "sun.irradiance", 45.0, 0.4, 1.4),
    ],
)
def test_a_simulated_year_is_like_those_recorded_at_xidatan(
    column: str, name: str, off: float, narrow: float, wide: float
) -> None:
    real, made = recorded(column), simulated(name)
    for number in range(1, 13):
        assert np.mean(made[number]) == pytest.approx(np.mean(real[number]), abs=off), number
        assert narrow < np.std(made[number]) / np.std(real[number]) < wide, number
    whole = [np.mean([np.mean(source[number]) for number in range(1, 13)]) for source in (made, real)]
    assert whole[0] == pytest.approx(whole[1], abs=off / 2)


def test_the_water_of_a_year_is_what_the_settings_say() -> None:
    """On the average of many: single years differ by a quarter."""
    grid = Grid(unix(2014, 1, 1), 365, 94.1)
    fallen = [Sky(grid, Streams(seed), 380.0, ()).water_mm_h[grid.begin :].sum() / 12 for seed in range(24)]
    assert np.mean(fallen) == pytest.approx(380.0, rel=0.12)
    assert 0.1 < np.std(fallen) / np.mean(fallen) < 0.35


def test_pressure_is_that_of_the_altitude() -> None:
    assert standard_pressure(0.0) == 1013.25
    for altitude_m, hpa in ((2000, 795.0), (3000, 701.1), (4000, 616.4), (4500, 577.3), (5000, 540.2)):
        assert standard_pressure(altitude_m) == pytest.approx(hpa, abs=0.1)  # ISO 2533
    real = years()[0].values("air.pressure")
    assert 560 < real.min() < real.mean() - 3 < real.mean() + 3 < real.max() < 600


def test_magnus_and_its_inverse() -> None:
    celsius = np.array([-30.0, 0.0, 20.0])
    assert saturation_vapour(celsius)[1:].tolist() == pytest.approx([6.112, 23.33], abs=0.05)  # WMO-No. 8
    assert dew_point(saturation_vapour(celsius)).tolist() == pytest.approx(celsius.tolist())


# typical extremes of a plateau year: no value may leave them, whatever the seed
SANE = {
    "air.temperature": (-42, 30),
    "air.humidity": (0, 100),
    "air.wind_speed": (0, 40),
    "air.rain_rate": (0, 60),
    "air.snow_depth": (0, 800),
    "air.pm10": (0, 5000),
    "air.ozone": (0, 250),
    "air.carbon_monoxide": (0, 2),
    "air.co2": (380, 460),
    "sun.cloud": (0, 100),
    "sun.irradiance": (0, 1250),
    "panel.snow": (0, 100),
    "panel.output": (0, 130),
    "river.discharge": (0.05, 400),
    "river.level": (0.02, 6),
    "river.velocity": (0.05, 4),
    "river.temperature": (0, 24),
    "river.ice": (0, 1.6),
    "river.turbidity": (0, 8000),
    "river.conductivity": (0.1, 0.9),
    "river.ph": (6.5, 9.3),
    "river.dissolved_oxygen": (3, 12),
    "river.oxygen_saturation": (50, 140),
    "river.ammonium": (0, 6),
    "ground.soil_temperature": (-40, 40),
    "ground.soil_moisture": (0, 45),
    "ground.thaw_depth": (0, 4),
}


def test_every_number_is_finite_and_sane() -> None:
    for climate in years():
        for name in climate.names:
            assert np.isfinite(climate.values(name)).all(), name
            if climate.unit(name) not in ("degC", "deg"):
                assert climate.values(name).min() >= 0.0, name
        for name, (low, high) in SANE.items():
            values = climate.values(name)
            assert low <= values.min() and values.max() <= high, (name, values.min(), values.max())


def test_nothing_jumps() -> None:
    """The largest step in 5 minutes; an overlay's front included."""
    climate = month(3, (7, 1), Storm(at_s=5 * DAY_S), ColdWave(at_s=12 * DAY_S), days=20.0)
    most = {
        "air.temperature": 2.5,
        "air.pressure": 0.8,
        "river.level": 0.12,
        "river.temperature": 0.6,
        "river.dissolved_oxygen": 0.25,
        "river.conductivity": 0.03,
        "ground.soil_temperature_5": 0.2,
        "air.ozone": 6.0,
    }
    for name, step in most.items():
        assert np.abs(np.diff(climate.values(name))).max() < step, name


def test_the_active_layer_is_that_of_the_plateau() -> None:
    """2.3 +- 0.6 m on the plateau, thinner in its east (ESSOAr 608114); below it the ground stays frozen."""
    climate = years()[0]
    assert 1.3 < climate.values("ground.thaw_depth").max() < 3.0
    assert climate.values("ground.soil_temperature_13").max() < 0.0  # 5 m
    assert -4.0 < climate.values("ground.soil_temperature_13").mean() < -0.3
    curtain = np.abs(climate.values("ground.soil_temperature_9")) < 0.1  # 1 m
    assert curtain.sum() > 15 * DAY


def test_the_river_runs_in_summer_and_freezes_in_winter() -> None:
    climate = years()[0]
    discharge = daily(climate, "river.discharge")
    assert discharge[180:240].mean() > 5 * discharge[:60].mean()
    assert daily(climate, "river.ice")[:60].min() > 0.3
    assert daily(climate, "river.ice")[180:240].max() < 0.005  # a skin on the coldest nights
    summer = slice(152 * DAY, 244 * DAY)
    murk, salt, flow = (climate.values(f"river.{name}")[summer] for name in ("turbidity", "conductivity", "discharge"))
    assert np.corrcoef(np.log(murk), np.log(flow))[0, 1] > 0.7
    assert np.corrcoef(np.log(salt), np.log(flow))[0, 1] < -0.8


def test_rain_comes_from_clouds_only_and_is_counted_from_the_beginning() -> None:
    for climate in years():
        assert climate.values("air.rain")[0] == 0.0
        assert np.diff(climate.values("air.rain")).min() >= 0.0
        raining = climate.values("air.rain_rate") > 0.5
        assert climate.values("sun.cloud")[raining].min() > 50.0


def fingerprint(climate: Climate) -> str:
    digest = hashlib.sha256()
    for name in climate.names:
        signal = climate.signal(name)
        digest.update(np.array([signal(time_s * 1234.5) for time_s in range(200)]).tobytes())
    return digest.hexdigest()


def test_one_seed_is_one_climate_in_every_process() -> None:
    code = "import sys; sys.path[:0] = ['tests/hw_sim', '.']; import test_climate_place as test; "
    code += "print(test.fingerprint(test.month(7)))"
    here = fingerprint(month(7))
    assert here == fingerprint(month(7)) != fingerprint(month(8))
    for salt in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": salt}
        )
        assert done.stdout.strip() == here


def test_a_longer_span_begins_alike() -> None:
    short, long = month(2, days=5.0), month(2, days=12.5)
    for name in short.names:
        assert np.array_equal(short.values(name), long.values(name)[: len(short.times_s)]), name


def test_streams_already_used_make_no_difference() -> None:
    used = Streams(4)
    used["climate weather"].random()
    climate = Climate(XIDATAN, unix(2025, 6, 1), 5, used)
    assert np.array_equal(climate.values("air.temperature"), month(4, days=5.0).values("air.temperature"))


def test_an_overlay_changes_only_what_it_touches() -> None:
    plain, snowed = month(5, days=8.0), month(5, (6, 1), SnowOnPanel(at_s=2 * DAY_S), days=8.0)
    for name in plain.names:
        alike = np.array_equal(plain.values(name), snowed.values(name))
        assert alike == (name not in ("panel.snow", "panel.temperature", "panel.output")), name
    assert snowed.signal("panel.output")(2.4 * DAY_S) == 0.0


def test_before_an_event_nothing_has_changed() -> None:
    plain, flooded = month(6, (4, 20), days=12.0), month(6, (4, 20), SpringFlood(at_s=4 * DAY_S), days=12.0)
    for name in plain.names:
        before = slice(0, 4 * DAY - 12)  # the river is reckoned in hours
        assert np.array_equal(plain.values(name)[before], flooded.values(name)[before]), name


def test_signals_are_straight_lines_between_steps_and_hold_at_the_ends() -> None:
    climate = month(1, days=2.0)
    values, signal = climate.values("air.temperature"), climate.signal("air.temperature")
    assert signal(0.0) == pytest.approx(values[0], abs=1e-6)
    assert signal(3000.0) == pytest.approx(values[10], abs=1e-6)
    assert signal(3150.0) == pytest.approx((values[10] + values[11]) / 2, abs=1e-6)
    assert signal(1e9) == pytest.approx(values[-1], abs=1e-6)
    assert type(signal(1.0)) is float


def test_a_direction_passes_north_without_a_swing_through_south() -> None:
    settings = ClimateSettings(wind_from_deg=0.0)
    climate = Climate(XIDATAN, unix(2025, 1, 1), 20, Streams(1), settings)
    direction, sector = climate.signal("air.wind_direction"), climate.signal("air.wind_sector")
    seen = [direction(index * 50.0) for index in range(30_000)]
    assert 0.0 <= min(seen) < 5.0 and 355.0 < max(seen) < 360.0
    assert max(min(abs(a - b), 360 - abs(a - b)) for a, b in pairwise(seen)) < 15.0
    assert {sector(index * 50.0) for index in range(30_000)} <= {float(n) for n in range(8)}
    assert all(sector(s) == int((direction(s) + 22.5) % 360 / 45) for s in range(0, 90_000, 777))


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    climate = month(1, days=1.0)
    for ask in (climate.signal, climate.unit, climate.values):
        with pytest.raises(UnknownSignal) as caught:
            ask("river.disolved_oxygen")
        assert "river.dissolved_oxygen" in caught.value.near
        assert "river.dissolved_oxygen" in str(caught.value)
    with pytest.raises(KeyError):
        climate.signal("nothing at all")


def test_the_catalogue_is_what_a_climate_has() -> None:
    settings = ClimateSettings(
        depths_m=(0.1, 0.5), stations=(climates.RiverStation(name="bridge", below_outfall_m=0.0),)
    )
    climate = Climate(XIDATAN, unix(2025, 6, 1), 1, Streams(1), settings)
    assert climate.names == tuple(climates.units(settings))
    assert "bridge.turbidity" in climate.names and "river.turbidity" not in climate.names
    assert all(np.isfinite(climate.signal(name)(0.0)) for name in climate.names)
    assert climate.unit("air.carbon_monoxide") == "mg/m3"


@pytest.mark.parametrize(
    ("latitude", "altitude_m", "settings"),
    [
        (-35.0, 3000.0, ClimateSettings(mean_temperature_c=4.0)),
        (33.0, 8000.0, ClimateSettings()),
        (0.0, 0.0, ClimateSettings(mean_temperature_c=25.0, precipitation_mm=4000.0)),
        (66.0, 5.0, ClimateSettings(precipitation_mm=0.0, catchment_km2=0.1, relief_m=0.0, depths_m=(0.02,))),
        (35.0, 4500.0, ClimateSettings(mean_temperature_c=-20.0, season_k=25.0, cold_waves_per_year=50.0, stations=())),
    ],
)
def test_any_place_and_settings_give_numbers(latitude: float, altitude_m: float, settings: ClimateSettings) -> None:
    place = Place(latitude=latitude, longitude=-170.0, altitude_m=altitude_m)
    for start in ((1, 1), (8, 31)):
        climate = Climate(place, unix(2024, *start), 3, Streams(1), settings)
        assert all(np.isfinite(climate.values(name)).all() for name in climate.names)


def test_settings_refuse_what_makes_no_sense() -> None:
    station = {"below_outfall_m": 0.0}
    wrongs: tuple[dict[str, object], ...] = (
        {"precipitation_mm": -1.0},
        {"depths_m": []},
        {"stations": [{"name": "air", **station}]},
        {"stations": [{"name": "a", **station}, {"name": "a", **station}]},
    )
    for wrong in wrongs:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, ClimateSettings)


def test_a_month_takes_less_than_a_third_of_a_second() -> None:
    def seconds(days: float) -> float:
        begin = time.process_time()
        Climate(XIDATAN, unix(2025, 9, 13), days, Streams(1))
        return time.process_time() - begin

    assert min(seconds(30) for _ in range(3)) < 0.3
    assert seconds(365) < 3.0


def test_a_reading_of_a_signal_costs_about_a_microsecond() -> None:
    signal = month(1).signal("river.dissolved_oxygen")
    times = [index * 12.34 for index in range(50_000)]

    def micros() -> float:
        begin = time.process_time()
        for time_s in times:
            signal(time_s)
        return (time.process_time() - begin) / len(times) * 1e6

    assert min(micros() for _ in range(3)) < 1.5
