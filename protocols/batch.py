"""Knows how a node's records become one compact body and back; knows no key, no radio and no channel's name.

Body: schema u16, then bits (protocols/bits.py; docs/link.md, "BATCH body", has the table). Most records follow the rule
"number + 1, time + step", most cells have a value and no mark, and most values differ little from the one before: what
follows the rule costs next to nothing. A column is one channel: first value, then differences in a Rice code.
`time_s` is Unix time, or, of an undated batch, seconds since the start of that boot.
"""

import struct

from protocols import varint
from protocols.bits import BitReader, BitWriter, folded, unfolded
from protocols.errors import FrameError, RangeError
from protocols.record import Record

NO_VALUE = 0x80  # in a mark: the cell holds no value; the low seven bits are the quality
MAX_RECORDS = 255
MAX_CHANNELS = 30  # a node: any record of so many of the largest values fits one frame and one journal entry

# Orders of codes: what is usual costs least. Ours, from the recording in hw_sim/bench/air.py.
_COUNT, _NUMBER, _TIME, _FIRST, _LATE = 2, 13, 20, 10, 3
_STEPS = (1, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200)  # s; 15 announces another one
_LONE_STEP = 60  # of a batch of one record: its time is likely to be a whole minute
_RICE = (0, 2, 4, 6)  # a column's k
_MOST_ONES = 8  # after which a difference is a number of order k + 3


class NodeRecord(Record):
    """One wake of a node: its number, when, and a (value or None, quality) for each channel of the slice.

    A cell (None, 0) was not due in this wake: it is no reading at all.
    """

    __slots__ = ("cells", "number", "time_s")

    def __init__(self, number: int, time_s: int, cells: "tuple[tuple[int | None, int], ...]") -> None:
        self.number = number
        self.time_s = time_s
        self.cells = tuple(cells)


class Batch(Record):
    """Records of one slice of the site file (`schema`), all dated or all of one boot whose clock was never set."""

    __slots__ = ("boot", "records", "schema")

    def __init__(self, schema: int, records: "tuple[NodeRecord, ...]", boot: "int | None" = None) -> None:
        self.schema = schema
        self.records = tuple(records)
        self.boot = boot


def put_cells(out: bytearray, cells: "tuple[tuple[int | None, int], ...]") -> None:
    """One record's cells on flash: a bitmap of marked cells, their marks, then the values that are there."""
    bitmap = bytearray((len(cells) + 7) // 8)
    marks = bytearray()
    values = bytearray()
    for i, (value, quality) in enumerate(cells):
        if value is None or quality:
            bitmap[i // 8] |= 1 << i % 8
            marks.append(_mark(value, quality))
        if value is not None:
            varint.put_signed(values, value)
    out += bitmap
    out += marks
    out += values


def _mark(value: "int | None", quality: int) -> int:
    if not 0 <= quality < NO_VALUE:
        raise RangeError("quality %d does not fit a node's record" % quality)
    return quality | (NO_VALUE if value is None else 0)


def take_cells(reader: varint.Reader, channels: int) -> "tuple[tuple[int | None, int], ...]":
    """The inverse of put_cells."""
    bitmap = reader.take((channels + 7) // 8)
    marks = [reader.byte() if bitmap[i // 8] >> i % 8 & 1 else 0 for i in range(channels)]
    return tuple((None if mark & NO_VALUE else reader.signed(), mark & 0x7F) for mark in marks)


def encode(batch: Batch) -> bytes:
    """The body of a batch. RangeError: no records, too many, numbers not rising, ragged rows, a field too small."""
    records = batch.records
    if not 1 <= len(records) <= MAX_RECORDS:
        raise RangeError("a batch holds 1 to %d records" % MAX_RECORDS)
    first = records[0]
    if not (0 <= batch.schema <= 0xFFFF and 0 <= (batch.boot or 0) <= 0xFFFF and 0 <= first.time_s <= 0xFFFFFFFF):
        raise RangeError("schema %d, boot %s or time %d" % (batch.schema, batch.boot, first.time_s))
    step = max(records[1].time_s - first.time_s, 0) if len(records) > 1 else _LONE_STEP
    odd = _odd(records, step)
    marks = _marks(records)
    out = BitWriter()
    out.raw((batch.boot is not None) << 2 | bool(odd) << 1 | bool(marks), 3)
    if batch.boot is not None:
        out.raw(batch.boot, 16)
    out.number(len(records) - 1, _COUNT)
    out.number(first.number, _NUMBER)
    _put_time(out, first.time_s, step)
    if odd:
        for i in range(1, len(records)):
            gap, late = odd.get(i, (0, 0))
            out.raw(i in odd, 1)
            if i in odd:
                out.number(gap, 0)
                out.signed(late, _LATE)
    if marks:
        _put_marks(out, marks)
    for channel in range(len(first.cells)):
        column = [record.cells[channel][0] for record in records]
        _put_column(out, [value for value in column if value is not None])
    return struct.pack(">H", batch.schema) + out.done()


def _odd(records: "tuple[NodeRecord, ...]", step: int) -> "dict[int, tuple[int, int]]":
    """Of each record that does not follow the rule: (numbers missing before it, seconds it is late)."""
    odd = {}
    for i in range(1, len(records)):
        gap = records[i].number - records[i - 1].number - 1
        late = records[i].time_s - records[i - 1].time_s - step
        if gap < 0 or len(records[i].cells) != len(records[0].cells):
            raise RangeError("records must rise in number and have the same channels")
        if gap or late:
            odd[i] = (gap, late)
    return odd


def _put_time(out: BitWriter, time_s: int, step: int) -> None:
    """The step, then the time in whole steps and what is left of it: nothing, in a slot of the clock."""
    out.raw(_STEPS.index(step) if step in _STEPS else 15, 4)
    if step not in _STEPS:
        out.number(step, _FIRST)
    step = step or 1
    slot = (time_s + step // 2) // step
    out.number(slot, _TIME)
    out.signed(time_s - slot * step, 0)


def _marks(records: "tuple[NodeRecord, ...]") -> "list[tuple[int, int]]":
    """(cell, mark) of each cell that has one. Cells are counted down the columns: who is silent stays so a while."""
    count = len(records)
    marks = []
    for channel in range(len(records[0].cells)):
        for i in range(count):
            value, quality = records[i].cells[channel]
            if value is None or quality:
                marks.append((channel * count + i, _mark(value, quality)))
    return marks


def _put_marks(out: BitWriter, marks: "list[tuple[int, int]]") -> None:
    out.number(len(marks) - 1, _COUNT)
    following = last = 0
    for cell, mark in marks:
        out.number(cell - following, 0)
        out.raw(mark != last, 1)
        if mark != last:
            out.raw(mark, 8)
        following, last = cell + 1, mark


def _put_column(out: BitWriter, values: "list[int]") -> None:
    if values:
        out.signed(values[0], _FIRST)
    steps = [folded(values[i] - values[i - 1]) for i in range(1, len(values))]
    if steps:
        costs = [sum([_rice_bits(step, k) for step in steps]) for k in _RICE]
        choice = costs.index(min(costs))
        out.raw(choice, 2)
        for step in steps:
            _put_rice(out, step, _RICE[choice])


def _rice_bits(number: int, k: int) -> int:
    """About what it costs, to choose by: far ones alike."""
    return min(number >> k, 2 * _MOST_ONES) + 1 + k


def _put_rice(out: BitWriter, number: int, k: int) -> None:
    ones = number >> k
    if ones < _MOST_ONES:
        out.raw((1 << ones) - 1 << 1, ones + 1)
        out.raw(number, k)
    else:
        out.raw(0xFF, _MOST_ONES)
        out.number(number - (_MOST_ONES << k), k + 3)


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
    count = reader.number(_COUNT) + 1
    if count > MAX_RECORDS:
        raise FrameError("%d records" % count)
    number = reader.number(_NUMBER)
    code = reader.raw(4)
    step = _STEPS[code] if code < 15 else reader.number(_FIRST)
    time_s = reader.number(_TIME) * (step or 1) + reader.signed(0)
    stamps = [(number, time_s)]
    for _ in range(count - 1):
        number += 1
        time_s += step
        if flags & 2 and reader.raw(1):
            number += reader.number(0)
            time_s += reader.signed(_LATE)
        stamps.append((number, time_s))
    if stamps[-1][0] >> 32 or [time_s for _, time_s in stamps if not 0 <= time_s <= 0xFFFFFFFF]:
        raise FrameError("numbers or times of more than 32 bits")
    return boot, stamps, bool(flags & 1)


def _take_marks(reader: BitReader, cells: int) -> bytes:
    marks = bytearray(cells)
    cell = mark = 0
    for _ in range(reader.number(_COUNT) + 1):
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
    values = [reader.signed(_FIRST)]
    k = _RICE[reader.raw(2)] if count > 1 else 0
    for _ in range(count - 1):
        ones = reader.ones(_MOST_ONES)
        if ones < _MOST_ONES:
            step = (ones << k) + reader.raw(k)
        else:
            step = (_MOST_ONES << k) + reader.number(k + 3)
        values.append(values[-1] + unfolded(step))
    return values
