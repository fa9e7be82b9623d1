"""Knows raw NOR flash with its wear, its slowness and its accidents; knows no journal that lies in it."""

import asyncio
from collections.abc import Callable

from firmware.board import Flash
from hw_sim.node.kept import Kept
from hw_sim.streams import Stream

PAGE_BYTES = 256
# Winbond W25Q128JV data sheet, AC characteristics: tPP 0.7 ms (3 at most), tSE 45 ms (400 at most); 100,000 cycles
PAGE_MS, SLOW_PAGE_MS = 0.7, 3.0
ERASE_MS, SLOW_ERASE_MS = 45.0, 400.0
ENDURANCE = 100_000


class PowerCut(asyncio.CancelledError):
    """The power went in the middle of an operation on flash. Firmware can't catch it: its task ends here."""


class SimFlash(Flash):
    """NOR flash in memory: erased is 0xFF, writing clears bits. Count its wear in `programs` and `erases` (by sector).

    `page_ms` and `erase_ms` are what an operation takes; `passes` lets that time go by for the processor, in seconds.
    `kept` is told each write that is whole, at `now_ms`.
    """

    def __init__(self, sectors: int = 16, sector_bytes: int = 4096) -> None:
        self.sectors = sectors
        self.sector_bytes = sector_bytes
        self.content = bytearray(b"\xff" * sectors * sector_bytes)
        self.programs = 0
        self.erases = [0] * sectors
        self.page_ms = 0.0
        self.erase_ms = 0.0
        self.passes: Callable[[float], None] = lambda seconds: None
        self.now_ms: Callable[[], int] = lambda: 0
        self.kept = Kept()
        self._cut_in: int | None = None
        self._cut_share = 0.0
        self._on_cut: Callable[[], None] | None = None

    # --- what a board asks --------------------------------------------------------------------------------------------

    def read(self, offset: int, count: int) -> bytes:
        return bytes(self.content[offset : offset + count])

    def write(self, offset: int, data: bytes) -> None:
        self.programs += 1
        if self.page_ms:
            pages = (offset + len(data) - 1) // PAGE_BYTES - offset // PAGE_BYTES + 1
            self.passes(self.page_ms * pages / 1000)
        end = offset + len(data)
        before = self.content[offset:end]
        after = bytes(old & new for old, new in zip(before, data, strict=True))
        if self._cut_in is not None and self._is_last():
            whole, eighths = divmod(int(self._cut_share * 8 * len(data)), 8)
            torn = bytearray(after[:whole] + before[whole:])
            if whole < len(data):
                torn[whole] = before[whole] & (data[whole] | (0xFF >> eighths))  # its first bits are programmed
            self.content[offset:end] = torn
            self._cut()
        self.content[offset:end] = after
        self.kept.wrote(offset, data, self.now_ms())

    def erase(self, sector: int) -> None:
        self.erases[sector] += 1
        if self.erase_ms:
            self.passes(self.erase_ms / 1000)
        start = sector * self.sector_bytes
        end = start + self.sector_bytes
        if self._cut_in is not None and self._is_last():
            whole = int(self._cut_share * self.sector_bytes)
            before = self.content[start + whole : end]
            # bits of an unfinished erasure have come up here and there
            self.content[start:end] = b"\xff" * whole + bytes(old | (at * 73 & 0xFF) for at, old in enumerate(before))
            self._cut()
        self.content[start:end] = b"\xff" * self.sector_bytes

    # --- what happens to it -------------------------------------------------------------------------------------------

    def cut_at(self, operation: int, share: float, then: Callable[[], None]) -> None:
        """In the `operation`-th program or erasure from now (1: the next), when `share` of it is done (1.0: whole),
        the power goes: `then` is called, and the firmware never gets an answer."""
        self._cut_in, self._cut_share, self._on_cut = operation, share, then

    def spare(self) -> None:
        """No cut any more."""
        self._cut_in = None

    def rot(self, bits: int, stream: Stream) -> list[int]:
        """Programmed bits lose their charge and read 1 again; the offsets of their bytes. Fewer, if little is
        programmed."""
        found = []
        for _ in range(bits):
            for _ in range(1000):
                offset = stream.below(len(self.content))
                bit = 1 << stream.below(8)
                if not self.content[offset] & bit:
                    self.content[offset] |= bit
                    found.append(offset)
                    break
        return found

    def _is_last(self) -> bool:
        assert self._cut_in is not None
        self._cut_in -= 1
        return self._cut_in <= 0

    def _cut(self) -> None:
        self._cut_in = None
        if self._on_cut is not None:
            self._on_cut()
        raise PowerCut("in the middle of an operation on flash")
