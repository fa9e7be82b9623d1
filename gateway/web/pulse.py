"""Knows the gateway's newest state, by watching its control socket; knows no page and no store."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from gateway.states import Status

log = logging.getLogger(__name__)
_EVERY_S = 2.0
_SILENT_S = 15.0  # a gateway that says nothing for so long hangs
_RETRY_S = 3.0
_LARGEST_BYTES = 1 << 22  # a state has some kB for each ten channels


class Pulse:
    """`status` is None while no gateway answers; `reason` says how that shows."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self.status: Status | None = None
        self.reason = ""
        self.beats = 0
        self._beat = asyncio.Event()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                async for line in self._lines():
                    self.tell(msgspec.json.decode(line, type=Status))
                reason = "hung up"
            except (OSError, TimeoutError, ValueError, msgspec.MsgspecError) as error:
                reason = str(error) or type(error).__name__
            if self.reason != reason:
                log.warning("no gateway at %s: %s", self._socket, reason)
            self.tell(None, reason)
            await asyncio.sleep(_RETRY_S)

    def tell(self, status: Status | None, reason: str = "") -> None:
        """It is so now: whoever waits looks again."""
        self.status, self.reason = status, reason
        self.beats += 1
        self._beat.set()
        self._beat = asyncio.Event()

    async def after(self, beats: int, timeout_s: float) -> None:
        """Returns once there are more beats than these, or that time is over."""
        if self.beats <= beats:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._beat.wait()

    async def _lines(self) -> AsyncIterator[bytes]:
        reader, writer = await asyncio.open_unix_connection(self._socket, limit=_LARGEST_BYTES)
        try:
            writer.write(json.dumps({"command": "watch", "every_s": _EVERY_S}).encode() + b"\n")
            while True:
                async with asyncio.timeout(_SILENT_S):
                    line = await reader.readline()
                if not line:
                    return
                yield line
        finally:
            writer.close()
