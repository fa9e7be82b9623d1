"""Knows how the lines of a CSV become hours of a place; knows no class.

Where an export has the hours that the gateway made (docs/aggregates.md), those are taken, of one that was written again
the newest. Else an hour is the mean of its good values and counts with three quarters of them, spread over three
quarters of its twelfths (GB 3095-2026, table 4: 45 minutes). A reading that is awaited counts as the row says that
restates it (docs/quality.md), as in the gateway's own hours.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from math import ceil
from typing import NamedTuple, TextIO

from gateway.assess.mapping import Channel, Columns, Plan
from gateway.process.items import in_unit
from gateway.process.number import exact
from gateway.process.periods import HOUR, HOUR_MS
from gateway.process.stage import Series

_SHARE = 0.75
_TWELFTHS = 12
# Words of protocols/worth.py that keep a reading out of a mean; one that is only suspect is in it.
_USELESS = frozenset(("no_reply", "invalid", "range", "warm_up", "clock", "few", "maintenance", "calibration", "fail"))
_AWAITED = "awaited"


class Published(NamedTuple):
    """As printed; "" where nothing was."""

    result: str
    primary: tuple[str, ...] = ()
    level: str = ""


class Hour(NamedTuple):
    """`values`: mean of each item, None: too few readings for one."""

    place: str
    label: str
    start_ms: int
    values: dict[str, Decimal | None]
    is_lake: bool
    published: Published | None


class Unreadable(Exception):
    """The file is not what --site says it is; the message says where."""


class _Open:
    def __init__(self, label: str) -> None:
        self.label = label
        self.sums: dict[str, Decimal] = {}
        self.counts: dict[str, int] = {}
        self.twelfths: dict[str, set[int]] = {}
        self.expected: dict[str, int] = {}
        self.made: dict[str, Decimal | None] = {}  # by the gateway
        self.made_seq: dict[str, int] = {}
        self.is_lake = False
        self.published: Published | None = None

    def add(self, item: str, value: Decimal | None, after_ms: int, period_s: int) -> None:
        self.expected[item] = max(1, 3600 // period_s)
        if value is not None:
            self.sums[item] = self.sums.get(item, Decimal(0)) + value
            self.counts[item] = self.counts.get(item, 0) + 1
            self.twelfths.setdefault(item, set()).add(after_ms * _TWELFTHS // HOUR_MS)

    def take(self, item: str, value: Decimal | None, seq: int) -> None:
        """What the gateway made of this hour; the newest row counts, in whatever order they come."""
        if seq >= self.made_seq.get(item, seq):
            self.made_seq[item], self.made[item] = seq, value

    def closed(self, place: str, start_ms: int) -> Hour:
        values: dict[str, Decimal | None] = {}
        for item, expected in self.expected.items():
            count = self.counts.get(item, 0)
            parts = min(_TWELFTHS, expected)
            enough = count >= ceil(_SHARE * expected) and len(self.twelfths[item]) >= ceil(_SHARE * parts)
            values[item] = self.sums[item] / count if count and enough else None
        values |= self.made
        return Hour(place, self.label, start_ms, values, self.is_lake, self.published)


def hours(file: TextIO, plan: Plan) -> list[Hour]:
    """Every hour of every place, in order of place and time. Unreadable: a column lacks, a time is none."""
    rows = csv.DictReader(file)
    names = rows.fieldnames or ()
    if plan.columns is not None:
        found = _foreign(rows, names, plan.columns, timezone(timedelta(hours=plan.assess.zone_h)))
    else:
        found = _own(rows, names, plan.channels)
    return [one.closed(place, start_ms) for (place, start_ms), one in sorted(found.items(), key=lambda pair: pair[0])]


def _foreign(
    rows: Iterable[dict[str, str]], names: Iterable[str], columns: Columns, zone: timezone
) -> dict[tuple[str, int], _Open]:
    wanted = [columns.time, *columns.values.values(), *columns.place, *columns.label]
    wanted += [columns.lake_where] if columns.lake_where is not None else []
    if columns.published is not None:
        theirs = (columns.published.result, columns.published.primary, columns.published.level)
        wanted += [name for name in theirs if name is not None]
    _demand(wanted, names)
    found: dict[tuple[str, int], _Open] = {}
    for line, row in enumerate(rows, 2):
        unix_ms = _unix_ms(row[columns.time], zone, line)
        if columns.stamp == "end":
            unix_ms -= columns.period_s * 1000
        start_ms = unix_ms - unix_ms % HOUR_MS
        place = " ".join(row[name] for name in columns.place)
        key = (place, start_ms)
        if key not in found:
            found[key] = _Open(" ".join(row[name] for name in columns.label if row[name]) or place)
        one = found[key]
        for item, name in columns.values.items():
            value = _value(row[name])
            if value is not None and float(value) in columns.none:
                value = None
            scale = columns.scale.get(item)
            one.add(item, value if value is None or scale is None else value * Decimal(str(scale)),
                    unix_ms - start_ms, columns.period_s)  # fmt: skip
        if columns.lake_where is not None and row[columns.lake_where]:
            one.is_lake = True
        one.published = _published(row, columns)
    return found


def _published(row: Mapping[str, str], columns: Columns) -> Published | None:
    theirs = columns.published
    if theirs is None:
        return None
    primary = row[theirs.primary].split(theirs.separator) if theirs.primary and row[theirs.primary] else []
    level = row[theirs.level] if theirs.level else ""
    words = columns.words
    return Published(
        words.get(row[theirs.result], row[theirs.result]),
        tuple(words.get(word, word) for word in primary),
        words.get(level, level),
    )


def _own(
    rows: Iterable[dict[str, str]], names: Iterable[str], channels: Mapping[str, Channel]
) -> dict[tuple[str, int], _Open]:
    _demand(("time", "channel", "value", "unit", "quality"), names)
    found: dict[tuple[str, int], _Open] = {}
    for line, row in enumerate(rows, 2):
        channel = channels.get(row["channel"])
        series = Series(row.get("source") or "sensor ", ())  # exports of old have no such column
        original = series.original
        is_made = series.source == HOUR
        if channel is None or not (is_made or (original or series).is_collected):
            continue
        words = row["quality"].split()
        if not is_made and (_AWAITED in words) != (original is not None):
            continue  # awaited: the row that restates it counts, and restated: has counted already
        unix_ms = _unix_ms(row["time"], UTC, line)
        start_ms = unix_ms - unix_ms % HOUR_MS
        one = found.setdefault(("", start_ms), _Open(""))
        value = _value(row["value"]) if _USELESS.isdisjoint(words) else None
        value = in_unit(channel.item, value, row["unit"])
        if is_made:
            seq = row.get("seq") or ""
            one.take(channel.item, value, int(seq) if seq.isdecimal() else line)
        else:
            one.add(channel.item, value, unix_ms - start_ms, channel.period_s)
    return found


def _demand(wanted: Iterable[str], names: Iterable[str]) -> None:
    lacking = sorted(set(wanted) - set(names))
    if lacking:
        raise Unreadable(", ".join(lacking))


def _unix_ms(text: str, zone: timezone, line: int) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Unreadable(f"{line}: {text[:40]!r}") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp() * 1000)


def _value(text: str | None) -> Decimal | None:
    try:
        return exact(Decimal(text)) if text else None
    except InvalidOperation:
        return None


def local_day(start_ms: int, zone_h: float) -> str:
    return f"{datetime.fromtimestamp(start_ms / 1000, timezone(timedelta(hours=zone_h))):%Y-%m-%d}"


def local_hour(start_ms: int, zone_h: float) -> str:
    return f"{datetime.fromtimestamp(start_ms / 1000, timezone(timedelta(hours=zone_h))):%Y-%m-%d %H:%M}"


def hour_of_day(start_ms: int, zone_h: float) -> int:
    return datetime.fromtimestamp(start_ms / 1000, timezone(timedelta(hours=zone_h))).hour


def by_place(rows: Iterable[Hour]) -> Iterator[tuple[str, list[Hour]]]:
    found: dict[str, list[Hour]] = {}
    for row in rows:
        found.setdefault(row.place, []).append(row)
    yield from found.items()
