"""Profiles say on the wire what their sources say, and decode gives back what a sensor meant: on both interpreters."""

import json
import os

from protocols import quality
from protocols.errors import RangeError
from protocols.modbus import Request, rtu
from protocols.profiles import MODELS, UnknownProfile, load
from protocols.register_image import RANGES, encode
from protocols.registers import WORDS, Register, decode, fixed_from_f32, plan_reads, scaled

_TESTS = __file__.replace("\\", "/").rsplit("/", 2)[0]
_PROFILES = _TESTS.rsplit("/", 1)[0] + "/protocols/profiles" if "/" in _TESTS else "protocols/profiles"

SHARED = ("__init__", "electrochemical_gas", "yosemitech")  # modules in the folder that are no model

UNITS = (
    "", "degC", "mg/L", "ug/L", "ug/m3", "mg/m3", "mg/kg", "uS/cm", "mS/cm", "NTU", "%", "hPa", "kPa", "bar", "m/s",
    "deg", "mm", "mm/h", "ppm", "pH", "mV", "dB", "W/m2", "cells/mL",
)  # fmt: skip

# model -> its entry in tests/vectors/modbus.json, an independent collection of the same maps
MAPS = {
    "cwt_soil": "CWT-SOIL-THCPH-S",
    "cwt_weather": "CWT-UWD-SWS small weather station",
    "gas_co": "electrochemical gas module (O3 3, NO2 4, CO 5, SO2 6)",
    "gas_no2": "electrochemical gas module (O3 3, NO2 4, CO 5, SO2 6)",
    "gas_o3": "electrochemical gas module (O3 3, NO2 4, CO 5, SO2 6)",
    "gas_so2": "electrochemical gas module (O3 3, NO2 4, CO 5, SO2 6)",
    "gropoint_gplp8": "GroPoint Profile GPLP-8",
    "hlk_ld8001h": "HLK-LD8001H / SEN0676",
    "keller_acculevel": "Acculevel / Series 30",
    "keller_nanolevel": "Nanolevel",
    "lufft_ws501": "WS501-UMB",
    "renke_wind_direction": "SN-3000-FXJT-N01",
    "renke_wind_speed": "SN-3000-FSJT-N01",
    "sds069": "SDS069",
    "seeed_co2": "S-CO2-03",
    "seeed_soil": "SenseCAP S-Temp&VWC&EC-02",
    "sl651_level": "SL 651 smart level sensor",
    "sl651_rain": "SL 651 smart rain sensor",
    "supmea_do7016": "DO7016",
    "xy_md02": "XY-MD01/02",
    "yosemitech_y4000": "Y4000",
    "yosemitech_y504": "Y502/Y504",
    "yosemitech_y511": "Y510/Y511",
    "yosemitech_y513": "Y513",
    "yosemitech_y514": "Y514",
    "yosemitech_y520": "Y520/Y521",
    "yosemitech_y532": "Y532",
    "yosemitech_y533": "Y533",
    "yosemitech_y551": "Y551",
    "yosemitech_y560": "Y560",
    "yosemitech_y700": "Y700",
}

# Registers of the driver itself (kotyara12:reCWTUwdSws.cpp) that the collection's excerpt left out.
NOT_IN_MAP = {"cwt_weather": ("pm10", "air_pressure")}


def vectors():
    with open(_TESTS + "/vectors/modbus.json") as file:
        return json.load(file)


def captured():
    """id -> (kind, bytes) of the captured frames."""
    frames = {}
    with open(_TESTS + "/vectors/modbus_captured_frames.csv") as file:
        for line in file.read().split("\n")[1:]:
            if line:
                cells = line.split(",", 4)
                frames[int(cells[0])] = (cells[2], bytes(int(byte, 16) for byte in cells[3].split()))
    return frames


def words_at(address, payload):
    return {address + i: payload[2 * i] << 8 | payload[2 * i + 1] for i in range(len(payload) // 2)}


def register_of(model, name):
    for register in load(model).registers:
        if register.name == name:
            return register
    raise KeyError(name)


def wire(words):
    """Words as bytes in the order of their addresses."""
    out = b""
    for address in sorted(words):
        out += bytes((words[address] >> 8, words[address] & 0xFF))
    return out


def refused(call, error):
    try:
        call()
    except error:
        return True
    return False


# --- profiles -------------------------------------------------------------------------------------------------------


def test_every_module_of_the_folder_is_a_model_or_shared():
    files = sorted(name[:-3] for name in os.listdir(_PROFILES) if name.endswith(".py"))
    assert files == sorted(MODELS + SHARED)
    assert list(MODELS) == sorted(MODELS)


def test_every_model_loads_and_its_facts_are_of_the_known_kinds():
    for model in MODELS:
        profile = load(model)
        assert profile.model == model
        assert profile.title and profile.title_zh and profile.source, model
        assert profile.kind in ("water", "air", "ground", "weather"), model
        assert profile.confidence in ("manual", "driver", "note", "generic"), model
        assert profile.function in (3, 4) and profile.parity in ("N", "E", "O") and profile.stop_bits in (1, 2), model
        assert profile.order in ("ABCD", "DCBA"), model
        assert 1 <= profile.unit_id <= 247 and profile.unit_id not in profile.reserved_unit_ids, model


def test_an_unknown_model_is_refused():
    assert refused(lambda: load("yosemitech_y999"), UnknownProfile)
    assert refused(lambda: load("yosemitech"), UnknownProfile)


def test_register_names_are_unique_plain_words_and_units_are_ascii():
    for model in MODELS:
        names = [register.name for register in load(model).registers]
        assert names and len(set(names)) == len(names), model
        for register in load(model).registers:
            assert all("a" <= c <= "z" or "0" <= c <= "9" or c == "_" for c in register.name), register.name
            assert register.unit in UNITS, register.unit
            assert register.kind in WORDS
            if register.low is not None and register.high is not None:
                assert register.low < register.high, register.name


def test_no_two_registers_of_a_model_overlap():
    for model in MODELS:
        seen = set()
        for register in load(model).registers:
            for i in range(register.words):
                assert register.address + i not in seen, model
                seen.add(register.address + i)


def test_registers_agree_with_the_independent_collection_of_maps():
    entries = {entry["model"]: entry for entry in vectors()["modbus_maps"]}
    assert sorted(MAPS) == list(MODELS)
    for model in MODELS:
        profile, entry = load(model), entries[MAPS[model]]
        assert profile.function == entry["fc"], model
        rows = {}
        for row in entry["regs"]:
            kind, _, count = row["type"].partition(" x")
            for i in range(int(count) if count else 1):
                rows[row["addr"] + i] = (kind, row["scale"])
        for register in profile.registers:
            if register.name in NOT_IN_MAP.get(model, ()):
                continue
            kind, scale = rows[register.address]
            assert kind == register.kind, (model, register.name)
            if isinstance(scale, (int, float)):
                assert abs(scale - 10**register.exponent) < 1e-9, (model, register.name)
        if any(register.words == 2 for register in profile.registers):
            assert entry["word_order"].startswith(profile.order), model


def test_what_a_sensor_means_comes_back_from_its_registers():
    for model in MODELS:
        profile = load(model)
        for register in profile.registers:
            unit = 10**register.decimals
            lowest = RANGES[register.kind][0]
            low = -20 * unit if register.low is None else round(register.low * unit)
            high = 50 * unit if register.high is None else round(register.high * unit)
            for value in (low, (low + high) // 2, high, -1, -(7 * unit) // 2, 0, 1):
                if lowest == 0 and value < 0:
                    continue  # unsigned: no such reading
                words = encode(register, profile.order, value, point=register.decimals)
                assert sorted(words) == sorted(register.addresses()), (model, register.name)
                back, flags = decode(register, profile.order, words)
                assert back == value, (model, register.name, value, back)
                assert bool(flags & quality.RANGE) == (
                    (register.low is not None and value < low) or (register.high is not None and value > high)
                ), (model, register.name, value)


def test_a_missing_value_is_never_a_number():
    for model in MODELS:
        profile = load(model)
        for register in profile.registers:
            if register.kind == "f32" or register.invalid:
                words = encode(register, profile.order, None)
                assert decode(register, profile.order, words) == (None, quality.INVALID), (model, register.name)


def test_reads_cover_every_register_and_touch_no_other():
    for model in MODELS:
        profile = load(model)
        declared, read = set(), set()
        for register in profile.registers:
            declared.update(register.addresses())
        for address, count in plan_reads(profile.registers, profile.max_words, profile.max_gap):
            assert 1 <= count <= profile.max_words, model
            read.update(range(address, address + count))
        assert declared <= read, model
        assert read == declared or profile.max_gap, model
    assert plan_reads(load("yosemitech_y4000").registers) == [(0x2601, 16)]
    assert plan_reads(load("gropoint_gplp8").registers) == [(0, 8), (100, 13)]
    assert plan_reads(load("gas_o3").registers) == [(0x2031, 1), (0x6001, 1)]
    assert plan_reads(load("yosemitech_y532").registers) == [(0x1200, 2), (0x2400, 2), (0x2800, 2)]


# --- bytes on the wire ----------------------------------------------------------------------------------------------


def test_the_y504_sends_its_floats_least_significant_byte_first():
    order = load("yosemitech_y504").order
    cases = (  # 25.0 = 41C80000, 0.9876 = 3F7CD35B, 8.12 = 4101EB85 (IEEE 754)
        ("temperature", "0000C841", 250),
        ("oxygen_saturation", "5BD37C3F", 988),
        ("dissolved_oxygen", "85EB0141", 812),
    )
    for name, text, value in cases:
        register = register_of("yosemitech_y504", name)
        payload = bytes(int(text[i : i + 2], 16) for i in range(0, 8, 2))
        assert decode(register, order, words_at(register.address, payload)) == (value, quality.GOOD), name
    assert wire(encode(register, order, 812)) == b"\x85\xeb\x01\x41"


def test_the_y520_is_started_by_the_captured_frame():
    kind, frame = captured()[3]
    function, address, quantity = load("yosemitech_y520").start
    assert kind == "req" and rtu(1, Request(1, function, address, quantity).pdu()) == frame


def test_the_other_probes_are_started_by_reading_nothing():
    function, address, quantity = load("yosemitech_y504").start
    assert rtu(1, Request(1, function, address, quantity).pdu())[:6] == b"\x01\x03\x25\x00\x00\x00"
    for model in ("yosemitech_y4000", "yosemitech_y532", "yosemitech_y533"):
        assert load(model).start is None


def test_the_manuals_frame_of_the_wind_vane_decodes():
    frames = [entry["frame"] for entry in vectors()["modbus_frames"]]
    text = "0103040002005ADBC8"
    assert text in frames
    payload = bytes(int(text[i : i + 2], 16) for i in range(6, 14, 2))
    profile, words = load("renke_wind_direction"), words_at(0, payload)
    assert [decode(register, profile.order, words) for register in profile.registers] == [(2, 0), (90, 0)]


def test_a_captured_reply_of_the_same_layout_decodes():
    # RS485-TH answers T = 27.3 and RH = 62.6: i16 and u16 in tenths, as on the XY-MD02
    text = "010304011102722A8F"
    assert text in [entry["frame"] for entry in vectors()["modbus_frames"]]
    profile = load("xy_md02")
    words = words_at(0x0001, bytes(int(text[i : i + 2], 16) for i in range(6, 14, 2)))
    assert [decode(register, profile.order, words) for register in profile.registers] == [(273, 0), (626, 0)]


def test_a_captured_not_available_marker_is_no_value():
    # Tasmota 9644: fourteen i16, 7FFF = not available; the Lufft station marks it in the same way
    _, frame = captured()[21]
    words = words_at(0, frame[3:-2])
    values = [decode(Register("x", i, "i16", "", invalid=(0x7FFF,)), "ABCD", words) for i in range(14)]
    assert [value for value, _ in values[:8]] == [137, 137, 137, 409, None, None, None, 348]
    assert values[4] == (None, quality.INVALID)
    assert register_of("lufft_ws501", "temperature").invalid == (0x7FFF,)


def test_captured_counts_decode_as_integers():
    _, frame = captured()[17]
    assert decode(Register("x", 0, "u32", ""), "ABCD", words_at(0, frame[3:-2])) == (0x000001B3, 0)
    _, frame = captured()[13]
    assert decode(Register("x", 0x502D, "u16", "degC"), "ABCD", words_at(0x502D, frame[3:-2])) == (29, 0)


# --- decode, encode -------------------------------------------------------------------------------------------------


def test_the_four_orders_put_the_same_float_differently():
    register = Register("x", 0, "f32", "", decimals=2)
    for order, text in (
        ("ABCD", b"\x41\x01\xeb\x85"),
        ("DCBA", b"\x85\xeb\x01\x41"),
        ("CDAB", b"\xeb\x85\x41\x01"),
        ("BADC", b"\x01\x41\x85\xeb"),
    ):
        assert wire(encode(register, order, 812)) == text, order
        assert decode(register, order, words_at(0, text)) == (812, quality.GOOD), order


def test_the_four_orders_put_the_same_integer_differently():
    for order, text in (
        ("ABCD", b"\x12\x34\x56\x78"),
        ("DCBA", b"\x78\x56\x34\x12"),
        ("CDAB", b"\x56\x78\x12\x34"),
        ("BADC", b"\x34\x12\x78\x56"),
    ):
        assert decode(Register("x", 0, "u32", ""), order, words_at(0, text)) == (0x12345678, quality.GOOD), order


def test_negative_integers_keep_their_sign():
    assert decode(Register("x", 0, "i16", "", exponent=-1, decimals=1), "ABCD", {0: 0xFFFB}) == (-5, 0)
    assert decode(Register("x", 0, "i16", ""), "ABCD", {0: 0x8000}) == (-0x8000, 0)
    assert decode(Register("x", 0, "u16", ""), "ABCD", {0: 0x8000}) == (0x8000, 0)
    assert decode(Register("x", 0, "i32", ""), "ABCD", {0: 0xFFFF, 1: 0xFFFE}) == (-2, 0)
    assert decode(Register("x", 0, "i32", ""), "CDAB", {0: 0xFFFE, 1: 0xFFFF}) == (-2, 0)
    assert decode(Register("x", 0, "i32", ""), "ABCD", {0: 0x8000, 1: 0}) == (-0x80000000, 0)


def test_a_single_byte_is_the_first_of_its_word():
    assert decode(Register("x", 0, "u8", ""), "ABCD", {0: 0x0300}) == (3, 0)
    assert encode(Register("x", 0, "u8", ""), "ABCD", 3) == {0: 0x0300}


def test_nan_and_infinity_are_no_value():
    register = Register("x", 0, "f32", "", decimals=2)
    for bits in (0x7FC00000, 0xFFC00000, 0x7F800001, 0x7F800000, 0xFF800000):
        assert decode(register, "ABCD", {0: bits >> 16, 1: bits & 0xFFFF}) == (None, quality.INVALID)


def test_an_invalid_marker_is_compared_with_the_raw_content():
    dust = register_of("sds069", "pm2_5")
    assert decode(dust, "ABCD", {0x12: 0xFFFF, 0x13: 0xFFFF}) == (None, quality.INVALID)
    assert decode(dust, "ABCD", {0x12: 0, 0x13: 0}) == (0, quality.GOOD)
    assert decode(Register("x", 0, "i16", "", invalid=(-1,)), "ABCD", {0: 0xFFFF}) == (None, quality.INVALID)


def test_a_value_outside_the_range_stays_and_is_flagged():
    register = Register("x", 0, "i16", "degC", -5, 40, exponent=-1, decimals=1)
    for raw, expected in ((-51, quality.RANGE), (-50, 0), (400, 0), (401, quality.RANGE)):
        assert decode(register, "ABCD", {0: raw & 0xFFFF}) == (raw, expected)


def test_a_warming_y520_is_out_of_its_range():
    register = register_of("yosemitech_y520", "conductivity")
    assert decode(register, "DCBA", {0x2602: 0, 0x2603: 0}) == (0, quality.RANGE)


def test_the_gas_modules_number_of_decimals_is_obeyed():
    ozone = register_of("gas_o3", "ozone")
    for point, value in ((0, 1230), (1, 123), (2, 12), (3, 1)):
        assert decode(ozone, "ABCD", {0x6001: 123, 0x2031: point}) == (value, quality.GOOD)
    assert decode(ozone, "ABCD", {0x6001: 123, 0x2031: 10}) == (None, quality.INVALID)
    assert decode(ozone, "ABCD", {0x6001: 0xFFFF, 0x2031: 1}) == (None, quality.INVALID)
    assert encode(ozone, "ABCD", 1230, point=2) == {0x6001: 12300, 0x2031: 2}


def test_rounding_is_half_away_from_zero():
    for number, power, expected in ((5, -1, 1), (-5, -1, -1), (4, -1, 0), (-4, -1, 0), (15, -1, 2), (25, -1, 3)):
        assert scaled(number, power) == expected
    assert scaled(-15, -1) == -2 and scaled(7, 2) == 700
    for bits, power, expected in (
        (0x3F000000, 0, 1),  # 0.5
        (0xBF000000, 0, -1),
        (0x40200000, 0, 3),  # 2.5: not to even
        (0x3E000000, 2, 13),  # 0.125
        (0xBE000000, 2, -13),
        (0x3DCCCCCD, 1, 1),  # 0.1
        (0x00000001, 3, 0),  # the smallest there is
        (0x80000000, 3, 0),  # minus zero
        (0x4B800001, 0, 16777218),  # beyond a single's 24 bits
        (0x42C80000, -1, 10),  # 100.0
    ):
        assert fixed_from_f32(bits, power) == expected, hex(bits)


def test_what_does_not_fit_is_refused():
    assert refused(lambda: encode(Register("x", 0, "u16", ""), "ABCD", 65536), RangeError)
    assert refused(lambda: encode(Register("x", 0, "u16", ""), "ABCD", -1), RangeError)
    assert refused(lambda: encode(Register("x", 0, "i16", "", exponent=-1, decimals=1), "ABCD", 32768), RangeError)
    assert refused(lambda: encode(Register("x", 0, "u16", ""), "ABCD", None), RangeError)


def test_reads_join_neighbours_bridge_small_holes_and_respect_the_limit():
    def at(*addresses):
        return tuple(Register(f"r{a}", a, "u16", "") for a in addresses)

    assert plan_reads(at(3, 1, 2)) == [(1, 3)]
    assert plan_reads(at(1, 3)) == [(1, 1), (3, 1)]
    assert plan_reads(at(1, 3), max_gap=1) == [(1, 3)]
    assert plan_reads(at(1, 2, 3, 4, 5), max_words=2) == [(1, 2), (3, 2), (5, 1)]
    floats = tuple(Register(f"f{a}", a, "f32", "") for a in (0, 2, 4))
    assert plan_reads(floats, max_words=5) == [(0, 4), (4, 2)]
