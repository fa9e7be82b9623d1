"""Knows which devices a platform sees behind a gateway, from the site file; knows no platform and no row.

A polled sensor is a device, and so is a node; what is made of readings (hours, alarms) belongs to the gateway itself.
"""

from collections.abc import Mapping
from typing import NamedTuple

from gateway.process.stage import Series
from gateway.site.config import Site

_MISSED = 3  # polls or reports, after which a device is away; ours
_LEAST_MS = 60_000  # ours: no device comes and goes each second


class Device(NamedTuple):
    """`source` is what its series say; `silent_ms`: how old its newest value may be until it counts as away. `writes`:
    what it takes a number for, by name; `acts`: what it does without one, as to wipe."""

    name: str
    source: str
    title: str
    silent_ms: int
    writes: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()


def devices(site: Site) -> dict[str, Device]:
    """By source."""
    found = [
        Device(
            sensor.id,
            f"sensor {sensor.id}",
            site.profile(sensor).title,
            _silent_ms(max(seconds for seconds, _ in site.groups(sensor))),
            # another unit id would cut the sensor off from what the site file says
            tuple(write.name for write in site.profile(sensor).writes if write.kind and write.name != "address"),
            tuple(write.name for write in site.profile(sensor).writes if not write.kind),
        )
        for sensor in site.sensors
    ]
    found += [
        Device(f"node-{node.name}", f"node {node.id}", f"node {node.id}", _silent_ms(node.report_s))
        for node in site.nodes
    ]
    return {device.source: device for device in found}


def _silent_ms(period_s: int) -> int:
    return max(_MISSED * 1000 * period_s, _LEAST_MS)


def told_of(source: str) -> str:
    """Whose readings these are: what was found out of a reading later is said of that reading."""
    original = Series(source, ()).original
    return source if original is None else original.source


def device_of(source: str, known: Mapping[str, Device]) -> Device | None:
    """Of a series; None: the gateway itself. What the site file has no more is known by the rows that are left."""
    source = told_of(source)
    if not Series(source, ()).is_collected:
        return None
    kind, _, name = source.partition(" ")
    plain = Device(name if kind == "sensor" else f"node-{name}", source, name, _LEAST_MS)
    return known.get(source, plain)
