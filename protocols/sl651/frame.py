"""Knows one SL 651 frame, HEX/BCD or ASCII, from its first byte to its CRC; knows nothing of what its body says.

Draft 6.4 (ASCII) and 6.5 (HEX/BCD), tables 20-23. The length counts what stands between start and end character, the
three bytes (ASCII: six characters) of a packet count included. The CRC is that of Modbus, high byte first.
"""

from typing import NamedTuple

from protocols.checks import crc16
from protocols.errors import FrameError

STX, SYN, SOH = 0x02, 0x16, 0x01
ETX, ETB = 0x03, 0x17  # up: the last, more follows
ENQ, ACK, EOT, NAK, ESC = 0x05, 0x06, 0x04, 0x15, 0x1B  # down: query, more, finished, resend, stay on line
UP_ENDS, DOWN_ENDS = (ETX, ETB), (ENQ, ACK, EOT, NAK, ESC)
HEX_START = b"\x7e\x7e"
HEX_HEAD, ASCII_HEAD = 14, 24  # bytes up to and with the start character
MOST_BODY = 0xFFF
_DOWN = 8
_HEX_DIGITS = frozenset(b"0123456789ABCDEFabcdef")


class Sl651Error(FrameError):
    """Not a sound frame or body; `reason` is one word that programs may compare."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Frame(NamedTuple):
    """`station` and `password` are hex digits, 10 and 4. `packet`: (how many, which) of a split message, with SYN."""

    is_down: bool
    centre: int
    station: str
    password: str
    function: int
    body: bytes
    end: int
    packet: tuple[int, int] | None = None
    is_ascii: bool = False


def encode(frame: Frame) -> bytes:
    """The frame's bytes. Sl651Error: a field does not fit."""
    counted = b""
    if frame.packet is not None:
        total, number = frame.packet
        if not 0 <= number <= MOST_BODY or not 0 <= total <= MOST_BODY:
            raise Sl651Error("packet", f"{number} of {total}")
        counted = (total << 12 | number).to_bytes(3, "big")
        if frame.is_ascii:
            counted = counted.hex().upper().encode()
    length = len(counted) + len(frame.body)
    if length > MOST_BODY:
        raise Sl651Error("length", str(length))
    if not 0 <= frame.centre <= 255 or not 0 <= frame.function <= 255:
        raise Sl651Error("field", f"{frame.centre} {frame.function}")
    try:
        station, password = bytes.fromhex(frame.station), bytes.fromhex(frame.password)
    except ValueError:
        station = password = b""
    if len(station) != 5 or len(password) != 2:
        raise Sl651Error("field", f"{frame.station} {frame.password}")
    centre = bytes((frame.centre,))
    way = ((_DOWN << 12 if frame.is_down else 0) | length).to_bytes(2, "big")
    head = (station + centre if frame.is_down else centre + station) + password + bytes((frame.function,)) + way
    start = bytes((SYN if frame.packet is not None else STX,))
    if frame.is_ascii:
        text = bytes((SOH,)) + head.hex().upper().encode() + start + counted + frame.body + bytes((frame.end,))
        return text + b"%04X" % crc16(text)
    data = HEX_START + head + start + counted + frame.body + bytes((frame.end,))
    return data + crc16(data).to_bytes(2, "big")


def size(data: bytes) -> int | None:
    """How long the frame is whose beginning this is; None: too short to tell. Sl651Error: no frame begins here."""
    if data[:1] == bytes((SOH,)):
        return _ascii_size(data)
    if data[:2] != HEX_START[: len(data)]:
        raise Sl651Error("start")
    if len(data) > 11 and data[11] >> 4 not in (0, _DOWN):
        raise Sl651Error("direction", f"{data[11] >> 4:X}")
    if len(data) < HEX_HEAD:
        return None
    if data[13] not in (STX, SYN):
        raise Sl651Error("start", f"{data[13]:02X}")
    return HEX_HEAD + ((data[11] & 0xF) << 8 | data[12]) + 3


def _ascii_size(data: bytes) -> int | None:
    if not _HEX_DIGITS.issuperset(data[1 : ASCII_HEAD - 1]):
        raise Sl651Error("field", "hex digits")
    if len(data) > 19 and data[19:20] not in (b"0", b"8"):
        raise Sl651Error("direction", chr(data[19]))
    if len(data) < ASCII_HEAD:
        return None
    if data[23] not in (STX, SYN):
        raise Sl651Error("start", f"{data[23]:02X}")
    return ASCII_HEAD + int(data[20:23], 16) + 5


def decode(data: bytes) -> Frame:
    """Exactly one frame. Sl651Error: it is not one, and why."""
    length = size(data)
    if length is None or len(data) < length:
        raise Sl651Error("short", str(len(data)))
    if len(data) > length:
        raise Sl651Error("long", str(len(data) - length))
    tail = 4 if data[0] == SOH else 2
    told = data[-tail:]
    if tail == 4 and not _HEX_DIGITS.issuperset(told):
        raise Sl651Error("crc", told.hex())
    if (int(told, 16) if tail == 4 else int.from_bytes(told, "big")) != crc16(data[:-tail]):
        raise Sl651Error("crc", f"{crc16(data[:-tail]):04X}")
    frame = unchecked(data[:-tail])
    if frame.end not in (DOWN_ENDS if frame.is_down else UP_ENDS):
        raise Sl651Error("end", f"{frame.end:02X}")
    return frame


def unchecked(data: bytes) -> Frame:
    """The frame of which size() has told the length, without its CRC; nothing says that it is sound. Its body is what
    lies before the last byte."""
    is_ascii = data[0] == SOH
    head = bytes.fromhex(data[1:23].decode()) if is_ascii else data[2:13]
    is_down = head[9] >> 4 == _DOWN if not is_ascii else data[19:20] == b"8"
    begin = ASCII_HEAD if is_ascii else HEX_HEAD
    body = data[begin:-1]
    packet = None
    if data[begin - 1] == SYN:
        count = 6 if is_ascii else 3
        if len(body) < count or (is_ascii and not _HEX_DIGITS.issuperset(body[:count])):
            raise Sl651Error("packet", body[:count].hex())
        both = int(body[:count], 16) if is_ascii else int.from_bytes(body[:count], "big")
        packet, body = (both >> 12, both & 0xFFF), body[count:]
    station, centre = (head[:5], head[5]) if is_down else (head[1:6], head[0])
    return Frame(
        is_down, centre, station.hex().upper(), head[6:8].hex().upper(), head[8], body, data[-1], packet, is_ascii
    )


def refused_head(data: bytes) -> Frame | None:
    """Whose a frame with a wrong CRC seems to be, so that it can be answered; nothing else in it is to be believed."""
    if len(data) < HEX_HEAD or data[:2] != HEX_START:
        return None
    head = data[2:13]
    is_down = head[9] >> 4 == _DOWN
    station, centre = (head[:5], head[5]) if is_down else (head[1:6], head[0])
    return Frame(is_down, centre, station.hex().upper(), head[6:8].hex().upper(), head[8], b"", 0)
