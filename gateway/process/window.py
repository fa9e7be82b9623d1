"""Knows what was largest, smallest or on average in the last so many milliseconds; keeps no reading, knows no limit.

Memory is constant: what lies closer together than a slot, 1/64 of the window, shares one, and a slot leaves when its
last reading does. So where readings are further apart than a slot the answer is exact, and where they are closer the
window is up to 1/64 too long, never too short.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any

SLOTS = 64  # ours: 66 slots of three numbers are about 8 kB a window

State = Any  # lists of numbers, as JSON takes and gives them


class Extremes:
    """Largest and smallest value of the half-open window (now - window_ms, now].

    Each of the two queues falls from its front to its back: only what can still become the largest is kept.
    """

    __slots__ = ("_highs", "_lows", "_slot_ms", "_window_ms")

    def __init__(self, window_ms: int, state: State = None) -> None:
        self._window_ms = window_ms
        self._slot_ms = max(1, window_ms // SLOTS)
        self._highs, self._lows = (_slots(part) for part in state or ((), ()))

    def add(self, unix_ms: int, value: float) -> float:
        """The spread of the window that ends with this value. Times must rise."""
        oldest_ms = unix_ms - self._window_ms
        highest = _push(self._highs, unix_ms, value, self._slot_ms, oldest_ms)
        lowest = _push(self._lows, unix_ms, -value, self._slot_ms, oldest_ms)
        return highest + lowest

    def state(self) -> State:
        return [[list(slot) for slot in queue] for queue in (self._highs, self._lows)]


def _slots(state: Sequence[Sequence[float]]) -> deque[list[float]]:
    return deque(list(slot) for slot in state)


def _push(queue: deque[list[float]], unix_ms: int, value: float, slot_ms: int, oldest_ms: int) -> float:
    while queue and queue[-1][2] <= value:
        queue.pop()
    if queue and unix_ms - queue[-1][0] < slot_ms:
        queue[-1][1] = unix_ms  # the larger value stays for a slot longer
    else:
        queue.append([unix_ms, unix_ms, value])
    while queue[0][1] <= oldest_ms:
        queue.popleft()
    return queue[0][2]


class Moments:
    """Count, mean and variance of the same window. Each slot is [first, last, count, mean, sum of squares about it]."""

    __slots__ = ("_closed", "_slot_ms", "_slots", "_window_ms")

    def __init__(self, window_ms: int, state: State = None) -> None:
        self._window_ms = window_ms
        self._slot_ms = max(1, window_ms // SLOTS)
        self._slots = _slots(state or ())
        self._closed: tuple[float, float, float] | None = None  # of all slots but the last; None: has to be summed

    def add(self, unix_ms: int, value: float) -> tuple[float, float, float]:
        """(count, mean, population variance) of the window that ends with this value. Times must rise."""
        slots = self._slots
        if slots and unix_ms - slots[-1][0] < self._slot_ms:
            last = slots[-1]
            last[1] = unix_ms
            last[2] += 1
            step = value - last[3]
            last[3] += step / last[2]
            last[4] += step * (value - last[3])
        else:
            slots.append([unix_ms, unix_ms, 1, value, 0.0])
            self._closed = None
        oldest_ms = unix_ms - self._window_ms
        while slots[0][1] <= oldest_ms:
            slots.popleft()
            self._closed = None
        return self.now()

    def now(self) -> tuple[float, float, float]:
        if not self._slots:
            return 0.0, 0.0, 0.0
        if self._closed is None:
            # summed anew: what is taken away from a running sum leaves its rounding behind
            total = (0.0, 0.0, 0.0)
            for place in range(len(self._slots) - 1):
                slot = self._slots[place]
                total = _joined(total, slot[2], slot[3], slot[4])
            self._closed = total
        last = self._slots[-1]
        count, mean, squares = _joined(self._closed, last[2], last[3], last[4])
        return count, mean, squares / count

    @property
    def first_ms(self) -> float | None:
        return self._slots[0][0] if self._slots else None

    def state(self) -> State:
        return [list(slot) for slot in self._slots]


def _joined(one: tuple[float, float, float], count: float, mean: float, squares: float) -> tuple[float, float, float]:
    """Chan, Golub, LeVeque (1979): two samples' moments as those of one."""
    both = one[0] + count
    step = mean - one[1]
    return both, one[1] + step * count / both, one[2] + squares + step * step * one[0] * count / both
