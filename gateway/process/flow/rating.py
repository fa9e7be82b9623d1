"""Knows how a stage becomes a flow by a rating curve, and where and when the curve holds; knows no gauge.

A curve is measured; beyond the stages and the time it was measured for it says nothing (SL 247, from memory: the least
extrapolation), so there is no flow there but a reason.
"""

from bisect import bisect_right
from math import inf
from typing import NamedTuple

from gateway.process.number import Number, real

WITHIN, BELOW, BETWEEN, ABOVE = "within", "below_curve", "between_ratings", "above_curve"
EXPIRED, NO_STAGE = "curve_not_valid", "no_stage"


class Power(NamedTuple):
    """Q = a x (h - h0)^b between two stages, m and m3/s: a section that controls (ISO 18320: stage-discharge)."""

    low_m: float
    high_m: float
    a: float
    h0_m: float
    b: float


class Curve(NamedTuple):
    """Either `points` (stage m, flow m3/s, both rising; straight lines between) or `powers`, lowest first; from
    `since_ms` on and before `until_ms`."""

    points: tuple[tuple[float, float], ...] = ()
    powers: tuple[Power, ...] = ()
    since_ms: float = -inf
    until_ms: float = inf


class Flow(NamedTuple):
    m3s: float | None
    why: str


def faults(curve: Curve) -> list[str]:
    """What is wrong with a curve, for `check`."""
    found = []
    if bool(curve.points) == bool(curve.powers):
        found.append("needs points or powers")
    if curve.points and len(curve.points) < 2:
        found.append("needs two points")
    for (low, little), (high, much) in zip(curve.points, curve.points[1:], strict=False):
        if not low < high or not 0 <= little <= much:
            found.append(f"does not rise at {high:g} m")
    for power in curve.powers:
        if not power.low_m < power.high_m or power.low_m < power.h0_m or power.a <= 0 or power.b <= 0:
            found.append(f"no rating from {power.low_m:g} m")
    found += [
        f"two ratings at {upper.low_m:g} m"
        for lower, upper in zip(curve.powers, curve.powers[1:], strict=False)
        if upper.low_m < lower.high_m
    ]
    return found


def flow(curve: Curve, stage_m: Number | None, unix_ms: float) -> Flow:
    stage = real(stage_m)
    if stage is None:
        return Flow(None, NO_STAGE)
    if not curve.since_ms <= unix_ms < curve.until_ms:
        return Flow(None, EXPIRED)
    if curve.points:
        return _between(curve.points, stage)
    if not curve.powers or stage < curve.powers[0].low_m:
        return Flow(None, BELOW)
    for power in curve.powers:
        if stage < power.low_m:
            return Flow(None, BETWEEN)
        if stage <= power.high_m:
            return Flow(power.a * (stage - power.h0_m) ** power.b, WITHIN)
    return Flow(None, ABOVE)


def _between(points: tuple[tuple[float, float], ...], stage: float) -> Flow:
    if stage < points[0][0]:
        return Flow(None, BELOW)
    if stage > points[-1][0]:
        return Flow(None, ABOVE)
    place = min(bisect_right(points, (stage, inf)), len(points) - 1)
    (low, little), (high, much) = points[place - 1], points[place]
    return Flow(little + (much - little) * (stage - low) / (high - low), WITHIN)


def in_force(curves: tuple[Curve, ...], unix_ms: float) -> Curve | None:
    """The one of several that holds then; of two, the later begun."""
    holding = [curve for curve in curves if curve.since_ms <= unix_ms < curve.until_ms]
    return max(holding, key=lambda curve: curve.since_ms, default=None)
