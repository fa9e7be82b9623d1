"""Knows Modbus requests and replies as a client needs them, and RTU frames; knows no port, no clock and no sensor.

Sources: MODBUS Application Protocol V1.1b3; MODBUS over Serial Line V1.02; MODBUS Messaging on TCP/IP V1.0b.
A reply is believed only when unit, function, byte count, length and CRC all fit the request.
"""

import struct

from protocols.checks import crc16
from protocols.errors import DeviceError, FrameError, RangeError
from protocols.record import Record

READ_HOLDING, READ_INPUT, WRITE_ONE, WRITE_MANY = 3, 4, 6, 16
_READS = (READ_HOLDING, READ_INPUT)

ACKNOWLEDGE, BUSY = 5, 6  # refusals that want to be asked again; others: protocols/modbus_server.py


class Request(Record):
    """One question. Reads have `quantity`, writes have `values` (16-bit words).

    A quantity of 0 is outside the standard, but some sensors start measuring by it (EnviroDIY/YosemitechModbus).
    """

    def __init__(
        self, unit_id: int, function: int, address: int, quantity: int, values: "tuple[int, ...]" = ()
    ) -> None:
        if not 0 <= unit_id <= 255 or not 0 <= address <= 0xFFFF or not 0 <= quantity <= 125:
            raise RangeError("unit %d, address %d or quantity %d" % (unit_id, address, quantity))
        words = {READ_HOLDING: 0, READ_INPUT: 0, WRITE_ONE: 1, WRITE_MANY: quantity}
        if len(values) != words.get(function):
            raise RangeError("function %d, quantity %d with %d words" % (function, quantity, len(values)))
        for value in values:
            if not 0 <= value <= 0xFFFF:
                raise RangeError("word %d" % value)
        self.unit_id = unit_id
        self.function = function
        self.address = address
        self.quantity = quantity
        self.values = tuple(values)

    def pdu(self) -> bytes:
        if self.function == WRITE_ONE:
            return struct.pack(">BHH", WRITE_ONE, self.address, self.values[0])
        head = struct.pack(">BHH", self.function, self.address, self.quantity)
        if self.function in _READS:
            return head
        words = struct.pack(">%dH" % len(self.values), *self.values)
        return head + bytes((len(words),)) + words

    def reply_length(self) -> int:
        """Bytes of the reply's PDU when the device does not refuse."""
        return 2 + 2 * self.quantity if self.function in _READS else 5

    def accept(self, pdu: bytes) -> "tuple[int, ...]":
        """The words of a reply (none for a write). DeviceError: refused. FrameError: no answer to this request."""
        if len(pdu) == 2 and pdu[0] == self.function | 0x80:
            raise DeviceError(pdu[1])
        reads = self.function in _READS
        if (
            not pdu
            or pdu[0] != self.function
            or len(pdu) != self.reply_length()
            or (reads and pdu[1] != 2 * self.quantity)
        ):
            raise FrameError("not a reply to function %d with %d bytes" % (self.function, self.reply_length()))
        if reads:
            return struct.unpack(">%dH" % self.quantity, pdu[2:])
        if pdu != self.pdu()[:5]:
            raise FrameError("a write confirmed with other content")
        return ()


def same_shape(a: Request, b: Request) -> bool:
    """Whether an answer to one could be taken for one to the other."""
    return a.function == b.function and a.reply_length() == b.reply_length()


# --- RTU ------------------------------------------------------------------------------------------------------------


def rtu(unit_id: int, pdu: bytes) -> bytes:
    """A frame for the serial line: unit, PDU, CRC with its low byte first."""
    frame = bytes((unit_id,)) + pdu
    return frame + struct.pack("<H", crc16(frame))


def rtu_ok(frame: bytes) -> bool:
    """Whether a whole frame's CRC fits."""
    return len(frame) >= 4 and crc16(frame) == 0  # the CRC over a frame and its own CRC is zero


class RtuReply:
    """Finds the one reply to `request` in what a line delivers, noise before and after it included. `buffer`: what came
    so far. What is no reply: protocols/spoilt.py."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.buffer = bytearray()

    def feed(self, data: bytes) -> "bytes | None":
        """More bytes; the reply's PDU once it is whole and its CRC fits."""
        buffer = self.buffer
        buffer += data
        unit, function, length = self._request.unit_id, self._request.function, self._request.reply_length()
        for start in range(len(buffer) - 4):
            if buffer[start] != unit:
                continue
            if buffer[start + 1] == function:
                end = start + 1 + length + 2
                if function in _READS and buffer[start + 2] != length - 2:
                    continue
            elif buffer[start + 1] == function | 0x80:
                end = start + 5
            else:
                continue
            if end <= len(buffer) and rtu_ok(bytes(buffer[start:end])):
                return bytes(buffer[start + 1 : end - 2])
        return None

    def is_whole(self) -> bool:
        """Whether as many characters have come as the reply has."""
        return len(self.buffer) == self._request.reply_length() + 3
