"""Knows what systemd is told (sd_notify(3)) and when the gateway deserves to live on; knows no part of it.

The watchdog is fed only while every part moves: a gateway that hangs in one of them is started again by systemd.
"""

import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping

from gateway.machine.lines import Opener, OpenLine
from gateway.ports import Clock

log = logging.getLogger(__name__)
Notify = Callable[[str], None]
_LOOK_S = 10.0  # without a watchdog; ours


def notifier(environ: Mapping[str, str] = os.environ) -> Notify:
    """Tells systemd, if it has asked. What it can't be told is nobody's trouble."""
    name = environ.get("NOTIFY_SOCKET", "")

    def notify(text: str) -> None:
        if name:
            address = "\0" + name[1:] if name.startswith("@") else name
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
                door.setblocking(False)
                try:
                    door.sendto(text.encode(), address)
                except OSError as error:
                    log.warning("systemd can't be told: %s", error)

    return notify


def look_s(environ: Mapping[str, str] = os.environ) -> float:
    """How often to feed: half of what systemd allows, as sd_watchdog_enabled(3) advises."""
    allowed = environ.get("WATCHDOG_USEC", "")
    return int(allowed) / 2e6 if allowed.isdecimal() and int(allowed) else _LOOK_S


class Movement:
    """When each part has last done anything, and how long it may be still."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._parts: dict[str, tuple[int, int]] = {}  # (last moved, limit)

    def expect(self, part: str, limit_ms: int) -> None:
        self._parts[part] = (self._clock.monotonic_ms(), limit_ms)

    def moved(self, part: str) -> None:
        self._parts[part] = (self._clock.monotonic_ms(), self._parts[part][1])

    def stuck(self) -> list[str]:
        """Why not to feed the watchdog; empty: all is well."""
        now_ms = self._clock.monotonic_ms()
        return [
            f"{part} has not moved for {(now_ms - moved_ms) // 1000} s (limit {limit_ms // 1000} s)"
            for part, (moved_ms, limit_ms) in self._parts.items()
            if now_ms - moved_ms > limit_ms
        ]

    def watched(self, part: str, opener: Opener) -> Opener:
        """The same line; each step on it, and each try to open it, is a move of that part."""

        async def open_line() -> OpenLine:
            self.moved(part)
            return _WatchedLine(await opener(), lambda: self.moved(part))

        return open_line


class _WatchedLine:
    def __init__(self, line: OpenLine, moved: Callable[[], None]) -> None:
        self._line = line
        self._moved = moved
        self.pending = line.pending
        self.close = line.close

    async def write(self, data: bytes) -> None:
        self._moved()
        await self._line.write(data)

    async def read(self, timeout_ms: int) -> bytes:
        data = await self._line.read(timeout_ms)
        self._moved()
        return data


async def keep_fed(
    notify: Notify, stuck: Callable[[], list[str]], every_s: float, sleep: Callable[[float], Awaitable[None]]
) -> None:
    """Ready, then food for the watchdog for as long as nothing is stuck, for ever."""
    notify("READY=1\nSTATUS=running")
    told: list[str] = []
    while True:
        reasons = stuck()
        if not reasons:
            notify("WATCHDOG=1" if not told else "WATCHDOG=1\nSTATUS=running")
        elif not told:
            log.error("the watchdog is not fed: %s", "; ".join(reasons))
            notify("STATUS=" + "; ".join(reasons))
        told = reasons
        await sleep(every_s)
