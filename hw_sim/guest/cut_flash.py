"""Knows NOR flash whose power fails in the middle of a change, and what that leaves behind; knows nothing on it."""

from firmware.board import Flash

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from collections.abc import Callable


class PowerCut(Exception):
    """The supply failed in an operation on flash: this boot has ended."""


class Dice:
    """The same pseudo-random numbers on every interpreter: an LCG of 31 bits (constants of ANSI C), upper bits used."""

    def __init__(self, seed: int) -> None:
        self._state = (seed * 7919 + 1) & 0x7FFFFFFF
        self.below(2)

    def below(self, limit: int) -> int:
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._state >> 8) % limit

    def data(self, count: int) -> bytes:
        return bytes([self.below(256) for _ in range(count)])


# --- what a cut leaves of `old` bytes that were becoming `new` ones -------------------------------------------------


def before(old: bytes, new: bytes, dice: Dice) -> bytes:
    return old


def after(old: bytes, new: bytes, dice: Dice) -> bytes:
    """Whole, but the firmware never learned it."""
    return new


def front(old: bytes, new: bytes, dice: Dice) -> bytes:
    at = dice.below(len(new) + 1)
    return new[:at] + old[at:]


def back(old: bytes, new: bytes, dice: Dice) -> bytes:
    at = dice.below(len(new) + 1)
    return old[:at] + new[at:]


def some_bits(old: bytes, new: bytes, dice: Dice) -> bytes:
    """Half of the bits, anywhere."""
    return bytes([a ^ ((a ^ b) & dice.below(256)) for a, b in zip(old, new)])


def most_bits(old: bytes, new: bytes, dice: Dice) -> bytes:
    """All but a few bits: the supply held almost to the end."""
    torn = bytearray(new)
    for _ in range(1 + dice.below(3)):
        at = dice.below(len(new))
        torn[at] ^= (old[at] ^ new[at]) & (1 << dice.below(8))
    return bytes(torn)


TEARS = (before, after, front, back, some_bits, most_bits)


class CutFlash(Flash):
    """Flash in memory. `watch(flash, offset, new)` is told before each change. After `left` more changes the power
    fails in one, which leaves `tear`. A write over bytes that are not free is a fault of the firmware: AssertionError.
    """

    def __init__(self, sectors: int, sector_bytes: int, content: bytes = b"") -> None:
        self.sectors = sectors
        self.sector_bytes = sector_bytes
        self.content = bytearray(content or b"\xff" * (sectors * sector_bytes))
        self.erases = [0] * sectors
        self.reads = 0  # bytes
        self.written = (0, 0)  # offset and end of the last write
        self.watch: Callable[[CutFlash, int, bytes], None] | None = None
        self.left: int | None = None
        self.tear: Callable[[bytes, bytes, Dice], bytes] = before
        self.dice = Dice(0)

    def copy(self) -> "CutFlash":
        flash = CutFlash(self.sectors, self.sector_bytes, bytes(self.content))
        flash.erases = self.erases[:]
        return flash

    def read(self, offset: int, count: int) -> bytes:
        assert 0 <= offset <= offset + count <= len(self.content), "read outside the flash"
        self.reads += count
        return bytes(self.content[offset : offset + count])

    def write(self, offset: int, data: bytes) -> None:
        sector = offset // self.sector_bytes
        assert data and sector == (offset + len(data) - 1) // self.sector_bytes, "written over a sector's end"
        old = self.content[offset : offset + len(data)]
        assert old == b"\xff" * len(data) or data == bytes(len(data)), "written where it is not free"
        self._change(offset, bytes(data))
        self.written = (offset, offset + len(data))

    def erase(self, sector: int) -> None:
        self.erases[sector] += 1
        self._change(sector * self.sector_bytes, b"\xff" * self.sector_bytes)

    def flip(self, bit: int) -> None:
        """Charge is lost or gained: bit `bit` of all turns over."""
        self.content[bit // 8] ^= 1 << bit % 8

    def _change(self, offset: int, new: bytes) -> None:
        if self.watch:
            self.watch(self, offset, new)
        cut = self.left == 0
        if cut:
            new = self.tear(bytes(self.content[offset : offset + len(new)]), new, self.dice)
        elif self.left is not None:
            self.left -= 1
        self.content[offset : offset + len(new)] = new
        if cut:
            raise PowerCut
