"""Knows how much oxygen water can hold and how much of it a river has; knows no pollution.

Saturation: Benson and Krause (1984) with station pressure, as Standard Methods 4500-O tabulates it. Reaeration: Owens,
Edwards and Gibbs (1964), the formula for shallow streams; QUAL2K uses it below 0.6 m.
"""

import numpy as np

from hw_sim.climate.grid import STEP_S, Array
from hw_sim.climate.memory import followed

_DAYS = STEP_S / 86400.0
_ICE_SEALS = 0.90  # of the surface at most: leads stay open (ours)
_GROSS, _RESPIRES = 6.0, 1.5  # g/(m2 d) of oxygen at 20 degC: a clear gravel stream with little on its stones (ours)
_HALF_LIGHT = 250.0  # W/m2, Monod


def saturation(water_c: Array, pressure_hpa: Array) -> Array:
    """mg/L in fresh water under moist air of that pressure."""
    kelvin = water_c + 273.15
    at_sea = np.exp(
        -139.34411 + 1.575701e5 / kelvin - 6.642308e7 / kelvin**2 + 1.2438e10 / kelvin**3 - 8.621949e11 / kelvin**4
    )
    vapour = np.exp(11.8571 - 3840.70 / kelvin - 216961.0 / kelvin**2)  # atm
    theta = 0.000975 - 1.426e-5 * water_c + 6.436e-8 * water_c**2
    atm = pressure_hpa / 1013.25
    held: Array = at_sea * (atm - vapour) * (1.0 - theta * atm) / ((1.0 - vapour) * (1.0 - theta))
    return held


def reaeration(velocity: Array, depth: Array, water_c: Array, ice_cover: Array) -> Array:
    """1/d: 5.32 v^0.67 h^-1.85 at 20 degC, 1.024 for each K (Elmore and West 1961), at most 80."""
    free = np.minimum(5.32 * velocity**0.67 / depth**1.85, 80.0) * 1.024 ** (water_c - 20.0)
    rate: Array = free * (1.0 - _ICE_SEALS * ice_cover)
    return rate


def dissolved(
    full: Array, rate: Array, depth: Array, water_c: Array, irradiance: Array, turbidity: Array, ice_cover: Array
) -> Array:
    """mg/L: exchange with the air, photosynthesis by what light passes water and ice, respiration (1.047 a K)."""
    light = irradiance * (1.0 - 0.9 * ice_cover) * np.exp(-turbidity * depth / 40.0)
    growth = 1.066 ** (water_c - 20.0)
    made = _GROSS * growth * light / (light + _HALF_LIGHT) - _RESPIRES * 1.047 ** (water_c - 20.0)
    balance = full + made / (depth * rate)
    keep = np.exp(-rate * _DAYS)
    oxygen: Array = np.maximum(followed(keep, (1.0 - keep) * balance, float(balance[0])), 0.0)
    return oxygen
