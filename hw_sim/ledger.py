"""Knows what every simulated sensor really answered, and when; does not know whether anybody got it."""

from collections import defaultdict
from typing import NamedTuple


class Reading(NamedTuple):
    """One value that a sensor put on the wire: fixed-point, at true Unix milliseconds."""

    unix_ms: int
    value: int


class Label(NamedTuple):
    """A span in which a channel's readings, as the sensor gave them, were not what is true there."""

    kind: str  # as the scenario file calls the fault
    begin_ms: int  # Unix, the first and the last
    end_ms: int


class Cut(NamedTuple):
    """A node's power went, at true Unix milliseconds; `kept_ms`: when its flash had taken a whole record last."""

    unix_ms: int
    kept_ms: int


class Ledger:
    """The truth that the far end is judged by: channel name -> readings in the order of time. `labels`, channel name ->
    faulty observation in the order of its end, are what quality control can be judged by."""

    def __init__(self) -> None:
        self.readings: dict[str, list[Reading]] = defaultdict(list)
        self.labels: dict[str, list[Label]] = defaultdict(list)
        self.total = 0

    def note(self, channel: str, unix_ms: int, value: int) -> None:
        self.readings[channel].append(Reading(unix_ms, value))
        self.total += 1

    def label(self, channel: str, kind: str, begin_ms: int, end_ms: int) -> None:
        self.labels[channel].append(Label(kind, begin_ms, end_ms))
