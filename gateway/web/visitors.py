"""Knows how many may be connected, encrypted or not, and how long each may take to ask; knows nothing of what they ask.

One port is for both: who begins with a TLS record gets TLS, all others are answered plainly, so nobody who types the
address without https sees an error. aiohttp waits for a first request for ever; here who has not sent its head in time
is hung up.
"""

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from ipaddress import IPv6Address, ip_address
from typing import Any

log = logging.getLogger(__name__)

# Connections; a browser opens six (RFC 9112, 9.4 names no number; measured), and all who come by a tunnel have one
# address. Ours.
_MOST, _MOST_OF_ONE = 96, 32
HEAD_S = 10.0
_SLOW_S = 60.0  # to take what waits for them; a download gives up at 30 s. Ours
_END = b"\r\n\r\n"
_HANDSHAKE = b"\x16"  # the first byte of a TLS connection (RFC 8446, 5.1); no method of HTTP begins with it
_NO_HANDLES_S = 1.0  # then there may be some again; ours
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)  # "localhost" is ::1 too, on a machine that has no IPv6


def network(address: str) -> str:
    """Of IPv6 the network: who has one address there has all of them (RFC 6177)."""
    try:
        whole = ip_address(address)
    except ValueError:
        return address
    return str(IPv6Address(int(whole) >> 64 << 64)) if isinstance(whole, IPv6Address) else str(whole)


class Crowd:
    """All who are connected; `inner` makes the protocol of each. `tls` None: nobody is encrypted."""

    def __init__(self, inner: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None, head_s: float) -> None:
        self._inner = inner
        self._tls = tls
        self._head_s = head_s
        self._connected: Counter[str] = Counter()
        self._talks: set[asyncio.Task[None]] = set()

    async def receive(self, door: socket.socket) -> None:
        """All who come to a listening socket, until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                line, address = await loop.sock_accept(door)
            except OSError as error:
                log.warning("nobody can be let in: %s", error)
                await asyncio.sleep(_NO_HANDLES_S)
                continue
            who = network(str(address[0]))
            if self._connected.total() >= _MOST or self._connected[who] >= _MOST_OF_ONE:
                line.close()
                continue
            self._connected[who] += 1
            talk = loop.create_task(self._talk(line, who))
            self._talks.add(talk)
            talk.add_done_callback(self._talks.discard)

    async def part(self) -> None:
        """From all."""
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _talk(self, line: socket.socket, who: str) -> None:
        visitor = Visitor(self._inner(), self._head_s)
        try:
            async with asyncio.timeout(self._head_s):
                tls = self._tls if await _first(line) == _HANDSHAKE else None
                await asyncio.get_running_loop().connect_accepted_socket(lambda: visitor, line, ssl=tls)
            await visitor.gone.wait()
        except (OSError, TimeoutError):  # of those who are no trouble of ours
            line.close()
        finally:
            self._connected -= Counter({who: 1})


async def _first(line: socket.socket) -> bytes:
    """The first byte, which stays where it is."""
    loop = asyncio.get_running_loop()
    came = asyncio.Event()
    loop.add_reader(line, came.set)
    try:
        await came.wait()
    finally:
        loop.remove_reader(line)
    return line.recv(1, socket.MSG_PEEK)


class Visitor(asyncio.Protocol):
    """One connection: hands all on to aiohttp's protocol of it."""

    def __init__(self, inner: asyncio.Protocol, head_s: float, slow_s: float = _SLOW_S) -> None:
        self._inner = inner
        self._head_s = head_s
        self._slow_s = slow_s
        self._tail = b""
        self._has_begun = False
        self._too_late: asyncio.TimerHandle | None = None
        self._too_slow: asyncio.TimerHandle | None = None
        self.gone = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._too_late = asyncio.get_running_loop().call_later(self._head_s, transport.abort)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._too_late is not None:
            # empty lines before a request are none of it (RFC 9112, 2.2)
            seen = self._tail + (data if self._has_begun else data.lstrip(b"\r\n"))
            self._has_begun |= bool(seen)
            self._tail = seen[1 - len(_END) :]
            if _END in seen:
                self._too_late.cancel()
                self._too_late = None
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        for timer in (self._too_late, self._too_slow):
            if timer is not None:
                timer.cancel()
        self._inner.connection_lost(error)
        self.gone.set()

    def pause_writing(self) -> None:
        self._too_slow = asyncio.get_running_loop().call_later(self._slow_s, self._transport.abort)
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._too_slow is not None:
            self._too_slow.cancel()
            self._too_slow = None
        self._inner.resume_writing()


@contextlib.asynccontextmanager
async def listening(host: str, port: int) -> AsyncIterator[list[socket.socket]]:
    """At each address of that host. OSError: the place can't be had."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    with contextlib.ExitStack() as doors:
        opened = []
        for place, (family, _, _, _, address) in enumerate(dict.fromkeys(found)):
            try:
                opened.append(doors.enter_context(socket.create_server(address[:2], family=family, backlog=100)))
            except OSError as error:
                if error.errno not in _NOT_HERE or (place == len(found) - 1 and not opened):
                    raise
        for door in opened:
            door.setblocking(False)
        yield opened
