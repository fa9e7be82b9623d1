"""Knows the tests that look at one value alone, gross range and climatology; remembers nothing.

QARTOD manuals, e.g. Manual for Real-Time Quality Control of Dissolved Oxygen Observations 2.1 (2018), tests 4 and 5.
Definitions as in ioos-qc 3.0.0, `gross_range_test` and `climatology_test`.
"""

from datetime import UTC, datetime, timedelta

from gateway.process.quality.limits import Season, Span
from protocols.worth import QARTOD_FAIL, QARTOD_GOOD, QARTOD_NOT_EVALUATED, QARTOD_SUSPECT

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MS = 86_400_000
_LAST_DAY = (datetime.max.replace(tzinfo=UTC) - _EPOCH).days


def gross_range(value: float, fail: Span | None, suspect: Span | None) -> int:
    if fail is not None and not fail[0] <= value <= fail[1]:
        return QARTOD_FAIL
    if suspect is not None and not suspect[0] <= value <= suspect[1]:
        return QARTOD_SUSPECT
    return QARTOD_GOOD


class Climatology:
    """The seasons of one channel. A month that has none is not evaluated."""

    __slots__ = ("_day", "_month", "_seasons", "_shift_ms")

    def __init__(self, seasons: tuple[Season, ...], utc_offset_ms: int = 0) -> None:
        self._seasons: dict[int, Season] = {}
        for season in seasons:
            for month in range(1, 13):
                if (month - season.first) % 12 <= (season.last - season.first) % 12:
                    self._seasons.setdefault(month, season)
        self._shift_ms = utc_offset_ms
        self._day = -1
        self._month = 0

    def step(self, unix_ms: int, value: float) -> int:
        day = (unix_ms + self._shift_ms) // _DAY_MS
        if day != self._day:  # a calendar costs more than all the rest
            self._day = day
            self._month = (_EPOCH + timedelta(days=day)).month if 0 <= day <= _LAST_DAY else 0
        season = self._seasons.get(self._month)
        if season is None:
            return QARTOD_NOT_EVALUATED
        return gross_range(value, season.fail, season.suspect)
