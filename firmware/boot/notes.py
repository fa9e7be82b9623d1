"""Knows what a node must remember of its slots through any power cut, as bits that are only cleared; knows no archive.

A note: slot u8 | number u32 | fingerprint of the manifest, 8 bytes | check, 4 bytes of SHA-256; then, erased at first:
confirmed u8 | ended u8 | failed boots, 8 bits | reports in vain, 32 bits. Each event clears a byte or a bit, so nothing
is erased but when a sector is full: then the next one gets a copy of what still matters, and its header last. Header:
"WTN1" | sequence u32 | check. The last whole sector counts.
"""

import hashlib
import struct

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from firmware.board import Flash

NOTE_BYTES = 32
_MAGIC = b"WTN1"
_NOTE = ">BI8s"
_PLAIN = 13
_CHECK = 4
_CONFIRMED, _ENDED, _FAILED, _VAIN = 17, 18, 19, 20
_VAIN_BYTES = 4
_KEPT = 8  # notes that move to a new sector: of both slots, and which numbers were rolled back

# Ours: one crash may be chance, two are a pattern. What was confirmed has proved itself and gets more of them.
TRIAL_FAILURES = 2
FAILURES = 5
REPORTS_IN_VAIN = 32  # eight hours of a report each quarter of an hour: longer than most weather


class Note:
    """What is known of one update in one slot. `confirmed`: it has measured and was acknowledged; `ended`: it must not
    run (again)."""

    def __init__(self, at: int, raw: bytes) -> None:
        self.at = at
        self.slot, self.number, self.fingerprint = struct.unpack(_NOTE, raw[:_PLAIN])
        self.confirmed = raw[_CONFIRMED] != 0xFF  # a torn byte had been decided
        self.ended = raw[_ENDED] != 0xFF
        self.failed = _cleared(raw[_FAILED : _FAILED + 1])
        self.in_vain = _cleared(raw[_VAIN : _VAIN + _VAIN_BYTES])

    @property
    def runs(self) -> bool:
        """Whether a boot may choose it."""
        if self.ended:
            return False
        if self.confirmed:
            return self.failed < FAILURES
        return self.failed < TRIAL_FAILURES and self.in_vain < REPORTS_IN_VAIN

    @property
    def on_trial(self) -> bool:
        """Whether it has yet to prove itself: for the first time, or after failed boots."""
        return not self.confirmed or self.failed > 0


class Notes:
    """The notes in a Flash of at least two sectors. Reading changes nothing."""

    def __init__(self, flash: "Flash") -> None:
        self._flash = flash
        self._head = -1  # no sector yet
        self._sequence = 0
        self._at = flash.sector_bytes
        self.notes: list[Note] = []  # oldest first
        for sector in range(flash.sectors):
            raw = flash.read(sector * flash.sector_bytes, NOTE_BYTES)
            sequence = int.from_bytes(raw[4:8], "big")
            if raw[:4] == _MAGIC and raw[8:12] == _sum(raw[:8]) and sequence > self._sequence:
                self._head, self._sequence = sector, sequence
        if self._sequence:
            self._read()

    def _read(self) -> None:
        size = self._flash.sector_bytes
        start = self._head * size
        data = self._flash.read(start, size)
        self._at = NOTE_BYTES
        while self._at + NOTE_BYTES <= size:
            raw = data[self._at : self._at + NOTE_BYTES]
            if raw == b"\xff" * NOTE_BYTES:
                break
            if raw[_PLAIN : _PLAIN + _CHECK] == _sum(raw[:_PLAIN]):  # else torn: never decided
                self.notes.append(Note(start + self._at, raw))
            self._at += NOTE_BYTES

    # --- what is known ------------------------------------------------------------------------------------------------

    def newest(self, slot: int) -> "Note | None":
        """What was noted last of a slot."""
        for note in reversed(self.notes):
            if note.slot == slot:
                return note
        return None

    def choices(self) -> "list[Note]":
        """What may run, best first: the trial, what was confirmed last, what was confirmed before."""
        found = []
        for note in reversed(self.notes):
            if note.runs and note is self.newest(note.slot):
                found.append(note)
        return found

    def confirmed(self) -> "Note | None":
        """The update that was confirmed last and is still in its slot."""
        for note in self.choices():
            if note.confirmed:
                return note
        return None

    def was_rolled_back(self, number: int) -> bool:
        """Whether an update of this number has failed here: it is not tried again."""
        last = None
        for note in self.notes:
            if note.number == number:
                last = note
        return last is not None and not last.confirmed and not last.runs

    # --- what happens -------------------------------------------------------------------------------------------------

    def add(self, slot: int, number: int, fingerprint: bytes) -> Note:
        """A slot holds an update that is to be tried: the next boot will."""
        plain = struct.pack(_NOTE, slot, number, fingerprint)
        if self._at + NOTE_BYTES > self._flash.sector_bytes:
            self._take_sector()
        at = self._head * self._flash.sector_bytes + self._at
        self._at += NOTE_BYTES
        raw = plain + _sum(plain)
        self._flash.write(at, raw)
        note = Note(at, raw + b"\xff" * (NOTE_BYTES - len(raw)))
        self.notes.append(note)
        return note

    def confirm(self, note: Note) -> None:
        """It has proved itself. What failed before is forgotten: a new note, which costs a write in a year."""
        if note.failed and note.confirmed:
            note = self.add(note.slot, note.number, note.fingerprint)
        if not note.confirmed:
            self._flash.write(note.at + _CONFIRMED, b"\x00")
            note.confirmed = True

    def end(self, note: Note) -> None:
        """It must not run any more."""
        if not note.ended:
            self._flash.write(note.at + _ENDED, b"\x00")
            note.ended = True

    def fail(self, note: Note) -> None:
        """A boot of it has crashed."""
        if note.failed < 8:
            note.failed += 1
            self._flash.write(note.at + _FAILED, bytes((0xFF << note.failed & 0xFF,)))

    def report_in_vain(self, note: Note) -> None:
        """One more report began before it was confirmed."""
        if note.in_vain < 8 * _VAIN_BYTES:
            at, bits = divmod(note.in_vain, 8)
            note.in_vain += 1
            self._flash.write(note.at + _VAIN + at, bytes((0xFF << bits + 1 & 0xFF,)))

    # --- the sectors --------------------------------------------------------------------------------------------------

    def _take_sector(self) -> None:
        """Makes the next sector the one that counts, with a copy of the newest notes."""
        size = self._flash.sector_bytes
        sector = (self._head + 1) % self._flash.sectors
        self._flash.erase(sector)
        raws = []
        for note in self.notes[-min(_KEPT, size // NOTE_BYTES - 2) :]:
            raws.append(self._flash.read(note.at, NOTE_BYTES))
        at = sector * size + NOTE_BYTES
        self.notes = []
        for raw in raws:
            self._flash.write(at, raw)
            self.notes.append(Note(at, raw))
            at += NOTE_BYTES
        self._sequence += 1
        header = _MAGIC + struct.pack(">I", self._sequence)
        self._flash.write(sector * size, header + _sum(header))
        self._head = sector
        self._at = at - sector * size


def _sum(plain: bytes) -> bytes:
    return hashlib.sha256(plain).digest()[:_CHECK]


def _cleared(tally: bytes) -> int:
    """How many bits are cleared."""
    count = 0
    for byte in tally:
        byte ^= 0xFF
        while byte:
            count += byte & 1
            byte >>= 1
    return count
