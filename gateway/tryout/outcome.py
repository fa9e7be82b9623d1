"""Knows what comes of a rehearsal: which readings were flagged and which alarms came and went; prints nothing."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gateway.process.alarm import states
from gateway.process.alarm.rows import ALARM, EVENTS
from gateway.process.stage import Row
from protocols import worth

_STANDING = (states.UNACKNOWLEDGED, states.ACKNOWLEDGED)


class Stretch(NamedTuple):
    """Readings of one channel in a row that have the same flags."""

    channel: str
    from_ms: int
    to_ms: int
    size: int
    flags: int


class Event(NamedTuple):
    unix_ms: int
    rule: str
    event: str
    value: float | None


class Tested(NamedTuple):
    """One channel: how many readings, how many of them with each flag, by its word."""

    channel: str
    size: int
    flagged: int
    failed: int
    words: dict[str, int]


class Outcome:
    """Takes what a rehearsal writes. Memory: one number a reading."""

    def __init__(self) -> None:
        self._readings: dict[str, dict[int, int]] = {}  # by channel: Unix ms -> flags, as they are in the end
        self.points: dict[str, list[tuple[int, float]]] = {}
        self.events: list[Event] = []
        self.states: dict[str, str] = {}  # of each rule, in the end

    def take(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if row.series.source == ALARM:
                self._note(row)
            elif row.series.is_collected or row.series.original is not None:
                self._read(row)
        self.events.sort(key=lambda one: one.unix_ms)

    def _read(self, row: Row) -> None:
        for (name, _, decimals), (value, flags) in zip(row.series.channels, row.cells, strict=True):
            if value is None and not flags:
                continue
            self._readings.setdefault(name, {})[row.unix_ms] = flags & ~worth.AWAITED
            if value is not None and row.series.is_collected and worth.is_usable(flags):  # a sentinel has no place
                self.points.setdefault(name, []).append((row.unix_ms, value / 10**decimals))

    def _note(self, row: Row) -> None:
        name, _, decimals = row.series.channels[3]
        rule = name.split(".")[1]
        event, state, value = row.cells[0][0] or 0, row.cells[1][0] or 0, row.cells[3][0]
        self.events.append(Event(row.unix_ms, rule, EVENTS[event], None if value is None else value / 10**decimals))
        self.states[rule] = states.ALL[state]

    def tested(self) -> Iterator[Tested]:
        for channel, readings in self._readings.items():
            words: dict[str, int] = {}
            for flags in readings.values():
                for word in worth.names(flags & ~(worth.SUSPECT | worth.FAIL)):
                    words[word] = words.get(word, 0) + 1
            flagged = sum(flags != 0 for flags in readings.values())
            failed = sum(not worth.is_usable(flags) for flags in readings.values())
            yield Tested(channel, len(readings), flagged, failed, words)

    def stretches(self) -> list[Stretch]:
        """In the order of time."""
        found: list[Stretch] = []
        for channel, readings in self._readings.items():
            open_one: Stretch | None = None
            for unix_ms in sorted(readings):
                flags = readings[unix_ms]
                if open_one is not None and open_one.flags == flags:
                    open_one = open_one._replace(to_ms=unix_ms, size=open_one.size + 1)
                    continue
                if open_one is not None and open_one.flags:
                    found.append(open_one)
                open_one = Stretch(channel, unix_ms, unix_ms, 1, flags)
            if open_one is not None and open_one.flags:
                found.append(open_one)
        return sorted(found, key=lambda one: (one.from_ms, one.channel))

    def alarms(self) -> list[tuple[str, int, int | None]]:
        """(rule, from when it stood, until when; None: it still stands)."""
        begun: dict[str, int] = {}
        found: list[tuple[str, int, int | None]] = []
        for event in self.events:
            if event.event == "raised":
                begun.setdefault(event.rule, event.unix_ms)
            elif event.event == "cleared" and event.rule in begun:
                found.append((event.rule, begun.pop(event.rule), event.unix_ms))
        return sorted([*found, *((rule, since_ms, None) for rule, since_ms in begun.items())], key=lambda one: one[1])
