"""A wire of single characters: as frame level where nothing goes wrong, and a UART's own view where it does."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.collect.modbus import BusPoller
from gateway.site import config
from gateway.store import Store
from hw_sim import scenario
from hw_sim.bus.byte_wire import ByteWire, byte_level_tx_per_s
from hw_sim.bus.party_faults import LineMismatch
from hw_sim.bus.sensor import SimSensor
from hw_sim.bus.uart import Air, Burst, Char, Uart, frames
from hw_sim.bus.wire import Drop, Wire, WireLine, field_bus, rs485
from hw_sim.clock import run_virtual, world_clock
from hw_sim.ledger import Ledger
from hw_sim.run import run
from hw_sim.signals import constant
from hw_sim.streams import Stream
from hw_sim.virtual import VirtualStation
from hw_sim.world import World
from protocols import modbus, profiles
from protocols.errors import FrameError, NoReply
from protocols.modbus import Request
from protocols.modbus_client import FORGET_MS, RtuClient
from protocols.polling_client import PollingClient
from tests.gateway.doubles import RIVER, query, sensor, site

LEVELS = [Wire, ByteWire]
CHAR_S = 10 / 9600


class Ear:
    """A party that notes what it hears, and when in microseconds."""

    def __init__(self, wire: Wire, uart: Uart | None = None) -> None:
        self.heard: list[tuple[int, bytes]] = []
        wire.attach(self, uart)

    def hear(self, data: bytes) -> None:
        self.heard.append((round(asyncio.get_running_loop().time() * 1e6), data))

    @property
    def frames(self) -> list[bytes]:
        return [data for _, data in self.heard]


# --- the same as frame level ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("baud", [1200, 9600, 19200, 38400, 115200])
@pytest.mark.parametrize("bits", [10, 11])
def test_a_frame_is_heard_at_the_same_microsecond_on_both_levels(baud: int, bits: int) -> None:
    async def talk(level: type[Wire]) -> tuple[list[float], list[tuple[int, bytes]], int]:
        wire = rs485(world_clock(), baud, bits, level)
        sender, ear = Ear(wire), Ear(wire)
        told = []
        for count in (1, 8, 9, 37, 256):
            await asyncio.sleep(0.001234)
            told.append(wire.send(sender, bytes(range(count % 256)) or bytes(256), 0.012))
            await asyncio.sleep(told[-1] + 0.5)
        assert sender.heard == []
        return told, ear.heard, wire.transmissions

    assert run_virtual(talk(Wire)) == run_virtual(talk(ByteWire))


class River:
    """A gateway's poller, its store and several sensors of different models on one bus."""

    MODELS = ("keller_acculevel", "yosemitech_y504", "yosemitech_y520", "seeed_soil", "sds069", "yosemitech_y4000")

    def __init__(self, folder: Path, level: type[Wire]) -> None:
        folder.mkdir()
        self.folder = folder
        sensors = [sensor(f"s{i}", i, 2 + i, profile=model) for i, model in enumerate(self.MODELS, 1)]
        self.site = site(folder, RIVER, *sensors)
        self.clock = world_clock()
        self.wire = rs485(self.clock, 9600, level=level)
        self.ear = Ear(self.wire)
        self.ledger = Ledger()
        for one in self.site.sensors:
            profile = profiles.load(one.profile)
            truth = {r.name: lambda time_s, k=i: k + time_s % 97 / 10 for i, r in enumerate(profile.registers)}
            Drop(self.wire, SimSensor(one.id, profile, one.unit_id, truth, self.ledger, self.clock))
        self.store = Store(folder / "store.db", self.clock)

    async def live(self, seconds: float) -> str:
        """The digest of all that was said, measured and stored."""

        async def opener() -> WireLine:
            return WireLine(self.wire)

        poller = BusPoller(
            self.site, "river", opener,
            lambda line: PollingClient(line, self.clock.monotonic_ms, 9600), self.store, self.clock,
        )  # fmt: skip
        task = asyncio.create_task(poller.run())
        await asyncio.sleep(seconds)
        task.cancel()
        self.store.commit()
        rows = query(self.folder, "SELECT * FROM row ORDER BY seq")
        assert len(rows) > seconds and self.ledger.total > 3 * seconds
        said = (self.ear.heard, sorted(self.ledger.readings.items()), rows, self.wire.transmissions)
        return hashlib.sha256(repr(said).encode()).hexdigest()


def test_a_bus_of_six_models_and_its_poller_live_the_same_life_on_both_levels(tmp_path: Path) -> None:
    async def story(level: type[Wire]) -> str:
        return await River(tmp_path / level.__name__, level).live(300)

    assert run_virtual(story(Wire)) == run_virtual(story(ByteWire))


def test_a_whole_station_delivers_the_same_to_the_byte_on_both_levels(tmp_path: Path) -> None:
    demo = scenario.load(scenario.find("demo"))

    async def story(level: type[Wire], wires: str) -> tuple[object, ...]:
        folder = tmp_path / wires
        folder.mkdir()
        station = VirtualStation(msgspec.structs.replace(demo, wires=wires), folder, 1)
        assert {type(line) for line in station.world.lines.values()} == {level}
        await asyncio.sleep(120)
        verdict = await station.finish()
        assert verdict.delivered > 1000
        return verdict, station.platform.digest.hexdigest(), sorted(station.world.ledger.readings.items())

    assert run_virtual(story(Wire, "frame")) == run_virtual(story(ByteWire, "byte"))


@pytest.mark.parametrize("name", ["absent-device", "swapped-probes", "outage"])
def test_a_scenario_has_the_same_hash_verdict_and_happenings_on_both_levels(name: str) -> None:
    """Every reading's time and value, in the order they arrived, is in the hash: at both levels a frame is heard, and a
    driver lets go, at the same microsecond."""
    story = scenario.load(scenario.find(name))
    frame, byte = (run(msgspec.structs.replace(story, wires=wires), name, 1, 0.05) for wires in ("frame", "byte"))
    assert byte == frame
    assert frame.failures == () and frame.verdict is not None and frame.verdict.delivered > 500


@pytest.mark.parametrize("wires", ["frame", "byte"])
def test_a_worlds_lines_have_the_parity_and_stop_bits_of_the_site_file(tmp_path: Path, wires: str) -> None:
    """And a mismatch is one against those: a sensor that has gone back to 8N1 is silent, until it has not."""
    text = (scenario.FOLDER / "sites" / "demo.toml").read_text("utf-8")
    text = text.replace('port = "river"\nbaud = 9600', 'port = "river"\nbaud = 4800\nparity = "E"')
    text = text.replace('id = "uart1"', 'id = "uart1"\n  stop_bits = 2').replace(
        "unit_id =", 'serial = "as_bus"\nunit_id ='
    )
    (tmp_path / "site.toml").write_text(text, "utf-8")
    level = scenario.Scenario(site="demo", wires=wires).level  # type: ignore[arg-type]

    async def story() -> None:
        world = World(config.load(tmp_path / "site.toml"), {}, world_clock(), 1, {}, level=level)
        assert {name: line.uart for name, line in world.lines.items()} == {
            "river": Uart(4800, "E"),
            "water.uart1": Uart(9600, "N", 2),
            "air.uart1": Uart(9600, "N", 2),
        }
        river = world.lines["river"]
        assert river.char_s == pytest.approx(11 / 4800)
        client = RtuClient(WireLine(river), world.clock.monotonic_ms, 4800)
        register = world.sensors["level"].profile.registers[0]
        question = Request(1, world.sensors["level"].profile.function, register.address, register.words)
        await asyncio.sleep(10)
        right = await client.ask(question)
        alone = LineMismatch(sensor="level", parity="N")
        alone.begin(river)
        with pytest.raises((NoReply, FrameError)):
            await client.ask(question)
        alone.end(river)
        await asyncio.sleep(FORGET_MS / 1000)
        assert await client.ask(question) == right
        as_it_is = LineMismatch(sensor="level", parity="E", stop_bits=1)
        as_it_is.begin(river)
        assert await client.ask(question) == right

    run_virtual(story())


def test_it_is_quick_enough_to_search_seeds_with() -> None:
    assert byte_level_tx_per_s(500) > 500  # a tenth of what an idle machine does


# --- silence, collisions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pause_chars", "frames"), [(3.4, [b"abcd"]), (3.7, [b"ab", b"cd"])])
def test_a_frame_ends_with_three_and_a_half_characters_of_silence(pause_chars: float, frames: list[bytes]) -> None:
    async def main() -> list[bytes]:
        wire = rs485(world_clock(), 9600, level=ByteWire)
        one, other, ear = Ear(wire), Ear(wire), Ear(wire)
        wire.send(one, b"ab")
        wire.send(other, b"cd", (2 + pause_chars) * CHAR_S)
        await asyncio.sleep(1)
        return ear.frames

    assert run_virtual(main()) == frames


@pytest.mark.parametrize("level", LEVELS)
def test_overlapping_characters_are_garbled_for_all_and_those_before_are_not(level: type[Wire]) -> None:
    async def main(level: type[Wire]) -> tuple[list[bytes], list[bytes], list[bytes]]:
        wire = rs485(world_clock(), 9600, level=level)
        one, other, ear = Ear(wire), Ear(wire), Ear(wire)
        wire.send(one, bytes(range(1, 11)))
        wire.send(other, bytes(range(101, 111)), 5.3 * CHAR_S)
        await asyncio.sleep(1)
        return ear.frames, one.frames, other.frames

    (heard,), (after,), (before,) = run_virtual(main(level))
    assert heard.startswith(bytes(range(1, 6))) and len(heard) < 20
    assert bytes(range(6, 11)) not in heard and bytes(range(101, 106)) not in heard
    # while a driver is on its receiver is off: each gets only what the other sends alone
    assert before.startswith(bytes(range(1, 6))) and len(before) <= 6 and len(after) <= 6


def test_who_sends_the_same_at_the_same_time_is_understood() -> None:
    async def main() -> list[bytes]:
        wire = rs485(world_clock(), 9600, level=ByteWire)
        one, other, ear = Ear(wire), Ear(wire), Ear(wire)
        wire.send(one, b"same", 0.01)
        wire.send(other, b"same", 0.01)
        await asyncio.sleep(1)
        return ear.frames

    assert run_virtual(main()) == [b"same"]


def test_one_port_sends_in_the_order_in_which_it_was_told_to() -> None:
    async def main() -> list[bytes]:
        wire = rs485(world_clock(), 9600, level=ByteWire)
        one, ear = Ear(wire), Ear(wire)
        wire.send(one, b"first", 0.2)
        wire.send(one, b"second")
        await asyncio.sleep(1)
        return ear.frames

    assert run_virtual(main()) == [b"first", b"second"]


# --- settings of one party --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("uart", "understood"),
    [
        (Uart(9600), True),
        (Uart(9600, "N", 2), True),  # a receiver looks at the first stop bit only
        (Uart(9500), True),  # an oscillator that is a little off: half a bit in ten is the limit
        (Uart(9900), True),
        (Uart(9000), False),
        (Uart(10300), False),
        (Uart(4800), False),
        (Uart(19200), False),
        (Uart(38400), False),
        (Uart(9600, "E"), False),
        (Uart(9600, "O"), False),
    ],
)
def test_who_is_set_otherwise_understands_nothing_and_is_not_understood(
    level: type[Wire], uart: Uart, understood: bool
) -> None:
    async def main() -> tuple[list[bytes], list[bytes], list[bytes], int]:
        wire = rs485(world_clock(), 9600, level=level)
        odd, usual, third = Ear(wire, uart), Ear(wire), Ear(wire)
        wire.send(usual, bytes(range(0x30, 0x50)))
        await asyncio.sleep(1)
        wire.send(odd, bytes(range(0x50, 0x70)))
        await asyncio.sleep(1)
        return odd.frames, usual.frames, third.frames, wire.dropped

    odd, usual, third, dropped = run_virtual(main())
    question, answer = bytes(range(0x30, 0x50)), bytes(range(0x50, 0x70))
    assert third[0] == question  # the others are as before
    if understood:
        assert odd == [question] and usual == third[1:] == [answer] and dropped == 0
    else:
        assert question not in odd and answer not in usual and usual == third[1:]
        assert dropped > 0 or len(b"".join(odd)) != len(question)


def test_a_slow_ear_waits_for_its_own_silence() -> None:
    async def main() -> tuple[list[bytes], list[bytes]]:
        wire = rs485(world_clock(), 9600, level=ByteWire)
        slow, usual, sender = Ear(wire, Uart(2400)), Ear(wire), Ear(wire)
        wire.send(sender, b"\xf0" * 20)  # which 2400 Bd takes for something, too
        wire.send(sender, b"\xf0" * 20, 0.028)  # 7 ms after the first one's end: 1.7 characters at 2400 Bd
        await asyncio.sleep(1)
        return slow.frames, usual.frames

    slow, usual = run_virtual(main())
    assert len(usual) == 2 and len(slow) == 1


def test_a_bus_can_have_parity_as_a_whole() -> None:
    async def main(level: type[Wire]) -> tuple[int, ...]:
        clock = world_clock()
        wire = field_bus(clock, Uart(19200, "E"), level)
        profile = profiles.load("renke_wind_direction")
        register = profile.registers[0]
        truth = {r.name: constant(90.0) for r in profile.registers}
        Drop(wire, SimSensor("s", profile, 1, truth, Ledger(), clock))
        await asyncio.sleep(10)
        client = RtuClient(WireLine(wire), clock.monotonic_ms, 19200)
        return await client.ask(Request(1, 3, register.address, register.words))

    assert run_virtual(main(Wire)) == run_virtual(main(ByteWire))


@pytest.mark.parametrize("level", LEVELS)
def test_a_sensor_set_otherwise_is_silent_and_the_others_answer(level: type[Wire]) -> None:
    async def main() -> list[str]:
        clock = world_clock()
        wire = rs485(clock, 9600, level=level)
        profile = profiles.load("renke_wind_direction")
        register = profile.registers[0]
        for unit_id, uart in ((1, None), (2, Uart(4800)), (3, Uart(9600, "E"))):
            Drop(wire, SimSensor(f"s{unit_id}", profile, unit_id, {}, Ledger(), clock), uart)
        await asyncio.sleep(10)
        client = RtuClient(WireLine(wire), clock.monotonic_ms, 9600)
        found = []
        for unit_id in (1, 2, 3, 1):
            try:
                await client.ask(Request(unit_id, 3, register.address, register.words))
                found.append("answer")
            except (NoReply, FrameError):
                found.append("nothing")
        return found

    assert run_virtual(main()) == ["answer", "nothing", "nothing", "answer"]


def test_a_line_that_nobody_reads_keeps_what_a_serial_port_keeps() -> None:
    async def main() -> int:
        wire = rs485(world_clock(), 115200)
        sender, line = Ear(wire), WireLine(wire)
        for _ in range(30):
            wire.send(sender, bytes(200))
            await asyncio.sleep(1)
        assert len(line.pending()) == 4096
        wire.send(sender, bytes(200))
        await asyncio.sleep(1)
        return len(await line.read(10))

    assert run_virtual(main()) == 200


# --- characters and levels --------------------------------------------------------------------------------------------

UARTS = st.builds(Uart, st.sampled_from([1200, 9600, 19200, 115200]), st.sampled_from("NEO"), st.sampled_from([1, 2]))


def through_levels(burst: Burst, ear: Uart, is_swapped: bool = False) -> tuple[list[Char], int]:
    """As a receiver gets it from the levels on the wire, without the short way."""
    pulse = Burst("nobody", ear, burst.start_us, b"\xff", is_weak=True)  # makes it a group of two
    return Air([burst, pulse], bool).heard(ear, is_swapped, None)


@given(UARTS, st.binary(min_size=1, max_size=40), st.floats(0, 1e13))
def test_what_is_sent_is_received_through_the_levels_on_the_wire(uart: Uart, data: bytes, start_us: float) -> None:
    chars, dropped = through_levels(Burst("a", uart, start_us, data), uart)
    assert frames(chars, uart) == [data] and dropped == 0
    assert chars[-1][0] == pytest.approx(start_us + len(data) * uart.char_us, abs=0.02)
    swapped = Burst("a", uart, start_us, data, is_swapped=True)
    assert frames(through_levels(swapped, uart, is_swapped=True)[0], uart) == [data]


@given(UARTS, st.binary(min_size=1, max_size=20), st.data())
def test_one_flipped_bit_changes_a_bit_or_costs_the_character_or_moves_the_rest(
    uart: Uart, data: bytes, pick: st.DataObject
) -> None:
    burst = Burst("a", uart, 0.0, data)
    flip = pick.draw(st.integers(0, len(data) * uart.bits - 1))
    burst.flips = [flip]
    chars, dropped = Air([burst], bool).heard(uart, False, None)
    index, bit = divmod(flip, uart.bits)
    got = bytes(value for _, value in chars)
    assert got[:index] == data[:index]
    if 1 <= bit <= 8 and uart.parity == "N":
        assert got == data[:index] + bytes((data[index] ^ 1 << (bit - 1),)) + data[index + 1 :]
    elif 1 <= bit <= 9 and uart.parity != "N":
        assert got == data[:index] + data[index + 1 :] and dropped == 1
    elif bit == 0 or (bit == uart.bits - 1 and uart.stop_bits == 2):
        assert got != data or dropped or bit  # a false start, or a start that is not seen
    else:
        assert dropped >= 1


@pytest.mark.parametrize(("pause_chars", "count"), [(0.0, 1), (3.4, 1), (3.6, 2), (100.0, 2)])
def test_what_an_ear_heard_is_cut_at_its_own_silences(pause_chars: float, count: int) -> None:
    for uart in (Uart(), Uart(4800, "E"), Uart(19200, "N", 2)):
        ends = [uart.char_us * end for end in (1, 2, 3 + pause_chars, 4 + pause_chars)]
        assert len(frames([(end_us, 7) for end_us in ends], uart)) == count


def test_a_swapped_pair_garbles_everything() -> None:
    question = modbus.rtu(4, bytes.fromhex("0326000006"))
    uart = Uart()
    for sent, ear in ((True, False), (False, True)):
        chars, dropped = Air([Burst("a", uart, 0.0, question, is_swapped=sent)], bool).heard(uart, ear, None)
        assert bytes(value for _, value in chars) != question and len(chars) + dropped < len(question) + 2


def tossed(seed: int) -> Callable[[], bool]:
    stream = Stream(seed, "toss")
    return lambda: stream.chance(0.5)


def test_a_collision_is_one_for_all_ears_and_the_same_for_the_same_seed() -> None:
    def heard(seed: int) -> Any:
        bursts = [Burst("a", Uart(), 0.0, bytes(range(30))), Burst("b", Uart(), 7000.0, bytes(range(50, 80)))]
        air = Air(bursts, tossed(seed))
        first, second = air.heard(Uart(), False, None), air.heard(Uart(), False, None)
        assert first == second
        return first

    assert heard(1) == heard(1) != heard(2)


def test_a_floating_line_gives_way_to_any_driver() -> None:
    strong = Burst("a", Uart(), 0.0, b"question")
    weak = Burst("nobody", Uart(), 2500.0, b"\x55\xaa", is_weak=True)
    chars, dropped = Air([strong, weak], bool).heard(Uart(), False, None)
    assert bytes(value for _, value in chars) == b"question" and dropped == 0
