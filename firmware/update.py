"""Knows how an update comes into the slot that is not needed, is proved and confirmed; knows no radio and no compiler.

Loaded only when a gateway offers an update or a boot is a trial. What is in the slot already is found again after any
boot: its last sector holds the update's number and one byte for each sector that was erased for it, cleared in turn.
Within the last of these the bytes tell how far it got; the last piece may be torn and is written over, as flash only
clears bits. So an update costs each sector one erasure, however often the power goes.
"""

from binascii import hexlify

from firmware.board import Board, Flash
from firmware.boot.notes import Note, Notes
from firmware.boot.slot import is_sound
from protocols import command, update
from protocols.errors import AuthError, FrameError

PIECES = 16  # in one report: at SF9 six seconds of air; ours
_ATTEMPTS = 3  # an archive that is not what its seal promised is fetched so often; ours
_NUMBER_BYTES = 8  # of the progress: number u32 and its inverse, and the attempt follows
_ATTEMPT = _NUMBER_BYTES
_ERASED = _NUMBER_BYTES + 1
_READ = 256


class Refusal(Exception):
    """This update is not for this node, or not wanted: says why."""


class Progress:
    """The last sector of a slot: how far an archive has got into the others."""

    def __init__(self, slot: Flash) -> None:
        self._slot = slot
        self._at = (slot.sectors - 1) * slot.sector_bytes
        raw = slot.read(self._at, _ERASED + slot.sectors - 1)
        number, inverse = raw[:4], raw[4:_NUMBER_BYTES]
        self.number = 0
        if all(a ^ b == 0xFF for a, b in zip(number, inverse)):
            self.number = int.from_bytes(number, "big")
        self.attempt = 0xFF - raw[_ATTEMPT]
        self.erased = 0  # so many first sectors
        while self.erased < slot.sectors - 1 and raw[_ERASED + self.erased] == 0:
            self.erased += 1

    def begin(self, number: int, attempt: int) -> None:
        self._slot.erase(self._slot.sectors - 1)
        raw = number.to_bytes(4, "big")
        self._slot.write(self._at, raw + bytes([byte ^ 0xFF for byte in raw]) + bytes((0xFF - attempt,)))
        self.number, self.attempt, self.erased = number, attempt, 0

    def take_sector(self) -> None:
        """Erases the next sector for this update."""
        self._slot.erase(self.erased)
        self._slot.write(self._at + _ERASED + self.erased, b"\x00")
        self.erased += 1

    def reach(self) -> int:
        """How many bytes are there, of which the last ones may be torn."""
        size = self._slot.sector_bytes
        at = self.erased * size
        start = max(at - size, 0)
        while at > start:
            count = min(_READ, at - start)
            rest = self._slot.read(at - count, count).rstrip(b"\xff")
            if rest:
                return at - count + len(rest)
            at -= count
        return start


class Fetcher:
    """Brings one update into a slot, question by question.

    `question()` is the next ASK's body (None: nothing to ask in this report), `take()` gets the PART's. Then `ready`:
    restart into the trial; or `refused`, for good. `begin_report()` allows the next few pieces.
    """

    def __init__(self, board: Board, number: int, key: bytes, most_bytes: int) -> None:
        self.number = number
        self.ready = False
        self.refused = ""
        self._board = board
        self._key = key
        self._most = min(most_bytes - update.PART_HEAD_BYTES, update.MOST_BYTES)
        self._left = PIECES
        self._missing = False  # the gateway has no such update: perhaps in the next report
        self._manifest: bytes | None = None  # once its seal was found right
        self._total = 0  # bytes of the archive, as far as known
        notes = _notes_of(board)
        running = _note_of(board, notes)
        self._running = running.number if running is not None else 0
        if notes.was_rolled_back(number):
            raise Refusal("update %d was rolled back" % number)
        if self._most < 1 or len(key) != update.KEY_BYTES:
            raise Refusal("no room in a frame, or no key")
        self.slot = target_slot(board, notes)
        self._flash = board.slots[self.slot]
        self._notes = notes
        self._progress = Progress(self._flash)
        if self._progress.number != number or self._progress.attempt > _ATTEMPTS:
            self._begin(1)
        self._resume()

    def _begin(self, attempt: int) -> None:
        """From nothing. What the slot held may not run any more, before it is touched."""
        for note in self._notes.notes:
            if note.slot == self.slot:
                self._notes.end(note)
        self._progress.begin(self.number, attempt)

    def _resume(self) -> None:
        """What is there already; the longest piece that may be torn is asked for again."""
        self._manifest = None
        self._total = 0
        reach = self._progress.reach()
        start = max(self._progress.erased - 1, 0) * self._flash.sector_bytes
        self._offset = max(reach - update.MOST_BYTES, start)
        self._learn(self._offset)

    def begin_report(self) -> None:
        self._left = PIECES
        self._missing = False

    def question(self) -> bytes | None:
        """The next piece's, if there is one to be asked for now."""
        if self.ready or self.refused or self._missing or self._left <= 0:
            return None
        size = self._flash.sector_bytes
        count = min(self._most, size - self._offset % size)
        if self._total:
            count = min(count, self._total - self._offset)
        self._left -= 1
        return update.encode_ask(self.number, self._offset, count)

    def take(self, body: bytes) -> None:
        """The answer. What does not answer the question is passed over."""
        try:
            number, offset, data = update.decode_part(body)
        except FrameError:
            return
        if number != self.number or offset != self._offset or len(data) > self._most:
            return
        size = self._flash.sector_bytes
        if not data:
            self._missing = True
        elif len(data) <= size - offset % size and offset + len(data) <= (self._flash.sectors - 1) * size:
            self._put(offset, data)

    def _put(self, offset: int, data: bytes) -> None:
        sector = offset // self._flash.sector_bytes
        if sector >= self._progress.erased:
            self._progress.take_sector()
        old = self._flash.read(offset, len(data))
        if old != data:
            if any(new & ~byte for new, byte in zip(data, old)):  # bits are missing: not what a tear leaves behind
                self._flash.erase(sector)
                self._offset = sector * self._flash.sector_bytes
                return
            self._write(offset, old, data)
            if self._flash.read(offset, len(data)) != data:
                self._flash.erase(sector)
                self._offset = sector * self._flash.sector_bytes
                return
        self._offset = offset + len(data)
        self._learn(self._offset)

    def _write(self, offset: int, old: bytes, data: bytes) -> None:
        """Only what differs: from the first byte to the last one."""
        first, last = 0, len(data)
        while old[first] == data[first]:
            first += 1
        while old[last - 1] == data[last - 1]:
            last -= 1
        self._flash.write(offset + first, data[first:last])

    def _learn(self, known: int) -> None:
        """Draws the consequences of so many bytes: the manifest, or all of it."""
        if self._manifest is None and known >= update.HEAD_BYTES:
            try:
                count = update.manifest_bytes(self._flash.read(0, update.HEAD_BYTES))
                if known >= update.HEAD_BYTES + count + update.SEAL_BYTES:
                    self._judge(self._flash.read(update.HEAD_BYTES, count))
            except Refusal as error:
                self.refused = str(error)
                return
            except (FrameError, AuthError) as error:
                self._again(str(error))
                return
        if self._manifest is not None and known >= self._total:
            self._finish()

    def _judge(self, manifest: bytes) -> None:
        """Whether this manifest is true and meant for this node."""
        after = update.HEAD_BYTES + len(manifest)
        update.check(self._key, manifest, self._flash.read(after, update.SEAL_BYTES))
        number, lowers, target = update.front(manifest)
        total = after + update.SEAL_BYTES
        for _, _, length, _ in update.walk(manifest):
            total += length
        if number != self.number or target != self._board.target:
            raise Refusal("update %d for %s" % (number, target))
        if number <= self._running and not lowers:
            raise Refusal("update %d is not above %d" % (number, self._running))
        if total > (self._flash.sectors - 1) * self._flash.sector_bytes:
            raise Refusal("update of %d bytes" % total)
        self._manifest = manifest
        self._total = total

    def _finish(self) -> None:
        """All is there: reads it back, part by part, and lets the next boot try it."""
        assert self._manifest is not None
        base = update.HEAD_BYTES + len(self._manifest) + update.SEAL_BYTES
        for path, start, length, digest in update.walk(self._manifest):
            if not is_sound(self._flash, base + start, length, digest):
                self._again("%s is not %s" % (path, hexlify(digest[:4]).decode()))
                return
        self._notes.add(self.slot, self.number, update.fingerprint(self._manifest))
        self.ready = True

    def _again(self, why: str) -> None:
        """The archive is not what it should be: from the beginning, a few times."""
        self._board.log("update %d: %s" % (self.number, why))
        if self._progress.attempt >= _ATTEMPTS:
            self.refused = why
            return
        self._begin(self._progress.attempt + 1)
        self._offset = 0
        self._total = 0
        self._manifest = None


class Trial:
    """A boot whose application has yet to prove itself: it must measure, and that must be acknowledged."""

    def __init__(self, board: Board) -> None:
        self._notes = _notes_of(board)
        self._note = _note_of(board, self._notes)
        self._first: int | None = None

    def measured(self, number: int) -> None:
        """A record of this boot with a value in it."""
        if self._first is None:
            self._first = number

    def acknowledged(self, number: int) -> bool:
        """Records up to `number` are safe: whether that proves the application, which is noted."""
        if self._note is None or self._first is None or number < self._first:
            return False
        self._notes.confirm(self._note)
        return True

    def report(self) -> bool:
        """A report begins; whether there were too many in vain, so that the next boot will run another one."""
        if self._note is None or self._note.confirmed:
            return False
        self._notes.report_in_vain(self._note)
        return not self._note.runs


def target_slot(board: Board, notes: Notes) -> int:
    """Where an update may go: never over what runs, nor over what was confirmed last. Refusal: nowhere."""
    if board.running is not None:
        return 1 - board.running
    confirmed = notes.confirmed()
    return 1 - confirmed.slot if confirmed is not None else 0


def state_of(board: Board, number: int) -> int | None:
    """The result for the command UPDATE(number) if it is decided: command.DONE, it runs and is confirmed; REFUSED."""
    if board.notes is None or len(board.slots) != 2:
        return command.REFUSED
    notes = _notes_of(board)
    running = _note_of(board, notes)
    if running is not None and running.number == number and running.confirmed:
        return command.DONE
    return command.REFUSED if notes.was_rolled_back(number) else None


def heed(
    board: Board, number: int, key: bytes, most_bytes: int, fetcher: Fetcher | None
) -> "tuple[int | None, Fetcher | None]":
    """What the command UPDATE(number) does: its result, None as long as it is not decided (it comes with each answer
    until then), and the fetcher to be served."""
    result = state_of(board, number)
    if result is None and not board.on_trial and (fetcher is None or fetcher.number != number):
        try:
            fetcher = Fetcher(board, number, key, most_bytes)
        except Refusal as error:
            board.log(str(error))
            return command.REFUSED, None
    if result is not None or (fetcher is not None and fetcher.refused):
        return command.REFUSED if result is None else result, None
    return None, fetcher


def _notes_of(board: Board) -> Notes:
    if board.notes is None or len(board.slots) != 2:
        raise Refusal("this board has no slots")
    return Notes(board.notes)


def _note_of(board: Board, notes: Notes) -> Note | None:
    """What is noted of the application that runs."""
    return None if board.running is None else notes.newest(board.running)
