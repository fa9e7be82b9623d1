"""Knows over which times a rule's condition is really so in the world, and over which it may be; knows no gateway.

A condition on the truth is two series: `surely`, with every limit tightened by a margin, and `maybe`, with every limit
eased by it. Between them a probe's rounding and noise decide, and nobody is blamed. A mean or a change is looked at
twice, on the whole curve and where it was read (hw_sim/judge/heard.py): it is surely so when both say it, and where
too few readings came it is not, whatever the curve does: nothing may be raised from them. What can't be known from the
truth (a window that reaches before the world, a row nobody reckons here) is maybe so and not surely. Only the parser
of conditions is the gateway's own; what they mean is said here once more.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from gateway.process.alarm.expression import All, Compare, Expression, Not, Other, Quantity
from hw_sim.judge.heard import Bools, Heard, Numbers, Span, changes, period_means, window_means

STEP_S = 30.0
_HOUR_S = 3600.0


class Condition(NamedTuple):
    """At every STEP_S of the world."""

    surely: Bools
    maybe: Bools


class TrueConditions:
    """`values`: the truth at every step, by channel, None where there is none; `margin`: how far a probe may be off;
    `others`: how alarms that conditions ask for stand, by name; `heard`: what was read of a channel (None: nobody
    says, the curve alone counts); `minute_s`: of the rows of source "minute"."""

    def __init__(
        self,
        steps: int,
        values: Callable[[str], Numbers | None],
        margin: Callable[[str, float], float],
        others: Mapping[str, Condition],
        heard: Callable[[str], Heard | None] = lambda name: None,
        minute_s: float = 600.0,
    ) -> None:
        self._steps = steps
        self._values = values
        self._margin = margin
        self._others = others
        self._heard = heard
        self._moments_s: Numbers = np.arange(steps, dtype=np.float64) * STEP_S
        self._periods_s = {"minute": minute_s, "hour": _HOUR_S}  # derived rows that are means of whole periods

    def of(self, one: Expression, is_denied: bool = False) -> Condition:
        """`is_denied`: what is unknown makes it so, as in a `not`."""
        if isinstance(one, Compare):
            return self._compare(one, is_denied)
        if isinstance(one, Other):
            return self._others.get(one.name, self._unknown())
        if isinstance(one, Not):
            inner = self.of(one.one, not is_denied)
            return Condition(~inner.maybe, ~inner.surely)
        parts = [self.of(part, is_denied) for part in one.ones]
        join = np.logical_and.reduce if isinstance(one, All) else np.logical_or.reduce
        return Condition(join([part.surely for part in parts]), join([part.maybe for part in parts]))

    def recent(self, one: Expression, window_s: float) -> Condition:
        """Whether it is so, or was within the window."""
        now = self.of(one)
        width = round(window_s / STEP_S) + 1
        return Condition(_widened(now.surely, width), _widened(now.maybe, width))

    def _unknown(self) -> Condition:
        return Condition(np.zeros(self._steps, np.bool_), np.ones(self._steps, np.bool_))

    def _compare(self, one: Compare, is_denied: bool) -> Condition:
        source, _, name = one.quantity.channel.rpartition("/")
        name, _, statistic = name.partition(":")
        values = None if statistic or (source and source not in self._periods_s) else self._values(name)
        if values is None:
            return self._unknown()
        whole = self._beyond(one, self._of_curve(one.quantity, source, values))
        heard = self._heard(name)
        if heard is None or not (source or one.quantity.form):
            return Condition(whole.surely, whole.maybe)
        shown = [self._beyond(one, part) for part in self._of_readings(one.quantity, source, values, heard)]
        known = np.logical_or.reduce([part.is_known for part in shown])
        surely = whole.surely & np.logical_and.reduce([part.surely for part in shown])
        maybe = whole.maybe | np.logical_or.reduce([part.maybe & part.is_known for part in shown])
        return Condition(surely & known, maybe | ~known if is_denied else maybe & known)

    def _beyond(self, one: Compare, values: Numbers) -> "_Beyond":
        known = np.isfinite(values)
        signed, limit = (values, one.limit) if one.sign in (">", ">=") else (-values, -one.limit)
        margin = self._margin(one.quantity.channel.rpartition("/")[2].partition(":")[0], one.limit)
        with np.errstate(invalid="ignore"):
            return _Beyond(known & (signed > limit + margin), ~known | (signed > limit - margin), known)

    def _of_curve(self, quantity: Quantity, source: str, values: Numbers) -> Numbers:
        if source:
            values = _last_period(values, round(self._periods_s[source] / STEP_S))
        width = round(quantity.window_ms / 1000 / STEP_S)
        if quantity.form == "mean":
            return _mean(values, width)
        if quantity.form == "change":
            late = np.full_like(values, np.nan)
            late[width:] = values[: len(values) - width]
            return values - late
        return values

    def _of_readings(self, quantity: Quantity, source: str, values: Numbers, heard: Heard) -> list[Numbers]:
        shown = np.interp(heard.times_s, self._moments_s, values)
        if source:
            return [period_means(shown, heard, self._periods_s[source], self._moments_s)]
        reckoned = window_means if quantity.form == "mean" else changes
        return reckoned(shown, heard, quantity.window_ms / 1000, self._moments_s)


class _Beyond(NamedTuple):
    """Whether values are beyond a limit, and where there are any."""

    surely: Bools
    maybe: Bools
    is_known: Bools


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
