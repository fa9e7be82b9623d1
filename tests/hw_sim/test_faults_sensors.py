"""Whatever is wrong with a sensor: what it says on the wire, and that the ledger holds just that."""

import struct

import msgspec
import pytest

from hw_sim.bus.sensor import SimSensor, Trouble, post
from hw_sim.faults.sensors import (
    SensorBusy,
    SensorByteOrder,
    SensorDrifted,
    SensorDry,
    SensorErratic,
    SensorFouled,
    SensorFrozen,
    SensorLying,
    SensorNoValue,
    SensorShifted,
    SensorSlow,
    SensorStuck,
)
from hw_sim.ledger import Ledger
from hw_sim.signals import constant
from hw_sim.streams import Stream
from protocols import profiles
from protocols.profile import Profile
from protocols.registers import ORDERS, Register, plan_reads
from tests.hw_sim.test_sensor import Clock, read_by_hand

STREAM = Stream(1, "test")


class Bench:
    """One sensor that was started long ago, always asked in bytes. `asked`: the profile of whoever asks."""

    def __init__(
        self, profile: Profile | str, truth: dict[str, float], fault: object = None, asked: Profile | None = None
    ) -> None:
        self.profile = profiles.load(profile) if isinstance(profile, str) else profile
        self.asked = asked or self.profile
        self.clock = Clock()
        self.ledger = Ledger()
        signals = {name: constant(value) for name, value in truth.items()}
        self.sensor = SimSensor("s", self.profile, 4, signals, self.ledger, self.clock)  # type: ignore[arg-type]
        self.sensor.posts = {4: post("s", self.asked, self.asked.registers, self.ledger)}
        self.clock.ms = 50_000
        if self.profile.start is not None:
            function, address, what = self.profile.start
            tail = b"\x00" if function == 16 else b""
            assert self.sensor.answer(struct.pack(">BHH", function, address, what) + tail) is not None
        self.clock.ms = 200_000
        if fault is not None:
            self.begin(fault)

    def begin(self, fault: object) -> None:
        self.sensor.troubles[fault] = fault.trouble(self.sensor, STREAM)  # type: ignore[attr-defined]

    def read(self) -> dict[str, float | None]:
        """Every register, in its unit, as the asker's data sheet says it; None where it was refused."""
        memory: dict[int, bytes] = {}
        for address, count in plan_reads(self.asked.registers, self.asked.max_words, self.asked.max_gap):
            answer = self.sensor.answer(struct.pack(">BHH", self.asked.function, address, count))
            if answer is not None and answer[0] == self.asked.function:
                memory |= {address + i: answer[2 + 2 * i : 4 + 2 * i] for i in range(count)}
        found: dict[str, float | None] = {}
        for register in self.asked.registers:
            is_read = all(address in memory for address in register.addresses())
            value = number(register, self.asked.order, memory) if is_read else None
            found[register.name] = None if value is None else value / 10**register.decimals
        return found

    def ask_for_wind(self) -> bool:
        """Whether it says anything to that."""
        return self.sensor.answer(struct.pack(">BHH", 3, 0x01F4, 1)) is not None

    def noted(self) -> dict[str, float]:
        """What the ledger holds of the last round."""
        return {
            register.name: self.ledger.readings[f"s.{register.name}"][-1].value / 10**register.decimals
            for register in self.asked.registers
            if self.ledger.readings[f"s.{register.name}"]
        }


def number(register: Register, order: str, memory: dict[int, bytes]) -> int | None:
    """What words say; None: nothing that could be a reading (more than nine decimals, infinity)."""
    if register.point_at is not None and int.from_bytes(memory[register.point_at], "big") > 9:
        return None
    try:
        value = read_by_hand(register, order, memory)
    except (ArithmeticError, ValueError):  # NaN, infinity
        return None
    return value if abs(value) < 1 << 34 else None


DO = {"temperature": 6.25, "dissolved_oxygen": 8.12, "oxygen_saturation": 93.4}
SHOWN = {"temperature": 6.2, "dissolved_oxygen": 8.12, "oxygen_saturation": 93.4}  # on the wire, with its decimals


def test_a_stuck_value_stays_what_it_was_and_the_others_go_on() -> None:
    bench = Bench("yosemitech_y504", DO, SensorStuck(sensor="s", quantity="temperature"))
    assert bench.read() == SHOWN
    bench.sensor._signals = {name: constant(1.0) for name in DO}
    assert bench.read() == {"temperature": 6.2, "dissolved_oxygen": 1.0, "oxygen_saturation": 1.0} == bench.noted()


def test_ice_holds_the_temperature_at_freezing_point_and_everything_else_still() -> None:
    bench = Bench("yosemitech_y511", {"temperature": 3.0, "turbidity": 1.3}, SensorFrozen(sensor="s"))
    rounds = [bench.read() for _ in range(20)]
    assert {found["temperature"] for found in rounds} == {0.0}
    murky = [found["turbidity"] or 0.0 for found in rounds]
    assert len(set(murky)) > 10 and min(murky) >= 3.0 and max(murky) <= 184.0
    still = Bench("yosemitech_y504", DO, SensorFrozen(sensor="s"))
    still.read()
    still.sensor._signals = {name: constant(1.0) for name in DO}
    assert still.read() == {**SHOWN, "temperature": 0.0}


def test_a_dry_probe_measures_the_air() -> None:
    do = Bench("yosemitech_y504", DO, SensorDry(sensor="s", air_c=-11.5))
    assert do.read() == {"temperature": -11.5, "dissolved_oxygen": 7.5, "oxygen_saturation": 100.0}
    ec = Bench("yosemitech_y520", {"conductivity": 0.31, "temperature": 4.0}, SensorDry(sensor="s"))
    assert ec.read() == {"conductivity": 0.012, "temperature": 5.0}


def test_a_drift_is_a_jump_and_so_much_a_day() -> None:
    fault = SensorDrifted(sensor="s", quantity="dissolved_oxygen", jump=-0.5, per_day=1.0)
    bench = Bench("yosemitech_y504", DO, fault)
    assert bench.read() == {**SHOWN, "dissolved_oxygen": 7.62}
    bench.clock.ms += 86_400_000
    assert bench.read() == {**SHOWN, "dissolved_oxygen": 8.62}


def test_a_film_grows_until_somebody_wipes_it_off() -> None:
    bench = Bench("yosemitech_y504", DO, SensorFouled(sensor="s", per_day=0.2, most=0.3))
    assert bench.read() == SHOWN
    bench.clock.ms += 365 * 86_400_000
    assert bench.read() == {"temperature": 6.2, "dissolved_oxygen": 5.68, "oxygen_saturation": 65.4}
    bench.sensor.clean()
    assert bench.read() == SHOWN


def test_an_erratic_probe_is_anywhere_in_its_range_for_its_share_of_the_readings() -> None:
    bench = Bench("yosemitech_y504", DO, SensorErratic(sensor="s", share=0.3))
    values = [bench.read()["dissolved_oxygen"] or 0.0 for _ in range(500)]
    wild = [value for value in values if value != 8.12]
    assert 100 < len(wild) < 200 and 0.0 <= min(wild) < 2.0 and 18.0 < max(wild) <= 20.0


def test_a_lying_probe_looks_good_and_follows_nothing() -> None:
    bench = Bench("yosemitech_y504", DO, SensorLying(sensor="s", quantity="dissolved_oxygen"))
    bench.read()
    bench.sensor._signals = {name: constant(1.0) for name in DO}
    values = []
    for _ in range(100):
        bench.clock.ms += 900_000
        found = bench.read()
        values.append(found["dissolved_oxygen"] or 0.0)
        assert found["temperature"] == 1.0
    assert 7.0 < min(values) < max(values) < 9.0 and len(set(values)) > 30


def test_no_value_is_said_as_the_model_says_it() -> None:
    do = Bench("yosemitech_y504", DO, SensorNoValue(sensor="s", quantity="temperature"))
    assert do.read() == {**SHOWN, "temperature": None} and "s.temperature" not in do.ledger.readings
    gas = Bench("gas_o3", {"ozone": 33.0}, SensorNoValue(sensor="s"))
    assert gas.sensor.answer(bytes.fromhex("03 6001 0001")) == bytes.fromhex("03 02 FFFF")
    weather = Bench("cwt_weather", {"wind_speed": 3.2}, SensorNoValue(sensor="s"))  # has no code for it
    assert weather.sensor.answer(bytes.fromhex("03 01F4 0001")) == bytes.fromhex("83 04")
    silent = Bench("gropoint_gplp8", {}, SensorNoValue(sensor="s", quantity="soil_moisture_1"))
    assert silent.sensor.answer(bytes.fromhex("04 0000 0008")) == bytes.fromhex("84 05")
    assert silent.ledger.total == weather.ledger.total == 0


ORDERED = {**DO, "wind_speed": 3.21, "humidity": 45.6, "ozone": 33.0, "pm2_5": 123.0, "soil_moisture_1": 22.5}


@pytest.mark.parametrize("order", [None, *ORDERS])
@pytest.mark.parametrize("model", [model for model in profiles.MODELS if not profiles.load(model).busy_retry_ms])
def test_in_another_byte_order_the_ledger_holds_what_the_words_say(model: str, order: str | None) -> None:
    profile = profiles.load(model)
    truth = {register.name: ORDERED.get(register.name, 12.5) for register in profile.registers}
    bench = Bench(profile, truth, msgspec.convert({"sensor": "s", "order": order}, SensorByteOrder))
    found, usual = bench.read(), Bench(profile, truth).read()
    said = {register.name: found[register.name] for register in profile.registers if is_said(register, found)}
    assert bench.noted() == said
    if order is None:
        assert found != usual
    elif order == profile.order:
        assert found == usual


def is_said(register: Register, found: dict[str, float | None]) -> bool:
    """Whether a number stands there, and not the model's "no value"."""
    value = found[register.name]
    return value is not None and (
        register.kind == "f32" or round(value / 10**register.exponent) not in register.invalid
    )


@pytest.mark.parametrize("offset", [-2, -1, 1, 2, 300])
@pytest.mark.parametrize("model", ["yosemitech_y504", "cwt_weather", "yosemitech_y511", "sds069"])
def test_with_another_map_the_ledger_holds_what_the_words_say(model: str, offset: int) -> None:
    profile = profiles.load(model)
    truth = {register.name: ORDERED.get(register.name, 12.5) for register in profile.registers}
    bench = Bench(profile, truth, SensorShifted(sensor="s", offset=offset))
    found = bench.read()
    assert bench.noted() == {name: value for name, value in found.items() if value is not None}
    assert found != Bench(profile, truth).read()
    if offset == 300:
        assert set(found.values()) == {0.0}


def test_a_float_of_which_only_half_has_moved_is_another_number() -> None:
    bench = Bench("yosemitech_y504", DO, SensorShifted(sensor="s", offset=2))
    assert bench.read() == {"temperature": 0.0, "oxygen_saturation": 620.0, "dissolved_oxygen": 0.93}
    assert bench.sensor.answer(struct.pack(">BHH", 3, 0x2602, 6)) is not None  # its own map
    assert Bench("yosemitech_y504", DO).sensor.answer(struct.pack(">BHH", 3, 0x2602, 6)) is None


def test_a_busy_device_refuses_its_share_of_the_questions() -> None:
    bench = Bench("cwt_weather", {}, SensorBusy(sensor="s", share=0.5))
    answers = [bench.sensor.answer(struct.pack(">BHH", 3, 0x01F4, 1)) for _ in range(400)]
    assert 160 < answers.count(bytes((0x83, 6))) < 240
    assert len(bench.ledger.readings["s.wind_speed"]) == 400 - answers.count(bytes((0x83, 6)))


def test_a_slow_device_answers_later_but_in_the_order_it_was_asked() -> None:
    bench = Bench("cwt_weather", {}, SensorSlow(sensor="s", low_ms=1000, high_ms=3000))
    leaves = []
    for _ in range(20):
        assert bench.ask_for_wind()
        leaves.append(bench.clock.ms + bench.sensor.latency_ms)
        bench.clock.ms += 500
    assert leaves == sorted(leaves) and leaves[0] >= 201_012
    bench.sensor.troubles.clear()
    assert bench.ask_for_wind()
    assert bench.clock.ms + bench.sensor.latency_ms > leaves[-1]  # it does not overtake
    bench.clock.ms += 60_000
    assert bench.ask_for_wind() and bench.sensor.latency_ms == 12


def test_a_device_with_too_much_to_answer_does_not_hear_the_rest() -> None:
    bench = Bench("cwt_weather", {}, SensorSlow(sensor="s", low_ms=20_000, high_ms=20_000))
    assert [bench.ask_for_wind() for _ in range(4)] == [True, True, False, False]
    assert bench.sensor.latency_ms < 60_000  # what protocols/modbus_client.py remembers
    assert len(bench.ledger.readings["s.wind_speed"]) == 2


def test_a_probe_at_anothers_post_is_noted_as_that_one() -> None:
    """An oxygen probe where conductivity is asked for: 0x2602 is its saturation, a ratio."""
    ec = profiles.load("yosemitech_y520")
    bench = Bench("yosemitech_y504", DO, asked=ec)
    assert bench.read() == {"temperature": 6.2, "conductivity": 0.934} == bench.noted()


def test_where_nobody_is_asked_nothing_is_noted() -> None:
    bench = Bench("yosemitech_y504", DO)
    bench.sensor.unit_id = 77
    assert bench.read() == SHOWN
    assert bench.ledger.total == 0


def test_only_what_is_asked_for_is_noted() -> None:
    weather = profiles.load("cwt_weather")
    bench = Bench(weather, {"wind_speed": 3.2})
    wanted = [register for register in weather.registers if register.name in ("wind_sector", "humidity")]
    bench.sensor.posts = {4: post("s", weather, tuple(wanted), bench.ledger)}
    bench.read()
    bench.sensor.troubles["x"] = Trouble()
    bench.read()
    assert set(bench.noted()) == {"wind_sector", "humidity"} and bench.ledger.total == 4
