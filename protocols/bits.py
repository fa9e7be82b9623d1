"""Knows numbers of few bits, most significant first (Exp-Golomb codes); knows nothing of what they count.

A number of order k: q ones and a zero say that k + q bits follow, for numbers from 2^k * (2^q - 1) on; after eight ones
37 bits follow, which hold any number that we send. Small ones are short, and k says what is small.
"""

from protocols.errors import RangeError

ONES = 8
WIDE = 37  # the largest difference of two readings, folded (registers.MOST: 34 bits), and any Unix time


class BitWriter:
    """Bits in, bytes out; the last byte is filled with zeros."""

    def __init__(self) -> None:
        self._out = bytearray()
        self._free = 0  # bits of the last byte that are not taken

    def raw(self, value: int, width: int) -> None:
        """The low `width` bits of `value`."""
        while width:
            if not self._free:
                self._out.append(0)
                self._free = 8
            take = min(width, self._free)
            width -= take
            self._free -= take
            self._out[-1] |= (value >> width & ((1 << take) - 1)) << self._free

    def number(self, number: int, order: int) -> None:
        """RangeError: negative, or more than 37 bits."""
        if not 0 <= number < 1 << WIDE:
            raise RangeError("%d among bits" % number)
        for q in range(ONES):
            if number < 1 << order + q:
                self.raw((1 << q) - 1 << 1, q + 1)
                self.raw(number, order + q)
                return
            number -= 1 << order + q
        self.raw(0xFF, ONES)
        self.raw(number + ((1 << ONES) - 1 << order), WIDE)

    def signed(self, number: int, order: int) -> None:
        """0, -1, 1, -2 .. as 0, 1, 2, 3."""
        self.number(folded(number), order)

    def done(self) -> bytes:
        return bytes(self._out)


def folded(number: int) -> int:
    """A signed number among those from 0 on, small magnitudes first."""
    return number << 1 if number >= 0 else (-number << 1) - 1
