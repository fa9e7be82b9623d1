"""Knows what a solar panel gets and gives: tilt, snow, dirt, heat; knows no battery.

Light on the slope: Liu and Jordan (1963) isotropic sky with the diffuse part of Erbs and others (1982). Temperature:
Faiman (2008). Snow: Marion and others (2013), as in pvlib/pvlib-python:pvlib/snow.py. Dirt grows and is washed off as
Kimber and others (2006) found, here in proportion to PM10.
"""

import math

import numpy as np

from hw_sim.climate.grid import STEP_S, Array
from hw_sim.climate.memory import followed
from hw_sim.climate.sun import Sun

_HOURS = STEP_S / 3600.0
_COVERS_CM_H = 0.5  # snowfall that covers the panel: half of Marion's 1 cm/h, plateau snow is cold and dry (ours)
_SLIDES_W_M2_K = -80.0  # slides when air temperature > irradiance / this
_SLIDES_AN_HOUR = 0.197  # of the slope's length, times sin(tilt)
_DIRT_PER_UG_S = 0.0005 / 86400 / 30.0  # 0.05 % a day at 30 ug/m3 of PM10 (ours; Kimber: 0.05 to 0.3 % a day)
_WASH_PER_MM = 0.7  # 1 mm of rain leaves half of the dirt (ours)
_POWER_PER_K = -0.004  # crystalline silicon, PVWatts version 5 manual, table 3: -0.0047 standard, -0.0035 premium


def on_slope(sun: Sun, irradiance: Array, latitude: float, tilt_deg: float, albedo: Array) -> Array:
    """W/m2 on a plane that is tilted towards the equator."""
    tilt = math.radians(tilt_deg)
    facing = math.radians(latitude - math.copysign(tilt_deg, latitude))
    incidence = math.sin(facing) * np.sin(sun.declination) + math.cos(facing) * np.cos(sun.declination) * np.cos(
        sun.hour_angle
    )
    clearness = np.clip(irradiance / np.maximum(sun.extraterrestrial * sun.above, 1.0), 0.0, 0.8)
    k = clearness
    diffuse = irradiance * np.where(
        k <= 0.22, 1.0 - 0.09 * k, 0.9511 - 0.1604 * k + 4.388 * k**2 - 16.638 * k**3 + 12.336 * k**4
    )
    ratio = np.minimum(np.maximum(incidence, 0.0) / np.maximum(sun.sine, 0.05), 8.0)  # no beam from the horizon
    sky = (1.0 + math.cos(tilt)) / 2.0
    slope: Array = (irradiance - diffuse) * ratio + diffuse * sky + irradiance * albedo * (1.0 - sky)
    return slope


def snow_cover(snowfall_mm_h: Array, slope_w_m2: Array, air_c: Array, tilt_deg: float) -> Array:
    """0..1 of the panel. `snowfall_mm_h` as water; fresh snow has a tenth of its density."""
    slide = np.where(air_c > slope_w_m2 / _SLIDES_W_M2_K, _SLIDES_AN_HOUR * math.sin(math.radians(tilt_deg)), 0.0)
    covered = 0.0
    out = []
    for falls, slides in zip((snowfall_mm_h > _COVERS_CM_H).tolist(), (slide * _HOURS).tolist(), strict=True):
        covered = 1.0 if falls else max(covered - slides, 0.0)
        out.append(covered)
    return np.array(out)


def dirt(pm10: Array, rain_mm_h: Array) -> Array:
    """0..1 of the light lost to dust."""
    keep = np.exp(-_WASH_PER_MM * _HOURS * rain_mm_h)
    lost: Array = np.minimum(followed(keep, _DIRT_PER_UG_S * STEP_S * pm10, 0.005), 0.6)
    return lost


def temperature(air_c: Array, lit_w_m2: Array, wind_m_s: Array) -> Array:
    """degC of the cells: Faiman's U0 = 25, U1 = 6.84."""
    warm: Array = air_c + lit_w_m2 / (25.0 + 6.84 * wind_m_s)
    return warm


def output(lit_w_m2: Array, cells_c: Array) -> Array:
    """% of the rated power."""
    percent: Array = np.maximum(lit_w_m2 / 10.0 * (1.0 + _POWER_PER_K * (cells_c - 25.0)), 0.0)
    return percent
