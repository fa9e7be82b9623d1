"""Knows how serial ports and TCP connections become Lines on the asyncio loop; knows nothing of what they carry."""

import asyncio
import contextlib
import os
import termios
from collections.abc import Awaitable, Callable
from typing import Protocol

import serial
from serial.tools import list_ports

from gateway.machine import usb
from gateway.messages import Phrase

_DEAF_AFTER = 10  # requests on one TCP connection without a byte in return


class LineLost(Exception):
    """The port or connection is gone: open it again later. `phrase`: why, where it has words for people."""

    def __init__(self, why: str | Phrase) -> None:
        super().__init__(why.text("en") if isinstance(why, Phrase) else why)
        self.phrase = why if isinstance(why, Phrase) else None


class OpenLine(Protocol):
    """A Line (protocols/modbus_client.py) that can be closed; every verb may raise LineLost."""

    async def write(self, data: bytes) -> None: ...
    async def read(self, timeout_ms: int) -> bytes: ...
    def pending(self) -> bytes: ...
    def close(self) -> None: ...


Opener = Callable[[], Awaitable[OpenLine]]


class Inbox:
    """Bytes that have come, and whoever waits for them."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._lost: Phrase | str | None = None

    def put(self, data: bytes) -> None:
        self._buffer += data
        self._wake()

    def lose(self, why: Phrase | str) -> None:
        self._lost = why
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def pending(self) -> bytes:
        data = bytes(self._buffer)
        self._buffer.clear()
        if not data and self._lost is not None:
            raise LineLost(self._lost)
        return data

    async def read(self, timeout_ms: int) -> bytes:
        if not self._buffer and self._lost is None and timeout_ms > 0:
            waiter = self._waiter = self._loop.create_future()
            timer = self._loop.call_later(timeout_ms / 1000, self._wake)
            try:
                await waiter
            finally:
                timer.cancel()
                self._waiter = None
        return self.pending()


class SerialLine:
    """A serial port through pyserial. The pty of a simulator knows no parity, so there N is set (see `open`)."""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port
        self._fd = port.fileno()
        self._is_pty = _is_pty(port.port or "")
        self._inbox = Inbox()
        asyncio.get_running_loop().add_reader(self._fd, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, 4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._inbox.put(data)
        else:
            self._inbox.lose(Phrase("line.gone", port=self._port.port))
            asyncio.get_running_loop().remove_reader(self._fd)

    async def write(self, data: bytes) -> None:
        try:
            # pyserial's write would spin for ever on a full buffer, its drain block the loop: sleep for the time on
            # the wire instead
            if os.write(self._fd, data) < len(data):
                raise LineLost(Phrase("line.full", port=self._port.port))
            bits = 1 + self._port.bytesize + (self._port.parity != "N") + self._port.stopbits
            if not self._is_pty:
                await asyncio.sleep(len(data) * bits / self._port.baudrate)
        except (serial.SerialException, OSError) as error:
            raise LineLost(str(error)) from error

    async def read(self, timeout_ms: int) -> bytes:
        return await self._inbox.read(timeout_ms)

    def pending(self) -> bytes:
        return self._inbox.pending()

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        with contextlib.suppress(OSError):
            self._port.close()


def _is_pty(port: str) -> bool:
    return os.path.realpath(port).startswith("/dev/pts/")


def _hint_parity(fd: int, parity: str) -> None:
    """Two flags that a pty keeps and that do nothing there tell a simulated bus behind it which parity was meant."""
    state = termios.tcgetattr(fd)
    state[0] |= termios.INPCK
    state[2] |= termios.PARODD if parity == "O" else 0
    termios.tcsetattr(fd, termios.TCSANOW, state)


def serial_opener(
    port: str, baud: int, parity: str = "N", stop_bits: int = 1, ports: usb.Ports = list_ports.comports
) -> Opener:
    """Opens a serial port for this process alone. One that is known by its identity is looked for each time."""

    async def open_port() -> OpenLine:
        try:
            device = usb.find(port, ports()) if usb.is_identity(port) else port
            kept_parity = "N" if _is_pty(device) else parity  # Linux ptys refuse any other
            opened = serial.Serial(
                device, baud, parity=kept_parity, stopbits=stop_bits, timeout=0, write_timeout=0, exclusive=True
            )
            if kept_parity != parity:
                _hint_parity(opened.fileno(), parity)
            return SerialLine(opened)
        except (serial.SerialException, OSError, ValueError, usb.NoSuchPort) as error:
            raise LineLost(str(error)) from behind(error)

    return open_port


def behind(error: Exception) -> Exception:
    """What the system said, where pyserial keeps it to itself: of no serial port it says it as an error of termios."""
    cause = error.__context__
    if isinstance(error, serial.SerialException) and error.errno is None and isinstance(cause, termios.error):
        return OSError(*cause.args)
    return error


class TcpLine(asyncio.Protocol):
    """A TCP connection. Half-open ones are told by their silence (`deaf_after` requests; None: the other side need not
    answer): nobody else would for hours."""

    def __init__(self, deaf_after: int | None = _DEAF_AFTER) -> None:
        self._deaf_after = deaf_after
        self._inbox = Inbox()
        self._unanswered = 0  # writes since anything came
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unanswered = 0
        self._inbox.put(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._inbox.lose(str(exc) if exc else Phrase("line.closed"))

    async def write(self, data: bytes) -> None:
        if self._transport is None:
            raise LineLost(Phrase("line.not_connected"))
        if self._deaf_after is not None and self._unanswered >= self._deaf_after:
            raise LineLost(Phrase("line.deaf", requests=self._unanswered))
        self._unanswered += 1
        self._transport.write(data)

    async def read(self, timeout_ms: int) -> bytes:
        return await self._inbox.read(timeout_ms)

    def pending(self) -> bytes:
        return self._inbox.pending()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def tcp_opener(address: str, timeout_s: float = 5.0, deaf_after: int | None = _DEAF_AFTER) -> Opener:
    """Connects to "host:port"."""
    host, _, port = address.rpartition(":")

    async def connect() -> OpenLine:
        try:
            async with asyncio.timeout(timeout_s):
                loop = asyncio.get_running_loop()
                _, line = await loop.create_connection(lambda: TcpLine(deaf_after), host.strip("[]"), int(port))
            return line
        except (OSError, TimeoutError) as error:
            raise LineLost(f"{address}: {error}") from error

    return connect
