"""Knows a line of the table `row` and its bytes in PostgreSQL's binary COPY; knows no connection."""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain, repeat
from struct import Struct
from typing import NamedTuple

from gateway.archive.intake import Row

# PostgreSQL manual, COPY, "Binary Format": signature, flags, length of an extension; at the end a count of fields of -1
_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TAIL = b"\xff\xff"
_EPOCH_MS = 946_684_800_000  # of a timestamptz: 2000-01-01 UTC, in microseconds
_NULL = b"\xff\xff\xff\xff"  # a length of -1
# pg_type.dat: the type numbers of what our arrays hold; array_send(): dimensions, has nulls, type, length, lower bound
_FLOAT8, _INT4 = 701, 23
_ARRAY = Struct(">5i")


class Line(NamedTuple):
    """A line of the table `row`."""

    station: int
    seq: int
    unix_ms: int
    series: int
    value: list[float | None]
    quality: list[int] | None


def line(station: int, seq: int, base_ms: int, row: Row) -> Line:
    return Line(station, seq, base_ms + row.after_ms, row.series, row.values, row.quality)


def copied(lines: Iterable[Line]) -> bytes:
    """What COPY .. FROM STDIN (FORMAT BINARY) takes."""
    return b"".join([_HEAD, *map(_fields, lines), _TAIL])


def _fields(one: Line) -> bytes:
    micros = 1000 * (one.unix_ms - _EPOCH_MS)
    quality = _NULL if one.quality is None else _integers(one.quality)
    if None in one.value:
        value = _nullable(one.value)
        return _start().pack(6, 4, one.station, 8, one.seq, 8, micros, 8, one.series) + value + quality
    count = len(one.value)
    numbers = chain.from_iterable(zip(repeat(8), one.value))
    return (
        _whole(count).pack(
            6, 4, one.station, 8, one.seq, 8, micros, 8, one.series,
            20 + 12 * count, 1, 0, _FLOAT8, count, 1, *numbers,
        ) + quality
    )  # fmt: skip


@cache
def _start() -> Struct:
    return Struct(">hiiiqiqiq")


@cache
def _whole(count: int) -> Struct:
    """All of a line but its quality, where no value is missing."""
    return Struct(">hiiiqiqiq" + "i5i" + "id" * count)


@cache
def _pairs(count: int) -> Struct:
    return Struct(">" + "ii" * count)


_NUMBER = Struct(">id")


def _nullable(values: Sequence[float | None]) -> bytes:
    cells = b"".join([_NULL if one is None else _NUMBER.pack(8, one) for one in values])
    return (20 + len(cells)).to_bytes(4) + _ARRAY.pack(1, 1, _FLOAT8, len(values), 1) + cells


def _integers(values: Sequence[int]) -> bytes:
    count = len(values)
    cells = _pairs(count).pack(*chain.from_iterable(zip(repeat(4), values)))
    return (20 + len(cells)).to_bytes(4) + _ARRAY.pack(1, 0, _INT4, count, 1) + cells
