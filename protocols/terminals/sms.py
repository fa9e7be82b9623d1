"""Knows how an SMS of 8-bit data is told to a modem, and what it says (TS 27.005, 23.040: PDU mode); knows no port.

Written from memory of the two documents and public programs; no modem was at hand: unverified.

    AT+CMGF=0, AT+CNMI=2,2,0,0,0    PDU mode; what comes is told at once
    AT+CMGS=<octets> CR, then after "> " the PDU in hex and Ctrl-Z: "+CMGS: n" and OK, or +CMS ERROR: n
    +CMT: ,<octets> CR LF <PDU>     one has come
"""

import re
from typing import NamedTuple

from protocols.errors import FrameError, RangeError

SETUP = (b"ATE0\r", b"AT+CMGF=0\r", b"AT+CNMI=2,2,0,0,0\r")
LONGEST = 140  # octets of one message (23.040, 9.2.3.16)
CTRL_Z = b"\x1a"
_SUBMIT, _ABROAD, _HERE, _DATA = 0x01, 0x91, 0x81, 0x04  # no validity; +86..; 8-bit data
_HEADER = 0x40  # the data begins with a header of its own
_LONGEST_LINE = 1024  # ours
_CAME = re.compile(rb"\+CMT:[^\r\n]*\r\n([0-9A-Fa-f]+)\r\n")
_SENT = re.compile(rb"\r\nOK\r\n")
_FAILED = re.compile(rb"(\+CM[SE] ERROR: ?\d*|\r\nERROR)\r\n")


class Came(NamedTuple):
    sender: str
    data: bytes


class Modem(NamedTuple):
    """What a modem has said: `asks` for the text with "> ", has `sent` it, or failed with `error`; what came."""

    asks: bool
    sent: bool
    error: str
    came: "list[Came]"


def order(number: str, data: bytes) -> "tuple[bytes, bytes]":
    """(the command, what follows its prompt). RangeError: too long, or no number."""
    digits = number.lstrip("+")
    if not (digits.isascii() and digits.isdigit() and 1 <= len(digits) <= 20) or not 0 < len(data) <= LONGEST:
        raise RangeError("%d bytes to %r" % (len(data), number[:24]))
    kind = _ABROAD if number.startswith("+") else _HERE
    head = bytes((_SUBMIT, 0, len(digits), kind)) + _swapped(digits) + bytes((0, _DATA, len(data)))
    pdu = head + data
    return b"AT+CMGS=%d\r" % len(pdu), b"00" + pdu.hex().upper().encode() + CTRL_Z  # 00: the card's own service centre


def _swapped(digits: str) -> bytes:
    """23.040, 9.1.2.3: half-octets the other way round, F where there is none."""
    padded = digits + "F" * (len(digits) % 2)
    return bytes.fromhex("".join(padded[at + 1] + padded[at] for at in range(0, len(padded), 2)))


def read(pdu: bytes) -> Came:
    """An SMS-DELIVER with its service centre before it. FrameError: it is none of 8-bit data."""
    try:
        at = 1 + pdu[0]
        kind, length, address = pdu[at], pdu[at + 1], pdu[at + 2]
        octets = (length + 1) // 2
        number = "".join("%x%x" % (byte & 15, byte >> 4) for byte in pdu[at + 3 : at + 3 + octets])[:length]
        at += 3 + octets
        coding, count = pdu[at + 1], pdu[at + 9]
        data = pdu[at + 10 : at + 10 + count]
    except IndexError:
        raise FrameError("an SMS of %d bytes ends too early" % len(pdu)) from None
    if kind & 3 or coding & 0x0C != _DATA or len(data) != count:
        raise FrameError("an SMS that is no 8-bit data")
    if kind & _HEADER:
        data = data[1 + data[0] :] if data else data
    return Came(("+" if address == _ABROAD else "") + number, data)


class Answers:
    """Finds what a modem says. It keeps at most one longest line."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Modem:
        self._buffer += data
        came = []
        for match in _CAME.finditer(self._buffer):
            if len(match[1]) % 2 == 0:
                try:
                    came.append(read(bytes.fromhex(match[1].decode())))
                except FrameError:
                    pass  # a text of somebody
        rest = _CAME.sub(b"", self._buffer)
        failed = _FAILED.search(rest)
        sent = _SENT.search(rest) is not None
        asks = rest.endswith(b"> ")
        # what has been understood is done with; a line that has only begun waits
        self._buffer = b"" if sent or failed or asks else rest[-_LONGEST_LINE:]
        return Modem(asks, sent, failed[1].decode().strip() if failed else "", came)
