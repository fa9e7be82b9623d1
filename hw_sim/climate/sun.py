"""Knows where the sun stands and how much of it arrives under a clear or a cloudy sky; knows no panel.

Declination and equation of time: Spencer (1971), as in pvlib/pvlib-python:pvlib/solarposition.py. Clear sky: the
simplified Solis model, Ineichen (2008), Solar Energy 82:758, valid to 7000 m, coefficients compared with
pvlib:pvlib/clearsky.py. (Ineichen and Perez's altitude terms exceed the sun itself at 4500 m.)
"""

import math

import numpy as np

from hw_sim.climate.grid import Array

SOLAR_CONSTANT = 1361.0  # W/m2, Kopp and Lean (2011)
AEROSOL = 0.05  # optical depth at 700 nm of the plateau's clean air: ours, the lower end of the model
_SEA_HPA = 1013.25


class Sun:
    """The geometry at every instant: `sine` of the elevation (negative at night), `declination`, `hour_angle` (rad)."""

    def __init__(self, day: Array, solar_h: Array, latitude: float) -> None:
        """`day` of the year, `solar_h` mean solar time as Grid has them, `latitude` in degrees."""
        year = day * (2.0 * math.pi / 365.0)
        self.declination: Array = (
            0.006918
            - 0.399912 * np.cos(year)
            + 0.070257 * np.sin(year)
            - 0.006758 * np.cos(2 * year)
            + 0.000907 * np.sin(2 * year)
            - 0.002697 * np.cos(3 * year)
            + 0.00148 * np.sin(3 * year)
        )
        equation_of_time: Array = (  # rad
            0.0000075
            + 0.001868 * np.cos(year)
            - 0.032077 * np.sin(year)
            - 0.014615 * np.cos(2 * year)
            - 0.040849 * np.sin(2 * year)
        )
        self.hour_angle: Array = (solar_h - 12.0) * (math.pi / 12.0) + equation_of_time
        phi = math.radians(latitude)
        self.sine: Array = math.sin(phi) * np.sin(self.declination) + math.cos(phi) * np.cos(self.declination) * np.cos(
            self.hour_angle
        )
        self.above: Array = np.maximum(self.sine, 0.0)
        self.extraterrestrial: Array = SOLAR_CONSTANT * (1.0 + 0.034 * np.cos(year))  # normal to the beam
        self.elevation_deg: Array = np.degrees(np.arcsin(np.clip(self.sine, -1.0, 1.0)))

    def clear_sky(self, pressure_hpa: float, water_cm: Array) -> Array:
        """Global irradiance on the level, W/m2. `water_cm` is the precipitable water, at least 0.2."""
        wet = np.log(water_cm)
        thin = math.log(pressure_hpa / _SEA_HPA)
        entering = self.extraterrestrial * (
            0.12 * water_cm**0.56 * AEROSOL**2
            + 0.97 * water_cm**0.032 * AEROSOL
            + 1.08 * water_cm**0.0051
            + 0.071 * thin
        )
        depth = (
            (1.24 + 0.047 * wet + 0.0061 * wet * wet) * AEROSOL
            + (0.27 + 0.043 * wet + 0.0090 * wet * wet)
            + (0.0079 * water_cm + 0.1) * thin
        )
        power = -0.0147 * wet - 0.3079 * AEROSOL**2 + 0.2846 * AEROSOL + 0.3798
        sine = np.maximum(self.above, 1e-4)
        irradiance: Array = entering * np.exp(-depth / sine**power) * self.above
        return irradiance


def precipitable_water(dew_point_c: Array) -> Array:
    """cm, from the dew point at the ground: Reitan (1963), J. Appl. Meteorol. 2:776; at least the model's 0.2 cm."""
    water: Array = np.maximum(np.exp(0.1102 + 0.06138 * dew_point_c), 0.2)
    return water


def through_cloud(cover: Array) -> Array:
    """What part of the clear-sky irradiance passes a cover of 0..1: Kasten and Czeplak (1980), Solar Energy 24:177."""
    part: Array = 1.0 - 0.75 * cover**3.4
    return part
