"""Knows how one row looks on disk: its cells as JSON and a checksum over all of it; knows no table and no file.

The checksum finds a damaged row whatever the damage left it looking like; who changes a row on purpose is found by the
chain (gateway/evidence/chain.py).
"""

import json
import logging
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from protocols import quality as flags

log = logging.getLogger(__name__)
DERIVED = 0  # the node of a row that was made of others: a node's id is 1 or more (gateway/site/nodes.py)
Cell = tuple[int | None, int]  # (fixed-point value, quality)


class Row(NamedTuple):
    """One poll or one node record."""

    seq: int
    series: int
    unix_ms: int
    cells: tuple[int | None, ...]
    quality: tuple[int, ...] | None


class Damaged(ValueError):
    """This is not what was written."""


class Stored(NamedTuple):
    """A row as its columns hold it, in their order; `crc` excepted."""

    seq: int
    series: int
    unix_ms: int
    boot: int
    trusted: int
    node: int | None
    life: int | None
    record: int | None
    cells: str
    quality: str | None

    @property
    def crc(self) -> int:
        return checksum(self)


def checksum(columns: Sequence[object]) -> int:
    """Of a line of another table, whose last column it is."""
    return zlib.crc32(repr(tuple(columns)).encode())


COLUMNS = ", ".join((*Stored._fields, "crc"))
MARKS = ", ".join("?" * (len(Stored._fields) + 1))


def read(columns: Sequence[object]) -> Stored:
    """The row that stands in COLUMNS. Damaged: it is not what was written."""
    *held, crc = columns
    row = Stored(*held)  # type: ignore[arg-type]
    if row.crc != crc:
        raise Damaged(f"row {row.seq}")
    return row


def sound(found: Iterable[Sequence[object]], corrections: Mapping[int, int | None]) -> Iterator[Row]:
    """What stands in COLUMNS, with the time as it is known now; a damaged row is left out. `corrections` is by boot."""
    for row in whole(found):
        yield unpacked(row, corrections.get(row.boot))


def whole(found: Iterable[Sequence[object]]) -> Iterator[Stored]:
    """The same as it is stored."""
    for columns in found:
        try:
            yield read(columns)
        except Damaged as error:
            log.error("%s is damaged and left out: see watertower verify", error)


def packed(cells: Sequence[Cell]) -> tuple[str, str | None]:
    """A row's cells and qualities as the store keeps them."""
    values = json.dumps([value for value, _ in cells], separators=(",", ":"))
    if not any(flag for _, flag in cells):
        return values, None
    return values, json.dumps([flag for _, flag in cells], separators=(",", ":"))


def unpacked(row: Stored, correction_ms: int | None) -> Row:
    """What it says. `correction_ms`: of its boot; None: its time, if it was taken on trust, is still a guess."""
    cells = tuple(json.loads(row.cells))
    quality = tuple(json.loads(row.quality)) if row.quality else None
    if row.trusted:
        return Row(row.seq, row.series, row.unix_ms, cells, quality)
    if correction_ms is not None:
        return Row(row.seq, row.series, row.unix_ms + correction_ms, cells, quality)
    known = quality or (0,) * len(cells)
    guessed = tuple(
        flag if value is None and not flag else flag | flags.CLOCK for value, flag in zip(cells, known, strict=True)
    )
    return Row(row.seq, row.series, row.unix_ms, cells, guessed if any(guessed) else None)
