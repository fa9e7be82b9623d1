"""Knows how HJ 212 writes moments: local time in digits; knows no clock.

The standard names no zone; its platforms all live in Beijing time, UTC+8 without daylight saving since 1991.
"""

from datetime import UTC, datetime, timedelta

ZONE_MS = 8 * 3_600_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def digits(unix_ms: int) -> str:
    """YYYYMMDDhhmmss."""
    return (_EPOCH + timedelta(milliseconds=unix_ms + ZONE_MS)).strftime("%Y%m%d%H%M%S")


def request_number(unix_ms: int) -> str:
    """A QN: YYYYMMDDhhmmsszzz."""
    return "%s%03d" % (digits(unix_ms), unix_ms % 1000)


def unix_ms(text: str) -> int:
    """Of 14 digits, or 17 with milliseconds. ValueError: no moment."""
    if len(text) not in (14, 17) or not (text.isascii() and text.isdigit()):
        raise ValueError(text[:20])
    moment = datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1) - ZONE_MS + int(text[14:] or 0)
