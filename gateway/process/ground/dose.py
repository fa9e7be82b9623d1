"""Knows gamma dose rate against its own background; knows no limit of dose.

Generic: the level of an investigation is a matter of the network (HJ 1009 and the provinces' plans were not to be had).
Background plus three standard deviations is what counting statistics call a signal; ours.
"""

from collections.abc import Iterable
from statistics import fmean, pstdev
from typing import NamedTuple

from gateway.process.enough import ENOUGH, NOT_ENOUGH
from gateway.process.number import Number, amount

NORMAL, RAISED, ALARM = 0, 1, 2
NAMES = ("normal", "raised", "alarm")
_LEAST = 240  # readings of a background: ten days of hours; ours
_SIGMAS = 3.0
_ALARM_TIMES = 2.0  # twice the background; ours
_TRIM = 0.01  # the highest share of a background that is left out, so that rain in it does not raise the bar; ours


class Background(NamedTuple):
    state: str
    mean: float | None
    deviation: float | None
    readings: int


class Dose(NamedTuple):
    """`rain`: raised while it rains or just after: washed-out radon progeny, gone within hours."""

    state: str
    level: int | None
    sigmas: float | None
    rain: bool


def background(rates: Iterable[Number | None]) -> Background:
    """Of quiet time, any unit."""
    known = sorted(float(value) for rate in rates if (value := amount(rate)) is not None)
    if len(known) < _LEAST:
        return Background(NOT_ENOUGH, None, None, len(known))
    kept = known[: len(known) - int(_TRIM * len(known))]
    return Background(ENOUGH, fmean(kept), pstdev(kept), len(known))


def dose(rate: Number | None, quiet: Background, rained: bool = False) -> Dose:
    value = amount(rate)
    if value is None or quiet.mean is None or quiet.deviation is None:
        return Dose(NOT_ENOUGH, None, None, False)
    above = float(value) - quiet.mean
    sigmas = above / quiet.deviation if quiet.deviation else None
    if quiet.mean and float(value) >= _ALARM_TIMES * quiet.mean:
        level = ALARM
    else:
        level = RAISED if above > _SIGMAS * quiet.deviation else NORMAL
    return Dose(ENOUGH, level, sigmas, rained and level == RAISED)
