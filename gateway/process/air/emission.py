"""Knows how a stack's wet concentration becomes one of dry gas at standard state and reference oxygen; knows no limits.

The formulas are those of GB/T 16157-1996 and HJ 75-2017, from memory: their texts were not to be had.
"""

from typing import NamedTuple

from gateway.process.air.reference import STACK, factor
from gateway.process.number import Number, real

_AIR_OXYGEN = 21.0  # %, as the Chinese emission standards write it

# Reference oxygen, % (from memory, unverified: the permit of a source says which is its own).
REFERENCE_OXYGEN = {
    "power_coal": (6.0, "GB 13223-2011, table 4"),
    "power_oil_gas": (3.0, "GB 13223-2011, table 4"),
    "gas_turbine": (15.0, "GB 13223-2011, table 4"),
    "boiler_coal": (9.0, "GB 13271-2014, table 6"),
    "boiler_oil_gas": (3.5, "GB 13271-2014, table 6"),
    "waste_incinerator": (11.0, "GB 18485-2014, 8.2"),
}


class Emission(NamedTuple):
    """mg/m3 of dry gas at 273 K and 101325 Pa; `reduced`: at the reference oxygen; `kg_per_h` goes with `dry`: dilution
    does not change it. What could not be reckoned is None."""

    dry: float | None
    reduced: float | None
    kg_per_h: float | None


def dry(wet: Number | None, moisture_percent: Number | None) -> float | None:
    """c / (1 - Xsw): what is in wet gas, in dry."""
    value, moisture = real(wet), real(moisture_percent)
    return None if value is None or moisture is None or not 0 <= moisture < 100 else value / (1 - moisture / 100)


def at_oxygen(value: Number | None, oxygen_percent: Number | None, reference_percent: float) -> float | None:
    """c x (21 - reference) / (21 - measured); oxygen of dry gas. None where the stack breathes nothing but air."""
    concentration, oxygen = real(value), real(oxygen_percent)
    if concentration is None or oxygen is None or not 0 <= oxygen < _AIR_OXYGEN:
        return None
    return concentration * (_AIR_OXYGEN - reference_percent) / (_AIR_OXYGEN - oxygen)


def emission(
    actual: Number | None,
    celsius: Number | None,
    hpa: Number | None,
    moisture_percent: Number | None,
    oxygen_percent: Number | None,
    reference_percent: float,
    wet_flow_m3h: Number | None = None,
) -> Emission:
    """From mg/m3 of wet gas as it is in the stack. `hpa`: absolute pressure there, air plus static pressure.

    `oxygen_percent` is that of dry gas. `wet_flow_m3h`: as it flows there, at the same temperature and pressure."""
    times = factor(hpa, celsius, STACK)
    value = real(actual)
    if times is None or value is None or value < 0:
        return Emission(None, None, None)
    dried = dry(value * times, moisture_percent)
    if dried is None:
        return Emission(None, None, None)
    flow = real(wet_flow_m3h)
    mass = None if flow is None or flow < 0 else value * flow / 1e6  # both at the state of the stack, both wet
    return Emission(dried, at_oxygen(dried, oxygen_percent, reference_percent), mass)
