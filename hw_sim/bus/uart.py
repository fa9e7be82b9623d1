"""Knows how characters become levels on a pair of wires, and what a UART makes of levels; knows no party, no clock.

A receiver looks for a falling edge, then at the middle of each bit, by its own settings (Serial Line V1.02, 2.5.1: the
order of the bits). So another baud rate, another parity, a swapped pair, two drivers at once and a flipped bit need no
rules of their own. A character with a wrong parity or stop bit is dropped and counted, as UART drivers do.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

Char = tuple[float, int]  # (when its last bit ended in us, its value)


class Uart(NamedTuple):
    """The settings of one serial port. `parity` is N, E or O."""

    baud: int = 9600
    parity: str = "N"
    stop_bits: int = 1

    @property
    def bits(self) -> int:
        """Of one character, start bit included."""
        return 9 + (self.parity != "N") + self.stop_bits

    @property
    def bit_us(self) -> float:
        return 1e6 / self.baud

    @property
    def char_us(self) -> float:
        return self.bits * 1e6 / self.baud

    @property
    def silence_us(self) -> float:
        """What ends a frame: 3.5 characters, above 19200 Bd a fixed time (Serial Line V1.02, 2.5.1.1)."""
        return 1750.0 if self.baud > 19200 else 3.5 * self.bits * 1e6 / self.baud

    def reads(self, other: "Uart") -> bool:
        """Whether it gets every character that `other` sends; a receiver looks at one stop bit only."""
        return self.baud == other.baud and self.parity == other.parity


class Burst:
    """Characters that one driver sends without a pause. `flips` are bits of it, counted from its start, that the line
    turns over; `is_swapped`: the driver's pair is inverted; `is_weak`: any real driver prevails over it."""

    __slots__ = ("data", "flips", "is_swapped", "is_weak", "sender", "start_us", "uart")

    def __init__(
        self, sender: object, uart: Uart, start_us: float, data: bytes, is_swapped: bool = False, is_weak: bool = False
    ) -> None:
        self.sender = sender
        self.uart = uart
        self.start_us = start_us
        self.data = bytearray(data)
        self.flips: list[int] = []
        self.is_swapped = is_swapped
        self.is_weak = is_weak

    @property
    def end_us(self) -> float:
        return self.start_us + len(self.data) * self.uart.char_us


class Air:
    """What a line carried between two silences, for every ear on it. `toss` says which of two drivers that disagree is
    seen. Bursts in the order of their starts."""

    def __init__(self, bursts: Sequence[Burst], toss: Callable[[], bool]) -> None:
        self._toss = toss
        self._groups: list[list[Burst]] = []
        self._waves: dict[int, tuple[list[float], list[int]]] = {}
        end_us = float("-inf")
        for burst in bursts:
            if burst.start_us < end_us - 1.0:  # nearer is the rounding of a clock in whole microseconds
                self._groups[-1].append(burst)
            else:
                self._groups.append([burst])
            end_us = max(end_us, burst.end_us)

    def heard(self, uart: Uart, is_swapped: bool, deaf_to: object | None) -> tuple[list[Char], int]:
        """The characters that an ear gets, and how many were dropped. `deaf_to` is the ear's own driver: while that is
        on, its receiver is off."""
        chars: list[Char] = []
        dropped = 0
        for number, group in enumerate(self._groups):
            burst = group[0]
            if len(group) == 1 and burst.sender is deaf_to:
                continue
            if len(group) == 1 and not burst.flips:
                alone, lost = _alone(bytes(burst.data), burst.uart, burst.is_swapped, uart, is_swapped)
                chars += [(burst.start_us + at_us, value) for at_us, value in alone]
            else:
                if number not in self._waves:
                    self._waves[number] = _wave(group, self._toss)
                times, levels = self._waves[number]
                own = [(burst.start_us, burst.end_us) for burst in group if burst.sender is deaf_to]
                received, lost = _receive(*_seen(times, levels, is_swapped, own), int(not is_swapped), uart)
                chars += received
            dropped += lost
        return chars, dropped


def frames(chars: Sequence[Char], uart: Uart) -> list[bytes]:
    """Cuts what was heard at every silence."""
    found: list[bytearray] = []
    last_us = float("-inf")
    for end_us, value in chars:
        if end_us - uart.char_us - last_us > uart.silence_us:
            found.append(bytearray())
        found[-1].append(value)
        last_us = end_us
    return [bytes(frame) for frame in found]


@lru_cache(maxsize=1024)
def _alone(data: bytes, sent: Uart, sent_swapped: bool, ear: Uart, ear_swapped: bool) -> tuple[tuple[Char, ...], int]:
    """What an ear gets of one undisturbed burst that begins at 0."""
    if ear.reads(sent) and not sent_swapped and not ear_swapped:
        return tuple(((i + 1) * sent.char_us, value) for i, value in enumerate(data)), 0
    times, levels = _wave([Burst(None, sent, 0.0, data, sent_swapped)], bool)
    chars, dropped = _receive(*_seen(times, levels, ear_swapped, []), int(not ear_swapped), ear)
    return tuple(chars), dropped


@cache
def _characters(parity: str, stop_bits: int) -> list[tuple[int, ...]]:
    """The bits of every character."""
    table = []
    for value in range(256):
        data = tuple(value >> i & 1 for i in range(8))
        check = () if parity == "N" else (sum(data) + (parity == "O") & 1,)
        table.append((0, *data, *check, *(1,) * stop_bits))
    return table


def _edges(burst: Burst) -> list[tuple[float, int]]:
    """(time, level from then on) of one driver. It is on a little before its first bit."""
    table = _characters(burst.uart.parity, burst.uart.stop_bits)
    bits = [bit for value in burst.data for bit in table[value]]
    for flip in burst.flips:
        bits[flip] ^= 1
    if burst.is_swapped:
        bits = [bit ^ 1 for bit in bits]
    bit_us, level = burst.uart.bit_us, 1 - burst.is_swapped
    edges = [(burst.start_us - 0.25 * bit_us, level)]
    for i, bit in enumerate(bits):
        if bit != level:
            edges.append((burst.start_us + i * bit_us, bit))
            level = bit
    return edges


def _wave(group: Sequence[Burst], toss: Callable[[], bool]) -> tuple[list[float], list[int]]:
    """When the line's level changes, and to what. Without a driver it is 1."""
    changes: list[tuple[float, int, int | None]] = []
    for index, burst in enumerate(group):
        changes += [(at_us, index, level) for at_us, level in _edges(burst)]
        changes.append((burst.end_us, index, None))
    changes.sort(key=lambda change: change[:2])
    driven: dict[int, int] = {}
    times: list[float] = []
    levels: list[int] = []
    for i, (at_us, index, level) in enumerate(changes):
        if level is None:
            driven.pop(index, None)
        else:
            driven[index] = level
        if i + 1 < len(changes) and changes[i + 1][0] == at_us:
            continue
        seen = {level for index, level in driven.items() if not group[index].is_weak} or set(driven.values())
        now = int(toss()) if len(seen) == 2 else seen.pop() if seen else 1
        if now != (levels[-1] if levels else 1):
            times.append(at_us)
            levels.append(now)
    return times, levels


def _seen(
    times: list[float], levels: list[int], is_swapped: bool, own: Sequence[tuple[float, float]]
) -> tuple[list[float], list[int]]:
    """The same changes behind a swapped pair, and 1 while the own driver is on."""
    if is_swapped:
        levels = [level ^ 1 for level in levels]
    for start_us, end_us in own:
        first, last = bisect_right(times, start_us), bisect_right(times, end_us)
        after = levels[last - 1] if last else int(not is_swapped)
        times = [*times[:first], start_us, end_us, *times[last:]]
        levels = [*levels[:first], 1, after, *levels[last:]]
    return times, levels


def _receive(times: Sequence[float], levels: Sequence[int], idle: int, uart: Uart) -> tuple[list[Char], int]:
    """The characters that a receiver makes of a wave, and how many it dropped."""

    def level(at_us: float) -> int:
        index = bisect_right(times, at_us)
        return levels[index - 1] if index else idle

    bit_us = uart.bit_us
    has_parity = uart.parity != "N"
    chars: list[Char] = []
    dropped = 0
    next_up = 0
    while next_up < len(times):
        start_us = times[next_up]
        before = levels[next_up - 1] if next_up else idle
        next_up += 1
        if not before or levels[next_up - 1] or level(start_us + 0.5 * bit_us):
            continue  # no falling edge, or a spike
        value = sum(level(start_us + (1.5 + i) * bit_us) << i for i in range(8))
        is_good = not has_parity or (value.bit_count() + level(start_us + 9.5 * bit_us) + (uart.parity == "O")) & 1 == 0
        stop_us = start_us + (9.5 + has_parity) * bit_us
        if is_good and level(stop_us):
            chars.append((start_us + uart.char_us, value))
        else:
            dropped += 1
        next_up = bisect_right(times, stop_us)
    return chars, dropped
