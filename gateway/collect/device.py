"""Knows one polled sensor: its slots, its power, whether it answers and is ready; asks nothing itself."""

from collections.abc import Iterator
from typing import NamedTuple

from gateway.collect.schedule import first_slot, next_slot
from gateway.machine.rails import Supply
from gateway.site.config import Sensor, Site
from gateway.states import DeviceState
from gateway.store import Store
from protocols.registers import Register, plan_reads

_START_MS = 500  # for the start command, unanswered at worst, so that it does not push "ready" behind the slot
_MOST_BACK_OFF = 32  # periods
_LONGEST_PAUSE_MS = 900_000  # between two probes, unless the period is longer (ours)
_DEAR = 32  # what holds up the whole bus is paid for with so many times its time: 3 % of it
_SIGNS_OF_LIFE = 5  # polls of damaged answers only, before they count as silence


class Group:
    """The channels of one sensor that have the same period: asked together, a series of their own."""

    def __init__(
        self, site: Site, sensor: Sensor, period_s: int, registers: tuple[Register, ...], store: Store
    ) -> None:
        profile = site.profile(sensor)
        self.period_ms = period_s * 1000
        self.registers = registers
        self.reads = plan_reads(registers, profile.max_words, profile.max_gap)
        self.series = store.series(f"sensor {sensor.id}", site.channels_of(sensor, registers=registers))
        self.slot_ms = 0  # monotonic time of the next poll


class Next(NamedTuple):
    """What is to be done with a device, and when: a poll, or, without a group, a step on the way there."""

    at_ms: int
    device: "Device"
    group: Group | None


class Memory(NamedTuple):
    """What outlives a device when the gateway starts again within itself; slots by period."""

    started: bool
    ready_ms: int
    silent: int
    ask_ms: int
    slots_ms: dict[int, int]
    answered_unix_ms: int | None


class Device:
    """One sensor of a bus. All times are monotonic."""

    def __init__(self, site: Site, sensor: Sensor, latency_ms: int, store: Store, supply: Supply | None) -> None:
        self.id = sensor.id
        self.sensor = sensor
        self.unit_id = sensor.unit_id
        self.profile = site.profile(sensor)
        self.latency_ms = latency_ms
        self.groups = [Group(site, sensor, *group, store) for group in site.groups(sensor)]
        self.period_ms = min(group.period_ms for group in self.groups)
        self.supply = supply
        self.lead_ms = self.profile.warm_up_ms + self.profile.settle_ms + (_START_MS if self.profile.start else 0)
        # switching off pays only when the sensor is off for a while
        self.is_switched = supply is not None and self.period_ms > 2 * self.lead_ms
        self.is_on = supply is None
        self.is_busy = False  # somebody asks it
        self.started = self.profile.start is None
        self.start_ms: int | None = None  # when it must be told to start, after its power came
        self.rest_ms: int | None = None  # when its power can go, which it has for a command only
        self.ready_ms = 0  # what it tells before is not settled
        self.silent = 0  # polls in a row without any answer
        self.ask_ms = 0  # it is not asked before
        self.skipped = 0  # slots, because the bus was busy
        self._answered_unix_ms: int | None = None
        self._damaged = 0  # polls in a row whose answers were all spoilt

    # --- slots --------------------------------------------------------------------------------------------------------

    def plan(self, now_ms: int, lead_ms: int) -> None:
        """The first slots."""
        for group in self.groups:
            group.slot_ms = first_slot(group.period_ms, now_ms, lead_ms)

    def resume(self, now_ms: int, lead_ms: int) -> None:
        """The slots that have passed while there was no bus are gone, but for the last."""
        for group in self.groups:
            while (later_ms := next_slot(group.slot_ms, group.period_ms, lead_ms)) <= now_ms:
                group.slot_ms = later_ms

    def next(self) -> Next:
        group = self.groups[0] if len(self.groups) == 1 else min(self.groups, key=lambda group: group.slot_ms)
        if self.supply is None:
            return Next(group.slot_ms, self, group)
        if not self.is_on:
            return Next(group.slot_ms - (self.lead_ms if self.is_switched else group.period_ms), self, None)
        if self.start_ms is not None:
            return Next(self.start_ms, self, None)
        if self.rest_ms is not None:
            return Next(self.rest_ms, self, None)
        return Next(max(group.slot_ms, self.ready_ms) if self.is_switched else group.slot_ms, self, group)

    def taken(self, group: Group, now_ms: int, lead_ms: int) -> int:
        """Plans the next slot of `group`; how many had to be skipped because the one after them is due already."""
        skipped = 0
        slot_ms = next_slot(group.slot_ms, group.period_ms, lead_ms)
        while slot_ms < self.ask_ms:
            slot_ms = next_slot(slot_ms, group.period_ms, lead_ms)
        while (later_ms := next_slot(slot_ms, group.period_ms, lead_ms)) <= now_ms:
            slot_ms = later_ms
            skipped += 1
        group.slot_ms = slot_ms
        self.skipped += skipped
        for other in self._others(group):
            while other.slot_ms < self.ask_ms:
                other.slot_ms = next_slot(other.slot_ms, other.period_ms, lead_ms)
        return skipped

    def _others(self, group: Group) -> Iterator[Group]:
        return (other for other in self.groups if other is not group)

    # --- power --------------------------------------------------------------------------------------------------------

    def power(self, now_ms: int) -> None:
        """Its supply is switched on."""
        assert self.supply is not None
        self.supply.need(self.id)
        self.is_on = True
        self.may_be_cold(now_ms)
        self.ask_ms = max(self.ask_ms, now_ms + self.profile.warm_up_ms)
        if not self.started:
            self.start_ms = self.ask_ms

    def rest(self, now_ms: int) -> None:
        """Its supply is switched off, if there is time for that before its next slot."""
        self.rest_ms = None
        next_ms = min(group.slot_ms for group in self.groups)
        if self.supply is not None and self.is_switched and next_ms - self.lead_ms > now_ms:
            self.supply.leave(self.id)
            self.is_on = False

    def may_be_cold(self, now_ms: int) -> None:
        """It may have had no power until now: forgotten that it was told to measure, and not settled."""
        self.started = self.profile.start is None
        self.ready_ms = now_ms + self.profile.warm_up_ms + self.profile.settle_ms

    def was_started(self, now_ms: int) -> None:
        self.started = True
        self.ready_ms = now_ms + self.profile.settle_ms

    # --- silence ------------------------------------------------------------------------------------------------------

    def fell_silent(self, group: Group, was_damaged: bool, cost_ms: int, shortest_ms: int) -> bool:
        """A poll of `group` got no answer and held up the bus, whose shortest period is `shortest_ms`, for `cost_ms`.
        True: this is news."""
        if was_damaged and not self.silent:
            self._damaged += 1
            if self._damaged < _SIGNS_OF_LIFE:
                return False
        self.silent += 1
        pause_ms = self.period_ms * min(1 << (self.silent - 1), _MOST_BACK_OFF)
        pause_ms = min(pause_ms, max(_LONGEST_PAUSE_MS, self.period_ms))
        slot_ms = group.slot_ms
        self.ask_ms = max(self.ask_ms, slot_ms + pause_ms - self.period_ms // 2)  # the slot there, aligned or not quite
        if cost_ms >= shortest_ms:
            self.ask_ms = max(self.ask_ms, slot_ms + _DEAR * cost_ms)
        return self.silent == 1

    def answered(self, unix_ms: int) -> int:
        """It answers; how many polls it had missed."""
        missed, self.silent, self._damaged = self.silent, 0, 0
        self._answered_unix_ms = unix_ms
        return missed

    @property
    def state(self) -> DeviceState:
        return DeviceState(
            sensor=self.id,
            unit_id=self.unit_id,
            missed=self.silent,
            skipped=self.skipped,
            is_on=self.is_on,
            answered_unix_ms=self._answered_unix_ms,
        )

    # --- another site file --------------------------------------------------------------------------------------------

    def memory(self) -> Memory:
        """What a device of the next site file may know, if it is this one."""
        slots_ms = {group.period_ms: group.slot_ms for group in self.groups}
        return Memory(self.started, self.ready_ms, self.silent, self.ask_ms, slots_ms, self._answered_unix_ms)

    def remember(self, memory: Memory) -> None:
        """It is the same sensor, with the same power, as before."""
        self.silent, self.ask_ms, self._answered_unix_ms = memory.silent, memory.ask_ms, memory.answered_unix_ms
        if self.supply is None:
            self.started, self.ready_ms = memory.started, memory.ready_ms
        for group in self.groups:
            group.slot_ms = memory.slots_ms.get(group.period_ms, group.slot_ms)
