"""Knows when a write to flash makes a record of a journal whole; knows no flash, and not how a journal finds it again.

Whoever judges a power cut must tell a record that was kept from what else a journal writes in the same wake: the head
of a new sector, a state, the first of two pages. It goes by the bytes of an entry alone (docs/node-flash.md), as they
are written: what the journal says of itself later is what is judged.
"""

from firmware.ring import ENTRY_BYTES, RECORD


class Kept:
    """`record_ms` is when the last record was whole."""

    def __init__(self) -> None:
        self.record_ms = 0
        self._begun = b""  # an entry's first page
        self._goes_on_at = 0

    def wrote(self, offset: int, data: bytes, now_ms: int) -> None:
        """A write that is done: an entry alone, or a page with FF around its part of one."""
        goes_on = self._begun and offset == self._goes_on_at
        entry = self._begun + data if goes_on else data.lstrip(b"\xff")  # the first byte is a length, of at most 240
        self._begun = b""
        if not entry:
            return
        if len(entry) < ENTRY_BYTES + entry[0]:
            self._begun = entry
            self._goes_on_at = offset + len(data)
        elif entry[2] >> 4 == RECORD:
            self.record_ms = now_ms
