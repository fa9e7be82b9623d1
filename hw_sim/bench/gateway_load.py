"""Knows the load every contender gets: how many devices and values, and what the n-th reading of a channel is.

A reading tells its own number, so that loss, repetition, order and a wrong place can be told whatever gateway is
between, and all its five digits change, so that nothing packs it.
"""

from typing import NamedTuple

_LOWEST, _SPAN = 10_000, 90_000  # five digits
_STEP = 37_199  # ours: no divisor in common with the span, and each of the digits moves
_BACK = pow(_STEP, -1, _SPAN)
_APART = 7_919  # ours: how far channels are apart, so that a value at the wrong channel has an impossible number


class Load(NamedTuple):
    """`devices` with `values` readings each, asked every `period_s`. Each device has a Modbus TCP port of its own;
    with `units_per_bus` so many share one serial bus of 9600 baud instead."""

    devices: int
    values: int
    period_s: int = 1
    units_per_bus: int | None = None

    @property
    def readings_per_s(self) -> float:
        return self.devices * self.values / self.period_s

    def channel(self, device: int, value: int) -> int:
        return device * self.values + value

    def unit(self, device: int) -> int:
        return 1 if self.units_per_bus is None else 1 + device % self.units_per_bus

    def line(self, device: int) -> int:
        """Which port or bus a device is at."""
        return device if self.units_per_bus is None else device // self.units_per_bus

    @property
    def lines(self) -> int:
        return self.line(self.devices - 1) + 1


def reading(channel: int, number: int) -> int:
    """The `number`-th reading (from 0) of a channel."""
    return _LOWEST + (channel * _APART + number * _STEP) % _SPAN


def number_of(channel: int, value: int) -> int | None:
    """Which reading of a channel `value` is; None: of none."""
    if not _LOWEST <= value < _LOWEST + _SPAN:
        return None
    return (value - _LOWEST - channel * _APART) * _BACK % _SPAN
