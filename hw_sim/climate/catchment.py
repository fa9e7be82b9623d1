"""Knows how snow, ice and rain on the land above the station become discharge; knows no channel.

Melt by degree-days in bands of height (Hock 2003, J. Hydrology 282:104; Martinec 1975), runoff through two linear
reservoirs (Maillet 1905), hour by hour.
"""

from typing import NamedTuple

import numpy as np

from hw_sim.climate.air import LAPSE_K_M
from hw_sim.climate.grid import HOUR_S, Array
from hw_sim.climate.memory import lagged
from hw_sim.climate.settings import ClimateSettings
from hw_sim.climate.snow import snow_part

BANDS = 5
_ICE_MELTS = 1.7  # times faster than snow (Hock 2003, table 1: about 4.5 to 7.5 mm/(K d))
_QUICK_S, _SLOW_S = 9 * HOUR_S, 35 * 86400.0  # over and through the active layer; out of the ground (ours)
_QUICK_PART = 0.55
_DEEP_PART = 0.12  # of the mean discharge: springs below the permafrost, all the year (ours)


class Snowpack(NamedTuple):
    """mm of snow water in each band, lowest first."""

    water_mm: tuple[float, ...]


class Flow(NamedTuple):
    """mm/h on the catchment that the quick and the slow reservoir give."""

    quick: float
    slow: float


class Catchment:
    """The land of one river above a station."""

    def __init__(self, settings: ClimateSettings) -> None:
        self._settings = settings
        self._heights_m = [(band + 0.5) / BANDS * settings.relief_m for band in range(BANDS)]

    @property
    def mean_m3_s(self) -> float:
        """The mean discharge that the settings stand for, at least 0.05: no river dries up."""
        settings = self._settings
        wet_mm_h = settings.precipitation_mm / (365.25 * 24.0) * settings.runoff_percent / 100.0
        return max(wet_mm_h * settings.catchment_km2 / 3.6 * (1.0 + _DEEP_PART), 0.05)

    def melt(
        self, air_c: Array, water_mm_h: Array, extra_snow_mm: Array, pack: Snowpack, step_h: float
    ) -> tuple[Array, Snowpack]:
        """(melt and rain in mm/h on the whole catchment, the pack after). `air_c` is the station's; `extra_snow_mm`
        is snow laid on every band at that step."""
        settings = self._settings
        total = np.zeros(len(air_c))
        left = []
        for band, height in enumerate(self._heights_m):
            there = air_c - LAPSE_K_M * height
            part = snow_part(there)
            snowfall = (part * water_mm_h * step_h + extra_snow_mm).tolist()
            can_melt = (np.maximum(there, 0.0) * (settings.degree_day_mm * step_h / 24.0)).tolist()
            held = pack.water_mm[band]
            melted, bare = [], []
            for falls, can in zip(snowfall, can_melt, strict=True):
                held += falls
                gone = can if can < held else held
                held -= gone
                melted.append(gone)
                bare.append(can - gone)
            left.append(held)
            flow = np.array(melted) / step_h + (1.0 - part) * water_mm_h
            if band == BANDS - 1:  # what ice there is lies highest
                flow += np.array(bare) / step_h * _ICE_MELTS * min(settings.glacier_percent / 100.0 * BANDS, 1.0)
            total += flow / BANDS
        return total, Snowpack(tuple(left))

    def discharge(self, liquid_mm_h: Array, first: Flow, step_s: float) -> tuple[Array, Array, Flow]:
        """(m3/s, what part of it is quick, the reservoirs' flow at the end) from melt and rain."""
        settings = self._settings
        runoff = liquid_mm_h * settings.runoff_percent / 100.0
        quick = lagged(_QUICK_PART * runoff, _QUICK_S, step_s, first.quick)
        slow = lagged((1.0 - _QUICK_PART) * runoff, _SLOW_S, step_s, first.slow)
        deep = self.mean_m3_s * _DEEP_PART / (1.0 + _DEEP_PART)
        cubic = (quick + slow) * (settings.catchment_km2 / 3.6) + deep
        return cubic, quick * (settings.catchment_km2 / 3.6) / cubic, Flow(float(quick[-1]), float(slow[-1]))
