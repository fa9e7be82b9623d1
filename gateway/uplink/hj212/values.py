"""Knows how a stored value becomes a factor of HJ 212: unit, decimals, rounded once; knows no row and no packet."""

from fractions import Fraction
from typing import NamedTuple

from gateway.site.hj212 import Hj212Factor
from protocols import quality
from protocols.errors import RangeError
from protocols.hj212 import marks, units
from protocols.hj212.factors import find

_PLACES = 3  # of a factor whose form the table does not give, and of a -Cou; ours


class Form(NamedTuple):
    unit: str
    places: int


def form(factor: Hj212Factor) -> Form:
    """In which unit and with how many decimals it is sent; the site file goes before the table."""
    known = find(factor.code)
    unit = factor.unit if factor.unit is not None else known.unit if known else ""
    places = factor.decimals if factor.decimals is not None else known.decimals if known else None
    return Form(unit, _PLACES if places is None else places)


def text(value: int, decimals: int, unit: str, wanted: Form) -> str:
    """RangeError: that unit can't be said in the wanted one."""
    scale = Fraction(1) if not wanted.unit else units.scale(unit, wanted.unit)
    return units.written(value, decimals, scale, wanted.places)


def amount(value: int, decimals: int) -> str:
    """What has come together in a period, in its own unit."""
    return units.written(value, decimals, Fraction(1), _PLACES)


def fits(factor: Hj212Factor, unit: str) -> bool:
    try:
        text(0, 0, unit, form(factor))
    except RangeError:
        return False
    return True


def period_mark(flags: int) -> str:
    """N where there were enough good readings; else what most likely kept them away. A station that was off tells
    nothing more: B."""
    if not flags & quality.FEW:
        return marks.mark(flags)
    found = marks.mark(flags & ~quality.FEW & ~quality.CLOCK)
    return marks.UNREACHED if found == marks.NORMAL else found
