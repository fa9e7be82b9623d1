"""Knows the site file, its declared form and what it stands for; opens no port, starts nothing.

What one table may hold is declared here; what tables must agree on stands in consistency.py.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from gateway.faults import Fault, SiteError, Tree, nearest, read, walk
from gateway.messages import Phrase
from gateway.site.airtime import longest_frame
from gateway.site.assessing import Assess
from gateway.site.consistency import absolute, cross_checks
from gateway.site.fields import HostPort, Key, Name, Period, SparkplugId, StationId, TcpPort, Text
from gateway.site.finding import FindingTable
from gateway.site.hj212 import Hj212Uplink
from gateway.site.library import Baud, Library, Parity, StopBits, UnitId
from gateway.site.limits import CalibrationTable, Checks, QualityTable, Service
from gateway.site.rules import RuleTable
from gateway.site.sl651 import Sl651Uplink
from gateway.site.trending import TrendTable
from protocols.framing import MAX_FRAME
from protocols.profile import Profile
from protocols.registers import Register

Latitude = Annotated[float, Meta(ge=-90, le=90, extra={"unit": "deg"})]
Longitude = Annotated[float, Meta(ge=-180, le=180, extra={"unit": "deg"})]
Days = Annotated[int, Meta(ge=1, le=36_500, extra={"unit": "d"})]


class Station(Struct, frozen=True, kw_only=True):
    """Whose readings these are, and where it stands (degrees WGS 84, metres above the sea)."""

    id: StationId
    name: Text
    name_zh: str = ""
    latitude: Latitude
    longitude: Longitude
    altitude_m: Annotated[float, Meta(ge=-500, le=9000, extra={"unit": "m"})]


class Store(Struct, frozen=True, kw_only=True):
    """Where readings are kept, how long polled ones may wait for the disk, and how long all stay;
    gateway/store/retention.py says which of these gives way to which."""

    path: Text = "store.db"
    commit_delay_s: Annotated[float, Meta(ge=0.1, le=600, extra={"unit": "s"})] = 10.0
    key: Text = "gateway.key"  # the gateway's own, made at its first signature: gateway/evidence/notary.py
    keep_days: Days | None = None
    max_mib: Annotated[int, Meta(ge=16, le=1_000_000, extra={"unit": "MiB"})] = 4096
    min_days: Annotated[int, Meta(ge=0, le=36_500, extra={"unit": "d"})] = 30
    when_full: Literal["stop", "drop_oldest"] = "stop"
    disk_reserve_mib: Annotated[int, Meta(ge=0, le=100_000, extra={"unit": "MiB"})] = 64


class Control(Struct, frozen=True, kw_only=True):
    """The Unix socket by which programs of this machine speak to the gateway; who may open it, may ask."""

    socket: Text = "watertower.sock"


class Metrics(Struct, frozen=True, kw_only=True):
    """Where Prometheus fetches figures. Nobody is asked for a password: an address of this machine, or of a VPN."""

    listen: HostPort


class Web(Struct, frozen=True, kw_only=True):
    """Where `watertower web` shows the station's page; beyond this machine only with a password, whose hash is kept in
    a file. `certificate`, `key` (PEM): of its encrypted connections, None: it makes its own (docs/web.md)."""

    listen: HostPort = "127.0.0.1:8080"
    password_file: Text = "web.password"
    certificate: Text | None = None
    key: Text | None = None


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


class NodeBus(Struct, frozen=True, kw_only=True):
    """A serial line of a node, by the board's own name for it."""

    id: Name
    baud: Baud = 9600
    parity: Parity = "N"
    stop_bits: StopBits = 1


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


class NodeSensor(Sensor, frozen=True, kw_only=True):
    """A sensor of a node; `rail` is the board's name of the switched supply it hangs on (None: always on). Its wiper
    wipes before a reading every `wipe_every_s` (None: only by command)."""

    rail: Name | None = None
    wipe_every_s: Annotated[int, Meta(ge=1, le=31 * 86_400, extra={"unit": "s"})] | None = None


class NodeBattery(Struct, frozen=True, kw_only=True):
    """What a node lives on; `panel_w` is the rated power of its panel."""

    chemistry: Literal["lead_acid", "li_socl2", "lifepo4"] = "lifepo4"
    cells: Annotated[int, Meta(ge=1, le=16)]
    capacity_ah: Annotated[float, Meta(gt=0.0, le=1000.0, extra={"unit": "Ah"})]
    panel_w: Annotated[float, Meta(ge=0.0, le=1000.0, extra={"unit": "W"})] = 0.0


class NodeLimit(Struct, frozen=True, kw_only=True):
    """A reading of `channel` ("sensor.quantity", in its unit) beyond this begins the node's emergency period."""

    channel: Text
    above: float | None = None
    below: float | None = None


class Node(Struct, frozen=True, kw_only=True, rename={"buses": "bus", "sensors": "sensor", "limits": "limit"}):
    """A wireless node: who it is, its key, how often it reports, where it stands, what hangs on it, what it lives on,
    and when it measures densely, every `emergency_period_s`."""

    id: Annotated[int, Meta(ge=1, le=65534)]
    name: Name
    key: Key
    report_s: Period
    board: Literal["rp2", "esp32"] = "rp2"
    update_key: Key | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    battery: NodeBattery | None = None
    emergency_period_s: Period | None = None
    limits: tuple[NodeLimit, ...] = ()
    buses: Annotated[tuple[NodeBus, ...], Meta(min_length=1)]
    sensors: Annotated[tuple[NodeSensor, ...], Meta(min_length=1)]

    def __repr__(self) -> str:
        return f"Node(id={self.id}, name={self.name!r})"  # the key must not slip into a log

    @property
    def secret(self) -> bytes:
        """The key as its 32 bytes."""
        return bytes.fromhex(self.key)


class Tls(Struct, frozen=True, kw_only=True):
    """Files (PEM) of an encrypted connection: whom to trust (`ca`, None: whom this machine trusts), who we are."""

    ca: Text | None = None
    cert: Text | None = None
    key: Text | None = None


class MqttUplink(Struct, frozen=True, kw_only=True, tag_field="type", tag="mqtt"):
    """An MQTT broker that takes everything. `hosts` are asked in their order when `host` can't be had; the password
    stands in a file or an environment variable; `bytes_per_hour` is what a paid link may carry.

    `dialect` is what the platform behind it understands. `group`, `primary_host`: of Sparkplug; rows of the last
    `again_s` of a connection go once more. `commands`: as whom a platform that signs no orders may give them."""

    id: Name
    host: Text
    port: TcpPort | None = None
    hosts: tuple[HostPort, ...] = ()
    version: Literal["3.1.1", "5"] = "3.1.1"
    tls: Tls | None = None
    username: Text | None = None
    password_file: Text | None = None
    password_env: Text | None = None
    bytes_per_hour: Annotated[int, Meta(ge=20_000, le=10**12)] | None = None
    dialect: Literal["watertower", "sparkplug", "thingsboard"] = "watertower"
    group: SparkplugId | None = None
    primary_host: SparkplugId | None = None
    again_s: Annotated[int, Meta(ge=0, le=600, extra={"unit": "s"})] = (
        60  # ours: a host's keep-alive of 40 s, half more
    )
    commands: Literal["viewer", "operator", "admin"] | None = None

    @property
    def brokers(self) -> tuple[tuple[str, int], ...]:
        """(host, port) of each, in the order in which they are tried."""
        port = self.port or (1883 if self.tls is None else 8883)  # IANA: mqtt, secure-mqtt
        others = (place.rpartition(":") for place in self.hosts)
        return (self.host, port), *((host, int(number)) for host, _, number in others)


Uplink = MqttUplink | Sl651Uplink | Hj212Uplink


class Load(Struct, frozen=True, kw_only=True):
    """A concentration times a flow, in kg."""

    name: Name
    concentration: Text
    flow: Text


class Aggregate(Struct, frozen=True, kw_only=True, rename={"loads": "load"}):
    """What is made of readings (docs/aggregates.md): the length of a "minute" (0: none), which levels, how long after a
    period's end its rows are awaited, local time less UTC. `channels`: None: all; `forms` and `rules`: by channel,
    where they are not those of its quantity (gateway/process/forms.py, validity.py)."""

    minute_s: Literal[0, 60, 600] = 600  # HJ 212-2017 annex D: a period of 10 minutes
    levels: Annotated[tuple[Literal["hour", "8h", "day", "month", "year"], ...], Meta(min_length=1)] = (
        "hour",
        "8h",
        "day",
        "month",
        "year",
    )
    grace_s: Annotated[int, Meta(ge=0, le=3600, extra={"unit": "s"})] = 20  # ours: longer than a commit waits
    zone_h: Annotated[float, Meta(ge=-12, le=14, extra={"unit": "h"})] = 8.0  # China
    channels: tuple[Text, ...] | None = None
    forms: dict[Text, Literal["mean", "direction", "counter", "none"]] = {}
    rules: dict[Text, Literal["gas", "particles", "tsp", "flue_gas", "generic"]] = {}
    loads: tuple[Load, ...] = ()


_ASKS_FOR_AGGREGATES = ("hj212",)  # uplinks that can't do without


class Operator(Struct, frozen=True, kw_only=True):
    """Somebody who may send commands, and how much he may do: a viewer less than an operator, an admin all."""

    name: Name
    role: Literal["viewer", "operator", "admin"]
    key: Key

    def __repr__(self) -> str:
        return f"Operator(name={self.name!r}, role={self.role!r})"  # the key must not slip into a log

    @property
    def secret(self) -> bytes:
        """The key as its 32 bytes."""
        return bytes.fromhex(self.key)


class SiteFile(
    Struct,
    frozen=True,
    kw_only=True,
    rename={
        "buses": "bus",
        "rails": "rail",
        "sensors": "sensor",
        "nodes": "node",
        "uplinks": "uplink",
        "operators": "operator",
        "rules": "rule",
        "services": "service",
        "calibrations": "calibration",
        "trends": "trend",
        "findings": "finding",
    },
):
    """The site file as it is written."""

    station: Station
    store: Store = Store()
    clock: ClockTrust = ClockTrust()
    assess: Assess | None = None
    control: Control = Control()
    metrics: Metrics | None = None
    web: Web = Web()
    radio: Radio | None = None
    profile_dir: Text | None = None
    buses: tuple[Bus, ...] = ()
    rails: tuple[Rail, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    nodes: tuple[Node, ...] = ()
    uplinks: tuple[Uplink, ...] = ()
    operators: tuple[Operator, ...] = ()
    rules: tuple[RuleTable, ...] = ()
    quality: tuple[QualityTable, ...] = ()
    checks: Checks = Checks()
    services: tuple[Service, ...] = ()
    calibrations: tuple[CalibrationTable, ...] = ()
    trends: tuple[TrendTable, ...] = ()
    findings: tuple[FindingTable, ...] = ()
    aggregate: Aggregate | None = None


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

    @property
    def aggregates(self) -> Aggregate | None:
        """What is made of readings; None: nothing, unless an uplink can't do without."""
        asked = any(uplink.__struct_config__.tag in _ASKS_FOR_AGGREGATES for uplink in self.uplinks)
        return self.aggregate or (Aggregate() if asked else None)

    def profile(self, sensor: Sensor) -> Profile:
        return self.profiles[sensor.profile]

    def registers(self, sensor: Sensor) -> tuple[Register, ...]:
        """The registers of the wanted quantities, in the profile's order."""
        wanted = sensor.quantities
        return tuple(r for r in self.profile(sensor).registers if wanted is None or r.name in wanted)

    def groups(self, sensor: Sensor) -> list[tuple[int, tuple[Register, ...]]]:
        """The periods of a sensor, in seconds, and the registers that have each."""
        periods: dict[int, list[Register]] = {}
        for register in self.registers(sensor):
            periods.setdefault(sensor.periods.get(register.name, sensor.period_s), []).append(register)
        return [(period_s, tuple(registers)) for period_s, registers in periods.items()]

    def channels_of(
        self, sensor: Sensor, node: Node | None = None, registers: Sequence[Register] | None = None
    ) -> tuple[Channel, ...]:
        """A sensor's channels in the order of its readings; of these `registers` only, if not of all."""
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
            for register in (self.registers(sensor) if registers is None else registers)
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
        control=replace(file.control, socket=absolute(folder, file.control.socket)),
        metrics=file.metrics,
        web=replace(
            file.web,
            password_file=absolute(folder, file.web.password_file),
            certificate=file.web.certificate and absolute(folder, file.web.certificate),
            key=file.web.key and absolute(folder, file.web.key),
        ),
        radio=file.radio and replace(file.radio, port=absolute(folder, file.radio.port)),
        profile_dir=file.profile_dir,
        buses=tuple(replace(bus, port=bus.port and absolute(folder, bus.port)) for bus in file.buses),
        rails=file.rails,
        sensors=file.sensors,
        nodes=file.nodes,
        uplinks=tuple(_uplink(uplink, folder) for uplink in file.uplinks),
        operators=file.operators,
        rules=file.rules,
        quality=file.quality,
        checks=file.checks,
        services=file.services,
        calibrations=file.calibrations,
        trends=file.trends,
        findings=file.findings,
        aggregate=file.aggregate,
        assess=file.assess,
        folder=folder,
        profiles={model: library.profile(model) for model in sorted({sensor.profile for sensor in sensors})},
    )


def _uplink(uplink: Uplink, folder: Path) -> Uplink:
    if isinstance(uplink, Sl651Uplink | Hj212Uplink):
        return uplink.placed(lambda name: absolute(folder, name))

    def placed(name: str | None) -> str | None:
        return name and absolute(folder, name)

    tls = uplink.tls
    return replace(
        uplink,
        tls=tls and replace(tls, ca=placed(tls.ca), cert=placed(tls.cert), key=placed(tls.key)),
        password_file=placed(uplink.password_file),
    )
