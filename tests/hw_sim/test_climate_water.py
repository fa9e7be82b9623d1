"""River: melt becomes discharge without loss, oxygen against Standard Methods, ice, and what a flood does."""

from datetime import UTC, datetime

import numpy as np
import pytest

from hw_sim.climate import chemistry, oxygen, snow, water
from hw_sim.climate.catchment import BANDS, Catchment, Flow, Snowpack
from hw_sim.climate.channel import Channel
from hw_sim.climate.ordinary import OrdinaryYear
from hw_sim.climate.settings import ClimateSettings, Place

# Standard Methods 4500-O:I, saturated fresh water at 1013.25 hPa (Benson and Krause)
TABLE = ((0.0, 14.621), (5.0, 12.770), (10.0, 11.288), (15.0, 10.084), (20.0, 9.092), (25.0, 8.263), (30.0, 7.559))
# (hPa of the standard atmosphere, degC, mg/L): made by the pressure formula of Standard Methods; Garcia and Gordon's
# other fit, as GLEON/LakeMetabolizer has it, agrees within 0.05 %
HIGH = (
    (795.0, 0, 11.455), (795.0, 10, 8.828), (795.0, 15, 7.876), (795.0, 25, 6.427),
    (701.1, 0, 10.092), (701.1, 5, 8.805), (701.1, 20, 6.227), (701.1, 25, 5.637),
    (616.4, 5, 7.728), (616.4, 20, 5.449), (616.4, 25, 4.924),
    (540.2, 0, 7.757), (540.2, 5, 6.760), (540.2, 15, 5.297), (540.2, 20, 4.749),
)  # fmt: skip


def one(value: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([value])


@pytest.mark.parametrize(("celsius", "mg_l"), TABLE)
def test_water_holds_the_oxygen_of_standard_methods(celsius: float, mg_l: float) -> None:
    assert oxygen.saturation(one(celsius), one(1013.25))[0] == pytest.approx(mg_l, abs=0.0015)


@pytest.mark.parametrize(("hpa", "celsius", "mg_l"), HIGH)
def test_thin_air_leaves_less_oxygen_in_the_water(hpa: float, celsius: float, mg_l: float) -> None:
    assert oxygen.saturation(one(celsius), one(hpa))[0] == pytest.approx(mg_l, rel=2e-4)


def test_oxygen_rests_at_saturation_and_follows_the_sun() -> None:
    day = np.tile(np.maximum(np.sin(np.arange(288) / 288 * 2 * np.pi), 0) * 900, 4)
    same = np.ones(len(day))
    full = 7.0 * same
    rate = oxygen.reaeration(0.5 * same, 0.3 * same, 10.0 * same, 0.0 * same)
    held = oxygen.dissolved(full, rate, 0.3 * same, 10.0 * same, day, 3.0 * same, 0.0 * same)[-288:]
    assert held.max() > 7.0 > held.min()  # made by day, used by night
    assert abs(held.mean() - 7.0) < 0.3
    assert int(held.argmax()) > 72  # after the sun's noon, which is a quarter of this day


def test_reaeration_is_that_of_owens_and_ice_seals() -> None:
    free = oxygen.reaeration(one(0.5), one(0.3), one(20.0), one(0.0))[0]
    assert free == pytest.approx(5.32 * 0.5**0.67 / 0.3**1.85)
    assert oxygen.reaeration(one(0.5), one(0.3), one(20.0), one(1.0))[0] < 0.2 * free


def test_nothing_is_lost_between_sky_and_river() -> None:
    settings = ClimateSettings(glacier_percent=0.0)
    land = Catchment(settings)
    hours = 24 * 200
    air_c = 6.0 * np.sin(np.arange(hours) / 24 * 2 * np.pi) + np.linspace(-8, 12, hours)
    falls = np.where(np.arange(hours) % 97 < 9, 1.2, 0.0)
    pack = Snowpack((30.0,) * BANDS)
    liquid, left = land.melt(air_c, falls, np.zeros(hours), pack, 1.0)
    assert 30.0 + falls.sum() == pytest.approx(liquid.sum() + sum(left.water_mm) / BANDS)
    begin = Flow(0.02, 0.02)
    cubic, quick, end = land.discharge(liquid, begin, 3600.0)
    deep_m3 = land.mean_m3_s * 0.12 / 1.12 * 3600 * hours
    quick_h, slow_h = 1 / np.expm1(1 / 9), 1 / np.expm1(1 / 840)  # hours of its flow that each reservoir holds
    change = (end.quick - begin.quick) * quick_h + (end.slow - begin.slow) * slow_h
    run_off_mm = (cubic.sum() * 3600 - deep_m3) / settings.catchment_km2 / 1000
    assert run_off_mm + change == pytest.approx(liquid.sum() * 0.45, rel=1e-6)
    assert (cubic > 0).all() and (quick >= 0).all() and (quick <= 1).all()


def test_four_millimetres_melt_a_day_for_each_degree() -> None:
    land = Catchment(ClimateSettings(relief_m=0.0, glacier_percent=0.0))
    liquid, left = land.melt(np.full(24, 5.0), np.zeros(24), np.zeros(24), Snowpack((100.0,) * BANDS), 1.0)
    assert liquid.sum() == pytest.approx(20.0)
    assert left.water_mm == pytest.approx((80.0,) * BANDS)
    cold, _ = land.melt(np.full(24, -5.0), np.ones(24), np.zeros(24), Snowpack((100.0,) * BANDS), 1.0)
    assert cold.sum() == 0.0


def test_snow_falls_in_frost_and_rain_above_three_degrees() -> None:
    assert snow.snow_part(np.array([-5.0, -1.0, 1.0, 3.0, 8.0])).tolist() == [1.0, 1.0, 0.5, 0.0, 0.0]


def test_fresh_snow_is_deep_and_settles() -> None:
    fall = np.zeros(24 * 8)
    fall[0] = 10.0
    water_mm, depth_mm = snow.lying(np.full(len(fall), -10.0), fall, 4.0)
    assert depth_mm[0] == pytest.approx(100.0, rel=0.05)
    assert depth_mm[24 * 4] < 0.65 * depth_mm[0] * water_mm[24 * 4] / water_mm[0]


def test_manning_makes_the_rating() -> None:
    channel = Channel(18.0, 0.003, 0.04)
    depth = channel.depth(one(5.0), one(0.0))
    speed = channel.velocity(one(5.0), depth)
    assert speed[0] == pytest.approx(depth[0] ** (2 / 3) * 0.003**0.5 / 0.04)
    assert channel.depth(one(5.0), one(1.0))[0] == pytest.approx(1.3195 * depth[0], rel=1e-3)


def hourly(days: int, value: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.full(days * 24, value)


def test_a_river_freezes_in_the_cold_grows_ice_ever_slower_and_opens_in_spring() -> None:
    air_c = np.concatenate([hourly(10, 5.0), hourly(100, -15.0), hourly(40, 5.0)])
    same = np.ones(len(air_c))
    celsius, ice = water.water_and_ice(air_c, 150.0 * same, 0.3 * same, 0.0 * same, 0.0 * same)
    assert celsius.min() == 0.0
    assert ice[: 9 * 24].max() == 0.0 and ice[-1] == 0.0
    grown = ice[[20 * 24, 30 * 24, 60 * 24, 70 * 24]]
    assert grown[1] - grown[0] > 1.5 * (grown[3] - grown[2]) > 0
    assert 0.4 < ice.max() < 1.2  # Stefan: 0.02 sqrt(1500 K d) = 0.77 m
    assert celsius[ice > 0.01].max() < 2.0


def test_meltwater_keeps_the_river_cold() -> None:
    same = np.ones(240)
    warm, cold = (
        water.water_and_ice(10.0 * same, 250.0 * same, 0.3 * same, 0.0 * same, part * same)[0][-1]
        for part in (0.0, 0.9)
    )
    assert warm - cold > 2.0 < cold


def test_a_climate_that_begins_in_spring_has_the_winter_s_snow_in_store() -> None:
    place = Place(latitude=33.0, longitude=97.0, altitude_m=4200.0)

    def store(month: int) -> tuple[Snowpack, Flow]:
        begin = int(datetime(2025, month, 21, tzinfo=UTC).timestamp())
        return OrdinaryYear(place, ClimateSettings(), begin).river()

    (spring, dry), (autumn, wet) = store(4), store(9)
    assert sum(autumn.water_mm) == 0.0
    assert list(spring.water_mm) == sorted(spring.water_mm)  # more, the higher
    assert 10.0 < spring.water_mm[0] < spring.water_mm[-1] < 120.0
    assert dry.slow < 0.1 * wet.slow


def test_a_flood_is_more_turbid_when_it_rises_than_when_it_falls() -> None:
    t = np.arange(240.0)
    flood = 2.0 + 10.0 * np.exp(-(((t - 100) / 20) ** 2))
    murk = chemistry.turbidity(flood, 2.0, np.zeros(240), np.zeros(240))
    assert murk[80] > 1.3 * murk[120]  # equal discharge, before and after the crest


def test_salts_are_diluted() -> None:
    thin = chemistry.dilution(np.array([0.5, 2.0, 20.0]), 2.0)
    assert thin[0] > thin[1] == 1.0 > thin[2] > 0.4
