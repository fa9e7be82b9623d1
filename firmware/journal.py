"""Knows how records survive power cuts in a raw flash ring; knows no sensor, no radio and no key.

The ring's sectors are written in turn. A sector: header "WJ01" | sequence u32 | first record number u32 | CRC-16, then
entries: length u8 | kind u8 | CRC-16 over kind and payload | payload. 0xFF is free. Entries are records and states; a
state (boot, counters reserved, clock) stands first in every sector, so that the ring never drops the last one.
append() returns once the bytes are programmed: what it returned for is found again after any cut. Behind damage nothing
is read any more, as its number would be a guess; numbers, counters and boots that stood there are never used again.
"""

import struct

from firmware.board import Flash
from protocols.checks import crc16
from protocols.errors import RangeError
from protocols.record import Record

_MAGIC = b"WJ01"
_HEADER = ">4sIIH"
_HEADER_BYTES = 14
_ENTRY = ">BBH"
_ENTRY_BYTES = 4
_RECORD, _STATE = 1, 2
_STATE_FORMAT = ">HIqHB"
_COUNTER_BLOCK = 64
MAX_PAYLOAD = 240


class State(Record):
    """What a node must not forget: `boot` id, frame counters below `counter_limit` may be used up, `clock_ms`, Unix
    milliseconds at this boot's monotonic zero (0: not known), and what its records mean: the slice's `schema` and its
    number of `channels`."""

    __slots__ = ("boot", "channels", "clock_ms", "counter_limit", "schema")

    def __init__(self, boot: int, counter_limit: int, clock_ms: int, schema: int, channels: int) -> None:
        self.boot = boot
        self.counter_limit = counter_limit
        self.clock_ms = clock_ms
        self.schema = schema
        self.channels = channels


class Entry(Record):
    """A record read back: its number, the state it was made under (with that boot's clock, if it was ever set)."""

    __slots__ = ("number", "payload", "state")

    def __init__(self, number: int, state: State, payload: bytes) -> None:
        self.number = number
        self.state = state
        self.payload = payload


class Journal:
    """The ring over a Flash of at least three sectors. Opening it begins a new boot under a slice."""

    def __init__(self, flash: Flash, schema: int = 0, channels: int = 0) -> None:
        self._flash = flash
        self._sequences = [0] * flash.sectors  # 0: not in use
        self._firsts = [0] * flash.sectors
        self._head = flash.sectors - 1
        self._at = flash.sector_bytes  # where the next entry goes; the end: take a new sector first
        self.next_number = 1
        self.released = 0  # records up to this number need no sending
        self.dropped = 0  # records overwritten before they were released
        self.state = State(0, 0, 0, schema, channels)
        self._mount()
        self._counter = self.state.counter_limit
        boot = (self.state.boot + 1) & 0xFFFF
        self._note(State(boot, self._counter + _COUNTER_BLOCK, 0, schema, channels))

    # --- what a node writes -----------------------------------------------------------------------------------------

    def append(self, payload: bytes) -> int:
        """Keeps a record; its number. RangeError: empty, or longer than MAX_PAYLOAD."""
        if not 1 <= len(payload) <= MAX_PAYLOAD:
            raise RangeError("a record of %d bytes" % len(payload))
        self._append(_RECORD, payload)
        self.next_number += 1
        return self.next_number - 1

    def next_counter(self) -> int:
        """A frame counter never used before, reserved on flash in blocks."""
        if self._counter >= self.state.counter_limit:
            self._note_change(self._counter + _COUNTER_BLOCK, self.state.clock_ms)
        self._counter += 1
        return self._counter - 1

    def set_clock(self, clock_ms: int) -> None:
        """Notes this boot's clock (Unix milliseconds at monotonic zero), when it is new or has moved a second."""
        if abs(clock_ms - self.state.clock_ms) >= 1000:
            self._note_change(self.state.counter_limit, clock_ms)

    def release(self, number: int) -> None:
        """Records up to `number` are safe elsewhere. Kept in memory only: sending one again does no harm."""
        self.released = max(self.released, min(number, self.next_number - 1))

    # --- what a node reads back -------------------------------------------------------------------------------------

    def unsent(self, limit: int) -> list[Entry]:
        """The oldest records that are not released, at most `limit`."""
        return self.read(self.released + 1, self.next_number - 1, limit)

    def read(self, first: int, last: int, limit: int) -> list[Entry]:
        """What the ring still holds of the records from `first` to `last`, oldest first, at most `limit`."""
        found: list[Entry] = []
        for sector in self._order():
            following = self._next_first(sector)
            if self._firsts[sector] > last or (following is not None and following <= first):
                continue
            number = self._firsts[sector]
            state = State(0, 0, 0, 0, 0)
            for kind, payload in self._entries(sector):
                if kind == _STATE:
                    state = State(*struct.unpack(_STATE_FORMAT, payload))
                    continue
                if first <= number <= last:
                    found.append(Entry(number, state, payload))
                number += 1
            if len(found) >= limit:
                break
        return self._dated(found[:limit])

    def _dated(self, entries: list[Entry]) -> list[Entry]:
        """Records made before the clock of their boot was set get the clock that was set later."""
        clocks = {self.state.boot: self.state.clock_ms}
        dated = []
        for entry in entries:
            state = entry.state
            if not state.clock_ms:
                if state.boot not in clocks:
                    clocks[state.boot] = self._clock_of(state.boot)
                state = State(state.boot, 0, clocks[state.boot], state.schema, state.channels)
            dated.append(Entry(entry.number, state, entry.payload))
        return dated

    def _clock_of(self, boot: int) -> int:
        """The clock of an earlier boot, if it was set at all before that boot ended."""
        for sector in self._order():
            for kind, payload in self._entries(sector):
                if kind == _STATE:
                    state = State(*struct.unpack(_STATE_FORMAT, payload))
                    if state.boot == boot and state.clock_ms:
                        return state.clock_ms
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

    def _note_change(self, counter_limit: int, clock_ms: int) -> None:
        state = self.state
        self._note(State(state.boot, counter_limit, clock_ms, state.schema, state.channels))

    def _state_payload(self) -> bytes:
        state = self.state
        return struct.pack(_STATE_FORMAT, state.boot, state.counter_limit, state.clock_ms, state.schema, state.channels)

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

    def _scan(self, sector: int) -> tuple[list[tuple[int, bytes]], int, int]:
        """(entries, where they end, how many more may stand there unreadable: torn by a power cut, or rotten)."""
        size = self._flash.sector_bytes
        data = self._flash.read(sector * size, size)
        entries: list[tuple[int, bytes]] = []
        at = _HEADER_BYTES
        while at + _ENTRY_BYTES <= size:
            length, kind, crc = struct.unpack(_ENTRY, data[at : at + _ENTRY_BYTES])
            payload = data[at + _ENTRY_BYTES : at + _ENTRY_BYTES + length]
            if len(payload) != length or crc16(payload, kind) != crc or kind not in (_RECORD, _STATE):
                break
            entries.append((kind, payload))
            at += _ENTRY_BYTES + length
        return entries, at, _most_entries(data[at:])

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
        hidden = 0
        if newest:
            entries, self._at, hidden = self._scan(self._head)
            self.next_number = self._firsts[self._head] + sum([kind == _RECORD for kind, _ in entries])
        following = (self._head + 1) % self._flash.sectors
        if not self._sequences[following]:  # not erased: its erasure or its header was torn, or its header is rotten
            hidden += _most_entries(self._flash.read(following * size, size))
        if hidden:
            self.next_number += hidden
            self._at = size
        state = self._last_state()
        counter_limit = state.counter_limit + hidden * _COUNTER_BLOCK
        self.state = State((state.boot + hidden) & 0xFFFF, counter_limit, 0, state.schema, state.channels)

    def _last_state(self) -> State:
        for sector in reversed(self._order()):
            for kind, payload in reversed(self._entries(sector)):
                if kind == _STATE:
                    return State(*struct.unpack(_STATE_FORMAT, payload))
        return State(0, 0, 0, 0, 0)


def _most_entries(data: bytes) -> int:
    """How many entries may have stood in these bytes: 0 when all are free."""
    return -(-len(data.rstrip(b"\xff")) // (_ENTRY_BYTES + 1))
