"""Knows how HJ 212 packets stand in a stream of bytes: head, length, check and tail; knows no field and no command.

`##` LLLL segment CCCC CR LF (HJ 212-2017, 6.3.1): LLLL is the segment's length in bytes, decimal; CCCC its check. The
length frames a packet, nothing else does: an enciphered segment may hold any byte.
"""

import re
from typing import NamedTuple

from protocols.errors import FrameError

LONGEST = 1024  # of a segment, bytes (HJ 212-2017, table 2)
LONGEST_FIELD = 9999  # what four digits can say: some stations do not split
_PIECE = 4096
_TAIL = re.compile(rb"[0-9A-Fa-f]{4}\r\n")
_BARE = re.compile(rb"&&([0-9A-Fa-f]{4})")
_RESTART = re.compile(rb"\r\n##[0-9]{4}")


class BadPacket(FrameError):
    """The packet can't be taken: drop it. `reason` is a word (see docs/hj212.md), `at` the byte of the segment, `found`
    what stood there."""

    def __init__(self, reason: str, at: int = 0, found: str = "") -> None:
        super().__init__("%s at byte %d: %s" % (reason, at, found[:60]))
        self.reason = reason
        self.at = at
        self.found = found


class Framed(NamedTuple):
    """A segment with right length and tail, and the check as it was printed; whether they fit is not known yet."""

    segment: bytes
    printed: str


def _table() -> "list[int]":
    found = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
        found.append(value)
    return found


_TABLE = _table()


def crc(data: bytes) -> int:
    """Annex A: as Modbus', but of the register only the high byte meets the next byte of data, so that there are no
    more than 256 different results. 1 of 256 wrong packets passes: never believe it alone."""
    register = 0xFFFF
    for byte in data:
        register = _TABLE[register >> 8 ^ byte]
    return register


def frame(segment: bytes, check: "int | None" = None) -> bytes:
    """A whole packet; `check` is that of the plain text where the segment is enciphered."""
    return b"##%04d%s%04X\r\n" % (len(segment), segment, crc(segment) if check is None else check)


class Frames:
    """Cuts what comes into packets, whatever comes. `rubbish_bytes` belonged to none. A packet without its CR LF, as
    some stations send it, is taken if its check fits; not where `wants_tail`."""

    def __init__(self, longest: int = LONGEST, wants_tail: bool = False) -> None:
        self._longest = longest
        self._wants_tail = wants_tail
        self._buffer = bytearray()
        self._tail = b""  # of a packet that was taken without it
        self.rubbish_bytes = 0

    def feed(self, data: bytes) -> "list[Framed]":
        found: list[Framed] = []
        for start in range(0, len(data), _PIECE):
            self._buffer += data[start : start + _PIECE]
            self._cut(found)
        return found

    def _cut(self, found: "list[Framed]") -> None:
        buffer = self._buffer
        begin = at = 0  # what lies before `begin` is counted
        while True:
            while self._tail and begin < len(buffer):
                is_of_it = buffer[begin] == self._tail[0]
                begin += is_of_it
                self._tail = self._tail[1:] if is_of_it else b""
            at = max(at, begin)
            at = buffer.find(b"##", at)
            if at < 0:
                at = len(buffer) - (1 if buffer.endswith(b"#") else 0)
                break
            digits = bytes(buffer[at + 2 : at + 6])
            if digits and not digits.isdigit():
                at += 1  # "###0101": the second may be the first
                continue
            if len(digits) < 4:
                break
            end = at + 6 + int(digits) + 6
            if int(digits) > self._longest:
                at += 2
            elif len(buffer) >= end and _TAIL.match(buffer, end - 6) is not None:
                self.rubbish_bytes += at - begin
                found.append(Framed(bytes(buffer[at + 6 : end - 6]), buffer[end - 6 : end - 2].decode()))
                begin = at = end
            elif not self._wants_tail and self._is_bare(at + 6, end - 6):
                self.rubbish_bytes += at - begin
                found.append(Framed(bytes(buffer[at + 6 : end - 6]), buffer[end - 6 : end - 2].decode()))
                begin = at = end - 2
                self._tail = b"\r\n"  # what of it still comes is no rubbish
            elif len(buffer) < end:
                # the length itself may be damaged: another packet begins before this one ends
                restart = _RESTART.search(buffer, at + 6)
                if restart is None:
                    break
                at = restart.start() + 2
            else:
                at += 2
        self.rubbish_bytes += at - begin
        del buffer[:at]

    def _is_bare(self, start: int, end: int) -> bool:
        """Whether a segment from there to there ends as one does, with a check that fits."""
        found = _BARE.match(self._buffer, end - 2) if end - 2 > start else None
        return found is not None and int(found[1], 16) == crc(bytes(self._buffer[start:end]))
