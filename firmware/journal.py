"""Knows how a node's records and what it must not forget survive power cuts; knows no sensor, no radio and no key.

Records and states are entries of a ring (ring.py). append() returns once the bytes are programmed and read back: what
it returned for is found again after any cut. A state (boot, counters reserved, clock, what is released) also stands in
each sector's head, so that the ring never drops the last one. After damage at the ring's end, numbers, counters and
boots that may have stood there are never used again.
"""

import struct

from firmware import forget
from firmware.board import Flash
from firmware.ring import RECORD, STATE, Ring
from protocols.errors import RangeError
from protocols.record import Record

if __debug__:  # compiled for a board it is the compiler's own word
    from firmware.const import const

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from collections.abc import Iterator

    from firmware.opening import End

# boot, counter limit, schema, channels with the tier above, released, rotten, unused numbers; then, once the clock is
# set, Unix ms at monotonic zero and 1/16 s since boot when it was set. More may follow: a reader takes what it knows.
_STATE = ">HIHBIHB"
STATE_BYTES = const(16)
_CLOCK = ">qI"
_CLOCK_BYTES = const(12)
_TIER_BIT = const(6)  # a node has at most 30 channels (protocols/batch.py)
HEAD = ">II"  # of a sector's note: the oldest number in the ring, numbers dropped; a state with a clock follows
HEAD_BYTES = const(8)
NOTE_BYTES = const(36)  # head, state and clock
COUNTER_BLOCK = const(64)
_RELEASE_BLOCK = const(64)  # records released that a power cut may bring back: ours


class WornOut(Exception):
    """No sector of the ring takes an entry any more. What it holds can still be read and sent."""


class State(Record):
    """What a node must not forget: `boot` id, frame counters below `counter_limit` may be used up, `clock_ms`, Unix
    milliseconds at this boot's monotonic zero (0: not known), set `set_16th` of a second / 16 after the boot; what its
    records mean: the slice's `schema` and its number of `channels`; and the `tier` of a board without memory."""

    def __init__(
        self,
        boot: int,
        counter_limit: int,
        clock_ms: int,
        schema: int,
        channels: int,
        set_16th: int = 0,
        tier: int = 0,
    ) -> None:
        self.boot = boot
        self.counter_limit = counter_limit
        self.clock_ms = clock_ms
        self.schema = schema
        self.channels = channels
        self.set_16th = set_16th  # as it is written: in ms it would outgrow a small integer after 12 days
        self.tier = tier


class Entry(Record):
    """A record read back: its number, the state it was made under (with that boot's clock, if it was ever set)."""

    def __init__(self, number: int, state: State, payload: bytes) -> None:
        self.number = number
        self.state = state
        self.payload = payload


class Journal:
    """The ring over a Flash of at least three sectors. Opening it begins a new boot under a slice."""

    def __init__(self, flash: Flash, schema: int = 0, channels: int = 0) -> None:
        self._ring = Ring(flash, NOTE_BYTES)
        self._sectors = flash.sectors
        end = _end(self._ring)
        self.state = end.state
        self.next_number = end.next_number
        self.released = end.released  # records up to this number need no sending
        self.dropped = end.dropped  # records overwritten before they were released
        self.rotten = end.rotten  # of the numbers up to `released` or overwritten: nothing readable is left of them
        self._oldest = end.oldest  # numbers below are no longer in the ring
        self._unused = end.unused  # so many before the next number were never given out
        self._noted = self.released  # what flash knows of it
        self._counter = self.state.counter_limit
        boot = (self.state.boot + 1) & 0xFFFF
        self.note(State(boot, self._counter + COUNTER_BLOCK, 0, schema, channels, 0, end.state.tier))

    # --- what a node writes -----------------------------------------------------------------------------------------

    def append(self, payload: bytes) -> int:
        """Keeps a record; its number. RangeError: empty, or longer than MAX_PAYLOAD (or a sector). WornOut."""
        if not 1 <= len(payload) <= self._ring.most:
            raise RangeError("a record of %d bytes" % len(payload))
        for _ in range(self._sectors):
            if self._ring.put(RECORD, self.next_number, self.state.boot & 0xFF, payload):
                self.next_number += 1
                return self.next_number - 1
            self._take_sector()
        raise WornOut

    def next_counter(self) -> int:
        """A frame counter never used before, reserved on flash in blocks."""
        state = self.state
        if self._counter >= state.counter_limit:
            self._note_change(self._counter + COUNTER_BLOCK, state.clock_ms, state.set_16th, state.tier)
        self._counter += 1
        return self._counter - 1

    def set_clock(self, clock_ms: int, now_ms: int = 0) -> None:
        """Notes this boot's clock (Unix milliseconds at monotonic zero), when it is new or has moved a second. `now_ms`
        is monotonic: how far records between two such notes can be dated by both."""
        state = self.state
        if abs(clock_ms - state.clock_ms) >= 1000:
            self._note_change(state.counter_limit, clock_ms, now_ms * 16 // 1000, state.tier)

    def note_tier(self, tier: int) -> None:
        """Notes the tier, if it is another one: for the next boot of a board without memory."""
        state = self.state
        if tier != state.tier:
            self._note_change(state.counter_limit, state.clock_ms, state.set_16th, tier)

    def release(self, number: int) -> None:
        """Records up to `number` are safe elsewhere. Noted on flash with the next state, and after so many records."""
        number = min(number, self.next_number - 1)
        if number > self.released:
            self.rotten += self._count(max(self.released + 1, self._oldest), number)[1]
            self.released = number
            if number >= self._noted + _RELEASE_BLOCK:
                self.note_released()

    def note_released(self) -> None:
        """Notes `released`, if it has moved since: before the power goes on purpose, so that nothing is sent again."""
        if self.released > self._noted:
            self.note(self.state)

    # --- what a node reads back -------------------------------------------------------------------------------------

    def unsent(self, limit: int) -> list[Entry]:
        """The oldest records that are not released, at most `limit`."""
        return self.read(self.released + 1, self.next_number - 1, limit)

    def read(self, first: int, last: int, limit: int) -> list[Entry]:
        """Records from number `first` to `last` that are still there, oldest first, at most `limit`. Those made before
        the clock of their boot was set get the clock that was set later, if it ever was."""
        found: list[Entry] = []
        if first > last or limit < 1:
            return found
        clocks = {self.state.boot: self.state}  # by boot: a state that has a clock; of the present one the last anyway
        for number, state, payload, _ in self._walk(first):
            if state.clock_ms:
                clocks.setdefault(state.boot, state)
            if number > last or len(found) >= limit:  # only looking for the last one's clock
                if not found or found[-1].state.boot != state.boot or state.boot in clocks:
                    break
            elif payload and number >= first:
                found.append(Entry(number, state, payload))
        return [_dated(entry, clocks.get(entry.state.boot)) for entry in found]

    def _walk(self, first: int) -> "Iterator[tuple[int, State, bytes, int]]":
        """All from the sector on that holds number `first`: (number, state, payload, 0) is a record, (next number,
        state, b"", how many numbers before it were never given out) a state. A record behind damage that may have been
        another boot's has no state: it is left out."""
        ring = self._ring
        sectors = ring.order()
        last = 0
        for i, sector in enumerate(sectors):
            if i + 1 < len(sectors) and ring.first(sectors[i + 1]) <= first:
                continue
            note = ring.note_of(sector)
            if note is None:
                continue
            state, _, _, unused = unpack(note[HEAD_BYTES:])
            yield ring.first(sector), state, b"", unused
            for kind, number, mark, payload, _, _ in ring.walk(sector):
                if kind == STATE:
                    state, _, _, unused = unpack(payload)
                    yield number, state, b"", unused
                elif number > last and mark == state.boot & 0xFF:
                    last = number
                    yield number, state, payload, 0

    def _count(self, first: int, last: int) -> tuple[int, int]:
        """How many of these numbers can be read, and how many others were given out but can't."""
        readable = others = 0
        if first <= last:
            others = last + 1 - first
            for number, _, payload, unused in self._walk(first):
                if payload:
                    readable += first <= number <= last
                else:
                    others -= max(min(number, last + 1) - max(number - unused, first), 0)
                if number > last:
                    break
        return readable, others - readable

    # --- the ring's end ---------------------------------------------------------------------------------------------

    def note(self, state: State) -> None:
        """Writes a state, as an entry or in the head of a new sector."""
        self.state = state
        payload = self._packed()
        if not state.clock_ms:
            payload = payload[:STATE_BYTES]
        if not self._ring.put(STATE, self.next_number, state.boot & 0xFF, payload):
            self._take_sector()
        self._unused = 0
        self._noted = self.released

    def _note_change(self, counter_limit: int, clock_ms: int, set_16th: int, tier: int) -> None:
        state = self.state
        self.note(State(state.boot, counter_limit, clock_ms, state.schema, state.channels, set_16th, tier))

    def _packed(self) -> bytes:
        state = self.state
        rotten, unused = min(self.rotten, 0xFFFF), min(self._unused, 0xFF)
        return struct.pack(
            _STATE, state.boot, state.counter_limit, state.schema, state.tier << _TIER_BIT | state.channels,
            self.released, rotten, unused,
        ) + struct.pack(_CLOCK, state.clock_ms, state.set_16th)  # fmt: skip

    def _take_sector(self) -> None:
        """Makes the next sector the head; what it held is dropped and counted. The count stands in the new head, so
        that no boot forgets it."""
        for _ in range(self._sectors):
            self._drop(self._ring.following)
            note = struct.pack(HEAD, self._oldest, self.dropped) + self._packed()
            if self._ring.take(self.next_number, note):
                return
        raise WornOut

    def _drop(self, sector: int) -> None:
        sectors = self._ring.order()
        if sectors and sectors[0] == sector:
            oldest = self._ring.first(sectors[1]) if len(sectors) > 1 else self.next_number
            readable, rotten = self._count(max(self._oldest, self.released + 1), oldest - 1)
            self.dropped += readable
            self.rotten += rotten
            self._oldest = oldest


def _end(ring: Ring) -> "End":
    from firmware import opening

    forget("firmware.opening")  # once a boot: from the return on
    return opening.End(ring)


def unpack(note: bytes) -> tuple[State, int, int, int]:
    """(state, released, rotten, numbers before it that were never given out)."""
    boot, counter_limit, schema, channels, released, rotten, unused = struct.unpack(_STATE, note[:STATE_BYTES])
    clock_ms = set_16th = 0
    if len(note) >= STATE_BYTES + _CLOCK_BYTES:
        clock_ms, set_16th = struct.unpack(_CLOCK, note[STATE_BYTES : STATE_BYTES + _CLOCK_BYTES])
    tier = channels >> _TIER_BIT
    state = State(boot, counter_limit, clock_ms, schema, channels - (tier << _TIER_BIT), set_16th, tier)
    return state, released, rotten, unused


def _dated(entry: Entry, state: State | None) -> Entry:
    return entry if entry.state.clock_ms or state is None else Entry(entry.number, state, entry.payload)
