"""Knows the form in which gateway/site/slice.py writes a node's slice; knows no default, no sensor model.

Loaded once a boot, and dropped after.
"""

import json
from binascii import unhexlify

from firmware.config import Battery, ConfigError, NodeConfig, Sensor, Wiper
from protocols.framing import MAX_FRAME
from protocols.link import KEY_BYTES, OVERHEAD
from protocols.modbus import READ_HOLDING, READ_INPUT, WRITE_MANY
from protocols.registers import MOST, ORDERS, WORDS, Manner, Register

VERSION = 2
_MOST = 0x7FFFFFFF


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
        sensors = tuple([_sensor(sensor, len(buses)) for sensor in plain["sensors"]])
        order = tuple([_whole(index, 0, len(sensors) - 1) for index in plain["order"]])
        if len(order) != len(sensors) or len(set(order)) != len(sensors):
            raise ValueError(f"order {order!r}")
        channels = sum([len(sensor.registers) for sensor in sensors])
        return NodeConfig(
            _whole(plain["node"], 1, 0xFFFE),
            _text(plain["name"]),
            _whole(plain["schema"], 0, 0xFFFF),
            key,
            _whole(plain["report_s"], 1, _MOST) * 1000,
            buses,
            sensors,
            _whole(plain["max_frame"], OVERHEAD + 1, MAX_FRAME),
            order,
            dict([_wiper(row, len(sensors)) for row in plain["wipers"]]),
            _battery(plain["battery"]),
            _whole(plain["emergency_s"], 0, _MOST) * 1000,
            tuple([_limit(row, channels) for row in plain["limits"]]),
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
        start = _told(*start)
    profile = Manner(
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


def _told(function: int, address: int, quantity: int) -> tuple[int, int, int]:
    """What a sensor is told by a read, or a write of no registers."""
    if function not in (READ_HOLDING, READ_INPUT, WRITE_MANY):
        raise ValueError(f"told by function {function!r}")
    return function, _whole(address, 0, 0xFFFF), _whole(quantity, 0, 0 if function == WRITE_MANY else 125)


def _wiper(row: list, sensors: int) -> tuple[int, Wiper]:  # type: ignore[type-arg]
    index, function, address, quantity, takes_ms, every_s = row
    told = _told(function, address, quantity)
    wiper = Wiper(*told, _whole(takes_ms, 0, _MOST), _whole(every_s, 0, _MOST) * 1000)
    return _whole(index, 0, sensors - 1), wiper


def _battery(plain: "dict | None") -> Battery | None:  # type: ignore[type-arg]
    if plain is None:
        return None
    charge_dc = plain["charge_dc"]
    return Battery(
        _thresholds(plain["warm_mv"]),
        _thresholds(plain["cold_mv"]),
        _whole(plain["cold_dc"], -1000, 1000),
        None if charge_dc is None else _whole(charge_dc, -1000, 1000),
    )


def _thresholds(rows: list) -> tuple[tuple[int, int], ...]:  # type: ignore[type-arg]
    pairs = []
    for down, up in rows:
        pairs.append((_whole(down, 0, 100_000), _whole(up, down, 100_000)))
    if len(pairs) != 3:
        raise ValueError("%d thresholds" % len(pairs))
    return tuple(pairs)


def _limit(row: list, channels: int) -> tuple[int, int, int]:  # type: ignore[type-arg]
    channel, side, value = row
    if not _whole(side, -1, 1):
        raise ValueError("a limit of no side")
    return _whole(channel, 0, channels - 1), side, _whole(value, -MOST, MOST)


def _register(row: list) -> Register:  # type: ignore[type-arg]
    name, address, kind, decimals, exponent, low, high, invalid, point_at = row
    return Register(
        _text(name),
        _whole(address, 0, 0xFFFF),
        _known(kind, tuple(WORDS)),
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
