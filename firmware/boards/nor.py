"""Knows how bytes get into NOR flash behind a MicroPython block device, page by page; knows no chip and no journal.

Compiled, type-checked and tested over a device in memory; never run on silicon.
"""

from firmware.board import Flash

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from collections.abc import Callable
    from typing import Protocol

    class BlockDevice(Protocol):
        """MicroPython's extended block protocol (docs/library/vfs.rst, AbstractBlockDev): with an offset,
        writeblocks() programs and never erases."""

        def readblocks(self, __block: int, __into: bytearray, __offset: int) -> object: ...
        def writeblocks(self, __block: int, __data: bytes, __offset: int) -> object: ...
        def ioctl(self, __op: int, __argument: int) -> int | None: ...


_BLOCK_COUNT, _BLOCK_SIZE, _BLOCK_ERASE = 4, 5, 6  # ioctl operations, same source


def programs(offset: int, data: bytes, page_bytes: int) -> list[tuple[int, bytes]]:
    """The writes (offset, bytes) of whole pages that program `data` and leave the rest of each page as it is.

    The rest is filled with FF: programming only turns ones into zeros, so FF changes nothing, whatever stands there
    already. Writing the old bytes again would come to the same and wear their cells."""
    if page_bytes == 1:
        return [(offset, data)]
    whole = []
    end = offset + len(data)
    for page in range(offset // page_bytes * page_bytes, end, page_bytes):
        head = max(offset - page, 0)
        part = data[max(page - offset, 0) : page + page_bytes - offset]
        whole.append((page, b"\xff" * head + part + b"\xff" * (page_bytes - head - len(part))))
    return whole


class BlockFlash(Flash):
    """A whole block device as raw flash. `page_bytes`: the unit its writes must have (1: any); `alive()` feeds the
    watchdog, since reading a full ring takes an RP2040 longer than its watchdog waits. IndexError outside the device:
    rp2.Flash would go on into what lies behind it (ports/rp2/rp2_flash.c checks no range)."""

    def __init__(self, device: "BlockDevice", page_bytes: int, alive: "Callable[[], None]") -> None:
        self._device = device
        self._page_bytes = page_bytes
        self._alive = alive
        self.sectors = device.ioctl(_BLOCK_COUNT, 0) or 0
        self.sector_bytes = device.ioctl(_BLOCK_SIZE, 0) or 0

    def read(self, offset: int, count: int) -> bytes:
        self._check(offset, count)
        into = bytearray(count)
        self._device.readblocks(offset // self.sector_bytes, into, offset % self.sector_bytes)
        return bytes(into)

    def write(self, offset: int, data: bytes) -> None:
        self._check(offset, len(data))
        for start, page in programs(offset, data, self._page_bytes):
            self._device.writeblocks(start // self.sector_bytes, page, start % self.sector_bytes)

    def erase(self, sector: int) -> None:
        self._check(sector * self.sector_bytes, self.sector_bytes)
        self._device.ioctl(_BLOCK_ERASE, sector)

    def _check(self, offset: int, count: int) -> None:
        self._alive()
        if not 0 <= offset <= offset + count <= self.sectors * self.sector_bytes:
            raise IndexError("flash: %d bytes at %d" % (count, offset))
