"""Knows how a gateway's line ends in a simulated centre, over a fast link or a small modem; knows no frame."""

import asyncio
from typing import Protocol

from gateway.machine.lines import Inbox, LineLost, OpenLine
from hw_sim.platforms.sl651 import Said


class FarEnd(Protocol):
    """A simulated centre or platform."""

    def connected(self) -> None: ...
    def feed(self, data: bytes) -> list[Said]: ...


class CentreWay:
    """The way to a centre in this process. `up`: whether it can be had. A modem of `message_bytes` carries no longer
    message, and none within `spacing_s` of the last: it drops them, as a Beidou terminal does."""

    def __init__(
        self, centre: FarEnd, delay_s: float = 0.05, message_bytes: int | None = None, spacing_s: float = 0.0
    ) -> None:
        self.centre = centre
        self.delay_s = delay_s
        self.up = True
        self.message_bytes = message_bytes
        self.spacing_s = spacing_s
        self.sent: list[tuple[float, int]] = []  # (when, bytes) of what the gateway wrote
        self.dropped = 0
        self.opened = 0
        self._line: CentreLine | None = None

    async def open(self) -> OpenLine:
        self.opened += 1
        await asyncio.sleep(self.delay_s)
        if not self.up:
            raise LineLost("no centre")
        self.centre.connected()
        self._line = CentreLine(self)
        return self._line

    def cut(self) -> None:
        """The connection breaks; whether it comes back is said by `up`."""
        if self._line is not None:
            self._line.lose()

    def tell(self, said: Said) -> None:
        """The centre speaks first."""
        if self._line is not None:
            self._line.receive(said)

    def carries(self, data: bytes) -> bool:
        now_s = asyncio.get_running_loop().time()
        last_s = self.sent[-1][0] if self.sent else None
        self.sent.append((now_s, len(data)))
        too_soon = last_s is not None and now_s - last_s < self.spacing_s
        if too_soon or (self.message_bytes is not None and len(data) > self.message_bytes):
            self.dropped += 1
            return False
        return True


class CentreLine:
    """The gateway's end of one connection."""

    def __init__(self, way: CentreWay) -> None:
        self._way = way
        self._inbox = Inbox()
        self._is_lost = False

    def lose(self) -> None:
        self._is_lost = True
        self._inbox.lose("hung up")

    async def write(self, data: bytes) -> None:
        if self._is_lost or not self._way.up:
            raise LineLost("hung up")
        if self._way.carries(data):
            for said in self._way.centre.feed(data):
                self.receive(said)

    def receive(self, said: Said) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(self._way.delay_s + said.delay_s, self._arrive, said)

    def _arrive(self, said: Said) -> None:
        if not self._is_lost:
            self._inbox.put(said.data)
            if said.hangs_up:
                self.lose()

    async def read(self, timeout_ms: int) -> bytes:
        return await self._inbox.read(timeout_ms)

    def pending(self) -> bytes:
        return self._inbox.pending()

    def close(self) -> None:
        self._is_lost = True
