"""Knows the commands that a gateway leaves for a node, and their bytes; knows no link, and obeys none.

In an ACK, for each waiting command: id u16 | kind u8 | argument signed. In a DONE, for each obeyed one: id u16 |
result u8.
"""

import struct

from protocols import varint
from protocols.errors import FrameError, RangeError
from protocols.record import Record

EMERGENCY = 1  # argument: seconds in the dense emergency period; 0 ends it
WIPE = 2  # every sensor that has a wiper
REPORT = 3  # argument: seconds between reports from now on, until the next boot; 0: as in the slice
RESTART = 4
UPDATE = 5  # argument: the number of the update that waits (protocols/update.py)
BATTERY = 6  # argument: mV; the result is the battery's voltage in steps of so many, from TOLD on
DONE, REFUSED, UNKNOWN, TOLD = 0, 1, 2, 3  # results
MOST_TOLD = 255  # steps: or more


class Command(Record):
    """`id` is the gateway's own, so that a repeated one is obeyed once."""

    def __init__(self, id: int, kind: int, argument: int = 0) -> None:
        self.id = id
        self.kind = kind
        self.argument = argument


def put(out: bytearray, command: Command) -> None:
    """Appends one command. RangeError: a field too small."""
    if not (0 <= command.id <= 0xFFFF and 0 <= command.kind <= 0xFF):
        raise RangeError("command %d of kind %d" % (command.id, command.kind))
    out += struct.pack(">HB", command.id, command.kind)
    varint.put_signed(out, command.argument)


def take(reader: varint.Reader) -> Command:
    """The inverse of put(). FrameError: ends too early."""
    id, kind = struct.unpack(">HB", reader.take(3))
    return Command(id, kind, reader.signed())


def encode_results(results: "list[tuple[int, int]]") -> bytes:
    """The body of a DONE: (command id, result) each."""
    return b"".join([struct.pack(">HB", id, result) for id, result in results])


def decode_results(body: bytes) -> "list[tuple[int, int]]":
    """FrameError: empty, or not whole."""
    if not body or len(body) % 3:
        raise FrameError("results of %d bytes" % len(body))
    return [struct.unpack(">HB", body[at : at + 3]) for at in range(0, len(body), 3)]
