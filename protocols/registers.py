"""Knows how a sensor model lays its readings out in Modbus registers; knows no bus and no single device.

What a model is besides is in protocols/profile.py. Addresses are zero-based PDU
addresses. A reading is a fixed-point integer: round(physical * 10**decimals), physical = raw * 10**exponent.
"""

import struct

from protocols import quality
from protocols.record import Record

# kind: words. The raw form of f32 is its bits, u8 is the first (high) byte of its word.
WORDS = {"u16": 1, "i16": 1, "u32": 2, "i32": 2, "f32": 2, "u8": 1}

MOST = (1 << 34) - 1  # five bytes of varint: junk in a float register must not become a 40-digit number

# The four bytes of a 32-bit value as they cross the wire; "ABCD" is the Modbus convention, A most significant.
ORDERS = {"ABCD": (0, 1, 2, 3), "DCBA": (3, 2, 1, 0), "CDAB": (2, 3, 0, 1), "BADC": (1, 0, 3, 2)}


class Register(Record):
    """One reading: where it stands, how it is written, what it can be.

    `low` and `high` bound the sensor's measuring range in `unit` (None: not known); `invalid` lists raw values that
    mean "no value"; `point_at` is the address of a register that holds the number of decimals of the raw value.
    """

    def __init__(
        self,
        name: str,
        address: int,
        kind: str,
        unit: str,
        low: "float | None" = None,
        high: "float | None" = None,
        decimals: int = 0,
        exponent: int = 0,
        invalid: "tuple[int, ...]" = (),
        point_at: "int | None" = None,
    ) -> None:
        self.name = name
        self.address = address
        self.kind = kind
        self.unit = unit
        self.low = low
        self.high = high
        self.decimals = decimals
        self.exponent = exponent
        self.invalid = tuple(invalid)
        self.point_at = point_at

    @property
    def words(self) -> int:
        return WORDS[self.kind]

    def addresses(self) -> "list[int]":
        """Every register that must be read to know this value."""
        needed = [self.address + i for i in range(self.words)]
        if self.point_at is not None:
            needed.append(self.point_at)
        return needed


class Manner(Record):
    """How a sensor model wants to be read: the part of a Profile that a node needs, too, and has from its slice.

    Times: `warm_up_ms` from power to the first answer, `settle_ms` from the start of a measurement to a stable value,
    `measure_ms` for each measurement then (the words of EnviroDIY ModularSensors). `start` is (function, address,
    quantity) of the request that starts measuring (function 6: the word to write instead of a quantity).
    `busy_retry_ms`: the device answers exception 05 first and wants to be asked again. `max_gap`: undeclared registers
    that one read may bridge.
    """

    def __init__(
        self,
        function: int,
        order: str,
        warm_up_ms: int,
        settle_ms: int,
        measure_ms: int,
        start: "tuple[int, int, int] | None",
        busy_retry_ms: int,
        max_words: int,
        max_gap: int,
    ) -> None:
        self.function = function
        self.order = order
        self.warm_up_ms = warm_up_ms
        self.settle_ms = settle_ms
        self.measure_ms = measure_ms
        self.start = start
        self.busy_retry_ms = busy_retry_ms
        self.max_words = max_words
        self.max_gap = max_gap


def scaled(numerator: int, power: int) -> int:
    """numerator * 10**power, rounded half away from zero, in integers only."""
    if power >= 0:
        return numerator * int(10**power)
    return _divide(numerator, int(10**-power))


def _divide(numerator: int, denominator: int) -> int:
    half = denominator // 2
    return (numerator + half) // denominator if numerator >= 0 else -((-numerator + half) // denominator)


def fixed_from_f32(bits: int, power: int) -> "int | None":
    """The IEEE 754 single with these bits, times 10**power, as an integer; NaN and infinity are None.

    Integers throughout: a board's own floats are single precision and would round twice.
    """
    exponent = (bits >> 23) & 0xFF
    if exponent == 0xFF:
        return None
    mantissa = bits & 0x7FFFFF
    if exponent:
        mantissa |= 0x800000
    else:
        exponent = 1
    numerator = -mantissa if bits & 0x80000000 else mantissa
    denominator = 1
    if power >= 0:
        numerator *= 10**power
    else:
        denominator = 10**-power
    shift = exponent - 150
    if shift >= 0:
        return _divide(numerator << shift, denominator)
    return _divide(numerator, denominator << -shift)


def reordered(raw: bytes, order: str) -> bytes:
    return bytes(raw[i] for i in ORDERS[order])  # each of the four orders is its own inverse


def _raw(register: Register, order: str, words: "dict[int, int]") -> int:
    """The register's unscaled content: an integer, for f32 its bits."""
    high = words[register.address]
    if register.kind == "u8":
        return high >> 8
    if register.kind == "u16":
        return high
    if register.kind == "i16":
        return high - 0x10000 if high & 0x8000 else high
    bits = int(struct.unpack(">I", reordered(struct.pack(">HH", high, words[register.address + 1]), order))[0])
    if register.kind == "i32" and bits & 0x80000000:
        return bits - 0x100000000
    return bits


def decode(register: Register, order: str, words: "dict[int, int]") -> "tuple[int | None, int]":
    """(fixed-point value or None, quality) out of `words`, a map from address to 16-bit word that holds all of
    `register.addresses()`. Outside the measuring range the number stays and the quality says so."""
    raw = _raw(register, order, words)
    if raw in register.invalid:
        return None, quality.INVALID
    exponent = register.exponent
    if register.point_at is not None:
        point = words[register.point_at]
        if point > 9:
            return None, quality.INVALID
        exponent -= point
    power = exponent + register.decimals
    value = fixed_from_f32(raw, power) if register.kind == "f32" else scaled(raw, power)
    if value is None or abs(value) > MOST:
        return None, quality.INVALID
    return value, range_quality(register, value)


def range_quality(register: Register, value: int) -> int:
    """RANGE when a fixed-point `value` lies outside the register's measuring range, else GOOD."""
    unit = 10**register.decimals
    if register.low is not None and value < round(register.low * unit):
        return quality.RANGE
    if register.high is not None and value > round(register.high * unit):
        return quality.RANGE
    return quality.GOOD


def plan_reads(registers: "tuple[Register, ...]", max_words: int = 125, max_gap: int = 0) -> "list[tuple[int, int]]":
    """The fewest (address, count) reads that cover `registers`: neighbours join, holes of at most `max_gap` words are
    bridged, no read is longer than `max_words`, no register is split over two reads."""
    spans = []
    for register in registers:
        spans.append((register.address, register.address + register.words))
        if register.point_at is not None:
            spans.append((register.point_at, register.point_at + 1))
    reads: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if reads:
            first, count = reads[-1]
            if start <= first + count + max_gap and max(end, first + count) - first <= max_words:
                reads[-1] = (first, max(end, first + count) - first)
                continue
        reads.append((start, end - start))
    return reads
