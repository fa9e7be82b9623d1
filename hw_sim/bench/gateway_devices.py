"""Knows simulated Modbus devices that count what they are asked (TCP, or RTU on a pty); knows no gateway.

A process of its own, so that nothing else delays an answer whose time is held against a gateway's. It says in one line
of JSON where its devices are, then obeys one command a line: "silence N", "freeze", "dump FILE".
"""

import asyncio
import json
import os
import struct
import sys
import time
import tty
from array import array
from collections.abc import Callable
from pathlib import Path

from hw_sim.bench.gateway_load import Load, reading
from protocols import modbus, modbus_server, modbus_tcp

_LOOPBACK = "127.0.0.1"
_BAUD, _BITS = 9600, 11  # a character as RTU reckons it: Serial Line V1.02, section 2.5.1
_TORN_S = 0.05  # a request that pauses for longer will not be completed
_REQUEST_BYTES = 8  # RTU: a read


class Device:
    """One device: value i stands in the holding registers 2i and 2i+1, high word first."""

    def __init__(self, load: Load, number: int) -> None:
        self.channels = [load.channel(number, value) for value in range(load.values)]
        self.served_s = [array("d") for _ in range(load.values)]  # when the n-th reading of each was given
        self.is_silent = False

    def answer(self, pdu: bytes) -> bytes | None:
        if self.is_silent:
            return None
        function, address, words = struct.unpack(">BHH", pdu[:5])
        if function not in (modbus.READ_HOLDING, modbus.READ_INPUT):
            return modbus_server.refusal(function, modbus_server.ILLEGAL_FUNCTION)
        if address + words > 2 * len(self.channels) or not 1 <= words <= 125:
            return modbus_server.refusal(function, modbus_server.ILLEGAL_ADDRESS)
        now_s = time.time()
        first, end = (address + 1) // 2, (address + words) // 2
        values = []
        for index in range(first, end):
            times = self.served_s[index]
            values.append(reading(self.channels[index], len(times)))
            times.append(now_s)
        body = struct.pack(f">{len(values)}I", *values)
        # half a value at either end is not a reading
        body = bytes(2 * (2 * first - address)) + body + bytes(2 * (address + words - 2 * end))
        return bytes((function, 2 * words)) + body


class _TcpServer(asyncio.Protocol):
    """One connection to the devices of one port."""

    def __init__(self, units: dict[int, Device]) -> None:
        self._units = units
        self._frames = modbus_tcp.TcpFrames()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for transaction, unit, pdu in self._frames.feed(data):
            device = self._units.get(unit)
            if device is not None and (answer := device.answer(pdu)) is not None:
                self._transport.write(modbus_tcp.tcp(transaction, unit, answer))


class _PtyBus:
    """The devices of one serial bus: half duplex, an answer comes when question and answer have been on the wire."""

    def __init__(self, units: dict[int, Device], link: Path) -> None:
        self._units = units
        self._outside, inside = os.openpty()
        tty.setraw(inside)
        os.set_blocking(self._outside, False)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(inside))
        self._heard = b""
        self._heard_s = 0.0
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._outside, self._readable)

    def _readable(self) -> None:
        now_s = self._loop.time()
        if now_s - self._heard_s > _TORN_S:
            self._heard = b""
        self._heard_s = now_s
        self._heard += os.read(self._outside, 4096)
        while len(self._heard) >= _REQUEST_BYTES:
            frame = self._heard[:_REQUEST_BYTES]
            if not modbus.rtu_ok(frame):
                self._heard = self._heard[1:]
                continue
            self._heard = self._heard[_REQUEST_BYTES:]
            words = struct.unpack_from(">H", frame, 4)[0]
            characters = len(frame) + 5 + 2 * words + 2 * 3.5
            self._loop.call_later(characters * _BITS / _BAUD, self._answer, frame)

    def _answer(self, frame: bytes) -> None:
        device = self._units.get(frame[0])
        if device is not None and (answer := device.answer(frame[1:-2])) is not None:
            os.write(self._outside, modbus.rtu(frame[0], answer))


async def _serve(load: Load, folder: Path) -> None:
    loop = asyncio.get_running_loop()
    devices = [Device(load, number) for number in range(load.devices)]
    lines: list[dict[int, Device]] = [{} for _ in range(load.lines)]
    for number, device in enumerate(devices):
        lines[load.line(number)][load.unit(number)] = device
    places: list[int | str] = []
    buses = []
    for index, units in enumerate(lines):
        if load.units_per_bus is None:
            server = await loop.create_server(_connection_to(units), _LOOPBACK, 0)
            places.append(server.sockets[0].getsockname()[1])
        else:
            buses.append(_PtyBus(units, folder / f"bus-{index}"))
            places.append(str(folder / f"bus-{index}"))
    print(json.dumps(places), flush=True)
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():  # to the end of whoever started us
        verb, *rest = line.decode().split()
        if verb == "silence":
            devices[int(rest[0])].is_silent = True
        elif verb == "freeze":
            for device in devices:
                device.is_silent = True
        else:
            with Path(rest[0]).open("wb") as file:
                for device in devices:
                    for times in device.served_s:
                        array("Q", [len(times)]).tofile(file)
                        times.tofile(file)
        print("done", flush=True)


def _connection_to(units: dict[int, Device]) -> Callable[[], asyncio.Protocol]:
    return lambda: _TcpServer(units)


def served(load: Load, path: Path) -> list["array[float]"]:
    """What "dump" wrote: by channel, when each reading was given (Unix seconds)."""
    times = []
    with path.open("rb") as file:
        for _ in range(load.devices * load.values):
            count = array("Q")
            count.fromfile(file, 1)
            times.append(array("d"))
            times[-1].fromfile(file, count[0])
    return times


if __name__ == "__main__":
    asyncio.run(_serve(Load(*json.loads(sys.argv[1])), Path(sys.argv[2])))
