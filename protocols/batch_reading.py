"""Knows how a body becomes a node's records again (protocols/batch.py); knows no key and no channel's name."""

from protocols.batch import (
    COUNT,
    FIRST,
    LATE,
    MAX_RECORDS,
    MOST_ONES,
    NO_VALUE,
    NUMBER,
    RICE,
    STEPS,
    TIME,
    Batch,
    NodeRecord,
)
from protocols.bit_reader import BitReader, unfolded
from protocols.errors import FrameError


def schema_of(body: bytes) -> int:
    """The schema hash of a body, which says how many channels decode() must be told."""
    if len(body) < 2:
        raise FrameError("body ends too early")
    return body[0] << 8 | body[1]


def decode(body: bytes, channels: int) -> Batch:
    """The batch behind a body of a slice with so many channels; FrameError when it is none."""
    schema = schema_of(body)
    reader = BitReader(body[2:])
    boot, stamps, has_marks = _take_stamps(reader)
    count = len(stamps)
    marks = _take_marks(reader, count * channels) if has_marks else bytes(count * channels)
    rows: list[list[tuple[int | None, int]]] = [[] for _ in range(count)]
    for channel in range(channels):
        column = marks[channel * count : channel * count + count]
        values = _take_column(reader, sum([not mark & NO_VALUE for mark in column]))
        at = 0
        for i, mark in enumerate(column):
            if mark & NO_VALUE:
                rows[i].append((None, mark & 0x7F))
            else:
                rows[i].append((values[at], mark))
                at += 1
    reader.end()
    records = tuple([NodeRecord(stamp[0], stamp[1], tuple(row)) for stamp, row in zip(stamps, rows)])
    return Batch(schema, records, boot)


def numbers_of(body: bytes) -> "list[int]":
    """The numbers of the records in a body of any slice; FrameError when it is none."""
    schema_of(body)
    return [number for number, _ in _take_stamps(BitReader(body[2:]))[1]]


def _take_stamps(reader: BitReader) -> "tuple[int | None, list[tuple[int, int]], bool]":
    """What stands before the marks: (boot, (number, time) of each record, whether there are marks)."""
    flags = reader.raw(3)
    boot = reader.raw(16) if flags & 4 else None
    count = reader.number(COUNT) + 1
    if count > MAX_RECORDS:
        raise FrameError("%d records" % count)
    number = reader.number(NUMBER)
    code = reader.raw(4)
    step = STEPS[code] if code < 15 else reader.number(FIRST)
    time_s = reader.number(TIME) * (step or 1) + reader.signed(0)
    stamps = [(number, time_s)]
    for _ in range(count - 1):
        number += 1
        time_s += step
        if flags & 2 and reader.raw(1):
            number += reader.number(0)
            time_s += reader.signed(LATE)
        stamps.append((number, time_s))
    if stamps[-1][0] >> 32 or [time_s for _, time_s in stamps if not 0 <= time_s <= 0xFFFFFFFF]:
        raise FrameError("numbers or times of more than 32 bits")
    return boot, stamps, bool(flags & 1)


def _take_marks(reader: BitReader, cells: int) -> bytes:
    marks = bytearray(cells)
    cell = mark = 0
    for _ in range(reader.number(COUNT) + 1):
        cell += reader.number(0)
        if cell >= cells:
            raise FrameError("a mark outside the batch")
        if reader.raw(1):
            mark = reader.raw(8)
        marks[cell] = mark
        cell += 1
    return bytes(marks)


def _take_column(reader: BitReader, count: int) -> "list[int]":
    if not count:
        return []
    values = [reader.signed(FIRST)]
    k = RICE[reader.raw(2)] if count > 1 else 0
    for _ in range(count - 1):
        ones = reader.ones(MOST_ONES)
        step = (ones << k) + reader.raw(k) if ones < MOST_ONES else (MOST_ONES << k) + reader.number(k + 3)
        values.append(values[-1] + unfolded(step))
    return values
