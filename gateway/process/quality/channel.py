"""Knows all tests of one channel, their order and their memory; no other channel, no store, no clock of its own.

A reading of which nothing can be said adds no flag, so flags only add. What failed gross range has no say on others: a
sentinel of -9999 would make spikes of its neighbours. Nothing is compared across a hole.
"""

from math import isfinite
from typing import Any

from gateway.process.order import LATE, SET_BACK, Order
from gateway.process.quality.limits import Limits
from gateway.process.quality.neighbours import Spike, gap, rate
from gateway.process.quality.points import Climatology, gross_range
from gateway.process.quality.windows import Attenuated, FlatLine
from protocols import quality
from protocols.worth import (
    ATTENUATED,
    CLIMATE,
    FAIL,
    FLAT,
    GAP,
    GROSS,
    MISSING,
    NOT_MEASURING,
    QARTOD_FAIL,
    QARTOD_SUSPECT,
    RATE,
    SPIKE,
    SUSPECT,
)

Added = tuple[tuple[int, int], ...]  # (unix_ms of the reading, flags that it gets)

_GRADE = {QARTOD_SUSPECT: SUSPECT, QARTOD_FAIL: FAIL}


class ChannelQuality:
    """Made of the channel's limits and, after a start, of what state() gave before."""

    def __init__(self, limits: Limits, utc_offset_ms: int = 0, state: list[Any] | None = None) -> None:
        self._limits = limits
        self._climate = Climatology(limits.seasons, utc_offset_ms) if limits.seasons else None
        self._value: float | None
        self._value_ms: int
        order, self._value, self._value_ms, *memory = state or (None, None, 0, None, None, None)
        self._order = Order(order)
        self.is_next = False  # whether the last reading came after all others, and so has been compared
        # `_value`: the last one that counts, `_value_ms`: its time
        self._remember(*memory)

    def _remember(self, spike: Any, flat: Any, attenuated: Any) -> None:
        own = self._limits
        has_spike = own.spike_suspect is not None or own.spike_fail is not None
        has_flat = own.flat_suspect_ms is not None or own.flat_fail_ms is not None
        self._spike = (
            Spike(own.spike_by, own.spike_suspect, own.spike_fail, own.gap_ms, spike or (None, None))
            if has_spike
            else None
        )
        self._flat = FlatLine(own.flat_suspect_ms, own.flat_fail_ms, own.flat_tolerance, flat) if has_flat else None
        self._attenuated = (
            Attenuated(own.attenuated_by, own.attenuated_ms, own.attenuated_suspect, own.attenuated_fail, attenuated)
            if own.attenuated_ms is not None
            else None
        )

    def step(self, unix_ms: int, value: float | None, worth: int = 0, is_late: bool = False) -> Added:
        """What this reading adds, to itself and, if that was a spike, to the one before it. `is_late`: it is known to
        be older than others that were shown."""
        self.is_next = False
        may_compare = not is_late and not worth & quality.CLOCK
        if value is None or not isfinite(value) or worth & (MISSING | NOT_MEASURING):
            return self._passed_over(unix_ms) if may_compare and self._is_next(unix_ms) else ()
        flags = _flags(GROSS, gross_range(value, self._limits.fail, self._limits.suspect))
        if worth & quality.RANGE:
            flags |= GROSS | FAIL
        if worth & quality.CLOCK:
            return ((unix_ms, flags),) if flags else ()
        if self._climate is not None:
            flags |= _flags(CLIMATE, self._climate.step(unix_ms, value))
        if is_late or not self._is_next(unix_ms):
            return ((unix_ms, flags),) if flags else ()
        if flags & FAIL:
            return (*self._passed_over(unix_ms), (unix_ms, flags))
        before: Added = ()
        if self._spike is not None:
            before = _spiked(self._spike.step(unix_ms, value))
        flags |= self._compared(unix_ms, value)
        self._value_ms = unix_ms
        self._value = value
        return (*before, (unix_ms, flags)) if flags else before

    def _compared(self, unix_ms: int, value: float) -> int:
        own = self._limits
        flags = 0
        if self._value is not None:
            step_ms = unix_ms - self._value_ms
            if own.gap_ms is not None and gap(step_ms, own.gap_ms) == QARTOD_FAIL:
                flags |= GAP
                self._remember(self._spike and self._spike.state(), None, None)
            elif own.rate_suspect_per_s is not None or own.rate_fail_per_s is not None:
                change = value - self._value
                flags |= _flags(RATE, rate(step_ms, change, own.rate_suspect_per_s, own.rate_fail_per_s))
        if self._flat is not None:
            flags |= _flags(FLAT, self._flat.step(unix_ms, value))
        if self._attenuated is not None:
            flags |= _flags(ATTENUATED, self._attenuated.step(unix_ms, value))
        return flags

    def _passed_over(self, unix_ms: int) -> Added:
        """A reading without a value that counts: the one before it has no neighbour on this side."""
        return () if self._spike is None else _spiked(self._spike.step(unix_ms, None))

    def _is_next(self, unix_ms: int) -> bool:
        """Whether it comes after all others. Late and doubled ones are not compared with anything."""
        place = self._order.place(unix_ms)
        if place == SET_BACK:
            self._value = None
            self._remember(None, None, None)
        self.is_next = place != LATE
        return self.is_next

    @property
    def awaited_ms(self) -> int | None:
        """When a reading was measured that the next one may still find to be a spike that fails."""
        return None if self._spike is None else self._spike.awaited_ms

    def state(self) -> list[Any]:
        """All it remembers, as lists and numbers that JSON takes."""
        memory = [test and test.state() for test in (self._spike, self._flat, self._attenuated)]
        return [self._order.state(), self._value, self._value_ms, *memory]


def _flags(bit: int, code: int) -> int:
    grade = _GRADE.get(code)
    return 0 if grade is None else bit | grade


def _spiked(judged: tuple[int, int] | None) -> Added:
    if judged is None:
        return ()
    flags = _flags(SPIKE, judged[1])
    return ((judged[0], flags),) if flags else ()
