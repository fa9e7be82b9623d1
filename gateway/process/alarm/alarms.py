"""Knows the alarms of a station: which rule's condition stands for how long, and what persons said; sends nothing.

A pure machine: readings, time and commands in, transitions out. Whatever comes in, a transition follows only from what
is known: a missing, failed, stale or late reading neither raises nor ends an alarm. Where a rule has been unable to
tell for its `stale_ms`, "no_data" is said, and "data" when it can again.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gateway.process.alarm import states
from gateway.process.alarm.expression import Expression, Quantity, quantities
from gateway.process.alarm.memory import Watched
from gateway.process.alarm.rule import Rule
from gateway.process.alarm.truth import holds
from protocols import quality
from protocols.worth import MISSING, NOT_MEASURING, is_usable

# Shelving ends by itself; so does one whose end a clock that was set has moved beyond that. Ours.
LONGEST_SHELF_MS = 24 * 3_600_000
# A station that was not heard of for so long says nothing any more. Ours.
_OTHER_STALE_MS = 24 * 3_600_000
# Time between two looks counts towards escalation up to this, so that a clock that is set forward wakes nobody. Ours.
_LONGEST_STEP_MS = 600_000


class Transition(NamedTuple):
    """Something to tell. `value` is that of the condition's first quantity; `expected_ms` is when what an upstream
    station saw gets here; `step` counts escalations from 1."""

    unix_ms: int
    rule: str
    event: str  # raised cleared acknowledged reset shelved unshelved suppressed .. escalated no_data data
    state: str
    level: str
    value: float | None = None
    expected_ms: int | None = None
    step: int = 0


# A derived row comes once a period, so its channel may be silent for so long beyond a rule's stale_ms.
_PERIODS_MS = {
    "minute": 600_000,
    "hour": 3_600_000,
    "8h": 3_600_000,
    "day": 86_400_000,
    "trend": 86_400_000,
    "month": 31 * 86_400_000,
    "year": 366 * 86_400_000,
}


def _period_ms(channel: str) -> int:
    """Of "hour/river.ph", "water_day/water.class"; a reading's own channel has none."""
    source, slash, _ = channel.rpartition("/")
    return _PERIODS_MS.get(source.rpartition("_")[2], 0) if slash else 0


class _Alarm:
    """A rule and what there is to remember of it."""

    __slots__ = (
        "active", "blind_ms", "confirmed_ms", "escalated", "is_blind", "looked_ms", "patience_ms", "rule", "seen_ms",
        "shelf_ms", "since_ms", "state", "unheard_ms",
    )  # fmt: skip
    KEPT = ("state", "active", "shelf_ms", "escalated", "unheard_ms", "is_blind")

    def __init__(self, rule: Rule, kept: Mapping[str, Any]) -> None:
        self.rule = rule
        self.patience_ms = rule.stale_ms + max(map(_period_ms, rule.channels), default=0)
        self.state: str = kept.get("state", states.NORMAL)
        self.active: bool = kept.get("active", False)  # the condition, after its delays
        self.shelf_ms: int | None = kept.get("shelf_ms")
        self.escalated: int = kept.get("escalated", 0)
        self.unheard_ms: int = kept.get("unheard_ms", 0)  # without acknowledgement
        self.is_blind: bool = kept.get("is_blind", False)
        # The rest begins anew after a start: a delay is not helped along by a time when nobody looked.
        self.since_ms: int | None = None  # since when the condition is other than `active`, without a break
        self.seen_ms: int | None = None  # when it was last known
        self.confirmed_ms: int | None = None
        self.blind_ms: int | None = None  # since when it is unknown
        self.looked_ms: int | None = None


class Alarms:
    def __init__(self, rules: Iterable[Rule], state: Mapping[str, Any] | None = None) -> None:
        state = state or {}
        kept = state.get("alarms", {})
        self._alarms = {rule.id: _Alarm(rule, kept.get(rule.id, {})) for rule in rules}
        wanted: dict[str, set[Quantity]] = {}
        self._by_channel: dict[str, list[_Alarm]] = {}
        self._by_other: dict[str, list[_Alarm]] = {}
        for alarm in self._alarms.values():
            for channel in alarm.rule.channels:
                self._by_channel.setdefault(channel, []).append(alarm)
            for name in alarm.rule.others:
                self._by_other.setdefault(name, []).append(alarm)
            for one in alarm.rule.expressions:
                for quantity in quantities(one):
                    wanted.setdefault(quantity.channel, set()).add(quantity)
        believing = (alarm.rule.channels for alarm in self._alarms.values() if alarm.rule.counts_beyond)
        self._beyond = frozenset[str]().union(*believing)
        watched = state.get("watched", {})
        self._watched = {channel: Watched(ones, watched.get(channel)) for channel, ones in wanted.items()}
        # "station/rule" -> (raised, since when, heard when)
        self._heard: dict[str, tuple[bool, int, int]] = {
            name: (heard[0], heard[1], heard[2]) for name, heard in state.get("heard", {}).items()
        }

    @property
    def channels(self) -> frozenset[str]:
        """What it wants to be shown."""
        return frozenset(self._watched)

    @property
    def emergency(self) -> frozenset[int]:
        """The nodes that are to measure densely now."""
        standing = (one for one in self._alarms.values() if one.state in states.STANDING)
        return frozenset(node for one in standing for node in one.rule.emergency)

    def state_of(self, rule: str) -> tuple[str, bool]:
        """(its state, whether there is not enough data to tell). KeyError: no such rule."""
        return self._alarms[rule].state, self._alarms[rule].is_blind

    def shelf_ms(self, rule: str) -> int | None:
        """When its shelf ends."""
        return self._alarms[rule].shelf_ms

    def restore(self, rule: str, state: str, shelf_ms: int | None = None, escalated: int = 0) -> None:
        """How it stood when somebody last wrote it down; what the rule no longer has, it does not become again.
        KeyError: no such rule."""
        alarm = self._alarms[rule]
        own = alarm.rule
        state = states.fitting(state, own.is_latched, own.is_acknowledged, own.suppress is not None)
        alarm.state, alarm.escalated = state, escalated
        alarm.active = state in states.STANDING
        alarm.shelf_ms = shelf_ms if state == states.SHELVED else None

    def is_news(self, unix_ms: int, readings: Mapping[str, tuple[float | None, int]]) -> bool:
        """Whether these readings, taken by themselves, contradict how an alarm stands."""

        def value_of(quantity: Quantity) -> float | None:
            value, worth = readings.get(quantity.channel, (None, 0))
            if quantity.form:  # a mean or a change is known only with what was before
                return self._watched[quantity.channel].values[quantity]
            if quantity.channel in readings:
                return self._known(quantity.channel, value, worth)
            return self._watched[quantity.channel].values[quantity]

        touched = {one.rule.id: one for name in readings for one in self._by_channel.get(name, ())}
        return any(
            holds(alarm.rule.when, value_of, lambda name: None, alarm.rule.hysteresis if alarm.active else 0.0)
            is not alarm.active
            for alarm in touched.values()
            if alarm.state not in states.SILENT
        )

    def step(
        self, unix_ms: int, readings: Mapping[str, tuple[float | None, int]], measured_ms: int | None = None
    ) -> tuple[Transition, ...]:
        """Readings by channel as (value, flags) that come in at `unix_ms`, measured then or before."""
        measured_ms = unix_ms if measured_ms is None else measured_ms
        touched: dict[str, _Alarm] = {}
        for channel, (value, worth) in readings.items():
            watched = self._watched.get(channel)
            if watched is None:
                continue
            if watched.add(measured_ms, self._known(channel, value, worth)):
                for alarm in self._by_channel[channel]:
                    touched[alarm.rule.id] = alarm
        return self._looked(touched, unix_ms, measured_ms) if touched else ()

    def remember(self, measured_ms: int, readings: Mapping[str, tuple[float | None, int]]) -> None:
        """What was measured before this start, and was looked at then: means and changes need it."""
        for channel, (value, worth) in readings.items():
            if channel in self._watched:
                self._watched[channel].add(measured_ms, self._known(channel, value, worth))

    def _known(self, channel: str, value: float | None, worth: int) -> float | None:
        """The value, if it is one that may raise or end an alarm."""
        if value is None or value - value != 0:
            return None
        is_beyond = channel in self._beyond and worth & quality.RANGE and not worth & (MISSING | NOT_MEASURING)
        return value if is_beyond or is_usable(worth) else None

    def hear(self, unix_ms: int, name: str, is_raised: bool, since_ms: int) -> tuple[Transition, ...]:
        """What another station says of its alarm "station/rule", again and again or once."""
        if name not in self._by_other or "/" not in name:
            return ()
        self._heard[name] = (is_raised, since_ms, unix_ms)
        return self._looked({one.rule.id: one for one in self._by_other[name]}, unix_ms, unix_ms)

    def tick(self, unix_ms: int) -> tuple[Transition, ...]:
        """What time alone does: shelves end, alarms escalate, readings grow stale. Meant for each second or so."""
        told: list[Transition] = []
        for alarm in self._alarms.values():
            self._shelf(alarm, unix_ms, told)
            self._escalate(alarm, unix_ms, told)
            if not alarm.rule.channels:  # what only asks other alarms has no readings that move its delays
                self._look(alarm, unix_ms, unix_ms, told)
            elif alarm.seen_ms is None or unix_ms - alarm.seen_ms > alarm.patience_ms or alarm.blind_ms is not None:
                self._look(alarm, unix_ms, None, told)
        return tuple(told)

    def command(self, unix_ms: int, rule: str, verb: str, for_ms: int = LONGEST_SHELF_MS) -> tuple[Transition, ...]:
        """acknowledge, reset, shelve (`for_ms`), unshelve, remove, return. KeyError: no such rule. What does not fit
        the alarm's state does nothing."""
        alarm = self._alarms[rule]
        told: list[Transition] = []
        if verb in ("raise", "clear", "suppress", "unsuppress") or not self._go(alarm, verb, unix_ms, told):
            return ()
        if verb == "shelve":
            alarm.shelf_ms = unix_ms + max(0, min(for_ms, LONGEST_SHELF_MS))
        elif verb in ("unshelve", "return"):
            self._back(alarm, unix_ms, told)
        return tuple(told)

    def state(self) -> dict[str, Any]:
        """All that has to outlive a start, as JSON takes it."""
        return {
            "alarms": {rule: {name: getattr(one, name) for name in one.KEPT} for rule, one in self._alarms.items()},
            "watched": {channel: watched.state() for channel, watched in self._watched.items()},
            "heard": {name: list(heard) for name, heard in self._heard.items()},
        }

    # ---------------------------------------------------------------------------------------------- a condition's way

    def _looked(self, touched: dict[str, _Alarm], unix_ms: int, measured_ms: int) -> tuple[Transition, ...]:
        told: list[Transition] = []
        # rules that ask for a rule that has changed are looked at after it; the site file's check refuses circles
        waiting = list(touched.values())
        rounds = len(self._alarms) * 2
        while waiting and rounds >= 0:
            rounds -= 1
            alarm = waiting.pop(0)
            was_active = alarm.active
            self._look(alarm, unix_ms, measured_ms, told)
            if alarm.active != was_active:
                waiting += [one for one in self._by_other.get(alarm.rule.id, ()) if one not in waiting]
        return tuple(told)

    def _look(self, alarm: _Alarm, unix_ms: int, measured_ms: int | None, told: list[Transition]) -> None:
        """At the condition, and whether it is to be silent: that ends after the condition was looked at, because what
        ends with the silence must not be raised."""
        suppress = alarm.rule.suppress
        if suppress is not None and self._holds(suppress, alarm.rule, unix_ms):
            self._go(alarm, "suppress", unix_ms, told)
        self._follow(alarm, unix_ms, measured_ms, told)
        if suppress is not None:
            self._suppress(alarm, unix_ms, told)

    def _follow(self, alarm: _Alarm, unix_ms: int, measured_ms: int | None, told: list[Transition]) -> None:
        """Without a measurement (None) nothing is raised or ended, only missed."""
        rule = alarm.rule
        found = self._condition(alarm, unix_ms)
        if found is None:
            alarm.since_ms = None
            if alarm.blind_ms is None or alarm.blind_ms > unix_ms:
                alarm.blind_ms = unix_ms if alarm.seen_ms is None else min(alarm.seen_ms, unix_ms)
            if not alarm.is_blind and unix_ms - alarm.blind_ms >= alarm.patience_ms:
                alarm.is_blind = True
                told.append(self._told(alarm, unix_ms, "no_data"))
            return
        if measured_ms is None:
            return
        alarm.blind_ms = None
        if alarm.is_blind:
            alarm.is_blind = False
            told.append(self._told(alarm, unix_ms, "data"))
        seen_ms, alarm.seen_ms = alarm.seen_ms, measured_ms
        if found == alarm.active:
            alarm.since_ms = None
            return
        is_broken = seen_ms is None or not 0 <= measured_ms - seen_ms <= alarm.patience_ms
        if alarm.since_ms is None or is_broken:
            alarm.since_ms = measured_ms
        held_ms = measured_ms - alarm.since_ms
        if held_ms >= (rule.delay_ms if found else rule.off_delay_ms) and (
            not found or self._is_confirmed(alarm, unix_ms)
        ):
            alarm.active, alarm.since_ms = found, None
            if found:
                alarm.unheard_ms, alarm.escalated = 0, 0
            self._go(alarm, "raise" if found else "clear", unix_ms, told)

    def _condition(self, alarm: _Alarm, unix_ms: int) -> bool | None:
        rule = alarm.rule
        if rule.confirm is not None and self._holds(rule.confirm, rule, unix_ms):
            alarm.confirmed_ms = unix_ms
        if alarm.active and rule.clear is not None:
            is_over = self._holds(rule.clear, rule, unix_ms)
            return None if is_over is None else not is_over
        found = self._holds(rule.when, rule, unix_ms, rule.hysteresis if alarm.active else 0.0)
        if found and not alarm.active and rule.confirm is not None and not self._is_confirmed(alarm, unix_ms):
            # a second channel that is missing keeps the first from being believed, and that is said
            return None if self._holds(rule.confirm, rule, unix_ms) is None else found
        return found

    def _is_confirmed(self, alarm: _Alarm, unix_ms: int) -> bool:
        if alarm.rule.confirm is None:
            return True
        return alarm.confirmed_ms is not None and 0 <= unix_ms - alarm.confirmed_ms <= alarm.rule.confirm_ms

    def _holds(self, one: Expression, rule: Rule, unix_ms: int, relief: float = 0.0) -> bool | None:
        def value_of(quantity: Quantity) -> float | None:
            watched = self._watched[quantity.channel]
            measured_ms = watched.measured_ms
            if measured_ms is None or abs(unix_ms - measured_ms) > rule.stale_ms + _period_ms(quantity.channel):
                return None  # too old, or from a clock that runs ahead
            return watched.values[quantity]

        def holds_of(name: str) -> bool | None:
            if name in self._alarms:
                other = self._alarms[name]
                return None if other.is_blind and not other.active else other.active
            is_raised, _, heard_ms = self._heard.get(name, (None, 0, 0))
            return None if unix_ms - heard_ms > _OTHER_STALE_MS else is_raised

        return holds(one, value_of, holds_of, relief)

    # -------------------------------------------------------------------------------------------------- states and talk

    def _go(self, alarm: _Alarm, event: str, unix_ms: int, told: list[Transition]) -> bool:
        """Whether that event changes its state."""
        before = alarm.state
        alarm.state = states.after(before, event, alarm.rule.is_latched, alarm.rule.is_acknowledged)
        if alarm.state == before:
            return False
        told.append(self._told(alarm, unix_ms, _TOLD[event]))
        return True

    def _back(self, alarm: _Alarm, unix_ms: int, told: list[Transition]) -> None:
        """From silence to what the condition says."""
        alarm.shelf_ms = None
        if alarm.rule.suppress is not None:
            self._suppress(alarm, unix_ms, told)
        if alarm.state == states.NORMAL and alarm.active:
            alarm.unheard_ms, alarm.escalated = 0, 0
            self._go(alarm, "raise", unix_ms, told)

    def _suppress(self, alarm: _Alarm, unix_ms: int, told: list[Transition]) -> None:
        assert alarm.rule.suppress is not None
        # what is not known silences nothing
        if self._holds(alarm.rule.suppress, alarm.rule, unix_ms):
            self._go(alarm, "suppress", unix_ms, told)
        elif alarm.state == states.SUPPRESSED and self._go(alarm, "unsuppress", unix_ms, told) and alarm.active:
            self._go(alarm, "raise", unix_ms, told)

    def _shelf(self, alarm: _Alarm, unix_ms: int, told: list[Transition]) -> None:
        if alarm.state != states.SHELVED:
            return
        if alarm.shelf_ms is None or not 0 < alarm.shelf_ms - unix_ms <= LONGEST_SHELF_MS:
            self._go(alarm, "unshelve", unix_ms, told)
            self._back(alarm, unix_ms, told)

    def _escalate(self, alarm: _Alarm, unix_ms: int, told: list[Transition]) -> None:
        looked_ms, alarm.looked_ms = alarm.looked_ms, unix_ms
        if alarm.state != states.UNACKNOWLEDGED or looked_ms is None:
            return
        alarm.unheard_ms += min(max(0, unix_ms - looked_ms), _LONGEST_STEP_MS)
        while alarm.escalated < len(alarm.rule.escalate_ms):
            if alarm.unheard_ms < alarm.rule.escalate_ms[alarm.escalated]:
                return
            alarm.escalated += 1
            told.append(self._told(alarm, unix_ms, "escalated")._replace(step=alarm.escalated))

    def _told(self, alarm: _Alarm, unix_ms: int, event: str) -> Transition:
        rule = alarm.rule
        value = next((self._watched[one.channel].values[one] for one in quantities(rule.when)), None)
        expected_ms = None
        if event == "raised" and rule.travel_ms:
            heard = [self._heard[name] for name in rule.others if name in self._heard]
            since = [since_ms for is_raised, since_ms, _ in heard if is_raised]
            expected_ms = min(since, default=unix_ms) + rule.travel_ms
        return Transition(unix_ms, rule.id, event, alarm.state, rule.level, value, expected_ms)


_TOLD = {
    "raise": "raised",
    "clear": "cleared",
    "acknowledge": "acknowledged",
    "reset": "reset",
    "shelve": "shelved",
    "unshelve": "unshelved",
    "suppress": "suppressed",
    "unsuppress": "unsuppressed",
    "remove": "removed",
    "return": "returned",
}
