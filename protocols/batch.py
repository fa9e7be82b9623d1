"""Knows how a node's records become one compact body and back; knows no key, no radio and no channel's name.

Body, big endian: schema u16 | flags u8 | first record varint | count u8 | base time u32 | step varint
| [irregular: bitmap, then for each marked record: number gap varint, time correction signed]
| [marks: count varint, then each: cell distance varint, mark u8] | columns.
A column is one channel: its first value signed, then differences signed; cells without a value are left out.
`time_s` is Unix time, or, with UNDATED, seconds since the start of that boot (the boot id u16 follows the flags).
"""

import struct

from protocols import varint
from protocols.errors import FrameError, RangeError
from protocols.record import Record

UNDATED = 1
_IRREGULAR = 2
_MARKS = 4
NO_VALUE = 0x80  # in a mark: the cell holds no value; the low seven bits are the quality
MAX_RECORDS = 255
MAX_CHANNELS = 30  # a node: any record of so many of the largest values fits one frame and one journal entry


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
    step = records[1].time_s - first.time_s if len(records) > 1 else 0
    step = max(step, 0)
    irregular, corrections = _irregular(records, step)
    marks, mark_count = _marks(records)
    flags = (UNDATED if batch.boot is not None else 0) | (_IRREGULAR if corrections else 0) | (_MARKS if marks else 0)
    out = bytearray(struct.pack(">HB", batch.schema, flags))
    if batch.boot is not None:
        out += struct.pack(">H", batch.boot)
    varint.put(out, first.number)
    out += struct.pack(">BI", len(records), first.time_s)
    varint.put(out, step)
    if corrections:
        out += irregular
        out += corrections
    if marks:
        varint.put(out, mark_count)
        out += marks
    for channel in range(len(first.cells)):
        previous = 0
        for record in records:
            value = record.cells[channel][0]
            if value is not None:
                varint.put_signed(out, value - previous)
                previous = value
    return bytes(out)


def _irregular(records: "tuple[NodeRecord, ...]", step: int) -> "tuple[bytearray, bytearray]":
    bitmap = bytearray((len(records) + 7) // 8)
    corrections = bytearray()
    for i in range(1, len(records)):
        gap = records[i].number - records[i - 1].number - 1
        late = records[i].time_s - records[i - 1].time_s - step
        if gap < 0 or len(records[i].cells) != len(records[0].cells):
            raise RangeError("records must rise in number and have the same channels")
        if gap or late:
            bitmap[i // 8] |= 1 << i % 8
            varint.put(corrections, gap)
            varint.put_signed(corrections, late)
    return bitmap, corrections


def _marks(records: "tuple[NodeRecord, ...]") -> "tuple[bytearray, int]":
    out = bytearray()
    count = cell = last = 0
    for record in records:
        for value, quality in record.cells:
            if value is None or quality:
                varint.put(out, cell - last)
                out.append(_mark(value, quality))
                last = cell
                count += 1
            cell += 1
    return out, count


def schema_of(body: bytes) -> int:
    """The schema hash of a body, which says how many channels decode() must be told."""
    if len(body) < 2:
        raise FrameError("body ends too early")
    return body[0] << 8 | body[1]


def decode(body: bytes, channels: int) -> Batch:
    """The batch behind a body of a slice with so many channels; FrameError when it is none."""
    reader = varint.Reader(body)
    schema, flags = struct.unpack(">HB", reader.take(3))
    boot = struct.unpack(">H", reader.take(2))[0] if flags & UNDATED else None
    number = reader.number()
    count, time_s = struct.unpack(">BI", reader.take(5))
    step = reader.number()
    if not count:
        raise FrameError("a batch without records")
    irregular = reader.take((count + 7) // 8) if flags & _IRREGULAR else bytes((count + 7) // 8)
    stamps = [(number, time_s)]
    for i in range(1, count):
        number += 1
        time_s += step
        if irregular[i // 8] >> i % 8 & 1:
            number += reader.number()
            time_s += reader.signed()
        stamps.append((number, time_s))
    marks = _take_marks(reader, count * channels) if flags & _MARKS else bytes(count * channels)
    rows: list[list[tuple[int | None, int]]] = [[] for _ in range(count)]
    for channel in range(channels):
        previous = 0
        for i in range(count):
            mark = marks[i * channels + channel]
            if mark & NO_VALUE:
                rows[i].append((None, mark & 0x7F))
            else:
                previous += reader.signed()
                rows[i].append((previous, mark))
    reader.end()
    records = tuple(NodeRecord(stamp[0], stamp[1], tuple(row)) for stamp, row in zip(stamps, rows))
    return Batch(schema, records, boot)


def _take_marks(reader: varint.Reader, cells: int) -> bytes:
    marks = bytearray(cells)
    cell = 0
    for _ in range(reader.number()):
        cell += reader.number()
        if cell >= cells:
            raise FrameError("a mark outside the batch")
        marks[cell] = reader.byte()
    return bytes(marks)
