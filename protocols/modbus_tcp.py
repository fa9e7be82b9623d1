"""Knows the frames of Modbus TCP, both directions; knows no connection, no PDU's meaning and no serial line."""

import struct

from protocols.errors import FrameError


def tcp(transaction: int, unit_id: int, pdu: bytes) -> bytes:
    """An MBAP header and the PDU."""
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit_id) + pdu


class TcpFrames:
    """Cuts (transaction, unit, PDU) out of a TCP stream. FrameError: the stream is no Modbus TCP, close it."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> "list[tuple[int, int, bytes]]":
        self._buffer += data
        frames: list[tuple[int, int, bytes]] = []
        while len(self._buffer) >= 8:
            transaction, protocol, length, unit_id = struct.unpack(">HHHB", bytes(self._buffer[:7]))
            if protocol or not 2 <= length <= 254:
                self._buffer = bytearray()
                raise FrameError("not Modbus TCP")
            if len(self._buffer) < 6 + length:
                break
            frames.append((transaction, unit_id, bytes(self._buffer[7 : 6 + length])))
            self._buffer = self._buffer[6 + length :]
        return frames
