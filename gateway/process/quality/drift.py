"""Knows how a probe's slow drift between two calibrations is taken out again; the raw channel stays as it was.

Two-point: at the end of a deployment the probe is held into a low and a high standard. What it reads there is where
its scale has got to; at the start it stood on the standards. In between both ends of the scale are taken to have moved
linearly in time (Shaughnessy and others, driftR 1.1, `dr_correctTwo`, after Hasenmueller 2011; Wagner and others, USGS
Techniques and Methods 1-D3, 2006, "calibration drift"). The result is a channel of its own, `<channel>:corrected`.
"""

from typing import NamedTuple

SUFFIX = ":corrected"


class Standard(NamedTuple):
    """What the solution has, and what the probe said in it at the end."""

    true: float
    read: float


class Deployment(NamedTuple):
    """Between two calibrations: from when the probe was good until it was checked. One standard gives an offset."""

    from_ms: int
    to_ms: int
    standards: tuple[Standard, ...]


def fault(one: Deployment) -> str | None:
    """Why nothing can be corrected with it: "time", "standards", "same"; None: something can."""
    if one.to_ms <= one.from_ms:
        return "time"
    if len(one.standards) not in (1, 2):
        return "standards"
    if len(one.standards) == 2:
        (low, low_read), (high, high_read) = one.standards
        if (high - low) * (high_read - low_read) <= 0:
            return "same"  # the probe cannot tell them apart, or sees them the other way round
    return None


def corrected(unix_ms: int, value: float, one: Deployment) -> float | None:
    """None: measured outside the deployment, or no correction can be made."""
    if not one.from_ms <= unix_ms <= one.to_ms or fault(one) is not None:
        return None
    share = (unix_ms - one.from_ms) / (one.to_ms - one.from_ms)
    first = one.standards[0]
    if len(one.standards) == 1:
        return value - share * (first.read - first.true)
    low, high = sorted(one.standards)
    low_now = low.true + share * (low.read - low.true)
    high_now = high.true + share * (high.read - high.true)
    return low.true + (value - low_now) / (high_now - low_now) * (high.true - low.true)
