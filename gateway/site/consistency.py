"""Knows what the tables of a site file must agree on; knows nothing of their own form.

What is wrong within one section is found where its form is declared; here is what goes across them.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.faults import Fault, Tree, doubled
from gateway.messages import Phrase
from gateway.process.quality.limit_table import Channel as Tested
from gateway.process.quality.limit_table import limits
from gateway.process.quality.limits import Limits
from gateway.site.aggregating import aggregate_faults
from gateway.site.derived import derived
from gateway.site.finding import finding_faults
from gateway.site.hj212 import hj212_faults
from gateway.site.library import Library
from gateway.site.limits import calibration_faults, limit_faults, service_faults
from gateway.site.mqtt import dialect_faults, login_faults
from gateway.site.nodes import node_faults
from gateway.site.rules import rule_faults
from gateway.site.sensors import bus_faults, rail_faults, sensor_faults
from gateway.site.sl651 import sl651_faults
from gateway.site.station import page_faults
from gateway.site.tables import channel_names, column, rows, units
from gateway.site.trending import trend_faults


def cross_checks(site: Tree, folder: Path, library: Library) -> Iterator[Fault]:
    """Every disagreement between the tables of `site`, whose relative ports are taken from `folder`."""
    nodes = rows(site, "node")
    owners = [("", site), *nodes]
    yield from _identities(site, nodes, owners)
    yield from bus_faults(site, folder)
    yield from page_faults(site)
    for path, uplink in rows(site, "uplink"):
        yield from login_faults(path, uplink)
        yield from dialect_faults(path, uplink)
        yield from sl651_faults(path, uplink, site, library)
        yield from hj212_faults(path, uplink, site, library)
    for path, owner in owners:
        yield from sensor_faults(path, owner, library)
    yield from rail_faults(site)
    for path, node in nodes:
        yield from node_faults(path, node, site, library)
    yield from aggregate_faults(site, library)
    yield from _meaning(site, library)
    dense = {node["name"]: bool(node.get("emergency_period_s")) for _, node in nodes if "name" in node}
    known = channel_names(site, library)
    yield from rule_faults(rows(site, "rule"), known, dense, derived(site, known or ()))
    yield from _worth(site, owners, library)
    if nodes and site.get("radio", {}) is None:
        yield Fault("radio", "fault.no_radio", Phrase("hint.add_radio"))


def _identities(site: Tree, nodes: list[tuple[str, Tree]], owners: list[tuple[str, Tree]]) -> Iterator[Fault]:
    for path, owner in owners:
        yield from doubled(column(rows(owner, "bus", path), "id"))
    yield from doubled([row for path, owner in owners for row in column(rows(owner, "sensor", path), "id")])
    yield from doubled(column(rows(site, "uplink"), "id"))
    yield from doubled(column(nodes, "id"))
    yield from doubled(column(nodes, "name"))
    operators = rows(site, "operator")
    yield from doubled(column(operators, "name"))
    yield from doubled([*column(nodes, "key"), *column(operators, "key")], secret=True, same=str.lower)


def _meaning(site: Tree, library: Library) -> Iterator[Fault]:
    """What is made of aggregates has aggregates, and a river no limit of total nitrogen."""
    findings = rows(site, "finding")
    yield from doubled(column(findings, "name"))
    known = channel_names(site, library)
    if known is not None:
        yield from finding_faults(findings, known, units(site, library))
    assess: Tree | None = site.get("assess")
    if findings and site.get("aggregate") is None:  # [assess] without it is of use to `watertower assess`
        yield Fault("finding", "fault.no_aggregate")
    if assess and assess.get("water", "river") == "river" and "TN" in (assess.get("factors") or ()):
        yield Fault("assess.factors", "fault.river_nitrogen")


def _worth(site: Tree, owners: Sequence[tuple[str, Tree]], library: Library) -> Iterator[Fault]:
    """What is said about the worth of readings is said of sensors and channels that are there."""
    channels = channel_names(site, library)
    sensors = [sensor.get("id") for _, owner in owners for sensor in owner.get("sensor", ())]
    known = [id for id in sensors if id is not None]
    table = site.get("aggregate")
    makes = table is not None or any(uplink.get("type") == "hj212" for uplink in site.get("uplink", ()))
    levels = (table or {}).get("levels") or (("hour", "day", "month") if makes else ())
    yield from limit_faults(rows(site, "quality"), channels, _usual_limits(owners, library))
    yield from service_faults(rows(site, "service"), known if len(known) == len(sensors) else None)
    yield from calibration_faults(rows(site, "calibration"), channels, "hour" in levels or None in levels)
    yield from trend_faults(rows(site, "trend"), channels, levels)


def _usual_limits(owners: Sequence[tuple[str, Tree]], library: Library) -> dict[str, Limits]:
    """Of each channel whose profile is sound."""
    found: dict[str, Limits] = {}
    for _, owner in owners:
        for sensor in owner.get("sensor", ()):
            id, model, period_s = sensor.get("id"), sensor.get("profile"), sensor.get("period_s")
            if id is None or period_s is None or model in library.faulty or model not in library.models:
                continue
            profile = library.profile(model)
            for one in profile.registers:
                channel = Tested(profile.kind, one.name, one.unit, one.decimals, one.low, one.high, period_s)
                found[f"{id}.{one.name}"] = limits(channel)
    return found
