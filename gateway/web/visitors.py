"""Knows how many may be connected and how long each may take to ask; knows nothing of what they ask.

aiohttp waits for a first request for ever; here who has not sent its head in time is hung up.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

# Connections; a browser opens six (RFC 9112, 9.4 names no number; measured), and all who come by a tunnel have one
# address. Ours.
_MOST, _MOST_OF_ONE = 96, 32
HEAD_S = 10.0
_END = b"\r\n\r\n"


class Crowd:
    """All who are connected; makes the protocol of each."""

    def __init__(self, inner: Callable[[], asyncio.Protocol], head_s: float) -> None:
        self._inner = inner
        self.head_s = head_s
        self._connected: Counter[str] = Counter()

    def visitor(self) -> "Visitor":
        return Visitor(self, self._inner())

    def admit(self, address: str) -> bool:
        if self._connected.total() >= _MOST or self._connected[address] >= _MOST_OF_ONE:
            return False
        self._connected[address] += 1
        return True

    def leave(self, address: str) -> None:
        self._connected -= Counter({address: 1})


class Visitor(asyncio.Protocol):
    """One connection: hands all on to aiohttp's protocol of it."""

    def __init__(self, crowd: Crowd, inner: asyncio.Protocol) -> None:
        self._crowd = crowd
        self._inner = inner
        self._address = ""
        self._is_in = False
        self._tail = b""
        self._too_late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        self._address = str((transport.get_extra_info("peername") or ("",))[0])
        if not self._crowd.admit(self._address):
            transport.abort()
            return
        self._is_in = True
        self._too_late = asyncio.get_running_loop().call_later(self._crowd.head_s, transport.abort)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if not self._is_in:
            return
        if self._too_late is not None:
            seen = self._tail + data
            self._tail = seen[1 - len(_END) :]
            if _END in seen:
                self._too_late.cancel()
                self._too_late = None
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._is_in else None

    def connection_lost(self, error: Exception | None) -> None:
        if self._too_late is not None:
            self._too_late.cancel()
        if self._is_in:
            self._crowd.leave(self._address)
            self._inner.connection_lost(error)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()
