"""Knows the gateway's state as Prometheus reads it (text exposition format 0.0.4); knows no socket.

Names follow prometheus.io/docs/practices/naming: base units, `_total` for what only rises.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gateway.states import Status

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Line(NamedTuple):
    name: str
    value: float | None  # None: nobody knows, no line
    labels: Mapping[str, str] = {}


# name -> (type, what it is)
_HELP = {
    "up_seconds": ("gauge", "Since the gateway started."),
    "clock_trusted": ("gauge", "Whether the time of new readings is certain."),
    "parts_stuck": ("gauge", "Parts that stand still; above 0 the watchdog is not fed."),
    "store_open": ("gauge", "Whether the store has its file."),
    "store_full": ("gauge", "Whether nothing more is taken."),
    "store_rows_total": ("counter", "Rows ever written."),
    "store_waiting_rows": ("gauge", "Polled rows that are not on disk yet."),
    "store_size_bytes": ("gauge", "The store's file, without its log."),
    "disk_free_bytes": ("gauge", "Free on the store's disk."),
    "bus_open": ("gauge", "Whether the bus can be used."),
    "bus_overloaded": ("gauge", "Whether more is asked of the bus than it can carry."),
    "sensor_missed_polls": ("gauge", "Polls in a row without any answer."),
    "sensor_skipped_slots_total": ("counter", "Slots for which the bus had no time."),
    "sensor_answered_timestamp_seconds": ("gauge", "When the sensor answered last."),
    "radio_open": ("gauge", "Whether the modem can be used."),
    "radio_refused_frames_total": ("counter", "Frames that were not believed."),
    "node_heard_timestamp_seconds": ("gauge", "When the node was heard last."),
    "node_rssi_dbm": ("gauge", "How strong its last frame was."),
    "node_records_total": ("counter", "The node's highest record that is here."),
    "node_lacking_records": ("gauge", "Records below that which are not."),
    "node_battery_volts": ("gauge", "What its battery had when the node told it last."),
    "node_battery_timestamp_seconds": ("gauge", "When that was."),
    "uplink_connected": ("gauge", "Whether the platform's broker is connected."),
    "uplink_waiting_rows": ("gauge", "Rows that the platform has not confirmed."),
    "uplink_confirmed_rows_total": ("counter", "Rows confirmed since the gateway started."),
    "uplink_gone_rows_total": ("counter", "Rows that were no longer in the store when they were to be sent."),
    "uplink_sent_bytes_total": ("counter", "Bytes sent, with an estimate of what surrounds them."),
    "uplink_connections_total": ("counter", "Connections that stood."),
    "uplink_failed_connections_total": ("counter", "Connections that broke or never stood."),
    "commands_total": ("counter", "Commands that were done."),
    "refused_commands_total": ("counter", "Commands that were refused."),
    "reading": ("gauge", "The newest reading of a channel."),
    "reading_quality": ("gauge", "Its quality bits; 0 is good."),
    "reading_timestamp_seconds": ("gauge", "When it was measured."),
}


def exposition(status: Status) -> str:
    """Every figure of the state; ends with a line feed."""
    by_name: dict[str, list[_Line]] = {name: [] for name in _HELP}
    for line in _lines(status):
        by_name[line.name].append(line)
    out = []
    for name, lines in by_name.items():
        kind, text = _HELP[name]
        written = [_written(line) for line in lines if line.value is not None]
        if written:
            out += [f"# HELP watertower_{name} {text}", f"# TYPE watertower_{name} {kind}", *written]
    return "\n".join(out) + "\n"


def _written(line: _Line) -> str:
    labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in line.labels.items())
    return f"watertower_{line.name}{{{labels}}} {line.value:.15g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _seconds(unix_ms: int | None) -> float | None:
    return None if unix_ms is None else unix_ms / 1000


def _lines(status: Status) -> Iterator[_Line]:
    store = status.store
    yield _Line("up_seconds", status.running_s)
    yield _Line("clock_trusted", status.is_clock_trusted)
    yield _Line("parts_stuck", len(status.stuck))
    yield _Line("store_open", store.is_open)
    yield _Line("store_full", store.is_full)
    yield _Line("store_rows_total", store.last_seq)
    yield _Line("store_waiting_rows", store.waiting)
    yield _Line("store_size_bytes", store.size_bytes)
    yield _Line("disk_free_bytes", store.free_bytes)
    for bus in status.buses:
        yield _Line("bus_open", bus.is_open, {"bus": bus.bus})
        yield _Line("bus_overloaded", bus.is_overloaded, {"bus": bus.bus})
        for device in bus.devices:
            labels = {"bus": bus.bus, "sensor": device.sensor}
            yield _Line("sensor_missed_polls", device.missed, labels)
            yield _Line("sensor_skipped_slots_total", device.skipped, labels)
            yield _Line("sensor_answered_timestamp_seconds", _seconds(device.answered_unix_ms), labels)
    if status.radio is not None:
        yield _Line("radio_open", status.radio.is_open)
        for reason, count in status.radio.refused.items():
            yield _Line("radio_refused_frames_total", count, {"reason": reason})
        for node in status.radio.nodes:
            labels = {"node": node.name}
            yield _Line("node_heard_timestamp_seconds", _seconds(node.heard_unix_ms), labels)
            yield _Line("node_rssi_dbm", node.rssi_dbm, labels)
            yield _Line("node_records_total", node.have, labels)
            yield _Line("node_lacking_records", node.lacking, labels)
            volts = None if node.battery_mv is None else node.battery_mv / 1000
            yield _Line("node_battery_volts", volts, labels)
            yield _Line("node_battery_timestamp_seconds", _seconds(node.battery_unix_ms), labels)
    for uplink in status.uplinks:
        labels = {"uplink": uplink.uplink}
        yield _Line("uplink_connected", uplink.is_connected, labels)
        yield _Line("uplink_waiting_rows", uplink.waiting_rows, labels)
        yield _Line("uplink_confirmed_rows_total", uplink.confirmed_rows, labels)
        yield _Line("uplink_gone_rows_total", uplink.gone_rows, labels)
        yield _Line("uplink_sent_bytes_total", uplink.used_bytes, labels)
        yield _Line("uplink_connections_total", uplink.connections, labels)
        yield _Line("uplink_failed_connections_total", uplink.failed_connections, labels)
    for command, count in status.commands.items():
        yield _Line("commands_total", count, {"command": command})
    for reason, count in status.refused_commands.items():
        yield _Line("refused_commands_total", count, {"reason": reason})
    for channel in status.channels:
        labels = {"channel": channel.channel, "unit": channel.unit}
        yield _Line("reading", None if channel.value is None else float(channel.value), labels)
        yield _Line("reading_quality", channel.quality, {"channel": channel.channel})
        yield _Line("reading_timestamp_seconds", _seconds(channel.unix_ms), {"channel": channel.channel})
