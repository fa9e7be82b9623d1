"""Knows what a channel's readings can show of a curve: means of periods and windows, changes; knows no gateway.

A station sees the truth only where it reads it, and makes no mean of too few readings. How many are enough is said in
docs/aggregates.md and docs/alarms.md, and here once more. Whether a reading counts is asked of the world, not of the
gateway: one that failed a test counts, unless its sensor was really faulty, and one that is missing counts, too, unless
something of the story kept it from coming.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hw_sim.ledger import Label
from hw_sim.platforms.platform import Delivered
from protocols import quality, worth

Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]

_HOUR_S = 3600.0
_ENOUGH = 0.75  # of a period's readings, of a window's time
_SLOT = 1 / 64  # of a window: so much its ends may be off
_PARTS = 12  # of an hour made of readings
_LATEST = 1.25  # of a change's time: an earlier value is one across a hole
_POINTS = 1 / 32  # of a change's time: so close values are kept
_HELD = 1.5  # periods: what comes later has missed a reading


class Span(NamedTuple):
    """Seconds of the world."""

    begin_s: float
    end_s: float


class Heard(NamedTuple):
    """When readings that count were measured, rising seconds of the world; one is due each `period_s`. `minute_s`: of
    the minutes that its hours are made of, 0: they are made of readings."""

    times_s: Numbers
    period_s: float
    minute_s: float = 0.0


def heard(
    readings: Sequence[Delivered], labels: Sequence[Label], begin_ms: int, period_s: float, minute_s: float
) -> Heard:
    """`labels`: where the world says that the sensor was faulty; only there a test's word counts against a reading."""
    times_ms = {
        one.unix_ms
        for one in readings
        if not one.quality & _SENSORS_OWN
        and not (one.quality & worth.FAIL and any(label.begin_ms <= one.unix_ms <= label.end_ms for label in labels))
    }
    return Heard((np.array(sorted(times_ms), np.float64) - begin_ms) / 1000, period_s, minute_s)


def filled(one: Heard, broken: Sequence[Span], span_s: float) -> Heard:
    """With those that nobody but the gateway can have kept from coming: in holes that touch nothing broken."""
    times_s = one.times_s.tolist()
    found = list(times_s)
    for begin_s, end_s in pairwise([0.0, *times_s, span_s]):
        if end_s - begin_s > _HELD * one.period_s and not any(
            span.begin_s < end_s and span.end_s > begin_s for span in broken
        ):
            found += np.arange(begin_s + one.period_s, end_s - one.period_s / 2, one.period_s).tolist()
    return one._replace(times_s=np.array(sorted(found), np.float64))


_SENSORS_OWN = quality.RANGE | quality.WARM_UP | quality.CLOCK | quality.INVALID


def period_means(shown: Numbers, one: Heard, length_s: float, moments_s: Numbers) -> Numbers:
    """At each moment that of the last whole period; NaN where it has too few readings. `shown`: the truth at each
    reading. The world begins with a period."""
    count = int(moments_s[-1] // length_s) + 1
    inside = (one.times_s >= 0) & (one.times_s < count * length_s)
    places = (one.times_s[inside] // length_s).astype(int)
    counts = np.bincount(places, minlength=count)
    sums = np.bincount(places, shown[inside], minlength=count)
    means = np.where(_enough(one, length_s, count), sums / np.maximum(counts, 1), np.nan)
    last = (moments_s // length_s).astype(int) - 1
    return np.where(last >= 0, means[np.maximum(last, 0)], np.nan)


def _enough(one: Heard, length_s: float, count: int) -> Bools:
    """Of each of the first periods of that length, whether it has readings enough for a mean."""
    if one.period_s < one.minute_s < length_s:
        minutes = int(length_s // one.minute_s)
        good = _enough(one, one.minute_s, count * minutes).reshape(count, minutes).sum(axis=1)
        made_of_minutes: Bools = good >= math.ceil(_ENOUGH * minutes)
        return made_of_minutes
    due = max(int(length_s // one.period_s), 1)
    parts = min(due, _PARTS) if length_s >= _HOUR_S else 1
    held = np.bincount(_places(one, length_s / parts, count * parts), minlength=count * parts).reshape(count, parts)
    found: Bools = (held.sum(axis=1) >= math.ceil(_ENOUGH * due)) & (
        (held > 0).sum(axis=1) >= math.ceil(_ENOUGH * parts)
    )
    return found


def _places(one: Heard, length_s: float, count: int) -> npt.NDArray[np.intp]:
    places = np.floor(one.times_s / length_s).astype(np.intp)
    return places[(places >= 0) & (places < count)]


def window_means(shown: Numbers, one: Heard, window_s: float, moments_s: Numbers) -> list[Numbers]:
    """At each moment that of the window which ends with the last reading; NaN where its readings do not reach back far
    enough, or a reading has been missed since."""
    times_s = one.times_s
    sums = np.concatenate(([0.0], np.cumsum(shown)))
    ends = np.arange(1, len(times_s) + 1)
    firsts = np.searchsorted(times_s, np.round(times_s - window_s, 3), "right")  # whole ms, as readings have
    reach_s = times_s - times_s[firsts] if len(times_s) else times_s
    means = np.where(reach_s >= (_ENOUGH - _SLOT) * window_s, (sums[ends] - sums[firsts]) / (ends - firsts), np.nan)
    return [_held(means, one, moments_s)]


def changes(shown: Numbers, one: Heard, window_s: float, moments_s: Numbers) -> list[Numbers]:
    """At each moment by how much the last reading differs from one a window before, or, since not every value is kept,
    from one a little earlier; NaN across a hole."""
    times_s = one.times_s
    found = []
    for back_s in (window_s, window_s * (1 + _POINTS)):
        befores = np.searchsorted(times_s, np.round(times_s - back_s, 3), "right") - 1
        places = np.maximum(befores, 0)
        is_known = (befores >= 0) & (times_s - times_s[places] <= _LATEST * window_s) if len(times_s) else befores >= 0
        found.append(_held(np.where(is_known, shown - shown[places], np.nan), one, moments_s))
    return found


def _held(values: Numbers, one: Heard, moments_s: Numbers) -> Numbers:
    """Each until the next reading is due."""
    if not len(values):
        return np.full_like(moments_s, np.nan)
    places = np.searchsorted(one.times_s, moments_s, "right") - 1
    last = np.maximum(places, 0)
    is_fresh = (places >= 0) & (moments_s - one.times_s[last] <= _HELD * one.period_s)
    return np.where(is_fresh, values[last], np.nan)
