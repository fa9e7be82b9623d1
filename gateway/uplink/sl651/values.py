"""Knows how a stored reading becomes an element of SL 651: unit, decimals, datum; knows no row and no report."""

from fractions import Fraction

from gateway.site.sl651 import Sl651Element
from protocols.sl651 import body
from protocols.sl651.elements import ELEMENTS

# unit -> (what it measures, power of ten); the traps are kPa against hPa and mm against m
_UNITS = {
    "m": ("length", 0), "cm": ("length", -2), "mm": ("length", -3), "mmH2O": ("length", -3),
    "Pa": ("pressure", 0), "hPa": ("pressure", 2), "mbar": ("pressure", 2), "kPa": ("pressure", 3),
    "bar": ("pressure", 5),
    "mg/L": ("mass", 0), "ug/L": ("mass", -3), "kg/m3": ("mass", 3), "ppm": ("mass", 0),
    "uS/cm": ("conductivity", 0), "mS/cm": ("conductivity", 3),
    "V": ("voltage", 0), "mV": ("voltage", -3), "A": ("current", 0), "mA": ("current", -3),
    "m3/s": ("flow", 0), "L/s": ("flow", -3), "m/s": ("speed", 0), "cm/s": ("speed", -2),
}  # fmt: skip


class NoSuchUnit(ValueError):
    """The channel's unit can't become the element's: correct the site file."""


def exponent(unit: str, wanted: str) -> int:
    """By which power of ten a value is multiplied to be in the `wanted` unit."""
    if unit == wanted or wanted == "":
        return 0
    if unit in _UNITS and wanted in _UNITS and _UNITS[unit][0] == _UNITS[wanted][0]:
        return _UNITS[unit][1] - _UNITS[wanted][1]
    raise NoSuchUnit(f"{unit or '-'} is no {wanted}")


def form(element: Sl651Element) -> tuple[str, int, int]:
    """(unit, digits, decimals) in which it is sent."""
    known = ELEMENTS.get(element.element)
    unit = element.unit if element.unit is not None else known.unit if known else ""
    digits = element.digits or (known.digits if known else 8)
    decimals = element.decimals if element.decimals is not None else known.decimals if known else 3
    return unit, digits, decimals


def scaled(element: Sl651Element, value: int, decimals: int, unit: str) -> Fraction:
    """In the element's unit, its datum added."""
    power = exponent(unit, form(element)[0]) - decimals
    return Fraction(value) * Fraction(10) ** power + Fraction(str(element.offset))


def rounded(value: Fraction, decimals: int) -> int:
    """In fixed point; halves away from zero."""
    scaled_value = abs(value) * 10**decimals
    whole: int = (2 * scaled_value.numerator + scaled_value.denominator) // (2 * scaled_value.denominator)
    return -whole if value < 0 else whole


def item(element: Sl651Element, value: Fraction | None) -> body.Item:
    _, digits, decimals = form(element)
    return body.element(element.element, None if value is None else rounded(value, decimals), digits, decimals)


def block(element: Sl651Element, values: list[Fraction | None], base_m: float) -> body.Item:
    """Twelve five-minute values: rain in 0.1 mm, levels in 0.01 m above the base (draft, table C.1)."""
    assert element.five_minute is not None
    decimals, base = (1, Fraction(0)) if element.five_minute == "F4" else (2, Fraction(str(base_m)))
    counts = (None if value is None else rounded(value - base, decimals) for value in values)
    return body.block(element.five_minute, [None if one is None or one < 0 else one for one in counts])
