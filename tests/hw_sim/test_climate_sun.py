"""Sun and panel: geometry against the almanac, the thin air's irradiance, snow that covers and slides."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from hw_sim.climate import panel, sun
from hw_sim.climate.air import standard_pressure
from hw_sim.climate.grid import Array, day_of_year

LATITUDE = 35.7


def year(latitude: float = LATITUDE) -> sun.Sun:
    """Every 5 minutes of a year, mean solar time."""
    step = np.arange(0.0, 365.0, 1 / 288)
    return sun.Sun(step, step % 1.0 * 24.0, latitude)


def test_the_day_of_the_year_begins_at_midnight_utc() -> None:
    unix = [datetime(2024, *rest, tzinfo=UTC).timestamp() for rest in ((1, 1, 0), (3, 1, 0), (12, 31, 12))]
    assert day_of_year(np.array(unix)).tolist() == [0.0, 60.0, 365.5]  # a leap year


def test_the_noon_sun_stands_where_the_almanac_has_it() -> None:
    noon = year().elevation_deg.reshape(365, 288).max(axis=1)
    assert noon.max() == pytest.approx(90 - LATITUDE + 23.44, abs=0.1)  # obliquity 23.44 degrees
    assert noon.min() == pytest.approx(90 - LATITUDE - 23.44, abs=0.1)
    assert int(noon.argmax()) == pytest.approx(171, abs=2)  # 21 June


def test_the_equation_of_time_has_its_two_extremes() -> None:
    minutes = (
        (year().hour_angle - (np.arange(0.0, 365.0, 1 / 288) % 1.0 * 24.0 - 12.0) * (math.pi / 12)) * 720 / math.pi
    )
    assert minutes.max() == pytest.approx(16.4, abs=0.3)  # early in November
    assert minutes.min() == pytest.approx(-14.3, abs=0.3)  # in February


def clear_noon(altitude_m: float, water_cm: float) -> float:
    light = year()
    return float(light.clear_sky(standard_pressure(altitude_m), np.full(len(light.sine), water_cm)).max())


def test_clear_noon_in_summer_is_brighter_in_thin_air_but_darker_than_space() -> None:
    """Some 1000 W/m2 at the sea, 1050 to 1200 at 4500 m; above the air there are 1317 at aphelion."""
    low, high = clear_noon(0.0, 2.0), clear_noon(4500.0, 0.7)
    assert 900 < low < 1040
    assert 1050 < high < 1200
    assert high < 1317 * math.sin(math.radians(77.7))


def test_nothing_shines_at_night() -> None:
    light = year()
    irradiance = light.clear_sky(577.0, np.full(len(light.sine), 0.5))
    assert irradiance[light.sine <= 0].max() == 0.0
    assert irradiance.min() == 0.0


def test_cloud_takes_three_quarters_at_most() -> None:
    assert sun.through_cloud(np.array([0.0, 0.5, 1.0])).tolist() == pytest.approx([1.0, 0.929, 0.25], abs=1e-3)


def test_a_tilted_panel_gets_more_in_winter_on_both_hemispheres() -> None:
    for latitude, winter_day in ((35.0, 355), (-35.0, 172)):
        light = year(latitude)
        level = light.clear_sky(577.0, np.full(len(light.sine), 0.4))
        slope = panel.on_slope(light, level, latitude, 45.0, np.full(len(level), 0.2))
        day = slice(winter_day * 288, (winter_day + 1) * 288)
        assert 1.4 < slope[day].sum() / level[day].sum() < 2.6
        assert slope.max() < 1361 * 1.1


def test_snow_covers_the_panel_and_slides_when_it_is_mild_but_not_in_frost() -> None:
    def after(air_c: float, sun_w_m2: float) -> Array:
        snowfall = np.zeros(288)
        snowfall[:12] = 2.0
        return panel.snow_cover(snowfall, np.full(288, sun_w_m2), np.full(288, air_c), 45.0)

    mild, frost = after(2.0, 300.0), after(-20.0, 100.0)
    assert mild[0] == frost[-1] == 1.0
    hours = 1.0 / (0.197 * math.sin(math.radians(45)))  # Marion and others: so long to slide off
    gone = int(np.argmax(mild == 0.0))
    assert gone == pytest.approx(12 + hours * 12, abs=2)


def test_dirt_grows_dry_and_rain_takes_it() -> None:
    rain = np.zeros(288 * 20)
    rain[-24:] = 3.0
    lost = panel.dirt(np.full(len(rain), 60.0), rain)
    assert lost[-25] == pytest.approx(0.005 + 0.001 * 20, rel=0.05)  # 0.1 % a day at 60 ug/m3
    assert lost[-1] < 0.1 * lost[-25]


def test_a_cold_lit_panel_gives_more_than_a_hot_one() -> None:
    lit = np.array([1000.0, 1000.0, 0.0])
    cells = panel.temperature(np.array([-20.0, 30.0, 10.0]), lit, np.array([2.0, 2.0, 2.0]))
    assert cells.tolist() == pytest.approx([5.85, 55.85, 10.0], abs=0.02)  # 1000 / (25 + 6.84 * 2) = 25.85
    assert panel.output(lit, cells).tolist() == pytest.approx([107.66, 87.66, 0.0], abs=0.02)
