"""Commands to a sensor go between its polls, are read back, and are on record with who asked; in virtual time."""

import asyncio
from pathlib import Path
from typing import ClassVar

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from gateway.app import Gateway, Outside
from gateway.collect.writes import Written, carry_out, words_of
from gateway.machine.lines import tcp_opener
from hw_sim.bus.sensor import SimSensor
from hw_sim.clock import run_virtual
from protocols import modbus, modbus_server
from protocols.modbus import Request
from protocols.profile import Write
from protocols.profiles import load
from protocols.tcp_client import TcpClient
from tests.gateway.doubles import events, sensor, site
from tests.gateway.polled_bus import Bus


class Obedient(SimSensor):
    """Holds what it is told to, like a Yosemitech probe: no words at 0x3100 are a wipe."""

    obeyed: ClassVar[list[Request]] = []
    keeps = True

    def answer(self, request_pdu: bytes) -> bytes | None:
        request = modbus_server.parse_request(self.unit_id, request_pdu)
        if self._powered_ms is None:
            return None
        if request.function == modbus.WRITE_MANY and request.address in (0x3000, 0x3100, 0x2300):
            self.obeyed.append(request)
            if request.address == 0x3000 and self.keeps:
                self.unit_id = request.values[0] >> 8
            return modbus_server.reply(request)
        if request.address == 0x3000:
            return modbus_server.reply(request, (self.unit_id << 8,))
        return super().answer(request_pdu)


def turbid(tmp_path: Path) -> Bus:
    Obedient.obeyed.clear()
    return Bus(tmp_path, sensor("turb", 1, 1, "yosemitech_y511"), sensor("level", 2, 1), kind=Obedient)


def test_a_wipe_is_one_request_between_polls_and_an_event_with_who_asked(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = turbid(tmp_path)
        await bus.until(60.0)
        written = await bus.poller.write("turb", "wipe", None, "technician")
        assert written == Written("done") and written.is_done
        await bus.until(120.9)
        assert Obedient.obeyed == [Request(1, 16, 0x3100, 0)]
        assert len(bus.rows("level")) == 120
        told = {"sensor": "turb", "write": "wipe", "value": None, "who": "technician", "outcome": "done"}
        assert bus.told("sensor_write") == [("sensor_write", told)]

    run_virtual(steps())


def test_a_new_unit_id_is_read_back_at_the_new_unit_id(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = turbid(tmp_path)
        await bus.until(5.5)
        assert await bus.poller.write("turb", "address", 9, "me") == Written("confirmed", 9.0)
        assert bus.devices["turb"].unit_id == 9 and Obedient.obeyed == [Request(1, 16, 0x3000, 1, (0x0900,))]

    run_virtual(steps())


@pytest.mark.parametrize(
    ("sensor_id", "name", "value", "outcome"),
    [
        ("turb", "address", 248, "out_of_range"),
        ("turb", "address", 2, "out_of_range"),  # another sensor of this bus has it
        ("turb", "address", None, "out_of_range"),
        ("turb", "wipe", 1, "out_of_range"),
        ("turb", "explode", None, "unknown"),
        ("level", "wipe", None, "unknown"),
        ("nobody", "wipe", None, "unknown"),
    ],
)
def test_what_a_profile_does_not_have_is_not_sent_and_on_record(
    tmp_path: Path, sensor_id: str, name: str, value: float | None, outcome: str
) -> None:
    async def steps() -> None:
        bus = turbid(tmp_path)
        assert await bus.poller.write(sensor_id, name, value, "me") == Written(outcome)
        await bus.until(10)
        assert Obedient.obeyed == [] and bus.told("sensor_write")[0][1]["outcome"] == outcome

    run_virtual(steps())


def test_a_command_is_sent_once_and_a_silent_sensor_may_have_done_it(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = turbid(tmp_path)
        bus.devices["turb"].power(False)
        await bus.until(5.5)
        assert await bus.poller.write("turb", "wipe", None, "me") == Written("no_reply")
        assert [data[2:4] for _, data in bus.ear.heard if data[1] == 16].count(b"\x31\x00") == 1

    run_virtual(steps())


def test_a_command_waits_for_a_lost_bus_a_minute_and_is_never_sent_later(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = turbid(tmp_path)
        await bus.until(5.5)
        bus.plug.pulled = True
        await bus.until(10)
        begun_s = asyncio.get_running_loop().time()
        assert await bus.poller.write("turb", "wipe", None, "me") == Written("no_bus")
        assert asyncio.get_running_loop().time() - begun_s == pytest.approx(60)
        bus.plug.pulled = False
        await bus.until(120)
        assert Obedient.obeyed == []

    run_virtual(steps())


def test_the_gateway_passes_a_command_to_the_bus_of_its_sensor_and_refuses_others(tmp_path: Path) -> None:
    async def steps() -> None:
        gateway = Gateway(site(tmp_path, '[[bus]]\nid = "b"\nport = "p"\n', sensor("turb", 1, bus="b")), Outside())
        assert (await gateway.write("turb", "wipe", None, "me")).outcome == "unknown"
        assert (await gateway.write("nobody", "wipe", None, "me")).outcome == "unknown"
        gateway.store.close()
        assert [detail["who"] for _, detail in events(tmp_path, "sensor_write")] == ["me", "me"]

    asyncio.run(steps())


@pytest.mark.parametrize(
    ("profile", "write", "value", "words"),
    [  # EnviroDIY/YosemitechModbus: setSlaveID sends {id, 0x00}; floats go least significant byte first
        ("yosemitech_y504", "address", 5, (0x0500,)),
        ("yosemitech_y532", "calibrate_ph", 6.86, (0x1F85, 0xDB40)),
        ("yosemitech_y511", "wipe", None, ()),
    ],
)
def test_the_words_of_a_command_are_those_of_the_drivers(
    profile: str, write: str, value: float | None, words: tuple[int, ...]
) -> None:
    known = load(profile)
    assert words_of(known, next(one for one in known.writes if one.name == write), value) == words


def test_pymodbus_takes_what_we_write_and_confirms_it() -> None:
    async def steps() -> None:
        device = SimDevice(id=1, simdata=[SimData(0, count=10, datatype=DataType.REGISTERS, values=0)])
        server = ModbusTcpServer(device, address=("127.0.0.1", 0))
        await server.serve_forever(background=True)
        line = await tcp_opener(f"127.0.0.1:{server.transport.sockets[0].getsockname()[1]}")()
        loop = asyncio.get_running_loop()
        client = TcpClient(line, lambda: int(loop.time() * 1000))
        profile = load("keller_acculevel")
        for write, value in (
            (Write("gain", 6, 4, "u16", 0, 5000, decimals=2, exponent=-2), 12.34),
            (Write("offset", 16, 6, "f32", -1000, 1000, decimals=1), -7.5),
        ):
            words = words_of(profile, write, value)
            assert words is not None
            assert await carry_out(client, 1, profile, write, words) == Written("confirmed", value)
        refused = await carry_out(client, 1, profile, Write("far", 6, 400, "u16", 0, 9), (1,))
        assert refused == Written("refused", code=modbus_server.ILLEGAL_ADDRESS)
        line.close()
        await server.shutdown()

    asyncio.run(steps())
