"""Knows when a sensor is not at its work: being serviced, calibrated or warming up; knows no reading's value.

Such readings stay and are sent, but are not evaluated (QARTOD 2) and make no mean and no alarm. HJ 212's marks for them
are M and C.
"""

from typing import Any

from protocols import quality
from protocols.worth import CALIBRATION, MAINTENANCE

STATES = {"maintenance": MAINTENANCE, "calibration": CALIBRATION, "warm_up": quality.WARM_UP}
# Nobody stays at a station for longer; a forgotten "maintenance" would silence its alarms for ever. Ours.
LONGEST_MS = 12 * 3_600_000


class SensorState:
    """One sensor. `settle_ms`: how long its readings are not trusted after somebody had it in his hands."""

    __slots__ = ("_flag", "_from_ms", "_settle_ms", "_to_ms")

    def __init__(self, settle_ms: int = 0, state: list[Any] | None = None) -> None:
        self._settle_ms = settle_ms
        self._flag: int
        self._from_ms: int
        self._to_ms: int
        self._flag, self._from_ms, self._to_ms = state or (0, 0, 0)

    def begin(self, unix_ms: int, state: str, for_ms: int = LONGEST_MS) -> None:
        """KeyError: no such state."""
        self._flag = STATES[state]
        self._from_ms, self._to_ms = unix_ms, unix_ms + min(for_ms, LONGEST_MS)

    def end(self, unix_ms: int) -> None:
        if self._flag and unix_ms < self._to_ms:
            self._to_ms = max(unix_ms, self._from_ms)

    def flags(self, unix_ms: int) -> int:
        """What a reading measured at that time gets."""
        if not self._flag or unix_ms < self._from_ms:
            return 0
        if unix_ms < self._to_ms:
            return self._flag
        return quality.WARM_UP if unix_ms < self._to_ms + self._settle_ms else 0

    def stands(self, unix_ms: int) -> tuple[str, int] | None:
        """The state that somebody has begun, and when it ends."""
        if not self._from_ms <= unix_ms < self._to_ms:
            return None
        return next((name, self._to_ms) for name, flag in STATES.items() if flag == self._flag)

    def state(self) -> list[Any]:
        return [self._flag, self._from_ms, self._to_ms]
