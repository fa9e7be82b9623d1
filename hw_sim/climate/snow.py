"""Knows how precipitation divides into rain and snow and how snow lies at the station; knows no catchment.

Hourly: the state at the end of each hour.
"""

import numpy as np

from hw_sim.climate.grid import Array

FRESH_KG_M3, OLD_KG_M3 = 100.0, 300.0  # usual densities of new and settled snow (Paterson, The Physics of Glaciers)
_SETTLES_H = 5 * 24.0
_SUBLIMES_MM_H = 0.5 / 24.0  # ours: wind and sun take a thin plateau snow within days
_LIES_THIN_MM = 5.0  # of water: covers the ground


def snow_part(air_c: Array) -> Array:
    """0..1 of the precipitation that is snow: all below -1 degC, none above 3 (US Army Corps of Engineers 1956)."""
    part: Array = np.clip((3.0 - air_c) / 4.0, 0.0, 1.0)
    return part


def lying(air_c: Array, snowfall_mm_h: Array, degree_day_mm: float) -> tuple[Array, Array]:
    """(water in mm, depth in mm) of the snow on the ground, hour by hour, from none."""
    melts = (np.maximum(air_c, 0.0) * (degree_day_mm / 24.0) + _SUBLIMES_MM_H).tolist()
    water, density = 0.0, FRESH_KG_M3
    waters, depths = [], []
    for fallen, gone in zip(snowfall_mm_h.tolist(), melts, strict=True):
        if fallen > 0.0:
            density = (density * water + FRESH_KG_M3 * fallen) / (water + fallen)
            water += fallen
        density += (OLD_KG_M3 - density) / _SETTLES_H
        water = max(water - gone, 0.0)
        waters.append(water)
        depths.append(water * 1000.0 / density)
    return np.array(waters), np.array(depths)


def ground_cover(water_mm: Array) -> Array:
    """0..1 of the ground that is white."""
    cover: Array = np.minimum(water_mm / _LIES_THIN_MM, 1.0)
    return cover


def albedo(cover: Array) -> Array:
    """Of the ground: 0.2 bare, 0.7 white (usual values)."""
    whole: Array = 0.2 + 0.5 * cover
    return whole
