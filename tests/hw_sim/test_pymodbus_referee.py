"""pymodbus as referee: its servers answer our clients, its clients ask our server's half; both see the same words."""

import asyncio
import os
import time
import tty
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from gateway.machine.lines import serial_opener, tcp_opener
from protocols import modbus, modbus_server, modbus_tcp
from protocols.errors import DeviceError, RangeError
from protocols.modbus import Request
from protocols.modbus_client import RtuClient
from protocols.tcp_client import TcpClient

HOST = "127.0.0.1"
WORDS = [(address * 0x9E37 + 0x1234) & 0xFFFF for address in range(300)]
READS = [(0, 1), (0, 2), (7, 10), (100, 125), (299, 1)]
Ask = Callable[[Request], Awaitable[tuple[int, ...]]]


def device(unit_id: int = 1) -> SimDevice:
    """A pymodbus device whose registers 0 to 299 hold WORDS."""
    return SimDevice(id=unit_id, simdata=[SimData(0, values=list(WORDS), datatype=DataType.REGISTERS)])


def answer(words: list[int], unit_id: int, pdu: bytes) -> bytes:
    """Our own server's half over `words`."""
    try:
        request = modbus_server.parse_request(unit_id, pdu)
    except RangeError:
        return modbus_server.refusal(pdu[0], modbus_server.ILLEGAL_FUNCTION)
    end = request.address + request.quantity
    if end > len(words):
        return modbus_server.refusal(request.function, modbus_server.ILLEGAL_ADDRESS)
    if request.values:
        words[request.address : end] = request.values
        return modbus_server.reply(request)
    return modbus_server.reply(request, tuple(words[request.address : end]))


def now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


@asynccontextmanager
async def cable() -> AsyncIterator[tuple[str, str]]:
    """Two serial ports that are one line: what is written to one is read from the other."""
    loop = asyncio.get_running_loop()
    ends = [os.openpty(), os.openpty()]
    for master, slave in ends:
        tty.setraw(slave)
        os.set_blocking(master, False)

    def pump(source: int, sink: int) -> None:
        os.write(sink, os.read(source, 4096))

    for (source, _), (sink, _) in (ends, ends[::-1]):
        loop.add_reader(source, pump, source, sink)
    try:
        yield os.ttyname(ends[0][1]), os.ttyname(ends[1][1])
    finally:
        for master, slave in ends:
            loop.remove_reader(master)
            os.close(master)
            os.close(slave)


@asynccontextmanager
async def their_tcp_server() -> AsyncIterator[Ask]:
    """pymodbus serves TCP, our client asks."""
    server = ModbusTcpServer(device(), address=(HOST, 0))
    await server.serve_forever(background=True)
    line = await tcp_opener(f"{HOST}:{server.transport.sockets[0].getsockname()[1]}")()
    try:
        yield TcpClient(line, now_ms).ask
    finally:
        line.close()
        await server.shutdown()


@asynccontextmanager
async def their_serial_server() -> AsyncIterator[Ask]:
    """pymodbus serves RTU on one end of a cable, our client asks at the other."""
    async with cable() as (here, there):
        server = ModbusSerialServer(device(), framer=FramerType.RTU, port=there, baudrate=9600, parity="N")
        await server.serve_forever(background=True)
        line = await serial_opener(here, 9600)()
        try:
            yield RtuClient(line, now_ms, 9600, latency_ms=1000).ask
        finally:
            line.close()
            await server.shutdown()


@pytest.mark.parametrize("served", [their_tcp_server, their_serial_server])
def test_our_client_reads_what_their_server_holds(served: Callable[[], AsyncIterator[Ask]]) -> None:
    async def ask_all() -> None:
        async with served() as ask:  # type: ignore[attr-defined]
            for function in (modbus.READ_HOLDING, modbus.READ_INPUT):
                for address, count in READS:
                    assert await ask(Request(1, function, address, count)) == tuple(WORDS[address : address + count])

    asyncio.run(ask_all())


@pytest.mark.parametrize("served", [their_tcp_server, their_serial_server])
def test_our_client_writes_what_their_server_gives_back(served: Callable[[], AsyncIterator[Ask]]) -> None:
    async def write_and_read() -> None:
        async with served() as ask:  # type: ignore[attr-defined]
            assert await ask(Request(1, modbus.WRITE_ONE, 5, 1, (0xBEEF,))) == ()
            assert await ask(Request(1, modbus.WRITE_MANY, 6, 3, (1, 2, 0xFFFF))) == ()
            assert await ask(Request(1, modbus.READ_HOLDING, 4, 6)) == (WORDS[4], 0xBEEF, 1, 2, 0xFFFF, WORDS[9])

    asyncio.run(write_and_read())


@pytest.mark.parametrize("served", [their_tcp_server, their_serial_server])
def test_our_client_hears_their_refusal_and_goes_on(served: Callable[[], AsyncIterator[Ask]]) -> None:
    async def refused() -> None:
        async with served() as ask:  # type: ignore[attr-defined]
            with pytest.raises(DeviceError) as refusal:
                await ask(Request(1, modbus.READ_HOLDING, 295, 20))
            assert refusal.value.code == modbus_server.ILLEGAL_ADDRESS
            assert await ask(Request(1, modbus.READ_HOLDING, 0, 1)) == (WORDS[0],)

    asyncio.run(refused())


async def ask_as_client(client: AsyncModbusTcpClient | AsyncModbusSerialClient) -> None:
    """What their client must see of our server's half."""
    assert await client.connect()
    try:
        for address, count in READS:
            for read in (client.read_holding_registers, client.read_input_registers):
                reply = await read(address, count=count, device_id=1)
                assert not reply.isError() and reply.registers == WORDS[address : address + count]
        assert not (await client.write_register(5, 0xBEEF, device_id=1)).isError()
        assert not (await client.write_registers(6, [1, 2, 0xFFFF], device_id=1)).isError()
        reply = await client.read_holding_registers(4, count=6, device_id=1)
        assert reply.registers == [WORDS[4], 0xBEEF, 1, 2, 0xFFFF, WORDS[9]]
        reply = await client.read_holding_registers(290, count=20, device_id=1)
        assert reply.isError() and reply.exception_code == modbus_server.ILLEGAL_ADDRESS
        reply = await client.read_coils(0, count=1, device_id=1)
        assert reply.isError() and reply.exception_code == modbus_server.ILLEGAL_FUNCTION
    finally:
        client.close()


def test_their_client_reads_what_our_tcp_half_serves() -> None:
    words = list(WORDS)
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = modbus_tcp.TcpFrames()
        while data := await reader.read(4096):
            for transaction, unit_id, pdu in frames.feed(data):
                writer.write(modbus_tcp.tcp(transaction, unit_id, answer(words, unit_id, pdu)))
        writer.close()
        await writer.wait_closed()
        gone.set()

    async def ask_all() -> None:
        server = await asyncio.start_server(serve, HOST, 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            await ask_as_client(AsyncModbusTcpClient(HOST, port=port, timeout=2))
            await gone.wait()

    asyncio.run(ask_all())


def test_their_client_reads_what_our_rtu_half_serves() -> None:
    words = list(WORDS)

    async def ask_all() -> None:
        async with cable() as (here, there):
            line = await serial_opener(here, 19200)()
            requests = modbus_server.RtuRequests()

            async def serve() -> None:
                while True:
                    for frame in requests.feed(await line.read(1000)):
                        await line.write(modbus.rtu(frame[0], answer(words, frame[0], frame[1:-2])))

            serving = asyncio.create_task(serve())
            try:
                await ask_as_client(AsyncModbusSerialClient(there, framer=FramerType.RTU, baudrate=19200, timeout=2))
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
                line.close()

    asyncio.run(ask_all())
