"""Knows how a station's alarms are held against the world: delay, missed, false; knows no scenario file.

A rule is true where its condition is so in the world (true_condition.py). From that moment on the alarm has its
own `delay_s` and the periods of its sensors until it must have been heard at the platform. One that was raised where
the condition was not even nearly so is a false one. Time in which something was broken that the story itself broke
(a cut line, a dead node, a gateway without power) does not count.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gateway.process.alarm.expression import Expression, others, quantities
from gateway.process.alarm.rows import ALARM, EVENTS
from gateway.process.alarm.rule import Rule
from gateway.site.config import Channel, Site
from gateway.site.rules import rule_of
from hw_sim.judge.heard import Heard, Numbers, Span
from hw_sim.judge.true_condition import STEP_S, Condition, TrueConditions, spans
from hw_sim.platforms.platform import Derived
from hw_sim.signals import Signal

_OVERHEAD_S = 120.0  # a commit, the way to the platform, the look that finds what was read
_DERIVED_S = 300.0  # a period's grace
_SHARE = 0.02  # of a limit: nobody is blamed so near to it (ours)
_NOISES = 4.0  # standard deviations


class Told(NamedTuple):
    """A transition, as it came to the platform: seconds of the world."""

    rule: str
    event: str
    at_s: float
    arrived_s: float


class RuleVerdict(NamedTuple):
    """`crossings`: how often the condition became true in the world; `delays_s`: from there to the platform; `missed`
    and `false`: seconds of the world; `standing`: crossings that found it raised, since the limit was near."""

    rule: str
    crossings: int
    delays_s: tuple[float, ...]
    missed: tuple[float, ...]
    false: tuple[float, ...]
    late: tuple[float, ...] = ()
    standing: int = 0


class Listener:
    """Hears what the platform is told of alarms."""

    def __init__(self, begin_ms: int, now_ms: Callable[[], int]) -> None:
        self._begin_ms = begin_ms
        self._now_ms = now_ms
        self.told: list[Told] = []

    def hear(self, source: str, channel: str, unix_ms: int, cell: Derived) -> None:
        """As Platform.on_derived."""
        name = channel.split(".")
        if source != ALARM or name[-1] != "event" or cell.value is None:
            return
        at_s, arrived_s = ((ms - self._begin_ms) / 1000 for ms in (unix_ms, self._now_ms()))
        self.told.append(Told(name[1], EVENTS[cell.value], at_s, arrived_s))


class AlarmJudge:
    """`truth`: what is true, by channel or by signal of the physics; `noise`: standard deviations of probes;
    `elsewhere`: how alarms of other stations stand; `broken`: when something of the story's was; `heard`: what was read
    of each channel."""

    def __init__(
        self,
        site: Site,
        truth: Callable[[str], Signal | None],
        span_s: float,
        told: Sequence[Told],
        noise: Mapping[str, float],
        elsewhere: Mapping[str, Condition],
        broken: Sequence[Span] = (),
        heard: Mapping[str, Heard] | None = None,
    ) -> None:
        ids = {node.name: node.id for node in site.nodes}
        self._rules = [rule_of(table, ids) for table in site.rules]
        self._channels = {channel.name: channel for channel in site.channels}
        self._lags_s = lags_s(site)
        self._truth = truth
        self._span_s = span_s
        self._told = told
        self._noise = noise
        self._broken = broken
        self._steps = int(span_s / STEP_S) + 1
        self._series: dict[str, Numbers | None] = {}
        others = {rule.id: self._standing(rule.id) for rule in self._rules}
        self._conditions = TrueConditions(
            self._steps,
            self._values,
            self._margin,
            {**others, **elsewhere},
            (heard or {}).get,
            600.0 if site.aggregates is None else float(site.aggregates.minute_s),
        )

    def verdicts(self, truths: Mapping[str, Expression], within_s: Mapping[str, float]) -> list[RuleVerdict]:
        """Of every rule. `truths`: what is to be held against a rule instead of its own condition; `within_s`: how long
        one may take, where that is said."""
        return [self._verdict(rule, truths.get(rule.id), within_s.get(rule.id)) for rule in self._rules]

    def _verdict(self, rule: Rule, instead: Expression | None, within_s: float | None) -> RuleVerdict:
        now = self._conditions.of(instead or rule.when)
        if rule.confirm is not None and instead is None:
            backed = self._conditions.recent(rule.confirm, rule.confirm_ms / 1000)
            now = Condition(now.surely & backed.surely, now.maybe & backed.maybe)
        if rule.suppress is not None:
            silent = self._conditions.of(rule.suppress)
            now = Condition(now.surely & ~silent.maybe, now.maybe & ~silent.surely)
        lag_s = self._lag_s(rule)
        allowed_s = rule.delay_ms / 1000 + lag_s if within_s is None else within_s
        raised = [one for one in self._told if one.rule == rule.id and one.event == "raised"]
        standing = self._intervals(rule.id)
        delays: list[float] = []
        missed: list[float] = []
        late: list[float] = []
        stood = 0
        true, possible = spans(now.surely), spans(now.maybe)
        for span in true:
            nearly_s = next(one.begin_s for one in possible if one.begin_s <= span.begin_s <= one.end_s)
            due_s = span.begin_s + allowed_s
            due_s += self._excused_s(span.begin_s, due_s)
            first = next((one for one in raised if nearly_s - lag_s <= one.arrived_s <= due_s), None)
            is_standing = any(begin <= span.begin_s < end for begin, end in standing)
            if first is not None:
                delays.append(max(first.arrived_s - span.begin_s, 0.0))
            elif is_standing:
                stood += 1
            elif span.end_s >= due_s:
                after = next((one.arrived_s for one in raised if one.arrived_s > due_s), None)
                (missed if after is None or after > span.end_s + lag_s else late).append(span.begin_s)
        back_s = lag_s + rule.delay_ms / 1000
        false = [
            one.at_s
            for one in raised
            if not any(
                span.begin_s - STEP_S < one.at_s
                and one.at_s - back_s - self._delayed_s(one.at_s - back_s, one.at_s) <= span.end_s
                for span in possible
            )
        ]
        return RuleVerdict(rule.id, len(true), tuple(delays), tuple(missed), tuple(false), tuple(late), stood)

    def _values(self, name: str) -> Numbers | None:
        if name not in self._series:
            signal = self._truth(name)
            self._series[name] = (
                None if signal is None else np.array([signal(step * STEP_S) for step in range(self._steps)])
            )
        return self._series[name]

    def _margin(self, name: str, limit: float) -> float:
        channel: Channel | None = self._channels.get(name)
        digit = 0.0 if channel is None else 10.0**-channel.decimals
        return _SHARE * abs(limit) + digit + _NOISES * self._noise.get(name, 0.0)

    def _lag_s(self, rule: Rule) -> float:
        """How long after it has become so the gateway can know it at the latest."""
        found = _OVERHEAD_S if rule.channels else 2 * _OVERHEAD_S  # what asks other alarms hears of them first
        for one in rule.expressions:
            for quantity in quantities(one):
                name = quantity.channel.rpartition("/")[2].partition(":")[0]
                derived = _DERIVED_S if "/" in quantity.channel else 0.0
                found = max(found, _OVERHEAD_S + derived + self._lags_s.get(name, 0.0))
            if any("/" in name for name in others(one)):
                found = max(found, 600.0 + _OVERHEAD_S)  # a neighbour says it again so often: hw_sim/neighbour.py
        return found

    def _standing(self, rule: str) -> Condition:
        """How an alarm that others ask for stands, as the gateway said; it is judged for itself."""
        times = np.arange(self._steps) * STEP_S
        now = np.zeros(self._steps, np.bool_)
        near = np.zeros(self._steps, np.bool_)
        for begin_s, end_s in self._intervals(rule):
            now |= (times >= begin_s + _OVERHEAD_S) & (times < end_s)
            near |= (times >= begin_s - _OVERHEAD_S) & (times < end_s + _OVERHEAD_S)
        return Condition(now, near)

    def _intervals(self, rule: str) -> list[tuple[float, float]]:
        found: list[tuple[float, float]] = []
        since_s: float | None = None
        for one in self._told:
            if one.rule == rule and one.event == "raised" and since_s is None:
                since_s = one.at_s
            elif one.rule == rule and one.event in ("cleared", "suppressed", "removed") and since_s is not None:
                found.append((since_s, one.at_s))
                since_s = None
        return [*found, *([] if since_s is None else [(since_s, self._span_s + _OVERHEAD_S)])]

    def _excused_s(self, begin_s: float, end_s: float) -> float:
        """How much later than `end_s` something due by then may come: what was broken from `begin_s` on, and what it
        took to come to itself again."""
        lost_s = 0.0
        for span in sorted(self._broken):
            if span.end_s > begin_s and span.begin_s < end_s + lost_s:
                lost_s += span.end_s - max(span.begin_s, begin_s) + _OVERHEAD_S
        return lost_s

    def _delayed_s(self, begin_s: float, end_s: float) -> float:
        """How much earlier than `begin_s` the cause of what was told at `end_s` may have ended, likewise."""
        lost_s = 0.0
        for span in sorted(self._broken, reverse=True):
            if span.begin_s < end_s and span.end_s > begin_s - lost_s:
                lost_s += min(span.end_s, end_s) - span.begin_s + _OVERHEAD_S
        return lost_s


def lags_s(site: Site) -> dict[str, float]:
    """By channel: two periods, so that one reading may fail, and the reports of its node."""
    reports_s = {sensor.id: node.report_s for node in site.nodes for sensor in node.sensors}
    return {
        channel: 2.0 * period_s + 2.0 * reports_s.get(channel.partition(".")[0], 0)
        for channel, period_s in periods_s(site).items()
    }


def periods_s(site: Site) -> dict[str, float]:
    """By channel."""
    return {
        f"{sensor.id}.{register.name}": float(period_s)
        for sensor in [*site.sensors, *(sensor for node in site.nodes for sensor in node.sensors)]
        for period_s, registers in site.groups(sensor)
        for register in registers
    }


def per_month(count: int, span_s: float) -> float:
    """So many in a span, as so many in 30 days."""
    return count * 30 * 86_400 / span_s
