"""Knows how frames are found in a stream of bytes with rubbish between them; knows nothing of what they say.

It never holds more than one longest frame and one chunk: what can't be a frame's beginning is dropped at once.
"""

from protocols.sl651.frame import HEX_START, SOH, Frame, Sl651Error, decode, refused_head, size

_PIECE = 65_536  # bytes looked at in one go, so that a large chunk is no large copy


class Refused(Sl651Error):
    """Bytes that looked like a frame and are none. `head`: whose it seems to be, where that can be told."""

    def __init__(self, error: Sl651Error, head: Frame | None) -> None:
        super().__init__(error.reason, error.detail)
        self.head = head


class Stream:
    """One direction of one connection. `dropped`: bytes that belonged to no frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.dropped = 0

    def feed(self, data: bytes) -> list[Frame | Refused]:
        """The frames that are complete by now, and what was refused, in order."""
        found: list[Frame | Refused] = []
        for start in range(0, len(data), _PIECE):
            self._buffer += data[start : start + _PIECE]
            self._take(found)
        return found

    def idle(self) -> list[Frame | Refused]:
        """Nothing more has come for long: a frame that was begun never ends; what follows its start is looked at."""
        found: list[Frame | Refused] = []
        while self._buffer:
            found.append(Refused(Sl651Error("short", str(len(self._buffer))), refused_head(bytes(self._buffer))))
            self._drop(1)
            self._take(found)
        return found

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self.dropped += count

    def _take(self, found: list[Frame | Refused]) -> None:
        place, buffer = 0, bytes(self._buffer)
        while True:
            start = _begin(buffer, place)
            self.dropped += start - place
            place = start
            window = buffer[place : place + 24]
            try:
                length = size(window)
                if length is None or len(buffer) - place < length:
                    break
                found.append(decode(buffer[place : place + length]))
                place += length
            except Sl651Error as error:
                if error.reason in ("crc", "end", "packet"):
                    found.append(Refused(error, refused_head(window)))
                place += 1
                self.dropped += 1
        del self._buffer[:place]


def _begin(buffer: bytes, place: int) -> int:
    """Where the next frame may begin."""
    starts = [at for at in (buffer.find(HEX_START, place), buffer.find(SOH, place)) if at >= 0]
    last = len(buffer) - 1
    if buffer[last:] == HEX_START[:1] and last >= place:
        starts.append(last)
    return min(starts, default=len(buffer))
