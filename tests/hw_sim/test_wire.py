"""A wire at frame level: how long bytes take, who hears them and in which order."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from hw_sim.bus.sensor import SimSensor
from hw_sim.bus.wire import Drop, Wire, WireLine, rs485
from hw_sim.clock import WorldClock, run_virtual, world_clock
from hw_sim.ledger import Ledger
from hw_sim.signals import constant
from protocols import modbus, profiles
from protocols.errors import NoReply
from protocols.modbus import Request
from protocols.modbus_client import RtuClient

LATENCY_US = 12_000  # of a simulated sensor


class Ear:
    """A party that notes what it hears, and when in microseconds."""

    def __init__(self, wire: Wire) -> None:
        self.heard: list[tuple[int, bytes]] = []
        wire.attach(self)

    def hear(self, data: bytes) -> None:
        self.heard.append((round(asyncio.get_running_loop().time() * 1e6), data))


@pytest.mark.parametrize(
    ("baud", "bits", "count", "expected_us"),
    [
        (9600, 10, 8, (8 + 3.5) * 10 / 9600 * 1e6),  # 8N1: 1.0417 ms a character, 3.5 characters of silence
        (9600, 11, 8, (8 + 3.5) * 11 / 9600 * 1e6),  # 8E1 or 8N2
        (4800, 10, 5, (5 + 3.5) * 10 / 4800 * 1e6),
        (19200, 10, 100, (100 + 3.5) * 10 / 19200 * 1e6),
        (38400, 10, 100, 100 * 10 / 38400 * 1e6 + 1750),  # above 19200 the silence is fixed: Serial Line V1.02
        (115200, 10, 256, 256 * 10 / 115200 * 1e6 + 1750),
    ],
)
def test_bytes_take_as_long_as_the_baud_rate_says(baud: int, bits: int, count: int, expected_us: float) -> None:
    async def main() -> tuple[float, list[tuple[int, bytes]]]:
        wire = rs485(world_clock(), baud, bits)
        sender, ear = Ear(wire), Ear(wire)
        told_s = wire.send(sender, bytes(count))
        await asyncio.sleep(1)
        return told_s, ear.heard

    told_s, heard = run_virtual(main())
    assert heard == [(round(expected_us), bytes(count))]
    assert told_s * 1e6 == pytest.approx(expected_us)


def test_everybody_hears_but_the_sender() -> None:
    async def main() -> list[list[bytes]]:
        wire = rs485(world_clock(), 9600)
        ears = [Ear(wire) for _ in range(4)]
        wire.send(ears[1], b"question")
        wire.detach(ears[3])
        wire.detach(ears[3])  # once more does no harm
        await asyncio.sleep(1)
        assert wire.transmissions == 1
        return [[data for _, data in ear.heard] for ear in ears]

    assert run_virtual(main()) == [[b"question"], [], [b"question"], []]


def test_transmissions_are_heard_in_the_order_in_which_they_end() -> None:
    async def main() -> list[tuple[int, bytes]]:
        wire = Wire(world_clock(), byte_us=1000)
        sender, ear = Ear(wire), Ear(wire)
        wire.send(sender, b"late", delay_s=0.1)
        wire.send(sender, b"long, long one")
        wire.send(sender, b"short")
        await asyncio.sleep(1)
        return ear.heard

    assert run_virtual(main()) == [(5000, b"short"), (14_000, b"long, long one"), (104_000, b"late")]


def test_a_line_writes_as_long_as_it_sends_and_reads_what_has_come() -> None:
    async def main() -> None:
        clock = world_clock()
        wire = Wire(clock, byte_us=1000)
        near, far = WireLine(wire), WireLine(wire)
        await near.write(b"12345")
        assert clock.monotonic_ms() == 5
        assert near.pending() == b"" and far.pending() == b"12345" and far.pending() == b""
        assert await far.read(20) == b"" and clock.monotonic_ms() == 25
        asyncio.get_running_loop().call_later(0.01, wire.send, near, b"x")
        assert await far.read(1000) == b"x" and clock.monotonic_ms() == 36
        far.close()
        await near.write(b"unheard")
        assert far.pending() == b""

    run_virtual(main())


# --- sensors on the wire ----------------------------------------------------------------------------------------------


def drop(wire: Wire, clock: WorldClock, unit_id: int, direction: float) -> SimSensor:
    profile = profiles.load("renke_wind_direction")
    truth = {register.name: constant(direction) for register in profile.registers}
    sensor = SimSensor(f"s{unit_id}", profile, unit_id, truth, Ledger(), clock)
    Drop(wire, sensor)
    return sensor


def on_a_bus(talk: Callable[[Wire, WorldClock], Awaitable[None]]) -> None:
    async def main() -> None:
        clock = world_clock()
        wire = rs485(clock, 9600)
        for unit_id in (1, 2, 3):
            drop(wire, clock, unit_id, unit_id * 45.0)
        await asyncio.sleep(10)
        await talk(wire, clock)

    run_virtual(main())


def read_of(unit_id: int) -> Request:
    register = profiles.load("renke_wind_direction").registers[0]
    return Request(unit_id, 3, register.address, register.words)


def test_only_the_unit_that_was_asked_answers() -> None:
    async def talk(wire: Wire, clock: WorldClock) -> None:
        client = RtuClient(WireLine(wire), clock.monotonic_ms, 9600)
        words = [await client.ask(read_of(unit_id)) for unit_id in (1, 2, 3)]
        assert len({tuple(answer) for answer in words}) == 3
        assert wire.transmissions == 6
        with pytest.raises(NoReply):
            await client.ask(read_of(4))
        assert wire.transmissions == 7

    on_a_bus(talk)


def test_an_answer_comes_after_the_devices_latency_and_its_own_time_on_the_wire() -> None:
    async def talk(wire: Wire, clock: WorldClock) -> None:
        asker = Ear(wire)
        began_us = round(asyncio.get_running_loop().time() * 1e6)
        wire.send(asker, modbus.rtu(1, read_of(1).pdu()))
        await asyncio.sleep(1)
        ((end_us, frame),) = asker.heard
        assert modbus.rtu_ok(frame)
        characters = 8 + 3.5 + len(frame) + 3.5
        expected_us = characters * 10 / 9600 * 1e6 + LATENCY_US
        assert end_us - began_us == pytest.approx(expected_us, abs=1)

    on_a_bus(talk)


def test_a_damaged_or_half_question_is_dropped_and_the_next_is_answered() -> None:
    async def talk(wire: Wire, clock: WorldClock) -> None:
        asker = Ear(wire)
        question = modbus.rtu(1, read_of(1).pdu())
        for broken in (question[:-1], question[:-1] + bytes((question[-1] ^ 1,)), b"\x01", bytes(300)):
            wire.send(asker, broken)
            await asyncio.sleep(1)
        assert asker.heard == []
        wire.send(asker, question)
        await asyncio.sleep(1)
        assert len(asker.heard) == 1

    on_a_bus(talk)
