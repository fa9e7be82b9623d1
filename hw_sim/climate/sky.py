"""Knows the moisture that drifts over the place: cloud and precipitation from one hidden process; knows no temperature.

One Gaussian process stands behind both, so that it never rains from a clear sky (a truncated Gaussian, as Glasbey and
Nevison 1997 and Bell 1987 use for rain). Cloud cover is its logistic function, fitted to the short-wave radiation of
recordings/met_xidatan_daily_2014_2018.csv; rates are scaled to the settings' millimetres a year.
"""

import math

import numpy as np

from hw_sim.climate.grid import HOUR_S, Array, Grid, season
from hw_sim.climate.noise import Noise
from hw_sim.climate.overlays import AnyOverlay, Storm, outline
from hw_sim.streams import Streams

WET_DAY = 205.0  # the middle of the wet season, 24 July
_SHARPNESS = 2.2  # von Mises: 89 % of the water falls from May to September, as on the plateau
_DRIFT_S, _SHOWER_S = 26 * HOUR_S, 1.0 * HOUR_S  # fronts, showers
_DRIFT_PART = 0.86  # of the deviation; showers have the rest
_AFTERNOON_H = 18.0  # convection is strongest late in the day
_POWER = 1.6  # of the rate over the threshold: few heavy showers, much drizzle


class Sky:
    """`moist` the hidden process (normal, but for the afternoons), `cover` 0..1, `water_mm_h` rain and snow alike."""

    def __init__(self, grid: Grid, streams: Streams, precipitation_mm: float, overlays: tuple[AnyOverlay, ...]) -> None:
        showers = math.sqrt(1.0 - _DRIFT_PART**2)
        drift = Noise(streams, "drift").red(grid.size, _DRIFT_S, 2 * HOUR_S)
        self.moist: Array = _DRIFT_PART * drift + showers * Noise(streams, "showers").red(grid.size, _SHOWER_S, 900.0)
        summer = wetness(grid.day)
        lifted = self.moist + _afternoon(summer, grid.solar_h)
        over = np.maximum(lifted - _threshold(summer), 0.0)
        water = normal_rate(grid.day, precipitation_mm) * over**_POWER / _expected(summer)
        cloud = 1.0 / (1.0 + np.exp(-(1.5 * lifted - 0.9 + 1.7 * summer)))
        for event in overlays:
            if isinstance(event, Storm):
                shape = outline(event, grid.t_s, 0.3, 0.5)
                water = water + storm_rate(event, grid.t_s)
                cloud = cloud + (1.0 - cloud) * shape
        self.water_mm_h: Array = water
        self.cover: Array = cloud


def wetness(day: Array) -> Array:
    """0 in the dry season .. 1 in the wet one."""
    part: Array = 0.5 + 0.5 * season(day, WET_DAY)
    return part


def normal_rate(day: Array, precipitation_mm: float) -> Array:
    """What falls on the average at that time of the year, mm/h."""
    share = np.exp(_SHARPNESS * season(day, WET_DAY)) / np.i0(_SHARPNESS)
    rate: Array = precipitation_mm / (365.25 * 24.0) * share
    return rate


def storm_rate(event: Storm, t_s: Array) -> Array:
    """mm/h of a storm alone: its outline, which has 0.6 of the area of its box, brought to its millimetres."""
    hours = event.lasts_s / HOUR_S
    rate: Array = event.precipitation_mm / (0.6 * hours) * outline(event, t_s, 0.3, 0.5)
    return rate


def _afternoon(summer: Array, solar_h: Array) -> Array:
    lift: Array = 0.5 * summer * np.cos((solar_h - _AFTERNOON_H) * (math.pi / 12.0))
    return lift


def _threshold(summer: Array) -> Array:
    limit: Array = 1.55 - 0.75 * summer
    return limit


def _expected(summer: Array) -> Array:
    """The mean of max(moist - threshold, 0)**_POWER over a day and over the normal distribution."""
    parts = np.linspace(0.0, 1.0, 21)
    hours = np.arange(24.0)
    z = np.linspace(-5.0, 5.0, 201)
    weight = np.exp(-0.5 * z * z)
    weight /= weight.sum()
    lift = _afternoon(parts[:, None], hours[None, :]) - _threshold(parts)[:, None]
    over = np.maximum(z[None, None, :] + lift[:, :, None], 0.0) ** _POWER
    table: Array = (over * weight).sum(axis=2).mean(axis=1)
    return np.interp(summer, parts, table)
