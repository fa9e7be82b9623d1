"""Knows one region of an emulated chip's flash, with its accidents; knows not what is in it."""

from collections.abc import Callable

from hw_sim.node.flash import SimFlash
from hw_sim.pico.chip import Emulator, Remains
from hw_sim.streams import Stream


class ChipFlash(SimFlash):
    """What faults and tests see as a board's flash. `content` is the chip's as it was at the last power-off; what is
    changed in it then is in the chip at the next power-on. `offset` is where it begins in the chip.

    Cuts are of any operation of the chip; a node's only ones are its journal's.
    """

    def __init__(self, sectors: int, offset: int) -> None:
        super().__init__(sectors)
        self._offset = offset
        self._chip: Emulator | None = None
        self._power_on_ms = 0
        self._orders = 0
        self._told: tuple[object, ...] = ()

    def read(self, offset: int, count: int) -> bytes:
        return super().read(offset, count) if self._chip is None else self._chip.peek(self._offset + offset, count)

    # --- what happens to it -------------------------------------------------------------------------------------------

    def cut_at(self, operation: int, share: float, then: Callable[[], None]) -> None:
        super().cut_at(operation, share, then)
        self._orders += 1

    def rot(self, bits: int, stream: Stream) -> list[int]:
        if self._chip is None:
            return super().rot(bits, stream)
        self.content[:] = self._chip.peek(self._offset, len(self.content))
        found = super().rot(bits, stream)
        for at in found:
            self._chip.poke(self._offset + at, bytes(self.content[at : at + 1]))
        return found

    # --- what its board tells it --------------------------------------------------------------------------------------

    def put_into(self, flash: bytearray) -> None:
        """`flash` is the whole chip's, without power."""
        flash[self._offset : self._offset + len(self.content)] = self.content

    def power_on(self, chip: Emulator) -> None:
        self._chip = chip
        self._power_on_ms = self.now_ms()
        self._told = ()

    def tell(self) -> None:
        """Passes on what has been ordered since. A cut that has not come is counted anew at each boot."""
        assert self._chip is not None
        orders = (self._cut_in and self._orders, self.page_ms, self.erase_ms)
        if orders != self._told:
            cut = None if self._cut_in is None else (self._cut_in, self._cut_share)
            self._chip.order(cut, self.page_ms, self.erase_ms)
            self._told = orders

    def wrote(self, pages: list[tuple[int, int, bytes]]) -> None:
        """Pages that the chip has taken: us after power-on, where in the chip, what."""
        for us, place, page in pages:
            if self._offset <= place < self._offset + len(self.content):
                self.kept.wrote(place - self._offset, page, self._power_on_ms + us // 1000)

    def fall(self) -> None:
        """The cut has come."""
        self._cut_in = None
        if self._on_cut is not None:
            self._on_cut()

    def power_off(self, remains: Remains) -> None:
        self._chip = None
        self.content[:] = remains.flash[self._offset : self._offset + len(self.content)]
        first = self._offset // self.sector_bytes
        for sector, count in remains.erases.items():
            if first <= sector < first + self.sectors:
                self.erases[sector - first] += count
