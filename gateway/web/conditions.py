"""Knows what of a gateway's state somebody should see to, and how urgently; knows no page, no alarm and no words.

These are not the alarms of the site file, which the gateway raises and a person acknowledges (docs/alarms.md): a
condition is over with its cause, and nobody has to say so.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from gateway.site.config import Site
from gateway.states import BusState, Status
from protocols import quality, worth

URGENT, SOON, LATER = 1, 2, 3
_LATE_REPORTS = 3  # a node may miss two: the radio's loss is no trouble; ours
_NO_CAUSE = ("fail", "suspect", "clock", "gap")


class Condition(NamedTuple):
    """`key` stays the same while it stands; `word` and `values` are an entry of [condition] in messages.toml."""

    key: str
    urgency: int
    word: str
    values: Mapping[str, str | int] = MappingProxyType({})
    since_ms: int | None = None


def conditions(site: Site, status: Status | None) -> list[Condition]:
    """What is wrong, the most urgent first; None: no gateway answers."""
    if status is None:
        return [Condition("gateway", URGENT, "no_gateway")]
    return sorted(_found(site, status), key=lambda one: one.urgency)


def _found(site: Site, status: Status) -> Iterator[Condition]:
    for part in status.stuck:
        yield Condition(f"stuck {part}", URGENT, "stuck", {"reason": part})
    if not status.store.is_open:
        yield Condition("store", URGENT, "store_closed", {"waiting": status.store.waiting})
    elif status.store.is_full:
        yield Condition("store", URGENT, "store_full", {"waiting": status.store.waiting})
    if not status.is_clock_trusted:
        yield Condition("clock", SOON, "clock")
    for bus in status.buses:
        yield from _of_bus(bus)
    yield from _of_radio(site, status)
    for uplink in status.uplinks:
        if not uplink.is_connected:
            values: dict[str, str | int] = {"uplink": uplink.uplink, "waiting": uplink.waiting_rows}
            yield Condition(f"uplink {uplink.uplink}", SOON, "uplink", values)
    for channel in status.channels:
        wrong = _wrong(channel.quality)
        if wrong is not None:
            values = {"channel": channel.channel, "worth": wrong}
            yield Condition(f"reading {channel.channel}", LATER, "reading", values, channel.unix_ms)


def _wrong(flags: int) -> str | None:
    """The word for why a reading is not to be believed, where the sensor did answer and nobody works at it."""
    if worth.qartod(flags) != worth.QARTOD_FAIL and not flags & quality.INVALID:
        return None
    return next((name for name in worth.names(flags) if name not in _NO_CAUSE), "fail")


def _of_bus(bus: BusState) -> Iterator[Condition]:
    if not bus.is_open:  # its sensors are silent for the same reason
        yield Condition(f"bus {bus.bus}", URGENT, "bus_closed", {"bus": bus.bus})
        return
    if bus.is_overloaded:
        yield Condition(f"load {bus.bus}", LATER, "bus_overloaded", {"bus": bus.bus})
    for device in bus.devices:
        if device.missed > 1:
            values: dict[str, str | int] = {"sensor": device.sensor, "unit_id": device.unit_id, "missed": device.missed}
            yield Condition(f"sensor {device.sensor}", SOON, "sensor_silent", values, device.answered_unix_ms)


def _of_radio(site: Site, status: Status) -> Iterator[Condition]:
    if status.radio is None:
        return
    if not status.radio.is_open:
        yield Condition("radio", URGENT, "radio_closed")
        return
    reports_s = {node.name: node.report_s for node in site.nodes}
    for node in status.radio.nodes:
        if node.is_foreign:
            yield Condition(f"slice {node.name}", SOON, "node_foreign", {"node": node.name})
        late_ms = 1000 * _LATE_REPORTS * reports_s.get(node.name, 3600)
        heard_ms = node.heard_unix_ms
        if heard_ms is None and 1000 * status.running_s > late_ms:
            yield Condition(f"node {node.name}", SOON, "node_unheard", {"node": node.name})
        elif heard_ms is not None and status.unix_ms - heard_ms > late_ms:
            yield Condition(f"node {node.name}", SOON, "node_silent", {"node": node.name}, heard_ms)
