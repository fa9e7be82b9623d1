"""Knows how frames are cut out of a byte stream that may lose, add or damage bytes (COBS); not what is in them.

COBS (Cheshire and Baker, 1999) removes every zero from a frame, so that a zero always ends one: after any damage the
next frame is found again. A zero before the frame too, where noise may have been let through.
"""

from protocols.errors import FrameError

MAX_FRAME = 250  # before stuffing: an EBYTE E22 modem's buffer, and one second of air at SF7..SF9 (facts of LoRa)


def stuff(frame: bytes, is_brief: bool = False) -> bytes:
    """The bytes for the wire: zero (a brief one does without), COBS code, zero."""
    out = bytearray(1 if is_brief else 2)
    mark = len(out) - 1
    for byte in frame:
        if byte:
            out.append(byte)
        if not byte or len(out) - mark == 255:
            out[mark] = len(out) - mark
            mark = len(out)
            out.append(0)
    out[mark] = len(out) - mark
    out.append(0)
    return bytes(out)


def unstuff(code: bytes) -> bytes:
    """The frame behind a COBS code without its zeros; FrameError when it is none."""
    out = bytearray()
    at = 0
    while at < len(code):
        step = code[at]
        if step == 0 or at + step > len(code):
            raise FrameError("not a COBS code")
        out += code[at + 1 : at + step]
        at += step
        if step < 255 and at < len(code):
            out.append(0)
    return bytes(out)


class Deframer:
    """Bytes in, whole frames out. Damage costs the frames it touches; `damaged` counts what was thrown away."""

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        self._limit = max_frame + max_frame // 254 + 1
        self._buffer = bytearray()
        self._overrun = False
        self.damaged = 0

    def feed(self, data: bytes) -> list[bytes]:
        frames: list[bytes] = []
        for byte in data:
            if byte:
                if len(self._buffer) < self._limit:
                    self._buffer.append(byte)
                else:
                    self._overrun = True
                continue
            self._take(frames)
        return frames

    def _take(self, frames: list[bytes]) -> None:
        """What stands in the buffer, if it is a frame."""
        if self._buffer:
            try:
                if self._overrun:
                    raise FrameError("frame too long")
                frames.append(unstuff(bytes(self._buffer)))
            except FrameError:
                self.damaged += 1
            self._buffer = bytearray()
            self._overrun = False
