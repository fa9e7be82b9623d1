"""Knows which part of the site one node gets, as canonical JSON; does not know how it reaches the node.

Everything a node needs of the profiles is resolved here, so that it carries no profile module. Canonical: keys in the
order written below, no spaces, ASCII, whole numbers without a point.
"""

import hashlib
import json
from collections import defaultdict
from typing import Any

from gateway.energy.chemistry import CHEMISTRIES, between
from gateway.energy.consumption import sensor_w
from gateway.site.config import Channel, Node, NodeBattery, NodeSensor, Site
from protocols.registers import Register

VERSION = 2  # of the slice's form; a node refuses a form it does not know

Steps = tuple[tuple[float, float], ...]
# Shares of the charge in reach at which a node begins to save, to survive, to stand by, and at which it stops to. All
# ours: a sunless week should not find it below a third; below a twentieth a supervisor is near its cut. Where it is too
# cold to charge, nothing that is drawn can be put back, so it saves earlier. A primary cell shows its end only.
_WARM: Steps = ((0.3, 0.5), (0.15, 0.3), (0.05, 0.15))
_COLD: Steps = ((0.5, 0.7), (0.3, 0.5), (0.05, 0.15))
_PRIMARY: Steps = ((0.05, 0.08), (0.03, 0.05), (0.01, 0.03))


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
            "order": _order(site, node),
            "wipers": _wipers(site, node),
            "battery": None if node.battery is None else _battery(node.battery),
            "emergency_s": node.emergency_period_s or 0,
            "limits": _limits(site, node),
            "sensors": _sensors(site, node),
        }
    )


def schema_of(site: Site, node: Node) -> int:
    """16 bits that change when what the node's numbers mean could change: the first two bytes, big endian, of SHA-256
    over the canonical JSON of its id and sensors. Nothing else of the slice is in it."""
    digest = hashlib.sha256(_canonical({"node": node.id, "sensors": _sensors(site, node)})).digest()
    return int.from_bytes(digest[:2], "big")


def channels_of(site: Site, node: Node) -> tuple[Channel, ...]:
    """The node's channels in the order of its records: sensor by sensor, register by register."""
    return tuple(channel for sensor in node.sensors for channel in site.channels_of(sensor, node))


def falls_mv(battery: NodeBattery) -> tuple[int, ...]:
    """Below which voltages a node saves, survives and stands by when it is warm; in the cold it does so earlier."""
    return tuple(down for down, _ in _battery(battery)["warm_mv"])


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


def _order(site: Site, node: Node) -> list[int]:
    """In which the sensors of one slot are read: those first whose rail takes most for the time that reading all on it
    takes, so that it can go off."""
    watts: dict[str | None, list[float]] = defaultdict(list)
    for sensor in node.sensors:
        watts[sensor.rail].append(sensor_w(site.profile(sensor)))
    worth = {rail: 0.0 if rail is None else sum(of) / len(of) for rail, of in watts.items()}
    rails = list(worth)
    keys = [(-worth[sensor.rail], rails.index(sensor.rail), index) for index, sensor in enumerate(node.sensors)]
    return [index for _, _, index in sorted(keys)]


def _wipers(site: Site, node: Node) -> list[list[int]]:
    """[sensor, function, address, quantity, ms it takes, seconds between two (0: only by command)] of each wiper."""
    profiles = [site.profile(sensor) for sensor in node.sensors]
    return [
        [index, *profile.wipe, profile.wipe_ms, sensor.wipe_every_s or 0]
        for index, (sensor, profile) in enumerate(zip(node.sensors, profiles, strict=True))
        if profile.wipe is not None
    ]


def _limits(site: Site, node: Node) -> list[list[int]]:
    """[channel, 1 above or -1 below, fixed-point value] each."""
    channels = {channel.name: (index, channel.decimals) for index, channel in enumerate(channels_of(site, node))}
    rows = []
    for limit in node.limits:
        index, decimals = channels[limit.channel]
        value = limit.above if limit.above is not None else limit.below
        assert value is not None  # nodes.py: a limit has one side
        rows.append([index, 1 if limit.above is not None else -1, round(value * 10**decimals)])
    return rows


def _battery(battery: NodeBattery) -> dict[str, Any]:
    """Rest voltages at the charges where a tier begins and ends: a node's own load moves them by little."""
    cell = CHEMISTRIES[battery.chemistry]

    def thresholds(steps: Steps) -> list[list[int]]:
        return [[round(1000 * battery.cells * between(cell.rest_v, share)) for share in step] for step in steps]

    from_c = cell.charge_from_c
    return {
        "warm_mv": thresholds(_PRIMARY if from_c is None else _WARM),
        "cold_mv": thresholds(_PRIMARY if from_c is None else _COLD),
        "cold_dc": -1000 if from_c is None else round(10 * from_c),
        "charge_dc": None if from_c is None else round(10 * from_c),
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
