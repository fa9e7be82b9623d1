"""Knows the buses, rails and sensors of a site file, their form and what is wrong with them; opens no port.

Faults are found on the sound part of a file, as in tables.py.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from gateway.faults import Fault, Tree, doubled, nearest, quoted
from gateway.machine import usb
from gateway.messages import Phrase
from gateway.site.fields import HostPort, Latitude, Longitude, Name, Period, Text
from gateway.site.library import Baud, Library, Parity, StopBits, UnitId, serial_text
from gateway.site.places import absolute
from gateway.site.tables import column, rows
from protocols.profile import Profile


class Bus(Struct, frozen=True, kw_only=True):
    """A line that the gateway polls itself: a serial `port` or Modbus `tcp`, "host:port", over several `connections`
    where the device takes them."""

    id: Name
    port: Text | None = None
    tcp: HostPort | None = None
    connections: Annotated[int, Meta(ge=1, le=16)] = 1
    baud: Baud = 9600
    parity: Parity = "N"
    stop_bits: StopBits = 1


class Rail(Struct, frozen=True, kw_only=True):
    """A supply that the gateway switches: line `gpio` of a chip /dev/gpiochip0."""

    id: Name
    gpio: Annotated[int, Meta(ge=0, le=1023)]
    chip: Annotated[str, Meta(pattern=r"^gpiochip\d+\Z", extra={"allowed": Phrase("allowed.gpio_chip")})] = "gpiochip0"
    active_low: bool = False


class Sensor(Struct, frozen=True, kw_only=True):
    """A device on a bus, and which of its profile's quantities are wanted (None: all).

    `serial = "as_bus"`: a technician changed the device's serial settings to those of the bus. `periods` are those of
    quantities that have another than `period_s`. `latency_ms`: the longest that this device thinks (None: as its
    profile says). `rail`: the switched supply it hangs on (None: always on). `latitude`, `longitude`: where it is, as
    of the station.
    """

    id: Name
    profile: Text
    bus: Name
    unit_id: UnitId
    period_s: Period
    quantities: Annotated[tuple[Text, ...], Meta(min_length=1)] | None = None
    serial: Literal["profile", "as_bus"] = "profile"
    periods: dict[Text, Period] = {}
    latency_ms: Annotated[int, Meta(ge=1, le=60_000, extra={"unit": "ms"})] | None = None
    rail: Name | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None

    def __hash__(self) -> int:
        return hash(self.id)  # a dict has none


def sensor_faults(path: str, owner: Tree, library: Library) -> Iterator[Fault]:
    """Of the sensors of the station or a node: each has an address, a bus and a profile that fit."""
    yield from _unit_ids(path, owner)
    for place, sensor in rows(owner, "sensor", path):
        yield from position_faults(place, sensor)
        yield from _bus(place, sensor, owner)
        yield from _profile(place, sensor, owner, library)


def position_faults(path: str, one: Tree) -> Iterator[Fault]:
    """A sensor or node is at a latitude and a longitude, or nowhere."""
    if "latitude" in one and "longitude" in one and (one["latitude"] is None) != (one["longitude"] is None):
        yield Fault(path, "fault.half_position")


def way_faults(path: str, table: Tree) -> Iterator[Fault]:
    """Something is reached by a serial port or by TCP."""
    if "port" in table and "tcp" in table and (table["port"] is None) == (table["tcp"] is None):
        neither = table["port"] is None
        yield Fault(path, "fault.port_neither" if neither else "fault.port_and_tcp", Phrase("hint.port_or_tcp"))


def bus_faults(site: Tree, folder: Path) -> Iterator[Fault]:
    used = [("radio.port", site["radio"].get("port"))] if site.get("radio") else []
    for path, bus in rows(site, "bus"):
        yield from way_faults(path, bus)
        if bus.get("port") is not None and bus.get("connections", 1) > 1:
            yield Fault(f"{path}.connections", "fault.connections")
        used.append((f"{path}.port", bus.get("port")))
    for path, port in used:
        if port is not None and usb.is_identity(port) and not usb.FORM.match(port):
            yield Fault(path, "fault.usb_port", Phrase("hint.usb_port"), found=quoted(port))
    yield from doubled(used, same=lambda port: absolute(folder, port))
    yield from doubled(column(rows(site, "bus"), "tcp"))


def rail_faults(site: Tree) -> Iterator[Fault]:
    rails = rows(site, "rail")
    yield from doubled(column(rails, "id"))
    yield from doubled([(f"{path}.gpio", f"{rail.get('chip')} {rail.get('gpio')}") for path, rail in rails])
    known: list[Any] = [rail.get("id") for _, rail in rails]
    for path, sensor in rows(site, "sensor"):
        rail = sensor.get("rail")
        if rail is not None and None not in known and rail not in known:
            yield Fault(f"{path}.rail", "fault.unknown_rail", nearest(rail, known), found=quoted(rail))


def _unit_ids(path: str, owner: Tree) -> Iterator[Fault]:
    first: dict[tuple[str, int], str] = {}
    for place, sensor in rows(owner, "sensor", path):
        bus, unit_id = sensor.get("bus"), sensor.get("unit_id")
        if bus is None or unit_id is None:
            continue
        if (bus, unit_id) in first:
            other = first[bus, unit_id]
            yield Fault(f"{place}.unit_id", "fault.doubled_unit_id", unit_id=unit_id, bus=quoted(bus), other=other)
        else:
            first[bus, unit_id] = place


def _bus(path: str, sensor: Tree, owner: Tree) -> Iterator[Fault]:
    known = [bus.get("id") for bus in owner.get("bus", [{}])]
    if "bus" in sensor and None not in known and sensor["bus"] not in known:
        yield Fault(f"{path}.bus", "fault.unknown_bus", nearest(sensor["bus"], known), found=quoted(sensor["bus"]))


def _profile(path: str, sensor: Tree, owner: Tree, library: Library) -> Iterator[Fault]:
    model = sensor.get("profile")
    if model is None or model in library.faulty:
        return
    if model not in library.models:
        yield Fault(f"{path}.profile", "fault.unknown_profile", nearest(model, library.models), found=quoted(model))
        return
    profile = library.profile(model)
    if sensor.get("unit_id") in profile.reserved_unit_ids:
        found = sensor["unit_id"]
        yield Fault(f"{path}.unit_id", "fault.reserved_unit_id", Phrase("hint.other_unit_id"), found=found, model=model)
    yield from _quantities(f"{path}.quantities", sensor.get("quantities") or (), profile)
    wanted = sensor.get("quantities") or [register.name for register in profile.registers]
    for name in sensor.get("periods") or ():
        if name not in wanted:
            hint = nearest(name, [one for one in wanted if one is not None])
            yield Fault(
                f"{path}.periods.{name}", "fault.unknown_quantity", hint, found=quoted(name), model=profile.model
            )
    for bus in owner.get("bus", ()):
        if bus.get("id") == sensor.get("bus") is not None and sensor.get("serial") == "profile":
            yield from _serial(path, bus, profile)


def _quantities(path: str, quantities: Sequence[str | None], profile: Profile) -> Iterator[Fault]:
    known = [register.name for register in profile.registers]
    rows = [(f"{path}[{index}]", name) for index, name in enumerate(quantities)]
    yield from doubled(rows)
    for place, name in rows:
        if name is not None and name not in known:
            yield Fault(place, "fault.unknown_quantity", nearest(name, known), found=quoted(name), model=profile.model)


def _serial(path: str, bus: Tree, profile: Profile) -> Iterator[Fault]:
    """A device that speaks otherwise than its line will never answer."""
    if bus.get("tcp") is not None or not {"baud", "parity", "stop_bits"} <= bus.keys():
        return
    spoken = (profile.baud, profile.parity, profile.stop_bits)
    line = (bus["baud"], bus["parity"], bus["stop_bits"])
    if spoken == line:
        return
    yield Fault(
        f"{path}.bus",
        "fault.serial",
        Phrase("hint.serial", bus=quoted(bus["id"]), baud=spoken[0], parity=spoken[1], stop_bits=spoken[2]),
        model=profile.model,
        spoken=serial_text(*spoken),
        bus=quoted(bus["id"]),
        line=serial_text(*line),
    )
