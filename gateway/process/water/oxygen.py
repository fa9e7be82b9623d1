"""Knows how much oxygen water holds at a station's pressure, and what a sonde's per cent refer to; knows no limits.

Benson and Krause 1984 in the form of APHA 4500-O: fresh water by temperature and pressure, salinity where asked.
"""

from collections.abc import Iterable
from math import exp
from statistics import median

from gateway.process.number import Number, real

SEA_HPA = 1013.25

LOCAL, SEA_LEVEL, UNDECIDED = "local", "sea_level", "undecided"
_ALIKE = 0.03  # a sonde's per cent agree with a reckoning within this; on a real sonde they did within 0.2 %; ours


def saturation_mgl(celsius: Number | None, hpa: Number | None, salinity: float = 0.0) -> float | None:
    """mg/L of water in balance with air. None: not between 0 and 40 degC (the formula's range; to -0.5 taken as 0)."""
    t, pressure = real(celsius), real(hpa)
    if t is None or pressure is None or not -0.5 <= t <= 40 or not 300 <= pressure <= 1100:
        return None
    t = max(t, 0.0)
    kelvin = t + 273.15
    at_sea = exp(
        -139.34411
        + 1.575701e5 / kelvin
        - 6.642308e7 / kelvin**2
        + 1.2438e10 / kelvin**3
        - 8.621949e11 / kelvin**4
        - salinity * (0.017674 - 10.754 / kelvin + 2140.7 / kelvin**2)
    )
    atm = pressure / SEA_HPA
    vapour = exp(11.8571 - 3840.70 / kelvin - 216961.0 / kelvin**2)
    theta = 0.000975 - 1.426e-5 * t + 6.436e-8 * t * t
    return at_sea * (atm - vapour) * (1 - theta * atm) / ((1 - vapour) * (1 - theta))


def percent(do_mgl: Number | None, celsius: Number | None, hpa: Number | None) -> float | None:
    """Saturation at that pressure, %."""
    value, full = real(do_mgl), saturation_mgl(celsius, hpa)
    return None if value is None or value < 0 or full is None else 100 * value / full


def refers_to(readings: Iterable[tuple[Number | None, Number | None, Number | None]], hpa: Number | None) -> str:
    """Of which pressure a sonde reports its per cent: (mg/L, reported %, degC) of some readings at the station's `hpa`.

    LOCAL, SEA_LEVEL or UNDECIDED. At 4,000 m the two differ by two fifths; below some 500 m nothing can be told."""
    shares: dict[str, list[float]] = {LOCAL: [], SEA_LEVEL: []}
    for do_mgl, reported, celsius in readings:
        told = real(reported)
        here, sea = percent(do_mgl, celsius, hpa), percent(do_mgl, celsius, SEA_HPA)
        if told is not None and here and sea:
            shares[LOCAL].append(told / here)
            shares[SEA_LEVEL].append(told / sea)
    fits = [name for name, found in shares.items() if found and abs(median(found) - 1) <= _ALIKE]
    return fits[0] if len(fits) == 1 else UNDECIDED


def local_percent(sea_level_percent: Number | None, celsius: Number | None, hpa: Number | None) -> float | None:
    """What a sonde that reports per cent of 1 atm should have reported at the station."""
    told, here, sea = real(sea_level_percent), saturation_mgl(celsius, hpa), saturation_mgl(celsius, SEA_HPA)
    return None if told is None or here is None or sea is None else told * sea / here


def pressure_at(altitude_m: float) -> float:
    """hPa of the ICAO standard atmosphere: for a station without a barometer."""
    return float(SEA_HPA * max(1 - 2.25577e-5 * altitude_m, 0.0) ** 5.25588)
