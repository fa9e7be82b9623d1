"""Knows how a node reads its slice of the site file (gateway/slice.py writes it); knows no default, no sensor model."""

import json
from binascii import unhexlify

from protocols.link import KEY_BYTES
from protocols.record import Record
from protocols.registers import Profile, Register

VERSION = 1


class ConfigError(Exception):
    """The slice is damaged or of another version: provision the node again. Says where."""


class Sensor(Record):
    """One sensor of this node: `registers` in the order in which their values stand in a record."""

    __slots__ = ("bus", "id", "period_ms", "profile", "rail", "registers", "unit_id")

    def __init__(
        self,
        id: str,
        bus: int,
        unit_id: int,
        period_ms: int,
        rail: str | None,
        profile: Profile,
        registers: tuple[Register, ...],
    ) -> None:
        self.id = id
        self.bus = bus
        self.unit_id = unit_id
        self.period_ms = period_ms
        self.rail = rail
        self.profile = profile
        self.registers = registers


class NodeConfig(Record):
    """A node's slice. `buses`: (name, baud, parity, stop bits) each."""

    __slots__ = ("buses", "key", "name", "node", "report_ms", "schema", "sensors")

    def __init__(
        self,
        node: int,
        name: str,
        schema: int,
        key: bytes,
        report_ms: int,
        buses: tuple[tuple[str, int, str, int], ...],
        sensors: tuple[Sensor, ...],
    ) -> None:
        self.node = node
        self.name = name
        self.schema = schema
        self.key = key
        self.report_ms = report_ms
        self.buses = buses
        self.sensors = sensors


def parse(data: bytes) -> NodeConfig:
    """The slice behind its canonical JSON. ConfigError: not ours, not whole, another version."""
    try:
        plain = json.loads(data)
        if plain["version"] != VERSION:
            raise ConfigError("slice of version %s, this firmware reads %d" % (plain["version"], VERSION))
        key = unhexlify(plain["key"])
        if len(key) != KEY_BYTES:
            raise ConfigError("key of %d bytes" % len(key))
        buses = tuple((bus["id"], bus["baud"], bus["parity"], bus["stop_bits"]) for bus in plain["buses"])
        sensors = tuple(_sensor(sensor) for sensor in plain["sensors"])
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise ConfigError(f"slice: {error!r}")
    return NodeConfig(plain["node"], plain["name"], plain["schema"], key, plain["report_s"] * 1000, buses, sensors)


def _sensor(plain: dict) -> Sensor:  # type: ignore[type-arg]
    registers = tuple(_register(row) for row in plain["registers"])
    start = plain["start"]
    profile = Profile(
        "",
        "",
        "",
        "",
        registers,
        confidence="",
        source="",
        function=plain["function"],
        order=plain["order"],
        warm_up_ms=plain["warm_up_ms"],
        settle_ms=plain["settle_ms"],
        measure_ms=plain["measure_ms"],
        start=None if start is None else (start[0], start[1], start[2]),
        busy_retry_ms=plain["busy_retry_ms"],
        max_words=plain["max_words"],
        max_gap=plain["max_gap"],
    )
    return Sensor(
        plain["id"], plain["bus"], plain["unit_id"], plain["period_s"] * 1000, plain["rail"], profile, registers
    )


def _register(row: list) -> Register:  # type: ignore[type-arg]
    name, address, kind, decimals, exponent, low, high, invalid, point_at = row
    return Register(name, address, kind, "", low, high, decimals, exponent, tuple(invalid), point_at)
