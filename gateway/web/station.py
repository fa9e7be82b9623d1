"""Knows what the page shows of a site file and of its gateway's state; knows no request and no words."""

from typing import Any

import msgspec

from gateway.messages import unit_text
from gateway.site.config import MqttUplink, Site, Uplink
from gateway.site.slice import falls_mv
from gateway.states import Status
from gateway.web import map
from gateway.web.conditions import conditions
from gateway.web.history import History
from protocols.fixed_point import decimal_text


def plan(site: Site, lang: str) -> dict[str, Any]:
    """What stays: place, buses, nodes, uplinks, channels. No key and no password is in it."""
    station = site.station
    places = {one.id: one.bus for one in site.sensors}  # each sensor's bus or node
    places |= {one.id: node.name for node in site.nodes for one in node.sensors}
    return {
        "id": station.id,
        "name": station.name_zh if lang == "zh" and station.name_zh else station.name,
        "latitude": station.latitude,
        "longitude": station.longitude,
        "altitude_m": station.altitude_m,
        "buses": [
            {"id": bus.id, "sensors": [one.id for one in site.sensors if one.bus == bus.id]} for bus in site.buses
        ],
        "nodes": [
            {
                "name": node.name,
                "report_s": node.report_s,
                "sensors": [one.id for one in node.sensors],
                "battery": None if node.battery is None else node.battery.chemistry,
                "falls_mv": () if node.battery is None else falls_mv(node.battery),
            }
            for node in site.nodes
        ],
        "uplinks": [{"id": uplink.id, "kind": _kind(uplink)} for uplink in site.uplinks],
        "sensors": [*places],
        "map": map.places(site),
        "has_findings": bool(
            site.assess or site.findings or site.trends or (site.aggregates and site.aggregates.loads)
        ),
        "rules": {
            rule.id: {
                "title": (rule.title_zh if lang == "zh" else "") or rule.title or rule.id,
                "when": rule.when,
                "level": rule.level,
            }
            for rule in site.rules
        },
        "channels": {
            channel.name: {
                "quantity": channel.quantity,
                "unit": unit_text(channel.unit),
                "sensor": channel.sensor,
                "place": places[channel.sensor],
            }
            for channel in site.channels
        },
    }


def _kind(uplink: Uplink) -> str:
    """What its platform understands."""
    if isinstance(uplink, MqttUplink) and uplink.dialect != "watertower":
        return uplink.dialect
    return str(uplink.__struct_config__.tag)


def now(site: Site, status: Status | None, reason: str, history: History, now_ms: int) -> dict[str, Any]:
    """What changes. Without a gateway the store's newest readings stand for its own."""
    return {
        "unix_ms": now_ms if status is None else status.unix_ms,
        "status": None if status is None else msgspec.to_builtins(status),
        "reason": reason,
        "trouble": history.trouble,
        "last_row": history.last_row,
        "conditions": [{**one._asdict(), "values": dict(one.values)} for one in conditions(site, status)],
        "stored": _stored(site, history) if status is None else [],
    }


def _stored(site: Site, history: History) -> list[dict[str, Any]]:
    found = []
    for channel in site.channels:
        curve = history.curves.get(channel.name)
        if curve is not None and curve.newest is not None:
            unix_ms, value, worth = curve.newest
            text = None if value is None else decimal_text(value, curve.decimals)
            found.append(
                {"channel": channel.name, "quantity": channel.quantity, "unit": curve.unit, "value": text,
                 "quality": worth, "unix_ms": unix_ms}
            )  # fmt: skip
    return found
