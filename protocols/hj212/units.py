"""Knows how a fixed-point value of one unit is written in another, exactly; knows no channel and no factor."""

from fractions import Fraction

from protocols.errors import RangeError
from protocols.fixed_point import decimal_text

# unit -> (kind, how many of the kind's own unit it is)
_UNITS = {
    "g/L": ("mass in water", Fraction(1000)), "mg/L": ("mass in water", Fraction(1)),
    "ug/L": ("mass in water", Fraction(1, 1000)), "ng/L": ("mass in water", Fraction(1, 10**6)),
    "g/m3": ("mass in air", Fraction(1000)), "mg/m3": ("mass in air", Fraction(1)),
    "ug/m3": ("mass in air", Fraction(1, 1000)), "ng/m3": ("mass in air", Fraction(1, 10**6)),
    "Pa": ("pressure", Fraction(1)), "hPa": ("pressure", Fraction(100)), "kPa": ("pressure", Fraction(1000)),
    "mbar": ("pressure", Fraction(100)), "bar": ("pressure", Fraction(100_000)), "MPa": ("pressure", Fraction(10**6)),
    "uS/cm": ("conductivity", Fraction(1)), "mS/cm": ("conductivity", Fraction(1000)),
    "dS/m": ("conductivity", Fraction(1000)), "S/m": ("conductivity", Fraction(10_000)),
    "L/s": ("flow", Fraction(1)), "m3/s": ("flow", Fraction(1000)), "m3/h": ("flow", Fraction(1000, 3600)),
    "L/min": ("flow", Fraction(1, 60)),
    "m/s": ("speed", Fraction(1)), "km/h": ("speed", Fraction(1000, 3600)),
    "mm": ("length", Fraction(1)), "cm": ("length", Fraction(10)), "m": ("length", Fraction(1000)),
    "mV": ("voltage", Fraction(1)), "V": ("voltage", Fraction(1000)),
    "NTU": ("turbidity", Fraction(1)), "FNU": ("turbidity", Fraction(1)),  # formazin both, ISO 7027 and EPA 180.1
    "degC": ("temperature", Fraction(1)), "%": ("share", Fraction(1)), "%RH": ("share", Fraction(1)),
    "deg": ("direction", Fraction(1)), "pH": ("pH", Fraction(1)),
    "1": ("number", Fraction(1)), "dB": ("level", Fraction(1)), "Hz": ("frequency", Fraction(1)),
}  # fmt: skip


def can_be(unit: str, wanted: str) -> bool:
    """Whether a value of the one can be said in the other without knowing more (a ppb can't: it needs the gas)."""
    return unit == wanted or (unit in _UNITS and wanted in _UNITS and _UNITS[unit][0] == _UNITS[wanted][0])


def scale(unit: str, wanted: str) -> Fraction:
    """How many of `wanted` one of `unit` is. RangeError: they measure different things."""
    if not can_be(unit, wanted):
        raise RangeError("%s can't be said in %s" % (unit, wanted))
    return Fraction(1) if unit == wanted else _UNITS[unit][1] / _UNITS[wanted][1]


def written(value: int, decimals: int, factor: Fraction, places: int) -> str:
    """`value` / 10^`decimals`, times the factor, with so many places, the last one rounded half to even."""
    return decimal_text(round(Fraction(value * 10**places, 10**decimals) * factor), places)
