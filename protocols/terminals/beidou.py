"""Knows the sentences of a Beidou RDSS terminal (protocol 2.1) that send and bring short messages; knows no port.

As public programs write them, with sentences and checks from their sources; the document itself (北斗用户机数据接口要求
2.1) was not at hand: unverified.

    $CCTXA,0247718,1,1,3132333435*70    send: address, 1 ordinary, 1 code (hex digits), content
    $BDFKI,082920,TCQ,Y,0,0*70          what came of it: Y, or N and why
    $BDTXR,1,0242407,1,,3132333435*xx   came: kind, from whom, form (1 code, 2 mixed: A4 before it), time, content

The check is the exclusive or of what stands between $ and *.
"""

import re
from typing import NamedTuple

from protocols.errors import RangeError

_LONGEST = 1024  # of a sentence; ours
_SENTENCE = re.compile(rb"\$([^$*\r\n]{3,1000})\*([0-9A-Fa-f]{2})")
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2})*")


class Outcome(NamedTuple):
    """Of what was sent; `reason` is the terminal's number."""

    is_sent: bool
    reason: str


class Came(NamedTuple):
    """A message from another card."""

    sender: str
    data: bytes


def check(sentence: bytes) -> int:
    """Of what stands between $ and *."""
    found = 0
    for byte in sentence:
        found ^= byte
    return found


def sentence(text: bytes) -> bytes:
    return b"$%s*%02X\r\n" % (text, check(text))


def send(card: str, data: bytes) -> bytes:
    """One short message to a card of at most 7 digits. RangeError: it is no card."""
    if not (card.isascii() and card.isdigit() and len(card) <= 7):
        raise RangeError("card %r" % card[:20])
    return sentence(b"CCTXA,%07d,1,1,%s" % (int(card), data.hex().upper().encode()))


class Sentences:
    """Finds what a terminal says; what is no such sentence is passed over. It keeps at most one longest sentence."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> "list[Outcome | Came]":
        self._buffer += data
        found: list[Outcome | Came] = []
        end = 0
        for match in _SENTENCE.finditer(self._buffer):
            end = match.end()
            if check(match[1]) == int(match[2], 16):
                one = _read(match[1].split(b","))
                if one is not None:
                    found.append(one)
        self._buffer = self._buffer[end:][-_LONGEST:]
        return found


def _read(fields: "list[bytes]") -> "Outcome | Came | None":
    if fields[0] == b"BDFKI" and len(fields) >= 5 and fields[2] == b"TCQ":
        return Outcome(fields[3] == b"Y", fields[4].decode("latin-1"))
    if fields[0] != b"BDTXR" or len(fields) < 6:
        return None
    content = fields[-1]
    if fields[3] == b"2" and content[:2].upper() == b"A4":
        content = content[2:]
    if fields[3] not in (b"1", b"2") or not _HEX.fullmatch(content):
        return None  # Chinese characters: no frame
    return Came(fields[2].decode("latin-1"), bytes.fromhex(content.decode()))
