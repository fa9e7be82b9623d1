"""Knows whether a reading comes after all that came before, or whether the clock was set back; knows no value."""

from typing import Any

LATE, NEXT, SET_BACK = 0, 1, 2
# So many readings in a row that are older than the newest, each later than the one before: it was the clock that went
# back, not the order that got lost. Ours.
_ENOUGH = 3


class Order:
    """One channel's. After SET_BACK what was remembered lies in a future that was none: forget it."""

    __slots__ = ("_late", "_late_ms", "newest_ms")

    def __init__(self, state: list[Any] | None = None) -> None:
        self.newest_ms: int | None
        self._late: int
        self._late_ms: int
        self.newest_ms, self._late, self._late_ms = state or (None, 0, 0)

    def place(self, unix_ms: int) -> int:
        """Late ones and doubled ones are LATE."""
        if self.newest_ms is None or unix_ms > self.newest_ms:
            self.newest_ms, self._late = unix_ms, 0
            return NEXT
        self._late = self._late + 1 if self._late and unix_ms > self._late_ms else 1
        self._late_ms = unix_ms
        if self._late < _ENOUGH:
            return LATE
        self.newest_ms, self._late = unix_ms, 0
        return SET_BACK

    def state(self) -> list[Any]:
        return [self.newest_ms, self._late, self._late_ms]
