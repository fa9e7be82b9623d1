"""Knows what an hour of a mountain river costs on the air: our frames, and the same readings as JSON and CBOR; knows no
radio. The piece of scripts/bench that is about nodes calls measure()."""

import csv
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import cbor2

from hw_sim.bench import Figure, figure
from protocols import batch_reading, link, quality
from protocols.batch import Batch, NodeRecord, encode
from protocols.gateway_session import GatewaySession, Received
from protocols.link import Acked, Answer, NodeSession

_RECORDING = Path(__file__).parents[1] / "recordings" / "water_lro_franklinbasin_2014.csv"
_COLUMNS = (  # of the recording; a site's channel; decimals; unit, after SenML where it has one (RFC 8428, 12.1)
    ("temp", "river.temperature", 2, "Cel"),
    ("cond", "river.conductivity", 1, "uS/cm"),
    ("ph", "river.ph", 2, "pH"),
    ("do", "river.dissolved_oxygen", 2, "mg/L"),
    ("turb", "river.turbidity", 2, "NTU"),
)
_MISSING = -9999.0
_NODE, _KEY, _SCHEMA = 17, bytes(range(32)), 0xBEEF
_MOST = 4.0  # the most bytes that a reading may cost
_AIR_MS, _LATENCY_MS = 200, 50


def records() -> list[NodeRecord]:
    """The recording, a record for each row: raw values, what is empty or a sentinel is no value."""
    with _RECORDING.open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = []
    for number, row in enumerate(rows, 1):
        time_s = int(datetime.fromisoformat(row["time_local"]).replace(tzinfo=UTC).timestamp())
        cells = [_cell(row[column], decimals) for column, _, decimals, _ in _COLUMNS]
        found.append(NodeRecord(number, time_s, tuple(cells)))
    return found


def _cell(text: str, decimals: int) -> tuple[int | None, int]:
    if not text or float(text) == _MISSING:
        return None, quality.NO_REPLY
    return int((Decimal(text) * 10**decimals).to_integral_value()), 0


def hourly(rows: list[NodeRecord]) -> list[tuple[NodeRecord, ...]]:
    return [tuple(hour) for _, hour in groupby(rows, lambda record: record.time_s // 3600)]


def exchange(hours: list[tuple[NodeRecord, ...]]) -> Iterator[tuple[int, int, Batch]]:
    """Each hour's batch from a real node session to a real gateway session and its answer back: (bytes of both frames
    on the air, framing included; readings that arrived; the batch as the gateway reads it)."""
    count = iter(range(1, 1 << 30))
    node = NodeSession(_NODE, _KEY, lambda: next(count), lambda below: 0)
    gateway = GatewaySession({_NODE: _KEY}, {}, {_NODE: _SCHEMA})
    for hour in hours:
        now_ms = hour[-1].time_s * 1000  # the monotonic clock is Unix time here
        node.send(link.BATCH, encode(Batch(_SCHEMA, hour)), now_ms, 0)
        said = node.data_to_send(now_ms)
        (event,) = gateway.receive(said)
        assert isinstance(event, Received)
        carried = batch_reading.decode(event.body, len(_COLUMNS))
        answered = gateway.acknowledge(event, Answer(None, now_ms + _AIR_MS + _LATENCY_MS))
        node.receive(answered, now_ms + 2 * _AIR_MS)
        assert isinstance(node.next_event(), Acked)
        values = sum(value is not None for record in carried.records for value, _ in record.cells)
        yield len(said) + len(answered), values, carried


def _plain(hour: tuple[NodeRecord, ...]) -> object:
    """The same readings as a programmer would name them."""
    return [
        {"time": record.time_s, **{
            name: None if value is None else value / 10**decimals
            for (_, name, decimals, _), (value, _) in zip(_COLUMNS, record.cells, strict=True)
        }}
        for record in hour
    ]  # fmt: skip


def _senml(hour: tuple[NodeRecord, ...]) -> object:
    """RFC 8428, 6: base name -2, base time -3, name 0, unit 1, value 2, time 6."""
    base_s = hour[0].time_s
    pack: list[dict[int, object]] = []
    for record in hour:
        for (_, name, decimals, unit), (value, _) in zip(_COLUMNS, record.cells, strict=True):
            if value is not None:
                short = name.partition(".")[2]
                pack.append({0: short, 1: unit, 2: value / 10**decimals, 6: record.time_s - base_s})
    if pack:
        pack[0] = {-2: "river.", -3: base_s, **pack[0]}
    return pack


def measure(progress: Callable[[str], None] = lambda text: None) -> dict[str, Figure]:
    """Bytes for each reading that has a value. The peers are bare bodies: no frame, no tag, no answer."""
    progress("the Franklin Basin recording over the link")
    rows = records()
    hours = hourly(rows)
    air = values = 0
    decoded: list[NodeRecord] = []
    for cost, count, carried in exchange(hours):
        air += cost
        values += count
        decoded += carried.records
    if decoded != rows:
        raise SystemExit("what was decoded is not what was measured")
    ours = air / values
    body = sum(len(encode(Batch(_SCHEMA, hour))) for hour in hours) / values
    peers = {
        "json": sum(len(json.dumps(_plain(hour), separators=(",", ":"))) for hour in hours) / values,
        "cbor": sum(len(cbor2.dumps(_plain(hour), canonical=True)) for hour in hours) / values,
        "senml_cbor": sum(len(cbor2.dumps(_senml(hour), canonical=True)) for hour in hours) / values,
    }
    figures = {
        "air_bytes_per_reading": figure(ours, "B", f"the most it may be, {_MOST:g}", _MOST),
        "batch_bytes_per_reading": figure(body, "B", "both frames with their answer", ours),
    }
    for name, peer in peers.items():
        figures[f"{name}_bytes_per_reading"] = figure(peer, "B", "our body of the same batch", body)
    return figures
