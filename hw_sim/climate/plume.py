"""Knows how a gas leaking at the ground thins out on the wind; knows no chemistry.

Gaussian plume with ground reflection (Turner 1970, Workbook of Atmospheric Dispersion Estimates), Briggs's open-country
coefficients (Briggs 1973), Pasquill's classes by sun and wind (Turner 1970, table 3-1).
"""

import math

import numpy as np

from hw_sim.climate.grid import Array
from hw_sim.climate.overlays import GasLeak, during

_SLOWEST_M_S = 0.5  # below this no plume forms, and the formula has no sense
#            sigma_y      sigma_z: a, b, power of (1 + b x)
_CLASSES = (
    (0.22, 0.20, 0.0, 1.0),  # A
    (0.16, 0.12, 0.0, 1.0),  # B
    (0.11, 0.08, 0.0002, -0.5),  # C
    (0.08, 0.06, 0.0015, -0.5),  # D
    (0.06, 0.03, 0.0003, -1.0),  # E
    (0.04, 0.016, 0.0003, -1.0),  # F
)
NEUTRAL = 3  # class D


def stability(irradiance: Array, wind_m_s: Array, cloud: Array) -> Array:
    """The class, 0 (A) to 5 (F), at every instant."""
    strong = np.select([wind_m_s < 2, wind_m_s < 3, wind_m_s < 5], [0, 1, 1], 2)
    moderate = np.select([wind_m_s < 2, wind_m_s < 3, wind_m_s < 5], [1, 1, 2], 3)
    slight = np.select([wind_m_s < 2, wind_m_s < 5], [1, 2], 3)
    clear_night = np.select([wind_m_s < 3, wind_m_s < 5], [5, 4], 3)
    dull_night = np.where(wind_m_s < 3, 4, 3)
    night = np.where(cloud > 0.5, dull_night, clear_night)
    classes = np.select([irradiance > 700, irradiance > 350, irradiance > 20], [strong, moderate, slight], night)
    whole: Array = classes.astype(np.float64)
    return whole


def concentration(event: GasLeak, t_s: Array, wind_m_s: Array, wind_from_deg: Array, classes: Array) -> Array:
    """ug/m3 at the station while the gas leaks, by wind and class at each instant."""
    inside = during(event, t_s)
    if not inside.any():
        return inside
    bearing = event.bearing_deg
    if bearing is None:
        bearing = float(wind_from_deg[np.argmax(inside)])
    off = np.radians(wind_from_deg - bearing)
    x = np.maximum(event.distance_m * np.cos(off), 1.0)
    y = event.distance_m * np.sin(off)
    table = np.array(_CLASSES)[classes.astype(np.int64)].T
    sigma_y = table[0] * x / np.sqrt(1.0 + 0.0001 * x)
    sigma_z = table[1] * x * (1.0 + table[2] * x) ** table[3]
    wind = np.maximum(wind_m_s, _SLOWEST_M_S)
    grams = event.rate_g_s / (math.pi * wind * sigma_y * sigma_z) * np.exp(-0.5 * (y / sigma_y) ** 2)
    downwind = np.cos(off) > 0.0
    seen: Array = inside * downwind * grams * 1e6
    return seen
