"""Knows mole fractions, mass concentrations and the temperature and pressure that they refer to; knows no limits.

At 4,000 m a cubic metre holds 60 % of the air it holds at the sea. GB 3095 therefore has gases at a reference state,
and particles at the actual one; a stack has a reference of its own. Keep them apart.
"""

from datetime import date
from math import exp
from typing import NamedTuple

from gateway.process.number import Number, real

_R = 8.314462618  # J/(mol K), CODATA 2018
_SEA_HPA = 1013.25


class State(NamedTuple):
    kelvin: float
    hpa: float
    clause: str


AMBIENT = State(298.15, _SEA_HPA, "GB 3095-2012 amendment of 2018; GB 3095-2026, 4.3: SO2, NO2, NOx, CO, O3")
BEFORE_2018 = State(273.15, _SEA_HPA, "GB 3095-2012, 3.16, before its amendment; from memory")
STACK = State(273.15, _SEA_HPA, "HJ 212-2017, annex D: 273 K, 101325 Pa")

# GB 3095: gases at the reference state, all of these at the actual one (amendment of 2018; 2026, 4.3)
AT_ACTUAL = ("PM10", "PM2.5", "TSP", "Pb", "BaP")

# g/mol, from the IUPAC standard atomic weights
MOLAR_MASS = {
    "O3": 47.998, "NO2": 46.0055, "NO": 30.006, "NOx": 46.0055, "SO2": 64.066, "CO": 28.010, "H2S": 34.08,
    "NH3": 17.031, "Cl2": 70.906, "CO2": 44.0095, "CH4": 16.0425,
}  # fmt: skip


def state_on(day: date) -> State:
    """What gases of ambient air refer to."""
    return AMBIENT if day >= date(2018, 9, 1) else BEFORE_2018  # the amendment's day: from memory


def litres_per_mole(state: State) -> float:
    return _R * state.kelvin / (state.hpa * 100) * 1000


def factor(hpa: Number | None, celsius: Number | None, state: State = AMBIENT) -> float | None:
    """What an actual mass concentration is multiplied with; None: no such air."""
    pressure, temperature = real(hpa), real(celsius)
    if pressure is None or temperature is None or not 100 <= pressure <= 1100 or not -90 <= temperature <= 1500:
        return None
    return state.hpa / pressure * (temperature + 273.15) / state.kelvin


def to_reference(
    item: str, actual: Number | None, hpa: Number | None, celsius: Number | None, state: State = AMBIENT
) -> float | None:
    """Mass concentration at the reference state from that at the station; particles stay as they are.

    None: no value, or no pressure and temperature to convert with: an unconverted number would be 30 % low unsaid."""
    value = real(actual)
    if value is None or item in AT_ACTUAL:
        return value
    times = factor(hpa, celsius, state)
    return None if times is None else value * times


def mass_of(gas: str, mole_fraction: Number | None, state: State = AMBIENT) -> float | None:
    """ppb -> ug/m3 (or ppm -> mg/m3) at the state. A mole fraction knows no altitude."""
    value = real(mole_fraction)
    return None if value is None else value * MOLAR_MASS[gas] / litres_per_mole(state)


def fraction_of(gas: str, mass: Number | None, state: State = AMBIENT) -> float | None:
    """ug/m3 at the state -> ppb (or mg/m3 -> ppm)."""
    value = real(mass)
    return None if value is None else value * litres_per_mole(state) / MOLAR_MASS[gas]


def dry_fraction(wet: Number | None, water_fraction: Number | None) -> float | None:
    """A background station reports CO2 and CH4 in dry air (WMO GAW): x / (1 - water vapour), both mole fractions."""
    value, water = real(wet), real(water_fraction)
    return None if value is None or water is None or not 0 <= water < 0.2 else value / (1 - water)


def water_fraction(celsius: Number | None, humidity_percent: Number | None, hpa: Number | None) -> float | None:
    """Mole fraction of vapour, with the Magnus form of WMO-No. 8 (annex 4.B) over water."""
    temperature, humidity, pressure = real(celsius), real(humidity_percent), real(hpa)
    if temperature is None or humidity is None or pressure is None:
        return None
    if not (-60 <= temperature <= 60 and 0 <= humidity <= 100 and 100 <= pressure <= 1100):
        return None
    return 6.112 * exp(17.62 * temperature / (243.12 + temperature)) * humidity / 100 / pressure


def uncompensated(reported: Number | None, hpa: Number | None) -> float | None:
    """What an NDIR cell without pressure compensation, set at the sea, should have reported: it sees partial pressure.

    First order and unverified: no device was checked. At 616.4 hPa it reads 39 % low."""
    value, pressure = real(reported), real(hpa)
    return None if value is None or pressure is None or not 100 <= pressure <= 1100 else value * _SEA_HPA / pressure
