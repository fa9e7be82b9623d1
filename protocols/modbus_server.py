"""Knows the server's half of Modbus: requests out of bytes, replies into bytes; knows no port, no clock and no sensor.

A node has no use for it: it stands apart so that none is loaded there.
"""

import struct

from protocols.errors import FrameError, RangeError
from protocols.modbus import READ_HOLDING, READ_INPUT, WRITE_MANY, WRITE_ONE, Request, rtu_ok

# Refusals, besides protocols/modbus.py's.
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE = 1, 2, 3, 4
NO_PATH, NO_RESPONSE = 10, 11  # said by a gateway in the name of a unit that it gets no answer from


def parse_request(unit_id: int, pdu: bytes) -> Request:
    """The request behind a PDU. RangeError: a function we do not serve. FrameError: the length does not fit."""
    if not pdu:
        raise FrameError("empty request")
    function = pdu[0]
    if function in (READ_HOLDING, READ_INPUT, WRITE_ONE) and len(pdu) == 5:
        address, second = struct.unpack(">HH", pdu[1:])
        if function == WRITE_ONE:
            return Request(unit_id, function, address, 1, (second,))
        return Request(unit_id, function, address, second)
    if function == WRITE_MANY and len(pdu) >= 6:
        address, quantity, count = struct.unpack(">HHB", pdu[1:6])
        if count != len(pdu) - 6 or count != 2 * quantity:
            raise FrameError("byte count %d for %d words" % (count, quantity))
        return Request(unit_id, function, address, quantity, struct.unpack(">%dH" % quantity, pdu[6:]))
    if function in (READ_HOLDING, READ_INPUT, WRITE_ONE, WRITE_MANY):
        raise FrameError("request of %d bytes" % len(pdu))
    raise RangeError("function %d" % function)


def reply(request: Request, words: "tuple[int, ...]" = ()) -> bytes:
    """The PDU that answers a request: the server's half."""
    if request.function in (READ_HOLDING, READ_INPUT):
        return bytes((request.function, 2 * len(words))) + struct.pack(">%dH" % len(words), *words)
    return request.pdu()[:5]


def refusal(function: int, code: int) -> bytes:
    """The PDU of an exception reply."""
    return bytes((function | 0x80, code))


class RtuRequests:
    """Cuts requests out of a byte stream: the server's half. Damage is dropped until the line is quiet (idle())."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> "list[bytes]":
        """Whole frames, CRC checked, unit and CRC included."""
        self._buffer += data
        frames: list[bytes] = []
        while True:
            frame = self._first()
            if frame is None:
                return frames
            frames.append(frame)
            self._buffer = self._buffer[len(frame) :]

    def _first(self) -> "bytes | None":
        buffer = self._buffer
        if len(buffer) < 8:
            return None
        length = 9 + buffer[6] if buffer[1] == WRITE_MANY else 8
        frame = bytes(buffer[:length])
        return frame if len(frame) == length and rtu_ok(frame) else None

    def idle(self) -> None:
        """3.5 characters of silence: what is left was no frame."""
        self._buffer = bytearray()
