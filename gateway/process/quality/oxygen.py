"""Knows how much oxygen fresh water holds, by its temperature and the pressure of the air; judges nothing.

Benson and Krause (1980, 1984) as USGS Office of Water Quality Technical Memorandum 2011.03 and APHA 4500-O give them.
"""

from math import exp

_KELVIN = 273.15
_ATMOSPHERE_HPA = 1013.25


def saturation_mg_l(water_degc: float, pressure_hpa: float) -> float:
    """9.09 mg/L at 20 degC and one atmosphere; 5.5 at 617 hPa, which 4,000 m have."""
    kelvin = water_degc + _KELVIN
    standard = exp(
        -139.34411 + 1.575701e5 / kelvin - 6.642308e7 / kelvin**2 + 1.243800e10 / kelvin**3 - 8.621949e11 / kelvin**4
    )
    pressure = pressure_hpa / _ATMOSPHERE_HPA
    vapour = exp(11.8571 - 3840.70 / kelvin - 216961 / kelvin**2)
    theta = 0.000975 - 1.426e-5 * water_degc + 6.436e-8 * water_degc**2
    return standard * pressure * (1 - vapour / pressure) * (1 - theta * pressure) / ((1 - vapour) * (1 - theta))
