"""Simulated sensors behind pymodbus's Modbus TCP server: our client and pymodbus's own read the same words."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
from pymodbus.client import AsyncModbusTcpClient

from gateway.machine.lines import OpenLine, tcp_opener
from gateway.ports import SystemClock
from hw_sim.bus import tcp_units
from hw_sim.bus.sensor import SimSensor
from hw_sim.clock import WorldClock, world_clock
from hw_sim.ledger import Ledger
from hw_sim.signals import constant
from protocols import poll, polling_client, profiles, quality
from protocols.errors import DeviceError, NoReply
from protocols.modbus import Request
from protocols.profile import Profile
from protocols.registers import Register
from protocols.tcp_client import TcpClient

WEATHER = {"wind_speed": 3.21, "humidity": 45.6, "temperature": -12.3, "pressure": 581.0}
DIRECTION = 270.0


def sensors(clock: WorldClock, ledger: Ledger | None = None) -> list[SimSensor]:
    weather, vane = profiles.load("cwt_weather"), profiles.load("renke_wind_direction")
    ledger = ledger or Ledger()
    truth = {name: constant(value) for name, value in WEATHER.items()}
    vane_truth = {register.name: constant(DIRECTION) for register in vane.registers}
    return [
        SimSensor("met", weather, 1, truth, ledger, clock),
        SimSensor("vane", vane, 7, vane_truth, ledger, clock),
    ]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def served(
    talk: Callable[[TcpClient, AsyncModbusTcpClient, list[SimSensor]], Awaitable[None]],
    build: Callable[[WorldClock], list[SimSensor]] = sensors,
) -> None:
    async def main() -> None:
        units = build(world_clock())
        port = free_port()
        server = await tcp_units.serve(units, "127.0.0.1", port)
        line: OpenLine = await tcp_opener(f"127.0.0.1:{port}")()
        theirs = AsyncModbusTcpClient("127.0.0.1", port=port)
        await theirs.connect()
        try:
            await talk(TcpClient(line, SystemClock().monotonic_ms), theirs, units)
        finally:
            theirs.close()
            line.close()
            await server.shutdown()
            await asyncio.sleep(0)

    asyncio.run(main())


async def _sleep_ms(duration_ms: int) -> None:
    await asyncio.sleep(duration_ms / 1000)


def test_both_clients_read_the_same_words_of_both_units() -> None:
    async def talk(ours: TcpClient, theirs: AsyncModbusTcpClient, units: list[SimSensor]) -> None:
        for unit in units:
            first = unit.profile.registers[0]
            for address, count in [(first.address, 1), (first.address, 2)]:
                answer = await theirs.read_holding_registers(address, count=count, device_id=unit.unit_id)
                try:
                    words = await ours.ask(Request(unit.unit_id, 3, address, count))
                except DeviceError as error:
                    assert answer.isError() and answer.exception_code == error.code
                else:
                    assert not answer.isError() and tuple(answer.registers) == words
        assert await ours.ask(Request(1, 3, 0x01F8, 2)) == (456, 0x10000 - 123)
        whole = await theirs.read_holding_registers(0x01F4, count=10, device_id=1)
        assert whole.registers == list(await ours.ask(Request(1, 3, 0x01F4, 10)))
        assert whole.registers[0] == 321 and whole.registers[4:6] == [456, 0x10000 - 123]

    served(talk)


def test_a_poll_gets_the_truth_and_the_ledger_knows_it() -> None:
    async def talk(ours: TcpClient, theirs: AsyncModbusTcpClient, units: list[SimSensor]) -> None:
        profile = units[0].profile
        names = [register.name for register in profile.registers]
        readings = dict(zip(names, await poll.read(ours, 1, profile, profile.registers, _sleep_ms), strict=True))
        assert readings["wind_speed"] == (321, quality.GOOD)
        assert readings["temperature"] == (-123, quality.GOOD)
        assert {name: value for name, (value, _) in readings.items()} == {
            channel.removeprefix("met."): reading.value for channel, (reading,) in ledger.readings.items()
        }

    ledger = Ledger()
    served(talk, lambda clock: sensors(clock, ledger))


@pytest.mark.parametrize("address", [0x0000, 0x01F3, 0x01FE, 0xFFFF])
def test_an_address_that_the_device_does_not_have_is_refused(address: int) -> None:
    async def talk(ours: TcpClient, theirs: AsyncModbusTcpClient, units: list[SimSensor]) -> None:
        with pytest.raises(DeviceError) as caught:
            await ours.ask(Request(1, 3, address, 1))
        assert caught.value.code == 2
        answer = await theirs.read_holding_registers(address, count=1, device_id=1)
        assert answer.isError() and answer.exception_code == 2

    served(talk)


def test_a_function_that_the_device_does_not_serve_is_refused() -> None:
    async def talk(ours: TcpClient, theirs: AsyncModbusTcpClient, units: list[SimSensor]) -> None:
        for request in (Request(1, 4, 0x01F4, 1), Request(1, 6, 0x01F4, 1, (5,)), Request(1, 16, 0x01F4, 1, (5,))):
            with pytest.raises(DeviceError) as caught:
                await ours.ask(request)
            assert caught.value.code == 1, request

    served(talk)


def test_a_device_that_must_be_told_to_measure_can_be_told_through_tcp() -> None:
    register = Register("dissolved_oxygen", 0, "f32", "mg/L", decimals=2)
    neighbour = Register("temperature", 2, "f32", "degC", decimals=2)
    profile = Profile("x", "X", "X", "water", (register, neighbour), confidence="note", source="", start=(6, 1, 0xF))

    async def talk(ours: TcpClient, theirs: AsyncModbusTcpClient, units: list[SimSensor]) -> None:
        async def value() -> list[tuple[int | None, int]]:
            return await poll.read(ours, 9, profile, profile.registers, _sleep_ms)

        assert await value() == [(0, 0), (0, 0)]
        await polling_client.start(ours, 9, profile)
        assert await value() == [(812, 0), (0, 0)]
        assert await value() == [(812, 0), (0, 0)]  # the write left no hole in what the server holds

    truth = {"dissolved_oxygen": constant(8.12)}
    served(talk, lambda clock: [SimSensor("do", profile, 9, truth, Ledger(), clock)])


def test_a_device_without_power_is_said_to_give_no_answer() -> None:
    async def talk(ours: TcpClient, theirs: AsyncModbusTcpClient, units: list[SimSensor]) -> None:
        units[0].power(False)
        with pytest.raises(NoReply, match="the gateway before it gets no answer"):
            await ours.ask(Request(1, 3, 0x01F4, 1))
        assert await ours.ask(Request(7, 3, units[1].profile.registers[0].address, 1))

    served(talk)
