"""Knows at which channels people work and until when, after a restart too; knows no command and no reading.

What follows from it is others' business: flags of readings, alarms that are silent.
"""

import json
from collections.abc import Collection, Mapping

from gateway.store import Store

EVENT = "maintenance"
LONGEST_MS = 12 * 3_600_000  # nobody stays at a station for longer, and what is forgotten ends; ours


class Maintenance:
    """`sensors`: which channels each has. Events are all that outlives a start: they say who works where until when."""

    def __init__(self, sensors: Mapping[str, Collection[str]], store: Store) -> None:
        self._sensors = sensors
        self._store = store
        self._until_ms: dict[str, int] = {}  # by channel
        self._is_recalled = False

    def begin(self, sensor: str | None, channels: Collection[str], now_ms: int, for_ms: int) -> dict[str, int]:
        """At a sensor, at single channels, or with neither at all of them; 0 ms: no longer. Which channels, until when.
        KeyError: there is no such sensor or channel."""
        named = self._named(sensor, channels)
        detail = {"sensor": sensor, "channels": sorted(channels), "until_ms": now_ms + min(for_ms, LONGEST_MS)}
        self._recall(now_ms)
        self._set(named, now_ms + min(for_ms, LONGEST_MS))
        self._store.event(EVENT, {key: value for key, value in detail.items() if value})
        return self.until_ms(now_ms)

    def until_ms(self, now_ms: int) -> dict[str, int]:
        """By channel, where somebody works now. An end that a clock which was set has moved away has come."""
        self._recall(now_ms)
        self._until_ms = {name: ms for name, ms in self._until_ms.items() if 0 < ms - now_ms <= LONGEST_MS}
        return dict(self._until_ms)

    def _named(self, sensor: str | None, channels: Collection[str]) -> set[str]:
        known = {name for names in self._sensors.values() for name in names}
        unknown = sorted(set(channels) - known)
        if unknown:
            raise KeyError(unknown[0])
        if sensor is not None:
            return {*self._sensors[sensor], *channels}
        return set(channels) or known

    def _set(self, channels: Collection[str], until_ms: int) -> None:
        self._until_ms |= dict.fromkeys(channels, until_ms)

    def _recall(self, now_ms: int) -> None:
        """Once there is a file: what was said before this start, as far as the site still has it."""
        if self._is_recalled or not self._store.is_open:
            return
        self._is_recalled = True
        for text in self._store.events_of(EVENT, now_ms - LONGEST_MS):
            said = json.loads(text)
            try:
                named = self._named(said.get("sensor"), said.get("channels", ()))
            except KeyError:
                continue
            self._set(named, said["until_ms"])
