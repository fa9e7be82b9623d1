"""Whatever is wrong with a sensor, or done to it by hand: what it put on the wire arrives, and nothing else."""

import asyncio
import sqlite3
import struct
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from gateway import slice
from gateway.faults import SiteError
from hw_sim import scenario
from hw_sim.clock import START_UNIX_S, run_virtual
from hw_sim.faults.base import Fault
from hw_sim.faults.hands import ProbeCleaned, ProbeLifted, ProbesSwapped, SliceWrong, UnitIdWrong
from hw_sim.faults.kinds import AnyFault
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
    SensorResets,
    SensorShifted,
    SensorSlow,
    SensorStuck,
)
from hw_sim.judge import TOLERANCE_MS, Verdict, match
from hw_sim.ledger import Label, Ledger
from hw_sim.observer import ObserverSettings
from hw_sim.scenario import Recording, Scenario, Truth
from hw_sim.sensor import SimSensor, Trouble, post
from hw_sim.signals import constant
from hw_sim.streams import Stream
from hw_sim.timeline import Player, plan
from hw_sim.virtual import VirtualStation
from protocols import batch, profiles
from protocols.registers import ORDERS, Profile, Register, plan_reads
from tests.hw_sim.test_sensor import Clock, read_by_hand

STREAM = Stream(1, "test")
START = START_UNIX_S * 1000
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


# --- one sensor -------------------------------------------------------------------------------------------------------


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


# --- whole stations ---------------------------------------------------------------------------------------------------

RIVER = {"do.temperature": "temp", "do.dissolved_oxygen": "do", "acid.ph": "ph", "turb.turbidity": "turb"}
RIVER |= {f"upstream_{channel}": column for channel, column in RIVER.items() if channel != "acid.ph"}
RIVER |= {"upstream_ph.ph": "ph"}
MEANWHILE: dict[str, Any] = {"at": "20m", "lasts": "40m"}


class Story(NamedTuple):
    """How an hour and a half ended."""

    verdict: Verdict
    ledger: Ledger
    unread: Ledger
    delivered: dict[str, list[tuple[int, int]]]
    failed: dict[str, list[int]]
    kept: list[bytes]
    events: list[tuple[str, str]]
    digest: str

    def by_minute(self) -> dict[tuple[str, int], int]:
        """(channel, minute of the story) -> what the sensor told."""
        return {
            (channel, (reading.unix_ms - START) // 60_000): reading.value
            for channel, readings in self.ledger.readings.items()
            for reading in readings
        }


@pytest.fixture
def folder() -> Iterator[Path]:
    """On a disk that costs nothing, where there is one."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        yield Path(name)


def live(folder: Path, *faults: Fault, seed: int = 1, observers: dict[str, ObserverSettings] | None = None) -> Story:
    """The bench station, its river an hour for each minute."""
    truth = {channel: Truth(recording="river", column=column) for channel, column in RIVER.items()}
    truth |= {
        f"{ec}.conductivity": Truth(recording="river", column="cond", scale=0.001) for ec in ("ec", "upstream_ec")
    }
    scenario = Scenario(
        site="bench",
        recordings={"river": Recording(file="water_lro_franklinbasin_2014")},
        truth=truth,
        observers=observers or {},
        seconds_per_row=15.0,
    )
    folder.mkdir(exist_ok=True)

    async def story() -> Story:
        station = VirtualStation(scenario, folder, seed)
        player = Player(plan(faults, station.world.streams, 5400), station)
        await asyncio.sleep(5400)
        player.end_all()
        verdict = await station.finish(3600)
        delivered = {
            channel: [(row.unix_ms, row.value) for row in rows] for channel, rows in station.platform.delivered.items()
        }
        db = sqlite3.connect(station.site.store.path)
        kept = [body for (body,) in db.execute("SELECT body FROM unread ORDER BY unix_ms")]
        events = db.execute("SELECT kind, detail FROM event").fetchall()
        db.close()
        world, digest = station.world, station.platform.digest.hexdigest()
        failed = station.witness.failed
        return Story(verdict, world.ledger, world.unread, delivered, failed, kept, events, digest)

    return run_virtual(story())


WRONG: list[Fault] = [
    kind(sensor=sensor, **MEANWHILE)
    for sensor in ("do", "upstream_do")
    for kind in (
        SensorFrozen,
        SensorStuck,
        SensorDry,
        SensorFouled,
        SensorErratic,
        SensorLying,
        SensorByteOrder,
        SensorShifted,
        SensorResets,
        ProbeLifted,
    )
]
WRONG.append(SensorDrifted(sensor="turb", quantity="turbidity", jump=3.0, per_day=100.0, **MEANWHILE))


def name_of(fault: Fault) -> str:
    return str(fault).replace("at='20m', every=None, lasts='40m', upto=None, ", "")


@cache
def undisturbed() -> dict[tuple[str, int], int]:
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        return live(Path(name)).by_minute()


@pytest.mark.parametrize("fault", WRONG, ids=name_of)
def test_what_a_faulty_sensor_told_arrives_as_it_told_it_and_is_labelled(folder: Path, fault: Fault) -> None:
    story = live(folder, fault)
    assert story.verdict.sound and story.verdict.delivered == story.verdict.measured > 1500
    sensor = getattr(fault, "sensor")  # noqa: B009
    quantity = getattr(fault, "quantity", None)
    labels = {label for rows in story.ledger.labels.values() for label in rows}
    assert labels == {Label(str(fault.__struct_config__.tag), START + 1_200_000, START + 3_600_000)}
    channels = {channel for channel in story.delivered if channel.startswith(f"{sensor}.")}
    assert set(story.ledger.labels) == ({f"{sensor}.{quantity}"} if quantity else channels)

    usual = undisturbed()
    wrong = {key for key, value in story.by_minute().items() if value != usual.get(key, value)}
    if fault != SensorResets(sensor="upstream_do", **MEANWHILE):  # a node starts its probes anew at each wake
        assert wrong and min(minute for _, minute in wrong) >= 20
    if not isinstance(fault, SensorResets):  # one that nobody starts again goes on with 0
        assert all(minute <= 60 and channel.startswith(sensor) for channel, minute in wrong)


UNLABELLED: list[Fault] = [
    kind(sensor=sensor, **MEANWHILE)
    for sensor in ("do", "upstream_do", "nh4")
    for kind in (SensorNoValue, SensorBusy, SensorSlow, ProbeCleaned)
]
UNLABELLED += [SensorSlow(sensor="do", low_ms=250, high_ms=350, **MEANWHILE)]
UNLABELLED += [SensorSlow(sensor="ec", low_ms=1000, high_ms=30_000, **MEANWHILE)]
UNLABELLED += [UnitIdWrong(sensor=sensor, unit_id=77, **MEANWHILE) for sensor in ("do", "upstream_do")]


@pytest.mark.parametrize("fault", UNLABELLED, ids=name_of)
def test_what_is_not_told_is_on_record_and_nothing_else_suffers(folder: Path, fault: Fault) -> None:
    story = live(folder, fault)
    assert story.verdict.sound and story.verdict.delivered == story.verdict.measured > 1500
    assert not story.ledger.labels
    sensor = getattr(fault, "sensor")  # noqa: B009
    usual = 90 if "_" not in sensor else 6
    channel = f"{sensor}.temperature"
    told, failed = len(story.ledger.readings[channel]), len(story.failed[channel])
    if isinstance(fault, UnitIdWrong | SensorNoValue):
        assert told < 0.7 * usual and failed
    if isinstance(fault, SensorNoValue | SensorBusy):
        assert abs(told + failed - usual) <= 2


@pytest.mark.parametrize(("sensor", "other"), [("do", "ec"), ("turb", "nh4"), ("upstream_do", "upstream_ec")])
def test_swapped_probes_answer_for_each_other(folder: Path, sensor: str, other: str) -> None:
    story = live(folder, ProbesSwapped(sensor=sensor, other=other, **MEANWHILE))
    assert story.verdict.sound and story.verdict.delivered == story.verdict.measured > 1500
    assert {channel.split(".")[0] for channel in story.ledger.labels} == {sensor, other}


def test_swapped_probes_with_alike_registers_look_perfectly_good(folder: Path) -> None:
    """Turbidity and chlorophyll both stand at 0x2602."""
    story = live(folder, ProbesSwapped(sensor="turb", other="chl", **MEANWHILE))
    told = story.by_minute()
    assert story.verdict.sound and story.events == []
    assert [told["turb.turbidity", minute] for minute in (25, 40, 55)] == [0, 0, 0]
    assert all(told["chl.chlorophyll", minute] for minute in (25, 40, 55))
    assert all(told["turb.turbidity", minute] and not told["chl.chlorophyll", minute] for minute in (10, 70))


def test_several_things_wrong_with_one_sensor_at_once_end_one_by_one(folder: Path) -> None:
    faults = [
        SensorSlow(sensor="do", at="10m", lasts="30m"),
        SensorByteOrder(sensor="do", at="15m", lasts="40m"),
        ProbesSwapped(sensor="do", other="ec", at="20m", lasts="10m"),
        SensorNoValue(sensor="do", quantity="temperature", at="25m", lasts="10m"),
        SensorResets(sensor="do", mean_s=60, at="35m", lasts="20m"),
        SensorStuck(sensor="ec", at="21m"),
        UnitIdWrong(sensor="acid", unit_id=99, at="22m", lasts="10m"),
        ProbeLifted(sensor="turb", at="5m"),
        ProbeCleaned(sensor="turb", at="50m"),
    ]
    story = live(folder, *faults)
    assert story.verdict.sound and story.verdict.delivered == story.verdict.measured > 1200


def test_the_same_seed_tells_the_same_and_another_seed_something_else(folder: Path) -> None:
    faults = [SensorErratic(sensor="do", **MEANWHILE), SensorResets(sensor="ec", **MEANWHILE)]
    observers = {"do.dissolved_oxygen": ObserverSettings(noise=0.1, response_s=60.0)}
    runs = [live(folder / str(i), *faults, seed=max(i, 1), observers=observers) for i in range(3)]
    assert runs[0].digest == runs[1].digest != runs[2].digest
    assert runs[0].ledger.readings == runs[1].ledger.readings


def test_a_film_of_an_observer_is_wiped_off_by_hand(folder: Path) -> None:
    observers = {"acid.ph": ObserverSettings(fouling_per_day=1.0, fouling_most=0.9)}
    faults = [ProbeCleaned(sensor="acid", at="40m")]
    usual, fouled, cleaned = (
        [reading.value for reading in live(folder / name, *hands, observers=seen).ledger.readings["acid.ph"]]
        for name, hands, seen in (("a", [], {}), ("b", [], observers), ("c", faults, observers))
    )
    assert fouled[:44] == cleaned[:44] and usual[-1] > cleaned[-1] > fouled[-1]


# --- a node with a slice that is not its own --------------------------------------------------------------------------


def test_of_a_node_with_an_older_slice_the_gateway_keeps_every_batch_and_guesses_nothing(folder: Path) -> None:
    story = live(folder, SliceWrong(node="upstream", **MEANWHILE))
    assert story.verdict.sound and story.verdict.delivered == story.verdict.measured > 1500
    assert ("frame_refused", '{"node":1,"reason":"schema"}') in story.events
    names = ["upstream_do.temperature", "upstream_do.dissolved_oxygen", "upstream_ec.conductivity", "upstream_ph.ph"]
    records = {record.number: record for body in story.kept for record in batch.decode(body, len(names)).records}
    kept: dict[str, list[tuple[int, int]]] = {name: [] for name in names}  # as the older slice had them
    for record in records.values():
        for name, (value, _) in zip(names, record.cells, strict=True):
            if value is not None:
                kept[name].append((record.time_s * 1000, value))
    assert story.unread.total >= 8 and set(story.unread.readings) == set(names)
    for name in names:
        assert match(story.unread.readings[name], kept[name], TOLERANCE_MS[False]) == (len(kept[name]), 0, 0, [])
        assert len(kept[name]) == len(story.unread.readings[name]) >= 2


def test_a_node_of_one_sensor_has_an_older_slice_too(folder: Path) -> None:
    async def story() -> None:
        station = VirtualStation(Scenario(site="bench"), folder, 1)
        world = station.world
        own = world.nodes["upstream"].node
        lone = msgspec.structs.replace(own, sensors=own.sensors[:1])
        world.nodes["upstream"].node = lone
        fault = SliceWrong(node="upstream")
        fault.begin(station)
        assert slice.schema_of(station.site, lone).to_bytes(2, "big") != world.nodes["upstream"].board.config()[:2]
        await station.finish(0)

    run_virtual(story())


def test_two_boards_with_one_identity_do_harm_and_the_judge_sees_it(folder: Path) -> None:
    """Identity and key are in the slice, so that no gateway can tell the two apart (docs/gateway.md: a replaced node
    gets a new id): record numbers of one are taken for those of the other."""
    story = live(folder, SliceWrong(node="upstream", like="outfall", **MEANWHILE))
    assert story.verdict.lost and not story.verdict.sound
    assert ("frame_refused", '{"node":2,"reason":"replay"}') in story.events


# --- in a scenario file -----------------------------------------------------------------------------------------------


def said(folder: Path, lines: Sequence[str], site: str = "bench") -> list[str]:
    path = folder / "story.toml"
    path.write_text("\n".join([f'site = "{site}"', "[[fault]]", 'at = "1h"', *lines]), "utf-8")
    try:
        scenario.load(path)
    except SiteError as error:
        assert all(fault.text("zh") != fault.text("en") for fault in error.faults)
        return [fault.text("en") for fault in error.faults]
    return []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (['kind = "sensor_stuck"', 'sensor = "do"', 'quantity = "temperature"'], None),
        (['kind = "probes_swapped"', 'sensor = "do"', 'other = "ec"'], None),
        (['kind = "probes_swapped"', 'sensor = "upstream_do"', 'other = "upstream_ec"'], None),
        (['kind = "unit_id_wrong"', 'sensor = "do"', "unit_id = 77"], None),
        (['kind = "slice_wrong"', 'node = "upstream"', 'like = "outfall"'], None),
        (
            ['kind = "sensor_stuck"', 'sensor = "dog"'],
            "fault[0].sensor: site bench has no sensor 'dog'; did you mean do",
        ),
        (
            ['kind = "sensor_stuck"', 'sensor = "do"', 'quantity = "turbidity"'],
            "fault[0].quantity: yosemitech_y504 has no quantity 'turbidity'",
        ),
        (
            ['kind = "probes_swapped"', 'sensor = "do"', 'other = "upstream_do"'],
            "fault[0].other: 'upstream_do' is not on the same line as do",
        ),
        (
            ['kind = "probes_swapped"', 'sensor = "do"', 'other = "eck"'],
            "fault[0].other: site bench has no sensor 'eck'",
        ),
        (['kind = "unit_id_wrong"', 'sensor = "do"', "unit_id = 20"], "fault[0].unit_id: unit id 20 is taken"),
        (['kind = "unit_id_wrong"', 'sensor = "do"', "unit_id = 248"], "fault[0].unit_id: "),
        (['kind = "slice_wrong"', 'node = "upstream"', 'like = "x"'], "fault[0].like: site bench has no node 'x'"),
        (['kind = "sensor_busy"', 'sensor = "do"', "share = 2"], "fault[0].share: "),
    ],
)
def test_a_scenario_names_what_there_is_and_can_be_done(folder: Path, lines: list[str], expected: str | None) -> None:
    faults = said(folder, lines)
    if expected is None:
        assert faults == []
    else:
        (fault,) = faults
        assert fault.startswith(expected)


def test_hands_reach_no_address_behind_modbus_tcp_and_no_board_without_the_rail(folder: Path) -> None:
    assert said(folder, ['kind = "unit_id_wrong"', 'sensor = "met"', "unit_id = 9"], "demo") == [
        "fault[0].sensor: sensor 'met' is not on a serial line"
    ]
    assert said(folder, ['kind = "slice_wrong"', 'node = "air"', 'like = "water"'], "demo") == [
        "fault[0].like: node air has no bus or rail 'probes'"
    ]

    async def story() -> None:
        station = VirtualStation(Scenario(site="demo"), folder, 1)
        with pytest.raises(ValueError, match="met is not on a serial line"):
            UnitIdWrong(sensor="met", unit_id=9).begin(station)
        with pytest.raises(ValueError, match="level and do are not on one line"):
            ProbesSwapped(sensor="level", other="do").begin(station)
        await station.finish(0)

    run_virtual(story())


def test_every_kind_is_one_that_a_scenario_may_name() -> None:
    for fault in [*WRONG, *UNLABELLED, ProbesSwapped(sensor="a", other="b"), SliceWrong(node="a")]:
        assert msgspec.convert(msgspec.to_builtins(fault), AnyFault) == fault
