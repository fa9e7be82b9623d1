"""Knows how readings become Apache Parquet, one row a reading or one a time; knows no store. Needs the extra `parquet`.

Rows are written in groups, so memory holds one group. A value is a double with its `decimals` beside it: so rounded, it
has the stored digits again.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from gateway.export.reading import Reading, words
from gateway.export.sheet import Cell, Column, Sheet
from protocols.worth import QARTOD_MISSING, qartod

_GROUP_CELLS = 100_000  # some 10 MB while they are Python's; ours

_TIME = pa.timestamp("ms", "UTC")
_WORD = pa.dictionary(pa.int32(), pa.string())
_LONG = pa.schema(
    [
        ("seq", pa.int64()),
        ("time", _TIME),
        ("channel", _WORD),
        ("value", pa.float64()),
        ("decimals", pa.int8()),
        ("unit", _WORD),
        ("quality", _WORD),
        ("source", _WORD),
    ]
)


def write_long(path: Path, readings: Iterable[Reading]) -> int:
    """How many there were."""
    written = 0
    rest = iter(readings)
    with ParquetWriter(path, _LONG) as writer:
        while group := list(islice(rest, _GROUP_CELLS // len(_LONG))):
            rows = [
                (one.seq, one.unix_ms, one.channel, one.value, one.decimals, one.unit, words(one.worth), one.source)
                for one in group
            ]
            writer.write_table(_table(rows, _LONG))
            written += len(group)
    return written


def write_sheet(path: Path, sheet: Sheet) -> None:
    schema = _wide(sheet.channels)
    lines = sheet.lines()
    with ParquetWriter(path, schema) as writer:
        while group := list(islice(lines, max(1, _GROUP_CELLS // len(schema)))):
            writer.write_table(_table([(unix_ms, *_pairs(cells)) for unix_ms, cells in group], schema))


def _wide(channels: Iterable[Column]) -> pa.Schema:
    fields = [pa.field("time", _TIME)]
    for name, unit, decimals in channels:
        fields += [
            pa.field(name, pa.float64(), metadata={"unit": unit, "decimals": str(decimals)}),
            pa.field(f"{name}_qc", pa.int8()),
        ]
    return pa.schema(fields)


def _pairs(cells: Iterable[Cell | None]) -> Iterator[float | int | None]:
    for one in cells:
        if one is None:
            yield from (None, QARTOD_MISSING)
        else:
            cell, decimals, worth = one
            yield from (None if cell is None else cell / 10**decimals, qartod(worth))


def _table(rows: Sequence[Sequence[object]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table([pa.array(column, one.type) for column, one in zip(columns, schema, strict=True)], schema=schema)
