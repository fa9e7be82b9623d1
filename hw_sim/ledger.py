"""Knows what every simulated sensor really answered, and when; does not know whether anybody got it."""

from collections import defaultdict
from typing import NamedTuple


class Reading(NamedTuple):
    """One value that a sensor put on the wire: fixed-point, at true Unix milliseconds."""

    unix_ms: int
    value: int


class Ledger:
    """The truth that the far end is judged by: channel name -> readings in the order of time."""

    def __init__(self) -> None:
        self.readings: dict[str, list[Reading]] = defaultdict(list)
        self.total = 0

    def note(self, channel: str, unix_ms: int, value: int) -> None:
        self.readings[channel].append(Reading(unix_ms, value))
        self.total += 1
