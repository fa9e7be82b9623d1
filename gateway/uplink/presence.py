"""Knows which devices answer, by the age of their newest value; knows no message and no platform."""

from collections.abc import Iterable

from gateway.store import Row
from gateway.uplink.devices import Device


class Presence:
    """Of one gateway's devices, by name; times are Unix milliseconds."""

    def __init__(self) -> None:
        self._newest_ms: dict[str, int] = {}

    def hear(self, name: str, rows: Iterable[Row]) -> None:
        """A row without a value is no sign of life."""
        for row in rows:
            if any(value is not None for value in row.cells):
                self._newest_ms[name] = max(row.unix_ms, self._newest_ms.get(name, row.unix_ms))

    def left_ms(self, device: Device, now_ms: int) -> int:
        """How long it still counts as there; 0 or less: it is away."""
        return self._newest_ms.get(device.name, -(10**15)) + device.silent_ms - now_ms
