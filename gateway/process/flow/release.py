"""Knows whether a river kept its ecological base flow, or a dam its release, and how often; knows no gauge.

水利部 2020 (关于做好河湖生态流量确定和保障工作的指导意见) has a target for each section; how the share is
reckoned differs by province (days, hours, months). The periods are the caller's; unverified: no text with a formula
was to be had.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from gateway.process.enough import ENOUGH, NOT_ENOUGH
from gateway.process.number import Number, amount, rounded

_COVERAGE = Decimal("0.75")  # of the periods must have a flow; ours, as of an hour's readings

KEPT, BROKEN = "kept", "broken"


class Release(NamedTuple):
    """`kept` of `judged` periods of `of`; `percent` of the judged to one decimal; `longest`: broken ones in a row, a
    period without a flow neither ends nor lengthens it; `shortfall_m3s`: the greatest."""

    state: str
    kept: int
    judged: int
    of: int
    percent: float | None
    longest: int
    shortfall_m3s: float


def base_flow_of(month: int, base_m3s: float | Sequence[float]) -> float:
    """Of a month 1..12: one for all, or twelve."""
    return float(base_m3s[month - 1]) if isinstance(base_m3s, Sequence) else float(base_m3s)


def check(flow_m3s: Number | None, base_m3s: float) -> str | None:
    """KEPT, BROKEN; None: no flow, no verdict."""
    value = amount(flow_m3s)
    if value is None:
        return None
    return KEPT if value >= Decimal(str(base_m3s)) else BROKEN


def release(flows: Iterable[tuple[Number | None, float]]) -> Release:
    """(flow or None, what it should have been at least) of every period in order, those without a flow too."""
    kept = judged = of = row = longest = 0
    shortfall = 0.0
    for flow_m3s, base_m3s in flows:
        of += 1
        value = amount(flow_m3s)
        verdict = check(flow_m3s, base_m3s)
        if value is None or verdict is None:
            continue
        judged += 1
        if verdict == KEPT:
            kept += 1
            row = 0
        else:
            row += 1
            longest = max(longest, row)
            shortfall = max(shortfall, base_m3s - float(value))
    if not judged or judged < _COVERAGE * of:
        return Release(NOT_ENOUGH, kept, judged, of, None, longest, shortfall)
    percent = float(rounded(Decimal(100 * kept) / judged, 1))
    return Release(ENOUGH, kept, judged, of, percent, longest, shortfall)
