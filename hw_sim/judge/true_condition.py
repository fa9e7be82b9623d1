"""Knows over which times a rule's condition is really so in the world, and over which it may be; knows no gateway.

A condition on the truth is two series: `surely`, with every limit tightened by a margin, and `maybe`, with every limit
eased by it. Between them a probe's rounding and noise decide, and nobody is blamed. What can't be known from the truth
(a window that reaches before the world, a row nobody reckons here) is maybe so and not surely. Only the parser of
conditions is the gateway's own; what they mean is said here once more.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.process.alarm.expression import All, Compare, Expression, Not, Other, Quantity

STEP_S = 30.0
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]
_SHIFT = 30  # steps, a quarter of an hour: the longest period that makes hours here (ours)
_PERIODS_S = {"minute": 600.0, "hour": 3600.0}  # derived rows that are means of whole periods


class Condition(NamedTuple):
    """At every STEP_S of the world."""

    surely: Bools
    maybe: Bools


class Span(NamedTuple):
    begin_s: float
    end_s: float


class TrueConditions:
    """`values`: the truth at every step, by channel, None where there is none; `margin`: how far a probe may be off;
    `others`: how alarms that conditions ask for stand, by name."""

    def __init__(
        self,
        steps: int,
        values: Callable[[str], Numbers | None],
        margin: Callable[[str, float], float],
        others: Mapping[str, Condition],
    ) -> None:
        self._steps = steps
        self._values = values
        self._margin = margin
        self._others = others

    def of(self, one: Expression) -> Condition:
        if isinstance(one, Compare):
            return self._compare(one)
        if isinstance(one, Other):
            return self._others.get(one.name, self._unknown())
        if isinstance(one, Not):
            inner = self.of(one.one)
            return Condition(~inner.maybe, ~inner.surely)
        parts = [self.of(part) for part in one.ones]
        join = np.logical_and.reduce if isinstance(one, All) else np.logical_or.reduce
        return Condition(join([part.surely for part in parts]), join([part.maybe for part in parts]))

    def recent(self, one: Expression, window_s: float) -> Condition:
        """Whether it is so, or was within the window."""
        now = self.of(one)
        width = round(window_s / STEP_S) + 1
        return Condition(_widened(now.surely, width), _widened(now.maybe, width))

    def _unknown(self) -> Condition:
        return Condition(np.zeros(self._steps, np.bool_), np.ones(self._steps, np.bool_))

    def _compare(self, one: Compare) -> Condition:
        quantity = one.quantity
        # a few readings are not the whole curve: the mean of less of it, or of one that lies a little earlier or later,
        # may be what the station has
        windows = {quantity.window_ms, quantity.window_ms // 2} if quantity.form == "mean" else {quantity.window_ms}
        shifts = (0, _SHIFT, -_SHIFT) if "/" in quantity.channel else (0,)
        found = [
            self._beyond(one, quantity._replace(window_ms=window_ms), shift)
            for window_ms in sorted(windows)
            for shift in shifts
        ]
        surely = np.logical_and.reduce([part.surely for part in found])
        return Condition(surely, np.logical_or.reduce([part.maybe for part in found]))

    def _beyond(self, one: Compare, quantity: Quantity, shift: int) -> Condition:
        values = self._quantity(quantity, shift)
        if values is None:
            return self._unknown()
        known = np.isfinite(values)
        signed, limit = (values, one.limit) if one.sign in (">", ">=") else (-values, -one.limit)
        margin = self._margin(quantity.channel.rpartition("/")[2].partition(":")[0], one.limit)
        with np.errstate(invalid="ignore"):
            return Condition(known & (signed > limit + margin), ~known | (signed > limit - margin))

    def _quantity(self, quantity: Quantity, shift: int) -> Numbers | None:
        source, _, name = quantity.channel.rpartition("/")
        name, _, statistic = name.partition(":")
        if (source and source not in _PERIODS_S) or statistic:
            return None
        values = self._values(name)
        if values is None:
            return None
        if source:
            places = np.clip(np.arange(len(values)) - shift, 0, len(values) - 1)
            values = _last_period(values[places], round(_PERIODS_S[source] / STEP_S))
        width = round(quantity.window_ms / 1000 / STEP_S)
        if quantity.form == "mean":
            return _mean(values, width)
        if quantity.form == "change":
            late = np.full_like(values, np.nan)
            late[width:] = values[: len(values) - width]
            return values - late
        return values


def spans(flags: Bools) -> list[Span]:
    """Where it is so, from the first such step to the last one."""
    edges = np.diff(np.concatenate(([0], flags.astype(np.int8), [0])))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [Span(begin * STEP_S, (end - 1) * STEP_S) for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]


def _widened(flags: Bools, width: int) -> Bools:
    counts = np.concatenate(([0], np.cumsum(flags)))
    places = np.arange(1, len(counts))
    found: Bools = counts[places] > counts[np.maximum(places - width, 0)]
    return found


def _mean(values: Numbers, width: int) -> Numbers:
    sums = np.concatenate(([0.0], np.cumsum(values)))
    means = np.full_like(values, np.nan)
    means[width - 1 :] = (sums[width:] - sums[:-width]) / width
    return means


def _last_period(values: Numbers, width: int) -> Numbers:
    """The mean of the last whole period; the world begins with one."""
    whole = len(values) // width
    means = values[: whole * width].reshape(whole, width).mean(axis=1) if whole else np.zeros(0)
    place = np.arange(len(values)) // width - 1
    return np.where(place >= 0, means[np.clip(place, 0, max(whole - 1, 0))] if whole else np.nan, np.nan)
