"""A simulated device answers as its profile says, and the ledger holds exactly what it put on the wire."""

import struct
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw_sim.bus.sensor import SimSensor
from hw_sim.clock import START_UNIX_S
from hw_sim.ledger import Ledger, Reading
from hw_sim.signals import constant
from protocols import profiles
from protocols.profile import Profile
from protocols.registers import Register, plan_reads


class Clock:
    """Time that the test moves."""

    is_virtual = True

    def __init__(self) -> None:
        self.ms = 0

    def monotonic_ms(self) -> int:
        return self.ms

    def unix_ms(self) -> int:
        return START_UNIX_S * 1000 + self.ms

    def is_trusted(self) -> bool:
        return True

    def boot_id(self) -> str:
        return "bench"


class Bench:
    """One sensor, always asked in bytes. `truth`: quantity -> a value that stays."""

    def __init__(self, profile: Profile | str, truth: dict[str, float], unit_id: int = 4, powered: bool = True) -> None:
        self.profile = profiles.load(profile) if isinstance(profile, str) else profile
        self.clock = Clock()
        self.ledger = Ledger()
        signals = {name: constant(value) for name, value in truth.items()}
        self.sensor = SimSensor("s", self.profile, unit_id, signals, self.ledger, self.clock, powered)  # type: ignore[arg-type]

    def at(self, ms: int) -> "Bench":
        self.clock.ms = ms
        return self

    def ask(self, function: int, address: int, count: int) -> bytes | None:
        return self.sensor.answer(struct.pack(">BHH", function, address, count))

    def words(self, function: int, address: int, count: int) -> bytes:
        """The data bytes of a good answer."""
        pdu = self.ask(function, address, count)
        assert pdu is not None and pdu[:2] == bytes((function, 2 * count)) and len(pdu) == 2 + 2 * count
        return pdu[2:]


def do_probe(**kind: bool) -> Bench:
    """Warm-up 375 ms, settling 8000 ms, started by 03 2500 0000; each is done after nine tenths."""
    return Bench("yosemitech_y504", {"temperature": 6.25, "dissolved_oxygen": 8.12, "oxygen_saturation": 93.4}, **kind)


def test_it_is_silent_without_power_and_while_it_warms_up() -> None:
    bench = do_probe(powered=False)
    assert bench.at(60_000).ask(3, 0x2600, 2) is None
    bench.sensor.power(True)
    assert bench.at(60_337).ask(3, 0x2600, 2) is None
    assert bench.at(60_338).ask(3, 0x2600, 2) is not None
    bench.sensor.power(False)
    assert bench.at(61_000).ask(3, 0x2600, 2) is None


def test_power_that_is_on_already_changes_nothing() -> None:
    bench = do_probe().at(338)
    bench.sensor.power(True)
    assert bench.ask(3, 0x2600, 2) is not None


def test_it_shows_zero_until_it_was_started_and_has_settled() -> None:
    bench = do_probe().at(30_000)
    assert bench.words(3, 0x2600, 6) == bytes(12)
    assert bench.ask(3, 0x2500, 0) == bytes((3, 0))
    assert bench.at(37_199).words(3, 0x2600, 6) == bytes(12)
    assert struct.unpack("<3f", bench.at(37_200).words(3, 0x2600, 6)) == pytest.approx((6.2, 0.934, 8.12))
    assert bench.ledger.readings["s.dissolved_oxygen"] == [
        Reading(START_UNIX_S * 1000 + 30_000, 0),
        Reading(START_UNIX_S * 1000 + 37_199, 0),
        Reading(START_UNIX_S * 1000 + 37_200, 812),
    ]


def test_without_power_it_forgets_that_it_was_started() -> None:
    bench = do_probe().at(1000)
    bench.ask(3, 0x2500, 0)
    assert bench.at(20_000).words(3, 0x2600, 6) != bytes(12)
    bench.sensor.power(False)
    bench.sensor.power(True)
    assert bench.at(40_000).words(3, 0x2600, 6) == bytes(12)


def test_a_start_by_function_16_is_confirmed_and_obeyed() -> None:
    bench = Bench("yosemitech_y520", {"conductivity": 0.3048}).at(30_000)
    assert bench.words(3, 0x2602, 2) == bytes(4)
    assert bench.sensor.answer(bytes.fromhex("10 1C00 0000 00")) == bytes.fromhex("10 1C00 0000")
    (conductivity,) = struct.unpack("<f", bench.at(90_000).words(3, 0x2602, 2))
    (reading,) = bench.ledger.readings["s.conductivity"][1:]
    assert conductivity == pytest.approx(0.3048, abs=1e-3) and reading.value != 0


def with_start_by_06() -> Bench:
    register = Register("dissolved_oxygen", 0x57, "f32", "mg/L", decimals=2)
    profile = Profile("x", "X", "X", "water", (register,), confidence="note", source="test", start=(6, 1, 0xF))
    return Bench(profile, {"dissolved_oxygen": 8.12})


def test_a_start_by_function_6_needs_its_own_word() -> None:
    bench = with_start_by_06()
    assert bench.sensor.answer(bytes.fromhex("06 0001 000E")) == bytes((0x86, 1))
    assert bench.words(3, 0x57, 2) == bytes(4)
    assert bench.sensor.answer(bytes.fromhex("06 0001 000F")) == bytes.fromhex("06 0001 000F")
    assert struct.unpack(">f", bench.words(3, 0x57, 2)) == pytest.approx((8.12,))


def test_a_string_that_is_busy_says_exception_5_first_and_then_its_values() -> None:
    bench = Bench("gropoint_gplp8", {f"soil_moisture_{i + 1}": 10.0 + i for i in range(8)}).at(1000)
    assert bench.ask(4, 0, 8) == bytes((0x84, 5))
    assert bench.at(2299).ask(4, 0, 8) == bytes((0x84, 5))
    assert struct.unpack(">8h", bench.at(3600).words(4, 0, 8)) == tuple(range(100, 180, 10))
    assert len(bench.ledger.readings) == 8 and bench.ledger.total == 8  # none of them while it was busy
    assert bench.at(3600 + 60_000).ask(4, 0, 8) == bytes((0x84, 5))  # a new round


def test_an_unknown_register_gets_exception_2_or_silence_as_the_model_does() -> None:
    weather = Bench("cwt_weather", {}).at(60_000)
    assert weather.ask(3, 0x0300, 1) == bytes((0x83, 2))
    assert weather.ask(3, 0x01F4, 7) is not None
    assert weather.ask(3, 0x01F3, 2) == bytes((0x83, 2))  # half of it unknown
    assert do_probe().at(60_000).ask(3, 0x0300, 1) is None
    assert set(weather.ledger.readings) < {f"s.{register.name}" for register in weather.profile.registers}
    assert weather.ledger.total == 6


def test_another_function_gets_exception_1_or_silence() -> None:
    weather = Bench("cwt_weather", {}).at(60_000)
    assert weather.ask(4, 0x01F4, 1) == bytes((0x84, 1))
    assert weather.ask(6, 0x01F4, 1) == bytes((0x86, 1))
    assert weather.ask(1, 0x01F4, 1) == bytes((0x81, 1))
    assert do_probe().at(60_000).ask(4, 0x2600, 2) is None


def test_a_read_of_nothing_is_refused_where_it_starts_nothing() -> None:
    assert Bench("cwt_weather", {}).at(60_000).ask(3, 0x01F4, 0) == bytes((0x83, 2))
    assert do_probe().at(60_000).ask(3, 0x2600, 0) is None


@pytest.mark.parametrize("pdu", [b"", b"\x03", b"\x03\x26\x00\x00", b"\x10\x1c\x00\x00\x01\x00"])
def test_a_request_of_wrong_length_gets_silence(pdu: bytes) -> None:
    assert Bench("cwt_weather", {}).at(60_000).sensor.answer(pdu) is None


def test_a_hole_that_a_read_may_bridge_is_answered_with_zero() -> None:
    bench = Bench("cwt_weather", {"wind_speed": 3.21, "wind_sector": 2.0, "humidity": 45.6}).at(60_000)
    assert struct.unpack(">5H", bench.words(3, 0x01F4, 5)) == (321, 0, 2, 0, 456)
    shown = {channel: reading.value for channel, (reading,) in bench.ledger.readings.items()}
    assert shown == {"s.wind_speed": 321, "s.wind_sector": 2, "s.wind_direction": 0, "s.humidity": 456}


def test_half_of_a_float_is_no_reading() -> None:
    bench = do_probe().at(60_000)
    assert len(bench.words(3, 0x2600, 1)) == 2
    assert bench.ledger.total == 0


@pytest.mark.parametrize(
    ("kind", "exponent", "decimals", "truth", "shown"),
    [
        ("u16", -1, 1, -5.0, 0),
        ("u16", -1, 1, 1e9, 65_535),
        ("i16", -1, 1, -1e9, -32_768),
        ("u8", 0, 0, 300.0, 255),
        ("u32", 0, 0, -1.0, 0),
        ("u16", 0, 2, 8.12, 800),  # the register says whole units: so does the ledger
        ("u16", 1, 0, 1234.0, 1230),
        ("u16", -2, 1, 1e9, 6553),
        ("f32", 0, 2, 1e30, 17_179_868_800),
        ("f32", 0, 5, 128.07914, 12_807_915),  # the singles about it are 0.76 of the last digit apart
    ],
)
def test_what_the_register_cannot_say_is_shown_as_its_end(
    kind: str, exponent: int, decimals: int, truth: float, shown: int
) -> None:
    register = Register("q", 0, kind, "", decimals=decimals, exponent=exponent)
    bench = Bench(Profile("x", "X", "X", "water", (register,), confidence="note", source="test"), {"q": truth})
    assert bench.ask(3, 0, register.words) is not None
    assert [reading.value for reading in bench.ledger.readings["s.q"]] == [shown]


# --- the ledger against a decoder that shares nothing with protocols/ ------------------------------------------------

FORMS = {"u16": ">H", "i16": ">h", "u32": ">I", "i32": ">i", "f32": ">f"}
ABCD_FROM = {"ABCD": "0123", "DCBA": "3210", "CDAB": "2301", "BADC": "1032"}


def read_by_hand(register: Register, order: str, memory: dict[int, bytes]) -> int:
    """The fixed-point reading behind register words (two bytes each), as the data sheets say it."""
    raw = memory[register.address]
    if register.kind in ("u32", "i32", "f32"):
        raw += memory[register.address + 1]
        raw = bytes(raw[int(place)] for place in ABCD_FROM[order])
    number = raw[0] if register.kind == "u8" else struct.unpack(FORMS[register.kind], raw)[0]
    exponent = register.exponent
    if register.point_at is not None:
        exponent -= int.from_bytes(memory[register.point_at], "big")
    exact = Decimal(number).scaleb(exponent + register.decimals)
    return int(exact.to_integral_value(ROUND_HALF_UP))


@pytest.mark.parametrize("model", profiles.MODELS)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(data=st.data())
def test_the_ledger_holds_what_was_on_the_wire(model: str, data: st.DataObject) -> None:
    profile = profiles.load(model)
    truth: dict[str, float] = {}
    for register in profile.registers:
        lowest = 0.0 if register.kind.startswith("u") else -50.0
        low = lowest if register.low is None else register.low
        high = (500.0 if register.kind == "f32" else 60.0) if register.high is None else register.high
        truth[register.name] = data.draw(st.floats(low, high))
    bench = Bench(profile, truth, unit_id=200)
    if profile.start is not None:
        function, address, what = profile.start
        tail = b"\x00" if function == 16 else b""
        assert bench.at(100_000).sensor.answer(struct.pack(">BHH", function, address, what) + tail) is not None
    memory: dict[int, bytes] = {}
    for address, count in plan_reads(profile.registers, profile.max_words, profile.max_gap):
        if profile.busy_retry_ms:
            assert bench.at(300_000).ask(profile.function, address, count) == bytes((profile.function | 0x80, 5))
        answer = bench.at(300_000 + profile.busy_retry_ms).words(profile.function, address, count)
        memory |= {address + i: answer[2 * i : 2 * i + 2] for i in range(count)}
    for register in profile.registers:
        (reading,) = bench.ledger.readings[f"s.{register.name}"]
        assert reading.value == read_by_hand(register, profile.order, memory)
        assert reading.value / 10**register.decimals == pytest.approx(
            truth[register.name], abs=0.5 * max(10**-register.decimals, 10**register.exponent) + 1e-9
        )
