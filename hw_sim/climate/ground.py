"""Knows heat and frozen water in the ground below the station; knows no air but what drives its surface.

One-dimensional conduction in enthalpy form (Shamsundar and Sparrow 1975, J. Heat Transfer 97:333), explicit, hourly:
while the water of a layer freezes it stays at 0 degC, the zero curtain (Outcalt and others 1990).
"""

import math
from functools import cache

import numpy as np

from hw_sim.climate.grid import HOUR_S, Array

FROZEN_HEAT, THAWED_HEAT = 1.9e6, 2.4e6  # J/(m3 K) of moist mineral soil (Williams and Smith 1989, The Frozen Earth)
FROZEN_CONDUCTS, THAWED_CONDUCTS = 1.8, 1.2  # W/(m K)
MELTING = 334e6  # J/m3 of water
_LAYERS_M = (0.1,) * 10 + (0.2,) * 5 + (0.4,) * 5 + (1.0,) * 6 + (2.0,) * 3  # to 16 m: no heat from below
_TO_AIR = 15.0  # W/(m2 K) between surface and air
_SUN_WARMS, _SKY_COOLS = 0.45, 52.0  # part of the sun that warms; W/m2 lost by long waves (ours: surface 3 K warmer)
_SNOW_CONDUCTS = 0.25  # W/(m K)
_NEVER_FREEZES = 0.05  # of the volume: bound water
PORES_PERCENT = 45.0  # of the volume: no more water fits
MID_M: Array = np.cumsum(_LAYERS_M) - 0.5 * np.array(_LAYERS_M)


def driving(air_c: Array, irradiance: Array, snow_cover: Array) -> Array:
    """degC of an air that would warm the surface as air, sun and sky together do."""
    sun = irradiance * _SUN_WARMS * (1.0 - 0.7 * snow_cover)
    sol_air: Array = air_c + (sun - _SKY_COOLS) / _TO_AIR
    return sol_air


class Ground:
    """Layers of ground; `water` is what can freeze, 0..1 of the volume."""

    def __init__(self, water: float) -> None:
        self._latent = water * MELTING
        self._layers = np.array(_LAYERS_M)

    def enthalpy(self, celsius: Array) -> Array:
        """J/m3 above frozen at 0 degC; a layer at 0 degC counts as frozen."""
        heat: Array = np.where(celsius > 0, celsius * THAWED_HEAT + self._latent, celsius * FROZEN_HEAT)
        return heat

    def temperature(self, enthalpy: Array) -> Array:
        """degC."""
        warm: Array = np.minimum(enthalpy, 0.0) / FROZEN_HEAT + np.maximum(enthalpy - self._latent, 0.0) / THAWED_HEAT
        return warm

    def thawed(self, enthalpy: Array) -> Array:
        """0..1 of each layer's water that is liquid."""
        if not self._latent:
            part: Array = (enthalpy > 0.0).astype(np.float64)
            return part
        part = np.clip(enthalpy / self._latent, 0.0, 1.0)
        return part

    def run(self, surface_c: Array, snow_m: Array, enthalpy: Array) -> Array:
        """J/m3 of each layer (column) at the end of each hour (row), from `enthalpy`."""
        half = 0.5 * self._layers
        gain = HOUR_S / self._layers
        spread = THAWED_CONDUCTS - FROZEN_CONDUCTS
        cover = (1.0 / _TO_AIR + snow_m / _SNOW_CONDUCTS).tolist()
        latent = max(self._latent, 1.0)
        out = np.empty((len(surface_c), len(self._layers)))
        held = enthalpy.copy()
        flux = np.zeros(len(self._layers) + 1)
        for hour, (above, over) in enumerate(zip(surface_c.tolist(), cover, strict=True)):
            liquid = (held / latent).clip(0.0, 1.0)
            resistance = half / (FROZEN_CONDUCTS + spread * liquid)
            celsius = np.minimum(held, 0.0) / FROZEN_HEAT + np.maximum(held - self._latent, 0.0) / THAWED_HEAT
            flux[1:-1] = (celsius[:-1] - celsius[1:]) / (resistance[:-1] + resistance[1:])
            flux[0] = (above - celsius[0]) / (over + resistance[0])
            held = held + gain * (flux[:-1] - flux[1:])
            out[hour] = held
        return out

    def wave(self, mean_c: float, amplitude_k: float, since_peak_s: float) -> Array:
        """degC of each layer under an annual wave, without freezing: amplitude exp(-z/d), late by z/d radians."""
        depth = MID_M / damping_depth(FROZEN_CONDUCTS / FROZEN_HEAT, 365.25 * 86400.0)
        phase = 2.0 * math.pi * since_peak_s / (365.25 * 86400.0)
        celsius: Array = mean_c + amplitude_k * np.exp(-depth) * np.cos(phase - depth)
        return celsius


def damping_depth(diffusivity: float, period_s: float) -> float:
    """m in which a wave of that period shrinks to 1/e: sqrt(diffusivity * period / pi)."""
    return math.sqrt(diffusivity * period_s / math.pi)


def surface_temperature(sol_air_c: Array, first_layer_c: Array, snow_m: Array) -> Array:
    """degC of the ground's own surface, under the snow and above the first layer."""
    outside = 1.0 / _TO_AIR + snow_m / _SNOW_CONDUCTS
    inside = 0.5 * _LAYERS_M[0] / FROZEN_CONDUCTS
    between: Array = (sol_air_c * inside + first_layer_c * outside) / (inside + outside)
    return between


@cache
def settled(water: float, surface_c: tuple[float, ...], hours_each: int, mean_c: float, amplitude_k: float) -> Array:
    """J/m3 of each layer after the given surface temperatures of an ordinary year, `hours_each` hours each, that began
    in spring with everything frozen that the year can freeze. Kept, as many runs begin alike: do not change it."""
    ground = Ground(water)
    spring = ground.wave(mean_c, amplitude_k, (90.0 - 205.0) * 86400.0)
    surface = np.repeat(np.array(surface_c), hours_each)
    if not len(surface):
        return ground.enthalpy(spring)
    heat: Array = ground.run(surface, np.zeros(len(surface)), ground.enthalpy(spring))[-1]
    return heat


def at_depths(layers: Array, depths_m: tuple[float, ...]) -> list[Array]:
    """Each depth's value, hour by hour, in straight lines between the layers' middles."""
    found = []
    for depth in depths_m:
        after = int(np.clip(np.searchsorted(MID_M, depth), 1, len(MID_M) - 1))
        low, high = MID_M[after - 1], MID_M[after]
        part = min(max((depth - low) / (high - low), 0.0), 1.0)
        found.append(layers[:, after - 1] * (1.0 - part) + layers[:, after] * part)
    return found


def liquid_percent(thawed: Array, water: float) -> Array:
    """% of the volume that is liquid water, which is what a moisture probe sees."""
    bound = min(_NEVER_FREEZES, water)
    percent: Array = 100.0 * (bound + (water - bound) * thawed)
    return percent


def thaw_depth(thawed: Array) -> Array:
    """m of ground, of the upper 10, in which the water is liquid."""
    upper = MID_M < 10.0
    depth: Array = (thawed[:, upper] * np.array(_LAYERS_M)[upper]).sum(axis=1)
    return depth
