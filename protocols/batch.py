"""Knows how a node's records become one compact body; knows no key, no radio and no channel's name.

The way back is in protocols/batch_reading.py, because a node needs none.

Body: schema u16, then bits (protocols/bits.py; docs/link.md, "BATCH body", has the table). Most records follow the rule
"number + 1, time + step", most cells have a value and no mark, and most values differ little from the one before: what
follows the rule costs next to nothing. A column is one channel: first value, then differences in a Rice code.
`time_s` is Unix time, or, of an undated batch, seconds since the start of that boot.
"""

import struct

from protocols import varint
from protocols.bits import BitWriter, folded
from protocols.errors import RangeError
from protocols.record import Record

NO_VALUE = 0x80  # in a mark: the cell holds no value; the low seven bits are the quality
MAX_RECORDS = 255
MAX_CHANNELS = 30  # a node: any record of so many of the largest values fits one frame and one journal entry

# Orders of codes: what is usual costs least. Ours, from the recording in hw_sim/bench/air.py.
COUNT, NUMBER, TIME, FIRST, LATE = 2, 13, 20, 10, 3
STEPS = (1, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200)  # s; 15 announces another one
_LONE_STEP = 60  # of a batch of one record: its time is likely to be a whole minute
RICE = (0, 2, 4, 6)  # a column's k
MOST_ONES = 8  # after which a difference is a number of order k + 3


class NodeRecord(Record):
    """One wake of a node: its number, when, and a (value or None, quality) for each channel of the slice.

    A cell (None, 0) was not due in this wake: it is no reading at all.
    """

    def __init__(self, number: int, time_s: int, cells: "tuple[tuple[int | None, int], ...]") -> None:
        self.number = number
        self.time_s = time_s
        self.cells = tuple(cells)


class Batch(Record):
    """Records of one slice of the site file (`schema`), all dated or all of one boot whose clock was never set."""

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
        raise RangeError("quality %d" % quality)
    return quality | (NO_VALUE if value is None else 0)


def take_cells(reader: varint.Reader, channels: int) -> "tuple[tuple[int | None, int], ...]":
    """The inverse of put_cells."""
    bitmap = reader.take((channels + 7) // 8)
    marks = [reader.byte() if bitmap[i // 8] >> i % 8 & 1 else 0 for i in range(channels)]
    return tuple((None if mark & NO_VALUE else reader.signed(), mark & 0x7F) for mark in marks)


def encode(batch: Batch) -> bytes:
    """The body of a batch. RangeError: no records, too many, numbers not rising, ragged rows, a field too small."""
    records = batch.records
    if not (
        1 <= len(records) <= MAX_RECORDS
        and 0 <= batch.schema <= 0xFFFF
        and 0 <= (batch.boot or 0) <= 0xFFFF
        and 0 <= records[0].time_s <= 0xFFFFFFFF
    ):
        raise RangeError("%d records, schema %d or boot %s" % (len(records), batch.schema, batch.boot))
    first = records[0]
    step = max(records[1].time_s - first.time_s, 0) if len(records) > 1 else _LONE_STEP
    odd = _odd(records, step)
    is_marked = any(value is None or quality for record in records for value, quality in record.cells)
    out = BitWriter()
    out.raw((batch.boot is not None) << 2 | bool(odd) << 1 | is_marked, 3)
    if batch.boot is not None:
        out.raw(batch.boot, 16)
    out.number(len(records) - 1, COUNT)
    out.number(first.number, NUMBER)
    _put_time(out, first.time_s, step)
    if odd:
        for i in range(1, len(records)):
            gap, late = odd.get(i, (0, 0))
            out.raw(i in odd, 1)
            if i in odd:
                out.number(gap, 0)
                out.signed(late, LATE)
    if is_marked:
        _put_marks(out, _marks(records))
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
            raise RangeError("ragged records")
        if gap or late:
            odd[i] = (gap, late)
    return odd


def _put_time(out: BitWriter, time_s: int, step: int) -> None:
    """The step, then the time in whole steps and what is left of it: nothing, in a slot of the clock."""
    out.raw(STEPS.index(step) if step in STEPS else 15, 4)
    if step not in STEPS:
        out.number(step, FIRST)
    step = step or 1
    slot = (time_s + step // 2) // step
    out.number(slot, TIME)
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
    out.number(len(marks) - 1, COUNT)
    following = last = 0
    for cell, mark in marks:
        out.number(cell - following, 0)
        out.raw(mark != last, 1)
        if mark != last:
            out.raw(mark, 8)
        following, last = cell + 1, mark


def _put_column(out: BitWriter, values: "list[int]") -> None:
    if values:
        out.signed(values[0], FIRST)
    steps = [folded(values[i] - values[i - 1]) for i in range(1, len(values))]
    if steps:
        costs = [sum([_rice_bits(step, k) for step in steps]) for k in RICE]
        choice = costs.index(min(costs))
        out.raw(choice, 2)
        for step in steps:
            _put_rice(out, step, RICE[choice])


def _rice_bits(number: int, k: int) -> int:
    """About what it costs, to choose by: far ones alike."""
    return min(number >> k, 2 * MOST_ONES) + 1 + k


def _put_rice(out: BitWriter, number: int, k: int) -> None:
    ones = number >> k
    if ones < MOST_ONES:
        out.raw((1 << ones) - 1 << 1, ones + 1)
        out.raw(number, k)
    else:
        out.raw(0xFF, MOST_ONES)
        out.number(number - (MOST_ONES << k), k + 3)
