"""Knows how a node reads its slice of the site file (gateway/slice.py writes it); knows no default, no sensor model."""

import json
from binascii import unhexlify

from protocols.framing import MAX_FRAME
from protocols.link import KEY_BYTES, OVERHEAD
from protocols.modbus import READ_HOLDING, READ_INPUT, WRITE_MANY
from protocols.record import Record
from protocols.registers import KINDS, ORDERS, Profile, Register

VERSION = 1
_MOST = 0x7FFFFFFF


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
    """A node's slice. `buses`: (name, baud, parity, stop bits) each; `max_frame`: the most bytes of one frame.
    `update_key`: b"", it takes no updates."""

    __slots__ = ("buses", "key", "max_frame", "name", "node", "report_ms", "schema", "sensors", "update_key")

    def __init__(
        self,
        node: int,
        name: str,
        schema: int,
        key: bytes,
        report_ms: int,
        buses: tuple[tuple[str, int, str, int], ...],
        sensors: tuple[Sensor, ...],
        max_frame: int,
        update_key: bytes = b"",
    ) -> None:
        self.node = node
        self.name = name
        self.schema = schema
        self.key = key
        self.report_ms = report_ms
        self.buses = buses
        self.sensors = sensors
        self.max_frame = max_frame
        self.update_key = update_key


def parse(data: bytes) -> NodeConfig:
    """The slice behind its canonical JSON. ConfigError: not ours, not whole, another version."""
    try:
        if data.count(b"{") != data.count(b"}"):
            raise ConfigError("slice is not whole")  # MicroPython's json takes an end of data for every closing bracket
        plain = json.loads(data)
        if plain["version"] != VERSION:
            raise ConfigError("slice of version %s, this firmware reads %d" % (plain["version"], VERSION))
        key = unhexlify(plain["key"])
        if len(key) != KEY_BYTES:
            raise ConfigError("key of %d bytes" % len(key))
        update_key = unhexlify(plain.get("update_key", ""))
        if len(update_key) not in (0, KEY_BYTES):
            raise ConfigError("update key of %d bytes" % len(update_key))
        buses = tuple([_bus(bus) for bus in plain["buses"]])
        return NodeConfig(
            _whole(plain["node"], 1, 0xFFFE),
            _text(plain["name"]),
            _whole(plain["schema"], 0, 0xFFFF),
            key,
            _whole(plain["report_s"], 1, _MOST) * 1000,
            buses,
            tuple([_sensor(sensor, len(buses)) for sensor in plain["sensors"]]),
            _whole(plain["max_frame"], OVERHEAD + 1, MAX_FRAME),
            update_key,
        )
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise ConfigError(f"slice: {error!r}")


def _bus(plain: dict) -> tuple[str, int, str, int]:  # type: ignore[type-arg]
    return (
        _text(plain["id"]),
        _whole(plain["baud"], 300, 1_000_000),
        _known(plain["parity"], ("N", "E", "O")),
        _whole(plain["stop_bits"], 1, 2),
    )


def _sensor(plain: dict, buses: int) -> Sensor:  # type: ignore[type-arg]
    registers = tuple([_register(row) for row in plain["registers"]])
    start = plain["start"]
    if start is not None:
        function, address, quantity = start
        if function not in (READ_HOLDING, READ_INPUT, WRITE_MANY):
            raise ValueError(f"start by function {function!r}")
        start = (function, _whole(address, 0, 0xFFFF), _whole(quantity, 0, 0 if function == WRITE_MANY else 125))
    profile = Profile(
        "",
        "",
        "",
        "",
        registers,
        confidence="",
        source="",
        function=_whole(plain["function"], READ_HOLDING, READ_INPUT),
        order=_known(plain["order"], tuple(ORDERS)),
        warm_up_ms=_whole(plain["warm_up_ms"], 0, _MOST),
        settle_ms=_whole(plain["settle_ms"], 0, _MOST),
        measure_ms=_whole(plain["measure_ms"], 0, _MOST),
        start=start,
        busy_retry_ms=_whole(plain["busy_retry_ms"], 0, _MOST),
        max_words=_whole(plain["max_words"], 2, 125),
        max_gap=_whole(plain["max_gap"], 0, 125),
    )
    return Sensor(
        _text(plain["id"]),
        _whole(plain["bus"], 0, buses - 1),
        _whole(plain["unit_id"], 1, 255),
        _whole(plain["period_s"], 1, _MOST) * 1000,
        None if plain["rail"] is None else _text(plain["rail"]),
        profile,
        registers,
    )


def _register(row: list) -> Register:  # type: ignore[type-arg]
    name, address, kind, decimals, exponent, low, high, invalid, point_at = row
    return Register(
        _text(name),
        _whole(address, 0, 0xFFFF),
        _known(kind, tuple(KINDS)),
        "",
        None if low is None else _number(low),
        None if high is None else _number(high),
        _whole(decimals, 0, 9),
        _whole(exponent, -9, 9),
        tuple([_whole(raw, -0x80000000, 0xFFFFFFFF) for raw in invalid]),
        None if point_at is None else _whole(point_at, 0, 0xFFFF),
    )


# Each gives its value back, or says in a ValueError why not.


def _whole(value: int, low: int, high: int) -> int:
    if not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{value!r} is not a whole number from {low} to {high}")
    return value


def _number(value: float) -> float:
    if not isinstance(value, (int, float)):
        raise ValueError(f"{value!r} is not a number")
    return value


def _text(value: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text")
    return value


def _known(value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise ValueError(f"{value!r} is not one of {choices}")
    return value
