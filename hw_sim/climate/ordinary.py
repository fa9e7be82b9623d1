"""Knows what a place has in store when a climate begins: snow, flowing water, heat in the ground; knows no weather."""

import numpy as np

from hw_sim.climate import air, catchment, ground, sky, sun
from hw_sim.climate.grid import DAY_S, SPIN_UP_DAYS, Array, day_of_year
from hw_sim.climate.settings import ClimateSettings, Place


class OrdinaryYear:
    """Day by day from the last 1 April (ground) or 1 September (snow) to the beginning of the spin-up."""

    def __init__(self, place: Place, settings: ClimateSettings, start_unix_s: int) -> None:
        self._place, self._settings = place, settings
        self._until_s = start_unix_s - SPIN_UP_DAYS * DAY_S

    def _days_since(self, first_day: float) -> Array:
        """The noons, as days of the year, of every day since `first_day` of the year."""
        now = float(day_of_year(np.array([self._until_s]))[0])
        count = int((now - first_day) % 365.25)
        noons: Array = (first_day + 0.5 + np.arange(float(count))) % 365.25
        return noons

    def river(self) -> tuple[catchment.Snowpack, catchment.Flow]:
        settings = self._settings
        days = self._days_since(243.0)
        land = catchment.Catchment(settings)
        bare = catchment.Snowpack((0.0,) * catchment.BANDS)
        autumn = settings.precipitation_mm / (365.25 * 24.0) * settings.runoff_percent / 100.0
        flow = catchment.Flow(autumn, autumn)
        if not len(days):
            return bare, flow
        air_c = air.normal_temperature(days, self._place.altitude_m, settings)
        falls = sky.normal_rate(days, settings.precipitation_mm)
        liquid, pack = land.melt(air_c, falls, np.zeros(len(days)), bare, 24.0)
        return pack, land.discharge(liquid, flow, DAY_S)[2]

    def ground(self) -> Array:
        year = self._surface(np.arange(0.5, 365.0))
        days = self._surface(self._days_since(90.0))
        swing = float(year.max() - year.min()) / 2.0
        water = self._settings.soil_water_percent / 100.0
        return ground.settled(water, tuple(days.tolist()), 24, float(year.mean()), swing)

    def _surface(self, days: Array) -> Array:
        """degC of the sol-air temperature of the season, daily means."""
        place = self._place
        hourly = np.repeat(np.floor(days), 24)
        light = sun.Sun(hourly, np.tile(np.arange(24.0) + 0.5, len(days)), place.latitude)
        vapour = air.normal_vapour(hourly, place.altitude_m)
        clear = light.clear_sky(air.standard_pressure(place.altitude_m), sun.precipitable_water(air.dew_point(vapour)))
        passing = 0.86 - 0.20 * sky.wetness(days)  # the mean of through_cloud over a season's skies
        daily = clear.reshape(-1, 24).mean(axis=1) * passing
        air_c = air.normal_temperature(days, place.altitude_m, self._settings)
        return ground.driving(air_c, daily, np.zeros(len(days)))
