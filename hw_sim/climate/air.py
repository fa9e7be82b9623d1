"""Knows temperature, pressure, humidity and wind of the air; knows no sun and no rain but as what drives them.

Seasons and spreads are fitted to recordings/met_xidatan_daily_2014_2018.csv.
"""

import math

import numpy as np

from hw_sim.climate.grid import DAY_S, HOUR_S, STEP_S, Array, Grid, season
from hw_sim.climate.memory import lagged, trailing_mean
from hw_sim.climate.noise import Noise
from hw_sim.climate.overlays import AnyOverlay, ColdWave, DustStorm, SpringFlood, Storm, outline
from hw_sim.climate.settings import ClimateSettings
from hw_sim.streams import Streams

WARM_DAY = 200.0  # 19 July: the fit's warmest day
_XIDATAN_C, _XIDATAN_M = -2.95, 4500.0  # the recording's -3.25 without the cold waves; altitude from literature
LAPSE_K_M = 0.0065  # ISO 2533
_AIR_LAG_S = 2.5 * HOUR_S  # the air follows the sun so late: warmest about 15 h solar time
_TOP_SUN = 900.0  # W/m2 that the lagged sun swings by, from night to afternoon of a clear day in spring
_FRONT_S, _COLD_S = 5 * HOUR_S, 2.2 * DAY_S  # a cold wave comes so fast and goes so slowly


def standard_pressure(altitude_m: float) -> float:
    """hPa, ISO 2533 (ICAO standard atmosphere): 577.3 at 4500 m."""
    return 1013.25 * math.pow(1.0 - 2.25577e-5 * altitude_m, 5.25588)


def saturation_vapour(temperature_c: Array) -> Array:
    """hPa over water: Magnus, WMO-No. 8 (CIMO guide), annex 4.B."""
    vapour: Array = 6.112 * np.exp(17.62 * temperature_c / (243.12 + temperature_c))
    return vapour


def dew_point(vapour_hpa: Array) -> Array:
    """degC: the inverse of saturation_vapour."""
    ratio = np.log(vapour_hpa / 6.112)
    point: Array = 243.12 * ratio / (17.62 - ratio)
    return point


def normal_temperature(day: Array, altitude_m: float, settings: ClimateSettings) -> Array:
    """degC, the daily mean of that time of the year."""
    mean = settings.mean_temperature_c
    if mean is None:
        mean = _XIDATAN_C - LAPSE_K_M * (altitude_m - _XIDATAN_M)
    normal: Array = mean + settings.season_k * season(day, WARM_DAY)
    return normal


def normal_vapour(day: Array, altitude_m: float) -> Array:
    """hPa of water vapour at that time of the year; it halves in about 2.2 km (Hann 1897: exp(-h / 3100 m))."""
    vapour: Array = np.exp(0.80 + 1.07 * season(day, 206.0) - (altitude_m - _XIDATAN_M) / 3100.0)
    return vapour


class Air:
    """`temperature_c`, `pressure_hpa`, `humidity` %, `dew_point_c`, `wind_m_s`, `wind_from_deg` (not wrapped)."""

    def __init__(
        self,
        grid: Grid,
        streams: Streams,
        altitude_m: float,
        settings: ClimateSettings,
        irradiance: Array,
        moist: Array,
        water_mm_h: Array,
        overlays: tuple[AnyOverlay, ...],
    ) -> None:
        self._grid = grid
        winter = 0.5 - 0.5 * season(grid.day, WARM_DAY)
        weather = Noise(streams, "weather").red(grid.size, 2.6 * DAY_S, 4 * HOUR_S)
        waves = cold_waves(grid, streams, settings.cold_waves_per_year, winter)
        swing = _daily_swing(irradiance) * (settings.sunny_range_k / _TOP_SUN) * (1.0 + 0.6 * winter)
        spread = settings.weather_k * (0.85 + 0.3 * winter)
        temperature = normal_temperature(grid.day, altitude_m, settings) + spread * weather - waves + swing
        self.temperature_c: Array = _laid_on_temperature(grid, temperature, overlays)

        self.wind_m_s, self.wind_from_deg = self._wind(streams, settings, overlays)
        self.pressure_hpa: Array = self._pressure(streams, altitude_m, weather, waves, overlays)

        breath = Noise(streams, "vapour").red(grid.size, 1.5 * DAY_S, 3 * HOUR_S)
        vapour = normal_vapour(grid.day, altitude_m) * np.exp(0.30 * moist + 0.12 * weather + 0.15 * breath)
        full = saturation_vapour(self.temperature_c)
        wetting = lagged(1.0 - np.exp(-water_mm_h / 0.4), 0.5 * HOUR_S)
        vapour = vapour + np.maximum(full - vapour, 0.0) * 0.85 * wetting
        for event in overlays:
            if isinstance(event, DustStorm):
                vapour = vapour * (1.0 - 0.4 * outline(event, grid.t_s, 0.1, 0.4))
        self.humidity: Array = np.clip(100.0 * vapour / full, 4.0, 100.0)
        self.dew_point_c: Array = dew_point(self.humidity / 100.0 * full)

    def _pressure(
        self, streams: Streams, altitude_m: float, weather: Array, waves: Array, overlays: tuple[AnyOverlay, ...]
    ) -> Array:
        """The seasonal wave is that of a warm column under a high place, highest in autumn (ours, +-2.5 hPa). The tide:
        Haurwitz (1956), S2 = 1.16 hPa cos^3(latitude) at the sea, taken at 35 degrees; maxima at 9.7 h and 21.7 h."""
        grid = self._grid
        standard = standard_pressure(altitude_m)
        tide = 1.16 * math.cos(math.radians(35.0)) ** 3 * np.cos((grid.solar_h - 9.7) * (math.pi / 6.0))
        passing = Noise(streams, "pressure").red(grid.size, 2.0 * DAY_S, 6 * HOUR_S)
        pressure: Array = (
            standard
            + 2.5 * season(grid.day, 245.0)
            + standard / 1013.25 * tide
            + 2.0 * passing
            - 0.8 * weather
            + 0.25 * waves
        )
        for event in overlays:
            if isinstance(event, Storm):
                pressure = pressure - event.pressure_hpa * outline(event, grid.t_s, 0.4, 0.5)
        return pressure

    def _wind(
        self, streams: Streams, settings: ClimateSettings, overlays: tuple[AnyOverlay, ...]
    ) -> tuple[Array, Array]:
        """Strong in winter and in the afternoon; days differ log-normally, minutes by gusts (turbulence 0.18, ours)."""
        grid = self._grid
        days = Noise(streams, "wind days").red(grid.size, 1.2 * DAY_S, 3 * HOUR_S)
        gusts = Noise(streams, "gusts").red(grid.size, 600.0)
        afternoon = 1.0 + 0.45 * np.cos((grid.solar_h - 15.5) * (math.pi / 12.0))
        mean = settings.wind_m_s * (1.0 + 0.28 * season(grid.day, 5.0)) * afternoon
        speed = mean * np.exp(0.35 * days - 0.06) * np.maximum(1.0 + 0.18 * gusts, 0.1)
        for event in overlays:
            if isinstance(event, Storm | DustStorm):
                speed = speed + event.wind_m_s * outline(event, grid.t_s, 0.15, 0.4) * (1.0 + 0.15 * gusts)
        turning = Noise(streams, "wind turning").red(grid.size, 0.8 * DAY_S, 2 * HOUR_S)
        flutter = Noise(streams, "wind flutter").red(grid.size, 900.0)
        return speed, settings.wind_from_deg + 45.0 * turning + 12.0 * flutter


def cold_waves(grid: Grid, streams: Streams, per_year: float, winter: Array) -> Array:
    """K by which the cold waves of the season's chance lower the temperature: 6 to 12 K each, from October to April."""
    steps = int(DAY_S / STEP_S)
    days = -(-grid.size // steps)
    noise = Noise(streams, "cold waves")
    chance, depth, hour = noise.uniforms(3 * days).reshape(days, 3).T
    first = np.arange(days) * steps
    likely = 2.0 * winter[np.minimum(first, grid.size - 1)] * per_year / 365.25
    hits = chance < likely
    kick = np.zeros(grid.size + steps)
    kick[first[hits] + (hour[hits] * steps).astype(np.int64)] = 6.0 + 6.0 * depth[hits]
    peak = (_FRONT_S / _COLD_S) ** (
        _FRONT_S / (_COLD_S - _FRONT_S)
    )  # of exp(-t/cold) - exp(-t/front), without its gain
    peak = peak * (1.0 - _FRONT_S / _COLD_S)
    going = lagged(kick[: grid.size], _COLD_S, first=0.0) * (_COLD_S / STEP_S)
    coming = lagged(kick[: grid.size], _FRONT_S, first=0.0) * (_FRONT_S / STEP_S)
    waves: Array = (going - coming) / peak
    return waves


def _daily_swing(irradiance: Array) -> Array:
    """W/m2 by which the lagged sun differs from its last 24 hours."""
    late = lagged(irradiance, _AIR_LAG_S)
    swing: Array = late - trailing_mean(late, int(DAY_S / STEP_S))
    return swing


def _laid_on_temperature(grid: Grid, temperature: Array, overlays: tuple[AnyOverlay, ...]) -> Array:
    for event in overlays:
        if isinstance(event, SpringFlood):
            temperature = temperature + event.warmer_k * outline(event, grid.t_s, 0.15, 0.25)
        elif isinstance(event, ColdWave):
            shape = outline(event, grid.t_s, 0.12, 0.3)
            drop = event.drop_k
            inside = shape > 0.5
            if event.lowest_c is not None and inside.any():
                needed = (temperature[inside] - event.lowest_c) / shape[inside]
                drop = max(float(needed.min()), 0.0)
            temperature = temperature - drop * shape
        elif isinstance(event, Storm):
            temperature = temperature - 3.0 * outline(event, grid.t_s, 0.3, 0.6)  # rain-cooled (ours)
    return temperature
