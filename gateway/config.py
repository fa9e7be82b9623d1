"""Knows the site file, its declared form and what it stands for; opens no port, starts nothing.

What one table may hold is declared here; what tables must agree on stands in consistency.py.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from gateway.airtime import longest_frame
from gateway.consistency import absolute, cross_checks
from gateway.faults import Fault, SiteError, Tree, nearest, read, walk
from gateway.library import Baud, Library, Parity, StopBits, UnitId
from gateway.messages import Phrase
from protocols.framing import MAX_FRAME
from protocols.registers import Profile, Register

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_]{0,31}\Z", extra={"allowed": Phrase("allowed.name")})]
StationId = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}\Z", extra={"allowed": Phrase("allowed.station_id")})]
Text = Annotated[str, Meta(min_length=1, extra={"allowed": Phrase("allowed.some_text")})]
Key = Annotated[
    str, Meta(pattern=r"^[0-9A-Fa-f]{64}\Z", extra={"allowed": Phrase("allowed.key"), "secret": True})
]  # 32 bytes, as HMAC-SHA256 wants at least (RFC 2104, section 3)
HostPort = Annotated[
    str,
    Meta(
        pattern=r"^[^\s:/]+:(?!0)(\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])\Z",
        extra={"allowed": Phrase("allowed.host_port")},
    ),
]
TcpPort = Annotated[int, Meta(ge=1, le=65535)]
Period = Annotated[int, Meta(ge=1, le=86400, extra={"unit": "s"})]  # a day: what is rarer is not monitoring

Days = Annotated[int, Meta(ge=1, le=36_500, extra={"unit": "d"})]


class Station(Struct, frozen=True, kw_only=True):
    """Whose readings these are, and where it stands (degrees WGS 84, metres above the sea)."""

    id: StationId
    name: Text
    name_zh: str = ""
    latitude: Annotated[float, Meta(ge=-90, le=90, extra={"unit": "deg"})]
    longitude: Annotated[float, Meta(ge=-180, le=180, extra={"unit": "deg"})]
    altitude_m: Annotated[float, Meta(ge=-500, le=9000, extra={"unit": "m"})]


class Store(Struct, frozen=True, kw_only=True):
    """Where readings are kept, how long polled ones may wait for the disk, and how long all stay: gateway/retention.py
    says which of these gives way to which."""

    path: Text = "store.db"
    commit_delay_s: Annotated[float, Meta(ge=0.1, le=600, extra={"unit": "s"})] = 10.0
    key: Text = "gateway.key"  # the gateway's own, made at its first signature: gateway/notary.py
    keep_days: Days | None = None
    max_mib: Annotated[int, Meta(ge=16, le=1_000_000, extra={"unit": "MiB"})] = 4096
    min_days: Annotated[int, Meta(ge=0, le=36_500, extra={"unit": "d"})] = 30
    when_full: Literal["stop", "drop_oldest"] = "stop"
    disk_reserve_mib: Annotated[int, Meta(ge=0, le=100_000, extra={"unit": "MiB"})] = 64


class ClockTrust(Struct, frozen=True, kw_only=True):
    """When the machine's time is believed. "auto": once NTP, PTP or GPS sets it, or a clock chip has it."""

    trust: Literal["auto", "always"] = "auto"


class Radio(Struct, frozen=True, kw_only=True):
    """The modem that hears the nodes. `rssi_byte`: it puts a byte with the level behind each packet (E22 manual, REG3).
    With a `spreading_factor` no frame is longer on the air than `max_air_ms`."""

    port: Text
    baud: Baud = 9600
    rssi_byte: bool = False
    spreading_factor: Annotated[int, Meta(ge=7, le=12)] | None = None
    bandwidth_khz: Literal[125, 250, 500] = 125
    coding_rate: Annotated[int, Meta(ge=5, le=8)] = 5  # 4/5 .. 4/8
    max_air_ms: Annotated[int, Meta(ge=50, le=10_000, extra={"unit": "ms"})] = 1000  # MIIT 2019 No. 52: one second

    @property
    def max_frame(self) -> int:
        """The longest frame, in bytes before stuffing."""
        return longest_frame(
            rssi_byte=self.rssi_byte,
            spreading_factor=self.spreading_factor,
            bandwidth_khz=self.bandwidth_khz,
            coding_rate=self.coding_rate,
            max_air_ms=self.max_air_ms,
        )


class Bus(Struct, frozen=True, kw_only=True):
    """A line that the gateway polls itself: a serial `port` or Modbus `tcp`, "host:port"."""

    id: Name
    port: Text | None = None
    tcp: HostPort | None = None
    baud: Baud = 9600
    parity: Parity = "N"
    stop_bits: StopBits = 1


class NodeBus(Struct, frozen=True, kw_only=True):
    """A serial line of a node, by the board's own name for it."""

    id: Name
    baud: Baud = 9600
    parity: Parity = "N"
    stop_bits: StopBits = 1


class Sensor(Struct, frozen=True, kw_only=True):
    """A device on a bus, and which of its profile's quantities are wanted (None: all).

    `serial = "as_bus"`: a technician changed the device's serial settings to those of the bus.
    """

    id: Name
    profile: Text
    bus: Name
    unit_id: UnitId
    period_s: Period
    quantities: Annotated[tuple[Text, ...], Meta(min_length=1)] | None = None
    serial: Literal["profile", "as_bus"] = "profile"


class NodeSensor(Sensor, frozen=True, kw_only=True):
    """A sensor of a node; `rail` is the switched supply it hangs on (None: always on)."""

    rail: Name | None = None


class Node(Struct, frozen=True, kw_only=True, rename={"buses": "bus", "sensors": "sensor"}):
    """A wireless node: who it is, its key, how often it reports, what hangs on it."""

    id: Annotated[int, Meta(ge=1, le=65534)]
    name: Name
    key: Key
    report_s: Period
    buses: Annotated[tuple[NodeBus, ...], Meta(min_length=1)]
    sensors: Annotated[tuple[NodeSensor, ...], Meta(min_length=1)]

    def __repr__(self) -> str:
        return f"Node(id={self.id}, name={self.name!r})"  # the key must not slip into a log

    @property
    def secret(self) -> bytes:
        """The key as its 32 bytes."""
        return bytes.fromhex(self.key)


class MqttUplink(Struct, frozen=True, kw_only=True, tag_field="type", tag="mqtt"):
    """An MQTT broker that takes everything."""

    id: Name
    host: Text
    port: TcpPort = 1883


class SiteFile(
    Struct,
    frozen=True,
    kw_only=True,
    rename={"buses": "bus", "sensors": "sensor", "nodes": "node", "uplinks": "uplink"},
):
    """The site file as it is written."""

    station: Station
    store: Store = Store()
    clock: ClockTrust = ClockTrust()
    radio: Radio | None = None
    profile_dir: Text | None = None
    buses: tuple[Bus, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    nodes: tuple[Node, ...] = ()
    uplinks: tuple[MqttUplink, ...] = ()


class Channel(Struct, frozen=True, kw_only=True):
    """One measured quantity at one place: a reading of `value` means value / 10**decimals in `unit`.

    `node` is None for a sensor that the gateway polls itself; `low` and `high` bound the measuring range in `unit`.
    """

    name: str
    sensor: str
    node: int | None
    quantity: str
    unit: str
    decimals: int
    low: float | None
    high: float | None


class Site(SiteFile, frozen=True, kw_only=True):
    """A sound site file with its relative paths made absolute and its sensors' profiles at hand."""

    folder: Path
    profiles: dict[str, Profile]

    @property
    def max_frame(self) -> int:
        """The longest frame of a node."""
        return MAX_FRAME if self.radio is None else self.radio.max_frame

    def profile(self, sensor: Sensor) -> Profile:
        return self.profiles[sensor.profile]

    def registers(self, sensor: Sensor) -> tuple[Register, ...]:
        """The registers of the wanted quantities, in the profile's order."""
        wanted = sensor.quantities
        return tuple(r for r in self.profile(sensor).registers if wanted is None or r.name in wanted)

    def channels_of(self, sensor: Sensor, node: Node | None = None) -> tuple[Channel, ...]:
        """A sensor's channels in the order of its readings."""
        return tuple(
            Channel(
                name=f"{sensor.id}.{register.name}",
                sensor=sensor.id,
                node=None if node is None else node.id,
                quantity=register.name,
                unit=register.unit,
                decimals=register.decimals,
                low=register.low,
                high=register.high,
            )
            for register in self.registers(sensor)
        )

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Every channel of the station: the gateway's own first, then node by node."""
        places: list[tuple[Sensor, Node | None]] = [(sensor, None) for sensor in self.sensors]
        places += [(sensor, node) for node in self.nodes for sensor in node.sensors]
        return tuple(channel for sensor, node in places for channel in self.channels_of(sensor, node))


def load(path: Path, overrides: Mapping[str, str] | None = None) -> Site:
    """The site that the file at `path` describes, `overrides` (dotted path -> value as TOML, else text) laid over it.

    SiteError: names every fault of the file and of the user's profiles at once.
    """
    folder = path.absolute().parent
    tree = read(path)
    faults = [fault for target, value in (overrides or {}).items() for fault in _override(tree, target, value)]
    sound, structure = walk(tree, SiteFile)
    library = Library()
    if sound.get("profile_dir"):
        faults += library.add_folder(folder, sound["profile_dir"])
    faults += [*structure, *cross_checks(sound, folder, library)]
    if faults:
        raise SiteError(sorted(faults, key=_place))
    return _site(msgspec.convert(tree, SiteFile), folder, library)


def _place(fault: Fault) -> tuple[str, str]:
    """What faults are sorted by: file, then path with its numbers in order."""
    return fault.file, re.sub(r"\d+", lambda digits: digits[0].zfill(6), fault.path)


def _override(tree: Tree, target: str, text: str) -> list[Fault]:
    """Sets one value of `tree`: target "uplink[0].port", or by id or name "uplink.platform.port"."""
    steps = [int(index) if index else name for index, name in re.findall(r"\[(\d+)\]|([^.\[\]]+)", target)]
    place: Any = tree
    for step in steps[:-1]:
        outer, place = place, _inside(place, step)
        if place is None:
            hint = nearest(str(step), _named(outer)) if isinstance(outer, list) else None
            return [Fault(target, "fault.override", hint, step=step)]
    if not steps or isinstance(steps[-1], int) or not isinstance(place, dict):
        return [Fault(target, "fault.override", step=target)]
    place[steps[-1]] = _toml_value(text)
    return []


def _inside(place: Any, step: int | str) -> Any:
    """The part of `place` that a key, an index, or an id or name in a list leads to; None: there is none."""
    if isinstance(place, dict) and isinstance(step, str):
        return place.setdefault(step, {})
    if isinstance(place, list) and isinstance(step, int):
        return place[step] if step < len(place) else None
    return _named(place).get(str(step)) if isinstance(place, list) else None


def _named(rows: list[Any]) -> dict[str, Any]:
    return {str(row[key]): row for key in ("name", "id") for row in rows if isinstance(row, dict) and key in row}


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _site(file: SiteFile, folder: Path, library: Library) -> Site:
    sensors = [*file.sensors, *(sensor for node in file.nodes for sensor in node.sensors)]
    return Site(
        station=file.station,
        store=replace(file.store, path=absolute(folder, file.store.path), key=absolute(folder, file.store.key)),
        clock=file.clock,
        radio=file.radio and replace(file.radio, port=absolute(folder, file.radio.port)),
        profile_dir=file.profile_dir,
        buses=tuple(replace(bus, port=bus.port and absolute(folder, bus.port)) for bus in file.buses),
        sensors=file.sensors,
        nodes=file.nodes,
        uplinks=file.uplinks,
        folder=folder,
        profiles={model: library.profile(model) for model in sorted({sensor.profile for sensor in sensors})},
    )
