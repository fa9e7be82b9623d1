"""Knows integers of variable length (LEB128, zigzag for signed ones); knows nothing of what they count."""

from protocols.errors import FrameError, RangeError


def put(out: bytearray, number: int) -> None:
    """Appends `number` >= 0: seven bits a byte, least significant first, the high bit says that more follows."""
    if number < 0:
        raise RangeError("varint of %d" % number)
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def put_signed(out: bytearray, number: int) -> None:
    """Appends a signed integer; small magnitudes stay short: 0, -1, 1, -2 -> 0, 1, 2, 3."""
    put(out, number << 1 if number >= 0 else (-number << 1) - 1)


class Reader:
    """Takes integers and bytes off the front of a body; FrameError when it ends too early."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        if self._at >= len(self._data):
            raise FrameError("body ends too early")
        self._at += 1
        return self._data[self._at - 1]

    def take(self, count: int) -> bytes:
        if count > len(self._data) - self._at:
            raise FrameError("body ends too early")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self) -> int:
        number = shift = 0
        while True:
            byte = self.byte()
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7
            if shift > 63:
                raise FrameError("integer longer than 64 bits")

    def signed(self) -> int:
        number = self.number()
        return number >> 1 if number & 1 == 0 else -((number + 1) >> 1)

    def end(self) -> None:
        if self._at != len(self._data):
            raise FrameError("%d bytes too many" % (len(self._data) - self._at))
