"""Knows where minutes, hours, days, months and years begin and end in a zone; knows nothing of what is in them.

A period is named by its start, as HJ 212-2017 does (6.6, DataTime); it has its start and not its end. China has one
zone without summer time, so a zone is a fixed number of milliseconds.
"""

from datetime import UTC, datetime

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
CHINA_MS = 8 * HOUR_MS

MINUTE, HOUR, EIGHT_HOURS, DAY, MONTH, YEAR = LEVELS = ("minute", "hour", "8h", "day", "month", "year")


class Calendar:
    """`zone_ms`: local time less UTC. `minute_ms`: the length of what is called a minute here, 60 s or 600 s."""

    def __init__(self, zone_ms: int = CHINA_MS, minute_ms: int = 600_000) -> None:
        self.zone_ms = zone_ms
        self._lengths = {MINUTE: minute_ms, HOUR: HOUR_MS, EIGHT_HOURS: 8 * HOUR_MS, DAY: DAY_MS}

    def start(self, level: str, unix_ms: int) -> int:
        """Of the period that has this moment; of the 8 hours that follow one another by the hour, the last ones."""
        length = self._lengths.get(HOUR if level == EIGHT_HOURS else level)
        local_ms = unix_ms + self.zone_ms
        if length is not None:
            return local_ms // length * length - self.zone_ms
        day = _date(local_ms)
        return self._unix(day.year, day.month if level == MONTH else 1)

    def starts(self, level: str, unix_ms: int) -> range:
        """Of all the periods that have this moment: one, but for the sliding ones."""
        start = self.start(level, unix_ms)
        return range(start - 7 * HOUR_MS, start + 1, HOUR_MS) if level == EIGHT_HOURS else range(start, start + 1)

    def end(self, level: str, start_ms: int) -> int:
        length = self._lengths.get(level)
        if length is not None:
            return start_ms + length
        day = _date(start_ms + self.zone_ms)
        if level == YEAR:
            return self._unix(day.year + 1, 1)
        return self._unix(day.year + day.month // 12, day.month % 12 + 1)

    def month(self, unix_ms: int) -> int:
        """1 to 12."""
        return _date(unix_ms + self.zone_ms).month

    def _unix(self, year: int, month: int) -> int:
        return round(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000 - self.zone_ms


def _date(local_ms: int) -> datetime:
    return datetime.fromtimestamp(local_ms // 1000, UTC)
