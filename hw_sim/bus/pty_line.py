"""Knows how a pseudo-terminal becomes a party on a simulated wire; knows nothing of what is said.

A separate process (the real gateway) opens the terminal's name like any serial port.
"""

import asyncio
import os
import tty
from contextlib import suppress
from pathlib import Path

from hw_sim.bus.wire import Wire

_GATHER_S = 0.002  # what one process writes at once may come in two reads


class PtyParty:
    """The far end of a serial port that the outside sees as `link`."""

    def __init__(self, wire: Wire, link: Path) -> None:
        self._wire = wire
        self._outside, inside = os.openpty()
        tty.setraw(inside)
        self._inside = inside  # kept open: or the port would hang up whenever nobody uses it
        os.set_blocking(self._outside, False)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(inside))
        self._heard = bytearray()
        self._flush: asyncio.TimerHandle | None = None
        wire.attach(self)
        asyncio.get_running_loop().add_reader(self._outside, self._readable)

    def _readable(self) -> None:
        self._heard += os.read(self._outside, 4096)
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(_GATHER_S, self._send)

    def _send(self) -> None:
        self._flush = None
        data = bytes(self._heard)
        self._heard.clear()
        self._wire.send(self, data)

    def hear(self, data: bytes) -> None:
        with suppress(BlockingIOError):  # nobody has read for long: a serial port would overrun too
            os.write(self._outside, data)

    def close(self) -> None:
        self._wire.detach(self)
        if self._flush is not None:
            self._flush.cancel()
        asyncio.get_running_loop().remove_reader(self._outside)
        os.close(self._outside)
        os.close(self._inside)
