"""Knows when polls are due and whether a bus keeps up with them; knows no bus and asks no clock.

Slots are counted in monotonic time, one period apart, so that a calendar that is set moves none of them at once. They
lie on whole multiples of the period in Unix time; after the calendar was set they drift there again.
"""

_GENTLY = 10  # a step is longer or shorter by a tenth of the period at most (ours): aligned again after five steps
_FLICKER_MS = 2  # two clocks are not read at the same instant: up to here behind the multiple is on it


def first_slot(period_ms: int, now_ms: int, lead_ms: int) -> int:
    """The next whole multiple in monotonic time; `lead_ms` is how far Unix time is ahead of that."""
    return now_ms + period_ms - (now_ms + lead_ms) % period_ms


def next_slot(slot_ms: int, period_ms: int, lead_ms: int) -> int:
    """The slot after `slot_ms`."""
    behind_ms = (slot_ms + lead_ms) % period_ms  # the multiple before it
    if behind_ms <= _FLICKER_MS:
        return slot_ms + period_ms
    if behind_ms > period_ms // 2:
        behind_ms -= period_ms
    most_ms = period_ms // _GENTLY
    return slot_ms + period_ms - min(max(behind_ms - 1, -most_ms), most_ms)


_WINDOW_MS = 60_000
_FEWEST = 20  # slots in a window: fewer say nothing
_TOO_MANY = 0.05  # of the slots skipped: as much as one dead device may cost its bus


class Load:
    """Counts the slots of one bus that were taken and those that had to be skipped because the next was due as well."""

    def __init__(self, now_ms: int) -> None:
        self.skipped = 0  # since the bus was overloaded
        self._since_ms = now_ms
        self._taken = self._left = 0
        self.is_over = False

    def count(self, skipped: int, now_ms: int) -> bool:
        """One slot was taken and so many before it were not. True: whether the bus keeps up is another matter now."""
        self._taken += 1
        self._left += skipped
        slots = self._taken + self._left
        if slots < _FEWEST or now_ms - self._since_ms < _WINDOW_MS:
            return False
        was_over, self.is_over = self.is_over, self._left > _TOO_MANY * slots
        self.skipped = self._left + (self.skipped if was_over else 0)
        self._since_ms = now_ms
        self._taken = self._left = 0
        return was_over != self.is_over
