"""Knows watertower's own JSON messages (docs/mqtt.md, docs/mqtt.schema.json); knows no broker and no store.

A series message (retained) names the channels once; data messages then carry bare numbers.
"""

from collections.abc import Mapping, Sequence

import msgspec

from gateway.store import Day, Row, Series
from protocols.fixed_point import decimal_text


def series_message(series: Series) -> bytes:
    """{"series":3,"source":"node 17","channels":[["do.temperature","degC",2],...]}"""
    return msgspec.json.encode({"series": series.id, "source": series.source, "channels": series.channels})


def day_message(day: Day) -> bytes:
    """{"block":286,"hash":"5f0c..","signature":"..","public":".."}: hexadecimal."""
    return msgspec.json.encode(
        {"block": day.block, "hash": day.hash.hex(), "signature": day.signature.hex(), "public": day.public.hex()}
    )


def data_message(complete: int, rows: Sequence[Row], decimals: Mapping[int, tuple[int, ...]]) -> bytes:
    """{"complete":41,"first":42,"unix_ms":1767225600000,"rows":[[3,0,[8.12,null],[0,1]],...]}

    The rows have consecutive numbers from `first`. Each is [series, ms after the message's, values, qualities]; the
    qualities are left out when all are good. Up to `complete` the receiver should have every seq of this station.
    `decimals` maps series id to its channels' decimals.
    """
    base_ms = rows[0].unix_ms
    written = ",".join(_row(row, base_ms, decimals[row.series]) for row in rows)
    return f'{{"complete":{complete},"first":{rows[0].seq},"unix_ms":{base_ms},"rows":[{written}]}}'.encode()


def _row(row: Row, base_ms: int, decimals: tuple[int, ...]) -> str:
    values = ",".join(decimal_text(value, places) for value, places in zip(row.cells, decimals, strict=True))
    quality = f",[{','.join(map(str, row.quality))}]" if row.quality else ""
    return f"[{row.series},{row.unix_ms - base_ms},[{values}]{quality}]"


def consecutive(rows: Sequence[Row]) -> Sequence[Row]:
    """The first of them whose numbers follow one another."""
    for place, row in enumerate(rows):
        if row.seq != rows[0].seq + place:
            return rows[:place]
    return rows
