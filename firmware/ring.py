"""Knows how numbered entries lie in a ring of raw flash sectors and are found again; knows not what they mean.

Sectors are written in turn. A sector: its head twice, then entries, then free bytes (0xFF):

    head   "WJ02" | sequence u32 | first number u32 | note | CRC-32
    entry  length u8 | mark u8 | kind, 4 bits, number - first number, 12 bits | CRC-32 | payload

An entry's CRC goes on from the sector's sequence, so that what an earlier round left behind never counts. As an entry
bears its number, what lies behind damage is found again. Four zeros in a head's place: a sector given up. Zeros
among entries: damage that a boot found at the ring's end.
"""

import struct
from array import array
from binascii import crc32  # in C on every port; crc16 in Python takes an RP2040 64 us a byte

from firmware.board import Flash

if __debug__:  # compiled for a board it is the compiler's own word
    from firmware.const import const

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from collections.abc import Iterator

MAGIC = b"WJ02"
MAX_PAYLOAD = const(240)
RECORD = const(1)  # kinds: only a record uses up its number
STATE = const(2)
ENTRY_BYTES = const(8)  # before the payload
LEAST_BYTES = ENTRY_BYTES + 1  # of an entry
_HEAD = ">4sII"
_HEAD_BYTES = const(12)
_CRC_BYTES = const(4)
_MOST_OFFSET = const(0x0FFF)
_PIECE = const(512)  # bytes of flash in memory at once: some entries, at least one
GIVEN_UP = bytes(4)


class Ring:
    """The sectors of a Flash. `head` is the newest sector, `note` what its head says; `is_new`: there is none yet. What
    stands behind its last sound entry: firmware/opening.py."""

    def __init__(self, flash: Flash, note_bytes: int) -> None:
        self.flash = flash
        self._note_bytes = note_bytes
        self._head_bytes = _HEAD_BYTES + note_bytes + _CRC_BYTES
        self.begin = 2 * self._head_bytes  # of the entries
        self.most = min(MAX_PAYLOAD, flash.sector_bytes - self.begin - ENTRY_BYTES)  # payload of one
        self.sequences = array("I", [0] * flash.sectors)  # 0: not in use
        self._firsts = array("I", [0] * flash.sectors)
        self.head = flash.sectors - 1
        self.note = b""
        self._at = flash.sector_bytes  # where the next entry goes; the end: take a new sector first
        self._damaged = self._at  # from here to there nothing can be read
        newest = 0
        for sector in range(flash.sectors):
            found = self._read_head(sector)
            if found is not None:
                sequence, self._firsts[sector], note = found
                self.sequences[sector] = sequence
                if sequence > newest:
                    newest, self.head, self.note = sequence, sector, note
        self.is_new = newest == 0
        self.following = (self.head + 1) % flash.sectors  # the sector to take next

    # --- reading ----------------------------------------------------------------------------------------------------

    def order(self) -> list[int]:
        """Sectors in use, oldest first."""
        count = self.flash.sectors
        turn = [(self.head + 1 + i) % count for i in range(count)]
        return [sector for sector in turn if self.sequences[sector]]

    def first(self, sector: int) -> int:
        """The number from which a sector in use counts."""
        return self._firsts[sector]

    def note_of(self, sector: int) -> bytes | None:
        """What its head says; None when that has rotted since."""
        found = self._read_head(sector)
        return None if found is None else found[2]

    def walk(self, sector: int, sequence: int = 0) -> "Iterator[tuple[int, int, int, bytes, int, int]]":
        """Every sound entry: (kind, number, mark, payload, begin, end). Behind damage it takes up again where an entry
        fits: its kind, its CRC and a number to which so many bytes can have led. `sequence`: of an earlier round."""
        size = self.flash.sector_bytes
        seed = sequence or self.sequences[sector]
        at = end = self.begin
        offset = start = 0
        data = b""
        while at + LEAST_BYTES <= size:
            if at + ENTRY_BYTES + MAX_PAYLOAD > start + len(data) and (start + len(data) < size or not data):
                start = at
                data = self.flash.read(sector * size + at, min(_PIECE, size - at))
            i = at - start
            length = data[i]
            if length > MAX_PAYLOAD:
                at += max(_leading_free(data[i:]), 1)
                continue
            place = data[i + 2] << 8 | data[i + 3]
            most = offset - -(at - end) // LEAST_BYTES  # rounded up
            if (
                1 <= length <= size - at - ENTRY_BYTES
                and place >> 12 in (RECORD, STATE)
                and offset <= place & _MOST_OFFSET <= most
                and _is_sound(data, i, length, seed)
            ):
                payload = data[i + ENTRY_BYTES : i + ENTRY_BYTES + length]
                offset = place & _MOST_OFFSET
                end = at + ENTRY_BYTES + length
                yield place >> 12, self._firsts[sector] + offset, data[i + 1], payload, at, end
                if place >> 12 == RECORD:
                    offset += 1
                at = end
            else:
                at += 1

    # --- writing ----------------------------------------------------------------------------------------------------

    def go_on(self, end: int, count: int) -> None:
        """The next entry goes into the head sector, behind `count` bytes of damage at `end`. They are made zeros first:
        else what comes behind could complete an entry that a power cut left without its last byte."""
        self._at = end + count
        self._damaged = end

    def put(self, kind: int, number: int, mark: int, payload: bytes) -> bool:
        """Writes an entry and reads it back. False: no room, or the flash did not keep it: take a new sector."""
        size = self.flash.sector_bytes
        offset = number - self._firsts[self.head]
        if self._at + ENTRY_BYTES + len(payload) > size or offset > _MOST_OFFSET:
            return False
        while self._damaged < self._at:
            count = min(self._at - self._damaged, _PIECE)
            self.flash.write(self.head * size + self._damaged, bytes(count))
            self._damaged += count
        head = struct.pack(">BBH", len(payload), mark, kind << 12 | offset)
        entry = head + struct.pack(">I", crc32(payload, crc32(head, self.sequences[self.head]))) + payload
        at = self.head * size + self._at
        self._at += len(entry)
        self._damaged = self._at
        self.flash.write(at, entry)
        return self.flash.read(at, len(entry)) == entry

    def take(self, first: int, note: bytes) -> bool:
        """Erases the sector that follows and makes it the head. False: it is worn out and given up; the next one."""
        sector = self.following
        size = self.flash.sector_bytes
        self.following = (sector + 1) % self.flash.sectors
        self.sequences[sector] = 0
        self.flash.erase(sector)
        sequence = self.sequences[self.head] + 1
        head = struct.pack(_HEAD, MAGIC, sequence, first) + note
        head += struct.pack(">I", crc32(head))
        if self.extent(sector, 0) == 0:
            self.flash.write(sector * size, head + head)
            if self.flash.read(sector * size, self.begin) == head + head:
                self.sequences[sector] = sequence
                self._firsts[sector] = first
                self.head = sector
                self._at = self._damaged = self.begin
                return True
        self.flash.write(sector * size, GIVEN_UP)
        self._at = self._damaged = size
        return False

    # --- one sector -------------------------------------------------------------------------------------------------

    def _read_head(self, sector: int) -> tuple[int, int, bytes] | None:
        """(sequence, first number, note) by the first of its two heads that is sound."""
        for at in (0, self._head_bytes):
            data = self.flash.read(sector * self.flash.sector_bytes + at, self._head_bytes)
            if data[:4] == MAGIC and struct.pack(">I", crc32(data[:-_CRC_BYTES])) == data[-_CRC_BYTES:]:
                _, sequence, first = struct.unpack(_HEAD, data[:_HEAD_BYTES])
                return sequence, first, data[_HEAD_BYTES:-_CRC_BYTES]
        return None

    def extent(self, sector: int, begin: int) -> int:
        """Where the free bytes begin that reach to the sector's end; not before `begin`."""
        size = self.flash.sector_bytes
        at = size
        while at > begin:
            piece = max(at - _PIECE, begin)
            count = len(self.flash.read(sector * size + piece, at - piece).rstrip(b"\xff"))
            if count:
                return piece + count
            at = piece
        return begin


def _is_sound(data: bytes, at: int, length: int, seed: int) -> bool:
    crc = data[at + 4 : at + ENTRY_BYTES]
    payload = data[at + ENTRY_BYTES : at + ENTRY_BYTES + length]
    return struct.pack(">I", crc32(payload, crc32(data[at : at + 4], seed))) == crc


def _leading_free(data: bytes) -> int:
    return len(data) - len(data.lstrip(b"\xff"))
