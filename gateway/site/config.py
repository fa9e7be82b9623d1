"""Knows the site file as a whole, and what it stands for: channels, profiles, places; opens no port, starts nothing.

What one section may hold is declared in a file of its own; what sections must agree on stands in consistency.py.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gateway.faults import Fault, SiteError, read, walk
from gateway.site.aggregating import Aggregate, Load
from gateway.site.assessing import Assess
from gateway.site.consistency import cross_checks
from gateway.site.fields import Text
from gateway.site.finding import FindingTable
from gateway.site.hj212 import Hj212Uplink
from gateway.site.library import Library
from gateway.site.limits import CalibrationTable, Checks, QualityTable, Service
from gateway.site.mqtt import MqttUplink, Tls
from gateway.site.nodes import Node, NodeBattery, NodeBus, NodeLimit, NodeSensor, Radio
from gateway.site.overrides import override
from gateway.site.places import absolute
from gateway.site.rules import RuleTable
from gateway.site.sensors import Bus, Rail, Sensor
from gateway.site.sl651 import Sl651Uplink
from gateway.site.station import ClockTrust, Control, Metrics, Operator, Station, Store, Web
from gateway.site.trending import TrendTable
from protocols.framing import MAX_FRAME
from protocols.profile import Profile
from protocols.registers import Register

__all__ = [  # with the sections that other rooms speak of
    "Aggregate", "Bus", "Channel", "Load", "MqttUplink", "Node", "NodeBattery", "NodeBus", "NodeLimit", "NodeSensor",
    "Operator", "Radio", "Rail", "Sensor", "Site", "SiteFile", "Station", "Store", "Tls", "Uplink", "Web", "load",
]  # fmt: skip

Uplink = MqttUplink | Sl651Uplink | Hj212Uplink
_ASKS_FOR_AGGREGATES = ("hj212",)  # uplinks that can't do without


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
    faults = [fault for target, value in (overrides or {}).items() for fault in override(tree, target, value)]
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
        uplinks=tuple(uplink.placed(lambda name: absolute(folder, name)) for uplink in file.uplinks),
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
