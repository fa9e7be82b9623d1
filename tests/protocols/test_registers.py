from protocols import quality, registers
from protocols.errors import RangeError
from protocols.register_image import encode
from protocols.registers import Register, decode, fixed_from_f32, plan_reads, scaled
from tests.firmware.doubles import Dice, raises

CPYTHON_ONLY = {"test_a_single_becomes_fixed_point_as_exact_arithmetic_says": "MicroPython has no fractions"}


def test_integers_are_scaled_and_rounded_half_away_from_zero():
    for number, power, result in (
        (5, 2, 500), (-5, 2, -500), (0, 5, 0), (14, -1, 1), (15, -1, 2), (-15, -1, -2), (-14, -1, -1),
        (4999, -4, 0), (5000, -4, 1), (-5000, -4, -1), (2**30, -3, 1073742),
    ):  # fmt: skip
        assert scaled(number, power) == result


def test_known_singles():
    for bits, power, value in (
        (0x00000000, 3, 0),
        (0x80000000, 3, 0),
        (0x3F800000, 2, 100),
        (0xC1BC0000, 1, -235),
        (0x4101EB85, 2, 812),  # 8.12 mg/L
        (0x41200000, -1, 1),
        (0x00000001, 45, 1),  # the smallest single: 1.4e-45
        (0x3F000000, 0, 1),  # 0.5, away from zero
        (0xBF000000, 0, -1),
    ):
        assert fixed_from_f32(bits, power) == value
    for bits in (0x7F800000, 0xFF800000, 0x7FC00000, 0xFFFFFFFF, 0x7F800001):
        assert fixed_from_f32(bits, 2) is None


def test_a_single_becomes_fixed_point_as_exact_arithmetic_says():
    import struct
    from fractions import Fraction

    for seed in range(3000):
        dice = Dice(seed)
        bits = dice.below(2**16) << 16 | dice.below(2**16)
        power = dice.below(12) - 4
        value = fixed_from_f32(bits, power)
        number = struct.unpack(">f", struct.pack(">I", bits))[0]
        if number != number or number in (float("inf"), float("-inf")):
            assert value is None
            continue
        exact = abs(Fraction(number) * Fraction(10) ** power)
        expected = int(exact + Fraction(1, 2))
        assert value == (expected if number >= 0 else -expected)


def test_the_four_orders_of_four_bytes():
    register = Register("x", 10, "f32", "m", decimals=2)
    for order, first, second in (
        ("ABCD", 0x4101, 0xEB85),
        ("CDAB", 0xEB85, 0x4101),
        ("BADC", 0x0141, 0x85EB),
        ("DCBA", 0x85EB, 0x0141),
    ):
        assert decode(register, order, {10: first, 11: second}) == (812, quality.GOOD)
        assert encode(register, order, 812) == {10: first, 11: second}


def test_kinds_have_their_width_and_sign():
    for kind, words, value in (
        ("u16", (0xFFFE,), 65534),
        ("i16", (0xFFFE,), -2),
        ("u32", (0xFFFF, 0xFFFE), 0xFFFFFFFE),
        ("i32", (0xFFFF, 0xFFFE), -2),
        ("u8", (0x1234,), 0x12),
    ):
        register = Register("x", 4, kind, "1")
        assert register.words == len(words)
        assert decode(register, "ABCD", {4 + i: word for i, word in enumerate(words)}) == (value, quality.GOOD)


def test_a_simulated_sensor_shows_what_decodes_to_its_value():
    for seed in range(1500):
        dice = Dice(seed)
        kind = ("u16", "i16", "u32", "i32", "u8", "f32")[dice.below(6)]
        point_at = 40 if dice.one_in(4) else None
        register = Register("x", 7, kind, "1", decimals=dice.below(4), exponent=-dice.below(3), point_at=point_at)
        point = dice.below(4) if point_at else 0
        order = ("ABCD", "CDAB", "BADC", "DCBA")[dice.below(4)]
        raw = dice.below(100)
        value = scaled(raw, register.exponent - point + register.decimals)
        words = encode(register, order, value, point)
        assert sorted(words) == sorted(register.addresses())
        assert decode(register, order, words) == (value, quality.GOOD)


def test_no_value_is_none_and_invalid_never_zero():
    marked = Register("x", 0, "u16", "1", invalid=(0xFFFF, 0x7FFF))
    for word in (0xFFFF, 0x7FFF):
        assert decode(marked, "ABCD", {0: word}) == (None, quality.INVALID)
    assert encode(marked, "ABCD", None) == {0: 0xFFFF}
    single = Register("x", 0, "f32", "1", decimals=3)
    assert decode(single, "DCBA", encode(single, "DCBA", None)) == (None, quality.INVALID)
    raises(RangeError, encode, Register("x", 0, "u16", "1"), "ABCD", None)
    pointed = Register("x", 0, "u16", "1", point_at=1)
    assert decode(pointed, "ABCD", {0: 5, 1: 10}) == (None, quality.INVALID)


def test_a_value_that_no_disk_could_hold_is_invalid():
    register = Register("x", 0, "f32", "1", high=14, decimals=3)
    for high in (0x7F7F, 0xFF7F, 0x7149, 0xF149):  # +-3.4e38, +-1e30: a probe's registers before their first reading
        assert decode(register, "ABCD", {0: high, 1: 0xFFFF}) == (None, quality.INVALID)
    assert decode(register, "ABCD", {0: 0x4B00, 1: 0}) == (2**23 * 1000, quality.RANGE)


def test_outside_the_measuring_range_the_number_stays():
    register = Register("x", 0, "i16", "1", low=-5, high=50.5, decimals=1, exponent=-1)
    for raw, flag in ((-51, quality.RANGE), (-50, 0), (505, 0), (506, quality.RANGE)):
        assert decode(register, "ABCD", {0: raw & 0xFFFF}) == (raw, flag)


def test_what_does_not_fit_a_register_is_refused():
    for kind, value in (
        ("u16", -1),
        ("u16", 65536),
        ("i16", 32768),
        ("u32", 2**32),
        ("i32", -(2**31) - 1),
        ("u8", 256),
    ):
        raises(RangeError, encode, Register("x", 0, kind, "1"), "ABCD", value)


def test_reads_cover_every_register_and_split_none():
    for seed in range(400):
        dice = Dice(seed)
        max_words, max_gap = 2 + dice.below(20), dice.below(4)
        chosen = []
        for _ in range(1 + dice.below(10)):
            point_at = dice.below(80) if dice.one_in(4) else None
            chosen.append(Register("x", dice.below(80), ("u16", "f32")[dice.below(2)], "1", point_at=point_at))
        reads = plan_reads(tuple(chosen), max_words, max_gap)
        needed = set()
        for register in chosen:
            needed.update(register.addresses())
            last = register.address + register.words
            assert any(first <= register.address and last <= first + count for first, count in reads)
        read = set()
        for first, count in reads:
            assert 1 <= count <= max_words
            assert first in needed and first + count - 1 in needed
            read.update(range(first, first + count))
        assert needed <= read
        for address in read - needed:
            assert any(address + step in needed for step in range(1, max_gap + 1))
        for (first, count), (following, more) in zip(reads, reads[1:]):  # no two that could have been one
            assert following > first + count + max_gap or following + more - first > max_words


def test_known_plans():
    def at(*addresses):
        return tuple([Register("x", address, "u16", "1") for address in addresses])

    assert plan_reads(at(3, 1, 2)) == [(1, 3)]
    assert plan_reads(at(1, 3)) == [(1, 1), (3, 1)]
    assert plan_reads(at(1, 3), max_gap=1) == [(1, 3)]
    assert plan_reads(at(*range(130))) == [(0, 125), (125, 5)]
    assert registers.WORDS["f32"] == 2
