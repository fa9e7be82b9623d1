"""Knows how a batch tells what breaks its rule: missing numbers, late times, cells without a value or with a flag."""

from protocols.batch import COUNT, LATE, NodeRecord, mark_of
from protocols.bits import BitWriter


def put(out: BitWriter, records: "tuple[NodeRecord, ...]", odd: "dict[int, tuple[int, int]]", is_marked: bool) -> None:
    """`odd`: of a record's place, (numbers missing before it, seconds it is late)."""
    if odd:
        for i in range(1, len(records)):
            gap, late = odd.get(i, (0, 0))
            out.raw(i in odd, 1)
            if i in odd:
                out.number(gap, 0)
                out.signed(late, LATE)
    if is_marked:
        _put_marks(out, _marks(records))


def _marks(records: "tuple[NodeRecord, ...]") -> "list[tuple[int, int]]":
    """(cell, mark) of each cell that has one. Cells are counted down the columns: who is silent stays so a while."""
    count = len(records)
    marks = []
    for channel in range(len(records[0].cells)):
        for i in range(count):
            value, quality = records[i].cells[channel]
            if value is None or quality:
                marks.append((channel * count + i, mark_of(value, quality)))
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
