"""Knows how a journal's end is found at a boot, after any power cut and damage; writes nothing, and is dropped after.

Only firmware/journal.py loads it.
"""

import struct

from firmware.journal import COUNTER_BLOCK, HEAD, HEAD_BYTES, STATE_BYTES, State, unpack
from firmware.ring import ENTRY_BYTES, GIVEN_UP, LEAST_BYTES, RECORD, STATE, Ring


class End:
    """What a boot goes on from: the last `state` noted, and the Journal's numbers. What can't be read at the ring's end
    is taken for as many entries as could stand there."""

    def __init__(self, ring: Ring) -> None:
        self.state = State(0, 0, 0, 0, 0)
        self.next_number = self.oldest = 1
        self.released = self.dropped = self.rotten = self.unused = 0
        heads, dark = _lost_heads(ring)  # dark: bytes that no sound entry explains
        is_one, may_be_record = not dark, True
        numbers = _upwards(dark, LEAST_BYTES)
        if not ring.is_new:
            oldest, self.dropped = struct.unpack(HEAD, ring.note[:HEAD_BYTES])
            self.state, self.released, self.rotten, _ = unpack(ring.note[HEAD_BYTES:])
            self.next_number = ring.first(ring.head)
            end = ring.begin
            since = 0  # the last state
            for kind, number, _, payload, at, after in ring.walk(ring.head):
                since += at - end
                end = after
                self.next_number = number
                if kind == STATE:
                    self.state, self.released, self.rotten, _ = unpack(payload)
                    since = 0
                else:
                    self.next_number += 1
            count, is_one, may_be_record = _damage(ring, end)
            is_one = is_one and not dark
            numbers += _upwards(count, LEAST_BYTES)
            dark += since + count
            if not heads:
                ring.go_on(end, count)
            self.oldest = ring.first(ring.order()[0])
            # gone since the head was taken: the power was cut before a new head could count them
            self.dropped += max(self.oldest - max(oldest, self.released + 1), 0)
        if is_one:  # a cut in an entry: it may have been a record, but never two
            self.unused = max(numbers - may_be_record, 0)
        self.next_number += numbers
        states = heads + _upwards(dark, LEAST_BYTES - 1 + STATE_BYTES)
        state = self.state
        boot = (state.boot + states) & 0xFFFF
        self.state = State(
            boot, state.counter_limit + states * COUNTER_BLOCK, 0, state.schema, state.channels, 0, state.tier
        )


def _damage(ring: Ring, end: int) -> tuple[int, bool, bool]:
    """What stands in the head sector behind `end`, where its last sound entry ends: (bytes, is it one entry, may
    that be a record). A power cut leaves one entry of which some bits are not programmed: they are 1."""
    at = ring.head * ring.flash.sector_bytes + end
    count = ring.extent(ring.head, end) - end
    if count < ENTRY_BYTES:
        return count, count > 0, True
    torn = ring.flash.read(at, ENTRY_BYTES)
    is_one = count <= ENTRY_BYTES + torn[0] or torn == bytes(ENTRY_BYTES)  # zeros of a boot that was cut short
    return count, is_one, torn[2] >> 4 & (RECORD | STATE) != STATE


def _lost_heads(ring: Ring) -> tuple[int, int]:
    """(sectors, bytes of entries) that may have been written behind the head, but their own heads are gone. A head
    torn by a power cut and a sector half erased look so, too; nothing is in them."""
    count = hidden = 0
    size = ring.flash.sector_bytes
    for distance in range(1, ring.flash.sectors):
        sector = (ring.head + distance) % ring.flash.sectors
        if ring.sequences[sector]:
            break
        if ring.flash.read(sector * size, len(GIVEN_UP)) == GIVEN_UP:
            continue
        extent = ring.extent(sector, 0)
        if not extent:
            break
        if not _is_old(ring, sector, distance):
            count += 1
            hidden += max(extent - ring.begin, 0)
    return count, hidden


def _is_old(ring: Ring, sector: int, distance: int) -> bool:
    """Whether an entry of the ring's last round is in it: then its erasure never ended."""
    sequence = ring.sequences[ring.head] + distance - ring.flash.sectors
    if sequence > 0:
        for _ in ring.walk(sector, sequence):
            return True
    return False


def _upwards(count: int, unit: int) -> int:
    return -(-count // unit)
