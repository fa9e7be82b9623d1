"""Knows which of a station's alarms stand, and what element 45 (status and alarms) says of them; knows no report.

Draft, table 58: 32 bits, the lowest in the last byte. Bit 7 is set while the box is closed and bit 10 while the pump
stands; all others are alarms. Which rule or channel is which bit stands in the site file.
"""

from collections import deque
from collections.abc import Sequence

from gateway.process.alarm import states
from gateway.site.sl651 import Sl651Status
from protocols.sl651 import body
from protocols.sl651.elements import STATUS

BITS = {
    "mains": 0, "battery": 1, "level": 2, "flow": 3, "quality": 4, "flow_meter": 5, "level_meter": 6, "door": 7,
    "store": 8, "card": 9, "pump": 10, "quota": 11,
}  # fmt: skip
_STANDING = (*states.STANDING, states.LATCHED_UNACKNOWLEDGED, states.LATCHED_ACKNOWLEDGED)
_REMEMBERED = 1000  # changes; an event is told with the bits that it made


class Standing:
    """One uplink's. Rows of the source `alarm` come in their order; some once more, and then all behind them too."""

    def __init__(self, tables: Sequence[Sl651Status]) -> None:
        self._tables = tables
        self._rules: dict[str, bool] = {}  # whether its alarm stands
        self._values: dict[str, bool] = {}  # whether a channel is not 0
        self._changes: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)  # (when, bits since)

    @property
    def is_told(self) -> bool:
        return bool(self._tables)

    def hear(self, at_ms: int, channels: Sequence[tuple[str, str, int]], cells: Sequence[int | None]) -> bool:
        """A transition; whether an alarm began or ended with it."""
        rule = channels[0][0].split(".")[1]
        state = cells[1]
        stands = state is not None and 0 <= state < len(states.ALL) and states.ALL[state] in _STANDING
        has_changed = self._rules.get(rule, False) != stands
        self._rules[rule] = stands
        self._changes.append((at_ms, self.bits))
        return has_changed

    def see(self, channel: str, at_ms: int, value: int) -> None:
        """A reading of a channel that some bit is made of."""
        if self._values.get(channel) != bool(value) and any(table.channel == channel for table in self._tables):
            self._values[channel] = bool(value)
            self._changes.append((at_ms, self.bits))

    @property
    def bits(self) -> int:
        found = 0
        for table in self._tables:
            is_set = self._rules.get(table.rule or "", False) or self._values.get(table.channel or "", False)
            found |= is_set << BITS[table.bit]
        return found

    def item(self, at_ms: int | None = None) -> body.Item:
        """Element 45, now or as it was then."""
        bits = self.bits
        if at_ms is not None:
            bits = next((then for when, then in reversed(self._changes) if when <= at_ms), 0)
        return body.raw(STATUS, bits.to_bytes(4, "big"))
