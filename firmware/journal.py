"""Knows how records survive power cuts in a raw flash ring; knows no sensor, no radio and no key.

The ring's sectors are written in turn. A sector: header "WJ01" | sequence u32 | first record number u32 | CRC-16, then
entries: length u8 | kind u8 | CRC-16 over kind and payload | payload. 0xFF is free. Entries are records and states; a
state (boot, counters reserved, clock) stands first in every sector, so that the ring never drops the last one.
append() returns once the bytes are programmed: what it returned for is found again after any cut.
"""

import struct

from firmware.board import Flash
from protocols.checks import crc16
from protocols.record import Record

_MAGIC = b"WJ01"
_HEADER = ">4sIIH"
_HEADER_BYTES = 14
_ENTRY = ">BBH"
_ENTRY_BYTES = 4
_RECORD, _STATE = 1, 2
_STATE_FORMAT = ">HIq"
_COUNTER_BLOCK = 64
_DAMAGE_GAP = 256  # numbers skipped when a damaged sector may hold records that can't be counted
MAX_PAYLOAD = 240


class State(Record):
    """What a node must not forget: `boot` id, frame counters below `counter_limit` may be used up, and
    `clock_ms`, Unix milliseconds at this boot's monotonic zero (0: not known)."""

    __slots__ = ("boot", "clock_ms", "counter_limit")

    def __init__(self, boot: int, counter_limit: int, clock_ms: int) -> None:
        self.boot = boot
        self.counter_limit = counter_limit
        self.clock_ms = clock_ms


class Entry(Record):
    """A record read back: its number, the boot it was made in, and that boot's clock (0: never set)."""

    __slots__ = ("boot", "clock_ms", "number", "payload")

    def __init__(self, number: int, boot: int, clock_ms: int, payload: bytes) -> None:
        self.number = number
        self.boot = boot
        self.clock_ms = clock_ms
        self.payload = payload


class Journal:
    """The ring over a Flash of at least three sectors. Opening it begins a new boot."""

    def __init__(self, flash: Flash) -> None:
        self._flash = flash
        self._sequences = [0] * flash.sectors  # 0: not in use
        self._firsts = [0] * flash.sectors
        self._head = flash.sectors - 1
        self._at = flash.sector_bytes  # where the next entry goes; the end: take a new sector first
        self.next_number = 1
        self.released = 0  # records up to this number need no sending
        self.dropped = 0  # records overwritten before they were released
        self.state = State(0, 0, 0)
        self._mount()
        self._counter = self.state.counter_limit
        self._note(State((self.state.boot + 1) & 0xFFFF, self._counter + _COUNTER_BLOCK, 0))

    # --- what a node writes -----------------------------------------------------------------------------------------

    def append(self, payload: bytes) -> int:
        """Keeps a record; its number."""
        self._append(_RECORD, payload)
        self.next_number += 1
        return self.next_number - 1

    def next_counter(self) -> int:
        """A frame counter never used before, reserved on flash in blocks."""
        if self._counter >= self.state.counter_limit:
            self._note(State(self.state.boot, self._counter + _COUNTER_BLOCK, self.state.clock_ms))
        self._counter += 1
        return self._counter - 1

    def set_clock(self, clock_ms: int) -> None:
        """Notes this boot's clock (Unix milliseconds at monotonic zero), when it is new or has moved a second."""
        if abs(clock_ms - self.state.clock_ms) >= 1000:
            self._note(State(self.state.boot, self.state.counter_limit, clock_ms))

    def release(self, number: int) -> None:
        """Records up to `number` are safe elsewhere. Kept in memory only: sending one again does no harm."""
        self.released = max(self.released, min(number, self.next_number - 1))

    # --- what a node reads back -------------------------------------------------------------------------------------

    def unsent(self, limit: int) -> list[Entry]:
        """The oldest records that are not released, at most `limit`."""
        found: list[Entry] = []
        clocks = {self.state.boot: self.state.clock_ms}
        for sector in self._order():
            following = self._next_first(sector)
            if following is not None and following - 1 <= self.released:
                continue
            number = self._firsts[sector]
            boot = clock_ms = 0
            for kind, payload in self._entries(sector):
                if kind == _STATE:
                    boot, _, clock_ms = struct.unpack(_STATE_FORMAT, payload)
                    continue
                if number > self.released and payload:
                    found.append(Entry(number, boot, clock_ms, payload))
                number += 1
            if len(found) >= limit:
                break
        found = found[:limit]
        for i, entry in enumerate(found):
            if not entry.clock_ms:
                if entry.boot not in clocks:
                    clocks[entry.boot] = self._clock_of(entry.boot)
                found[i] = Entry(entry.number, entry.boot, clocks[entry.boot], entry.payload)
        return found

    def _clock_of(self, boot: int) -> int:
        """The clock of an earlier boot, if it was set at all before that boot ended."""
        for sector in self._order():
            for kind, payload in self._entries(sector):
                if kind == _STATE:
                    of, _, clock_ms = struct.unpack(_STATE_FORMAT, payload)
                    if of == boot and clock_ms:
                        return int(clock_ms)
        return 0

    # --- the ring ---------------------------------------------------------------------------------------------------

    def _order(self) -> list[int]:
        """Sectors in use, oldest first."""
        used = [(sequence, sector) for sector, sequence in enumerate(self._sequences) if sequence]
        return [sector for _, sector in sorted(used)]

    def _next_first(self, sector: int) -> int | None:
        """The first record number of the sector written after this one, where that is known."""
        following = (sector + 1) % self._flash.sectors
        if sector == self._head or not self._sequences[following]:
            return None
        return self._firsts[following]

    def _append(self, kind: int, payload: bytes) -> None:
        if self._at + _ENTRY_BYTES + len(payload) > self._flash.sector_bytes:
            self._take_sector()
        self._write(kind, payload)

    def _write(self, kind: int, payload: bytes) -> None:
        entry = struct.pack(_ENTRY, len(payload), kind, crc16(payload, kind)) + payload
        self._flash.write(self._head * self._flash.sector_bytes + self._at, entry)
        self._at += len(entry)

    def _note(self, state: State) -> None:
        self.state = state
        self._append(_STATE, self._state_payload())

    def _state_payload(self) -> bytes:
        return struct.pack(_STATE_FORMAT, self.state.boot, self.state.counter_limit, self.state.clock_ms)

    def _take_sector(self) -> None:
        """Erases the sector after the head, drops what it held, and makes it the head."""
        sector = (self._head + 1) % self._flash.sectors
        if self._sequences[sector]:
            after = self._next_first(sector) or self.next_number
            lost_from = max(self._firsts[sector], self.released + 1)
            self.dropped += max(after - lost_from, 0)
            self._sequences[sector] = 0
        self._flash.erase(sector)
        sequence = self._sequences[self._head] + 1
        head = struct.pack(">4sII", _MAGIC, sequence, self.next_number)
        self._flash.write(sector * self._flash.sector_bytes, head + struct.pack(">H", crc16(head)))
        self._sequences[sector] = sequence
        self._firsts[sector] = self.next_number
        self._head = sector
        self._at = _HEADER_BYTES
        self._write(_STATE, self._state_payload())

    def _entries(self, sector: int) -> list[tuple[int, bytes]]:
        return self._scan(sector)[0]

    def _scan(self, sector: int) -> tuple[list[tuple[int, bytes]], int, bool]:
        """(entries, where they end, whether more can be written there). A damaged entry among good ones keeps its place
        as a record without payload."""
        size = self._flash.sector_bytes
        data = self._flash.read(sector * size, size)
        entries: list[tuple[int, bytes]] = []
        at = _HEADER_BYTES
        while at + _ENTRY_BYTES <= size and data[at] != 0xFF:
            length, kind, crc = struct.unpack(_ENTRY, data[at : at + _ENTRY_BYTES])
            payload = data[at + _ENTRY_BYTES : at + _ENTRY_BYTES + length]
            if len(payload) == length and crc16(payload, kind) == crc and kind in (_RECORD, _STATE):
                entries.append((kind, payload))
            elif _blank(data, at + _ENTRY_BYTES + length):
                return entries, at, False  # torn by a power cut: it never returned, its number is free
            else:
                entries.append((_RECORD, b""))
            at += _ENTRY_BYTES + length
        return entries, at, _blank(data, at)

    def _mount(self) -> None:
        size = self._flash.sector_bytes
        newest = 0
        for sector in range(self._flash.sectors):
            head = self._flash.read(sector * size, _HEADER_BYTES)
            magic, sequence, first, crc = struct.unpack(_HEADER, head)
            if magic == _MAGIC and crc == crc16(head[:-2]):
                self._sequences[sector] = sequence
                self._firsts[sector] = first
                if sequence > newest:
                    newest = sequence
                    self._head = sector
        if not newest:
            return
        entries, at, open_end = self._scan(self._head)
        self._at = at if open_end else size
        self.next_number = self._firsts[self._head]
        damaged = False
        for kind, payload in entries:
            if kind == _RECORD:
                self.next_number += 1
                damaged = damaged or not payload
        if damaged:
            self.next_number += _DAMAGE_GAP
            self._at = size
        for sector in self._order()[-2:]:
            for kind, payload in self._entries(sector):
                if kind == _STATE:
                    self.state = State(*struct.unpack(_STATE_FORMAT, payload))


def _blank(data: bytes, start: int) -> bool:
    return all(data[i] == 255 for i in range(start, len(data)))
