"""Knows how a sensor's registers show a reading: the inverse of registers.decode; knows no bus and no single device.

Simulated sensors need it, and whoever writes to a real one; a node that only reads does not load it.
"""

import struct

from protocols.errors import RangeError
from protocols.registers import MOST, WORDS, Register, reordered, scaled

# kind: lowest and highest raw value
RANGES = {
    "u16": (0, 0xFFFF),
    "i16": (-0x8000, 0x7FFF),
    "u32": (0, 0xFFFFFFFF),
    "i32": (-0x80000000, 0x7FFFFFFF),
    "f32": (0, 0xFFFFFFFF),
    "u8": (0, 0xFF),
}


def f32_from_fixed(value: int, power: int) -> int:
    """The bits of the single nearest to value * 10**power: what a simulated sensor puts on the wire."""
    number = value * 10**power if power >= 0 else value / 10**-power
    if abs(value) > MOST:
        raise RangeError("%d does not fit a float register" % value)
    return int(struct.unpack(">I", struct.pack(">f", number))[0])


def encode(register: Register, order: str, value: "int | None", point: int = 0) -> "dict[int, int]":
    """The words a device shows for a fixed-point `value`: the inverse of decode, used by simulated sensors.

    `point` is what stands in the `point_at` register. None becomes the model's own "no value" (NaN for f32).
    RangeError: the value does not fit, or the model has no way to say "no value".
    """
    exponent = register.exponent - (point if register.point_at is not None else 0)
    low, high = RANGES[register.kind]
    if value is None:
        if register.invalid:
            raw = register.invalid[0]
        elif register.kind == "f32":
            raw = 0x7FC00000
        else:
            raise RangeError(f"{register.name} has no code for a missing value")
    elif register.kind == "f32":
        raw = f32_from_fixed(value, -exponent - register.decimals)
    else:
        raw = scaled(value, -exponent - register.decimals)
        if not low <= raw <= high:
            raise RangeError("%s: raw %d does not fit %s" % (register.name, raw, register.kind))
    words = {}
    if WORDS[register.kind] == 2:
        first, second = struct.unpack(">HH", reordered(struct.pack(">I", raw & 0xFFFFFFFF), order))
        words = {register.address: first, register.address + 1: second}
    else:
        words = {register.address: raw << 8 if register.kind == "u8" else raw & 0xFFFF}
    if register.point_at is not None:
        words[register.point_at] = point
    return words
