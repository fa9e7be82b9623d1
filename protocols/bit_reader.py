"""Knows how numbers written by protocols/bits.py are read back; knows nothing of what they count. A node needs none."""

from protocols.bits import ONES, WIDE
from protocols.errors import FrameError


class BitReader:
    """The inverse of BitWriter; FrameError when the bytes end too early."""

    def __init__(self, data: bytes) -> None:
        self._all = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def raw(self, width: int) -> int:
        if width > self._left:
            raise FrameError("body ends too early")
        self._left -= width
        return self._all >> self._left & ((1 << width) - 1)

    def ones(self, most: int) -> int:
        """How many ones stand before a zero; after `most` of them no zero is looked for."""
        count = 0
        while count < most and self.raw(1):
            count += 1
        return count

    def number(self, order: int) -> int:
        q = self.ones(ONES)
        if q == ONES:
            return self.raw(WIDE)
        return ((1 << q) - 1 << order) + self.raw(order + q)

    def signed(self, order: int) -> int:
        return unfolded(self.number(order))

    def end(self) -> None:
        """FrameError unless only the filling of the last byte is left."""
        left = self._left
        if left >= 8 or self.raw(left):
            raise FrameError("%d bits too many" % left)


def unfolded(number: int) -> int:
    return number >> 1 if number & 1 == 0 else -((number + 1) >> 1)
