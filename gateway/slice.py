"""Knows which part of the site one node gets, as canonical JSON; does not know how it reaches the node.

Everything a node needs of the profiles is resolved here, so that it carries no profile module. Canonical: keys in the
order written below, no spaces, ASCII, whole numbers without a point.
"""

import hashlib
import json
from typing import Any

from gateway.config import Channel, Node, NodeSensor, Site
from protocols.registers import Register

VERSION = 1  # of the slice's form; a node refuses a form it does not know


def cut(site: Site, node: Node) -> bytes:
    """The slice of `node`, at most a few kilobytes: its identity, key, buses and sensors with their registers."""
    return _canonical(
        {
            "version": VERSION,
            "node": node.id,
            "name": node.name,
            "schema": schema_of(site, node),
            "key": node.key.lower(),
            **({} if node.update_key is None else {"update_key": node.update_key.lower()}),
            "report_s": node.report_s,
            "max_frame": site.max_frame,
            "buses": [
                {"id": bus.id, "baud": bus.baud, "parity": bus.parity, "stop_bits": bus.stop_bits} for bus in node.buses
            ],
            "sensors": _sensors(site, node),
        }
    )


def schema_of(site: Site, node: Node) -> int:
    """16 bits that change when what the node's numbers mean could change: the first two bytes, big endian, of SHA-256
    over the canonical JSON of its id and sensors. Keys, name, report_s and max_frame are not in it."""
    digest = hashlib.sha256(_canonical({"node": node.id, "sensors": _sensors(site, node)})).digest()
    return int.from_bytes(digest[:2], "big")


def channels_of(site: Site, node: Node) -> tuple[Channel, ...]:
    """The node's channels in the order of its records: sensor by sensor, register by register."""
    return tuple(channel for sensor in node.sensors for channel in site.channels_of(sensor, node))


def _sensors(site: Site, node: Node) -> list[dict[str, Any]]:
    return [_sensor(site, node, sensor) for sensor in node.sensors]


def _sensor(site: Site, node: Node, sensor: NodeSensor) -> dict[str, Any]:
    profile = site.profile(sensor)
    return {
        "id": sensor.id,
        "bus": [bus.id for bus in node.buses].index(sensor.bus),
        "unit_id": sensor.unit_id,
        "period_s": sensor.period_s,
        "rail": sensor.rail,
        "function": profile.function,
        "order": profile.order,
        "warm_up_ms": profile.warm_up_ms,
        "settle_ms": profile.settle_ms,
        "measure_ms": profile.measure_ms,
        "start": profile.start,
        "busy_retry_ms": profile.busy_retry_ms,
        "max_words": profile.max_words,
        "max_gap": profile.max_gap,
        "registers": [_register(register) for register in site.registers(sensor)],
    }


def _register(register: Register) -> list[Any]:
    return [
        register.name,
        register.address,
        register.kind,
        register.decimals,
        register.exponent,
        _number(register.low),
        _number(register.high),
        list(register.invalid),
        register.point_at,
    ]


def _number(value: float | None) -> float | None:
    """20.0 as 20: one number, one spelling."""
    return int(value) if value is not None and value == int(value) else value


def _canonical(tree: dict[str, Any]) -> bytes:
    return json.dumps(tree, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")
