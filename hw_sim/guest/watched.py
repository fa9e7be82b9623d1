"""Knows how much of a MicroPython's heap the firmware holds, and which modules; knows no firmware.

Arguments: two wakes. At each it has looked at the heap through a day, and takes the least that was held: what happens
to stand on the stack, and whether a report is due, is some hundred bytes more or less, while what is kept for good is
in every look. The second ends it: then it says what it saw. None: it lives for ever. "idle": it is asked what firmware
asks it, by nobody else, so that its own part of the heap can be told.
"""

import gc
import sys
from binascii import unhexlify

from hw_sim.guest.node import GuestBoard, GuestFlash, main
from hw_sim.guest.talk import ask

_PIECE = 128  # bytes in one line, which is twice as long and on the heap like the node itself
_LONG_MS = 60_000  # a sleep between two wakes
_DAY = 96  # wakes


def _gather(count: int, ask_for):  # type: ignore[no-untyped-def]
    """`count` bytes piece by piece into one buffer, as a driver would read them; ask_for(at, count)."""
    if count <= _PIECE:
        return unhexlify(ask_for(0, count))
    data = bytearray(count)
    for at in range(0, count, _PIECE):
        piece = unhexlify(ask_for(at, min(_PIECE, count - at)))
        data[at : at + len(piece)] = piece
    return data  # a copy as bytes would count twice


class WatchedFlash(GuestFlash):
    def read(self, offset: int, count: int) -> bytes:
        return _gather(count, lambda at, size: ask("flash_read", self._name, offset + at, size))  # type: ignore[no-any-return]


class WatchedBoard(GuestBoard):
    def __init__(self, looks: list[int]) -> None:
        super().__init__()
        self.flash = WatchedFlash("journal")
        self._looks = looks
        self._wakes = 0
        self._least = [1 << 29, 1 << 29]  # held in the day that ends with each

    def config(self, mend: bool = False) -> bytes:
        return _gather(ask("config_size"), lambda at, size: ask("config", at, size))  # type: ignore[no-any-return]

    async def sleep_ms(self, duration_ms: int) -> None:
        if duration_ms > _LONG_MS and self._looks:
            self._wakes += 1
            if any(look - _DAY < self._wakes <= look for look in self._looks):
                self._look()
        await super().sleep_ms(duration_ms)

    def _look(self) -> None:
        gc.collect()
        held = gc.mem_alloc()  # type: ignore[attr-defined]
        for i in (0, 1):
            if self._looks[i] - _DAY < self._wakes <= self._looks[i]:
                self._least[i] = min(self._least[i], held)
        if self._wakes == self._looks[1]:
            print("HELD", self._least[1], self._least[1] - self._least[0])
            print("MODULES", " ".join(sorted(sys.modules)))
            sys.exit()


if "idle" in sys.argv:
    board = WatchedBoard([])
    board.config()
    line = board.line("uart1", 9600, "N", 1)
    for _ in range(100):
        board.flash.read(0, 512)
        board.flash.write(0, b"\xff" * 64)
        for port in (line, board.radio):
            port.pending()
    ask("log", "x" * 64)
    print("IDLE")
else:
    main(WatchedBoard([int(word) for word in sys.argv[1:]]))
