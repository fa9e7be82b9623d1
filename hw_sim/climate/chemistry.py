"""Knows what the river carries of itself: turbidity, salts, acidity, a little of everything else; knows no waste.

The forms are the usual ones of the literature named below; their numbers are ours, chosen for a clean headwater.
"""

import numpy as np

from hw_sim.climate.grid import HOUR_S, Array, Grid, season
from hw_sim.climate.memory import lagged
from hw_sim.climate.noise import Noise
from hw_sim.climate.settings import ClimateSettings
from hw_sim.streams import Streams

_CLEAR_NTU, _CARRY_NTU = 1.5, 22.0
_CARRY_POWER = 1.6  # of discharge: sediment ratings have 1 to 2 (Asselman 2000, J. Hydrology 234:228)
_SPLASH_NTU = 30.0  # for each mm/h on the slopes
_REFILLS_H, _EMPTIES_H = 20 * 24.0, 40.0  # of the loose sediment
_DILUTES = 0.18  # power of discharge: concentrations fall by Q^-0.1 to Q^-0.3 (Godsey and others 2009)


def turbidity(discharge: Array, mean_m3_s: float, rain_mm_h: Array, ice_cover: Array) -> Array:
    """NTU, hourly. What lies loose is carried off first, so that the same discharge is clearer when it falls than when
    it rose: clockwise hysteresis (Williams 1989, J. Hydrology 111:89)."""
    ratio = discharge / mean_m3_s
    power = ratio**_CARRY_POWER
    splash = lagged(rain_mm_h, 2.5 * HOUR_S, HOUR_S, 0.0)
    supply = 1.0
    out = []
    for carry, wash in zip(power.tolist(), splash.tolist(), strict=True):
        supply += (1.4 - supply) / _REFILLS_H - supply * carry / (carry + 12.0) / _EMPTIES_H
        out.append(supply * (_CARRY_NTU * carry + _SPLASH_NTU * wash))
    murk: Array = _CLEAR_NTU + np.array(out) * (1.0 - 0.85 * ice_cover)
    return murk


def dilution(discharge: Array, mean_m3_s: float) -> Array:
    """How concentrated dissolved rock is against its mean: 1 at the mean discharge."""
    factor: Array = np.clip((discharge / mean_m3_s) ** -_DILUTES, 0.4, 1.8)
    return factor


class Traces:
    """`conductivity` mS/cm at 25 degC (ISO 7888), `ph`, `ammonium` and `cod` mg/L, `chlorophyll` ug/L."""

    def __init__(
        self,
        grid: Grid,
        streams: Streams,
        settings: ClimateSettings,
        diluted: Array,
        murk: Array,
        excess_oxygen: Array,
        water_c: Array,
        irradiance: Array,
    ) -> None:
        """`settings` has the five at the mean discharge. `excess_oxygen` mg/L above saturation goes with the carbon
        dioxide that algae take, and lifts the pH (Odum 1956)."""
        drift = Noise(streams, "salts").red(grid.size, 3 * 86400.0, 3 * HOUR_S)
        ripple = Noise(streams, "traces").red(grid.size, 6 * HOUR_S, 1800.0)
        self.conductivity: Array = settings.conductivity_ms_cm * diluted * (1.0 + 0.015 * drift)
        self.ph: Array = np.clip(settings.ph + 0.25 * np.log(diluted) + 0.3 * excess_oxygen + 0.02 * drift, 5.5, 9.5)
        cold = 1.047 ** -np.minimum(water_c - 5.0, 15.0)  # nitrification sleeps
        self.ammonium: Array = settings.ammonium_mg_l * cold * (1.0 + 0.1 * ripple) + 0.0008 * murk
        self.cod: Array = settings.cod_mg_l * (1.0 + 0.05 * drift + 0.03 * ripple) + 0.06 * murk
        bloom = np.maximum(1.0 + 0.7 * season(grid.day, 150.0) + 0.1 * drift, 0.1)
        self.chlorophyll: Array = settings.chlorophyll_ug_l * bloom * (1.0 - 0.1 * irradiance / 1000.0) + 0.003 * murk
