"""Knows the temperature of the river and its ice, hour by hour; knows no chemistry.

Temperature: relaxes to the equilibrium temperature (Edinger, Duttweiler and Geyer 1968, Water Resour. Res. 4:1137).
Ice: Stefan's growth with the resistance of the air layer (Ashton 1989, Thin ice growth), melt by the same exchange.
"""

import math

import numpy as np

from hw_sim.climate.grid import HOUR_S, Array

_EXCHANGE = 30.0  # W/(m2 K) of a small river's surface: Edinger's range is 15 to 50
_ABSORBED, _ICE_ABSORBED = 0.8, 0.45  # of the sun
_SKY_LOSS = 105.0  # W/m2 of long waves lost to the clear thin sky, net (ours)
_HEAT = 4.19e6  # J/(m3 K) of water
_ICE_HEAT = 917.0 * 334e3  # J/m3 to melt ice
_ICE_CONDUCTS, _SNOW_CONDUCTS = 2.2, 0.2  # W/(m K)
_SPRINGS_C, _SPRINGS_PART = 2.0, 0.25  # ground water and the bed that hold the river back (ours)
_FROM_BELOW = 12.0  # W/m2 that springs and bed bring to the underside of the ice (ours)
_FULL_COVER_M = 0.04  # ice of that thickness has closed to 63 %


def water_and_ice(
    air_c: Array, irradiance: Array, depth_m: Array, snow_depth_m: Array, meltwater: Array
) -> tuple[Array, Array]:
    """(degC of the water, m of ice) at the end of each hour. `meltwater` 0..1 is the part of the discharge that is
    fresh from snow and keeps the water near 1 degC."""
    radiation = irradiance / _EXCHANGE
    open_air = air_c + _ABSORBED * radiation - _SKY_LOSS / _EXCHANGE
    open_air = open_air - np.clip(meltwater, 0.0, 1.0) * 0.4 * np.maximum(open_air - 1.0, 0.0)
    open_air = open_air + _SPRINGS_PART * (_SPRINGS_C - open_air)
    over_ice = air_c + _ICE_ABSORBED * radiation - _SKY_LOSS / _EXCHANGE
    heat = depth_m * _HEAT
    keep = np.exp(-_EXCHANGE * HOUR_S / heat)
    celsius = max(float(open_air[:48].mean()), 0.0)
    ice = first_ice(float(air_c[:240].mean()))
    temperatures, thicknesses = [], []
    rows = zip(
        open_air.tolist(), over_ice.tolist(), keep.tolist(), heat.tolist(), (snow_depth_m * 0.5).tolist(), strict=True
    )
    for free, covered, kept, joules_a_k, snow in rows:
        if ice <= 0.0:
            celsius = free + (celsius - free) * kept
            if celsius < 0.0:
                ice = -celsius * joules_a_k / _ICE_HEAT
                celsius = 0.0
        else:
            if covered < 0.0:
                resistance = 1.0 / _EXCHANGE + ice / _ICE_CONDUCTS + snow / _SNOW_CONDUCTS
                ice -= (covered / resistance + _FROM_BELOW) * HOUR_S / _ICE_HEAT
            else:
                ice -= (covered * _EXCHANGE + _FROM_BELOW) * HOUR_S / _ICE_HEAT
            celsius *= 0.7  # what warmth there was under the ice goes into it
            if ice <= 0.0:
                ice = 0.0
        temperatures.append(celsius)
        thicknesses.append(ice)
    return np.array(temperatures), np.array(thicknesses)


def first_ice(air_c: float) -> float:
    """m of ice with which a reckoning begins where the air has been `air_c` for long: of 40 such days (Stefan's
    0.02 m/(K d)^0.5 for rivers with snow, Michel 1971), none above -4 degC."""
    return 0.02 * math.sqrt(40.0 * max(-air_c - 4.0, 0.0))


def ice_cover(ice_m: Array) -> Array:
    """0..1 of the surface."""
    cover: Array = 1.0 - np.exp(-ice_m / _FULL_COVER_M)
    return cover
