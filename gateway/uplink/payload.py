"""Knows watertower's own JSON messages (docs/mqtt.md); knows no broker and no store.

A series message (retained) names the channels once; data messages then carry bare numbers.
"""

from collections.abc import Iterable, Mapping

import msgspec

from gateway.store import Row, Series
from protocols.fixed_point import decimal_text


def series_message(series: Series) -> bytes:
    """{"series":3,"source":"node 17","channels":[["do.temperature","degC",2],...]}"""
    return msgspec.json.encode({"series": series.id, "source": series.source, "channels": series.channels})


def data_message(complete: int, rows: Iterable[Row], decimals: Mapping[int, tuple[int, ...]]) -> bytes:
    """{"complete":41,"rows":[[42,3,1767225600000,[8.12,null],[0,1]],...]}

    A row is [seq, series, Unix ms, values, qualities]; the qualities are left out when all are good. Up to `complete`
    the receiver should have every seq of this station. `decimals` maps series id to its channels' decimals.
    """
    return f'{{"complete":{complete},"rows":[{",".join(_row(row, decimals[row.series]) for row in rows)}]}}'.encode()


def _row(row: Row, decimals: tuple[int, ...]) -> str:
    values = ",".join(decimal_text(value, places) for value, places in zip(row.cells, decimals, strict=True))
    quality = f",[{','.join(map(str, row.quality))}]" if row.quality else ""
    return f"[{row.seq},{row.series},{row.unix_ms},[{values}]{quality}]"
