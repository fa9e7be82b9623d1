"""Knows how an update is lived through while the power goes in the middle of operations on flash; knows no journal.

On both interpreters. `live()` is one update from its offer to its confirmation, cut at a given operation, and at random
ones after that: it must always find something sound to run, and end in the new number.
"""

import hashlib
import struct

from firmware import update as node_update
from firmware.board import Board, Flash
from firmware.boot.notes import Notes
from firmware.boot.slot import SlotFiles
from firmware.boot.start import choose
from protocols import command, update
from protocols.update import Manifest, Part

KEY = bytes(range(32))
TARGET = "rp2"
_SECTOR, _SECTORS = 512, 9
_BOOTS = 400  # more than any cut can cost


class Gone(BaseException):
    """The power: nothing catches it."""


class Dice:
    """The same numbers on every interpreter: an LCG of 31 bits (constants of ANSI C), upper bits used."""

    def __init__(self, seed: int) -> None:
        self._state = (seed * 7919 + 1) & 0x7FFFFFFF
        self.below(2)

    def below(self, limit: int) -> int:
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._state >> 8) % limit

    def data(self, count: int) -> bytes:
        return bytes([self.below(256) for _ in range(count)])


class Power:
    """What all flash of a board hangs on: counts operations, and goes in the middle of one."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        self.operations = 0
        self.left: int | None = None  # until it goes; None: it stays

    def goes(self) -> bool:
        self.operations += 1
        if self.left is None:
            return False
        self.left -= 1
        return self.left < 0


class Nor(Flash):
    """NOR flash: a write clears bits, an erasure sets them; what the power interrupts is done in part."""

    def __init__(self, power: Power, sectors: int = _SECTORS, sector_bytes: int = _SECTOR) -> None:
        self.sectors = sectors
        self.sector_bytes = sector_bytes
        self._power = power
        self.data = bytearray(power.dice.data(64) * (sectors * sector_bytes // 64))  # not blank
        self.erases = [0] * sectors

    def read(self, offset: int, count: int) -> bytes:
        assert 0 <= offset <= offset + count <= len(self.data)
        return bytes(self.data[offset : offset + count])

    def write(self, offset: int, data: bytes) -> None:
        assert data and offset // self.sector_bytes == (offset + len(data) - 1) // self.sector_bytes
        goes, dice = self._power.goes(), self._power.dice
        done = dice.below(len(data) + 1) if goes else len(data)
        for i in range(done):
            self.data[offset + i] &= data[i]
        if goes:
            if done < len(data):
                self.data[offset + done] &= data[done] | dice.below(256)
            raise Gone

    def erase(self, sector: int) -> None:
        assert 0 <= sector < self.sectors
        self.erases[sector] += 1
        goes, dice = self._power.goes(), self._power.dice
        start, size = sector * self.sector_bytes, self.sector_bytes
        done = dice.below(size + 1) if goes else size
        for i in range(size):
            self.data[start + i] |= 0xFF if i < done else dice.below(256) & dice.below(256)
        if goes:
            raise Gone


class Bench(Board):
    """A board of nothing but slots and notes."""

    target = TARGET

    def __init__(self, power: Power) -> None:
        self.slots = (Nor(power), Nor(power))
        self.notes = Nor(power, 2, 256)

    def log(self, text: str) -> None:
        pass


def archive(
    number: int, contents: "dict[str, bytes]", key: bytes = KEY, target: str = TARGET, lowers: bool = False
) -> bytes:
    """A sealed archive of these files."""
    parts = []
    start = 0
    for path in sorted(contents):
        parts.append(Part(path, start, len(contents[path]), hashlib.sha256(contents[path]).digest()))
        start += len(contents[path])
    manifest = update.encode(Manifest(number, target, tuple(parts), lowers))
    body = b"".join([contents[path] for path in sorted(contents)])
    return update.head(manifest) + update.seal(key, manifest) + body


def some_archive(number: int, dice: Dice) -> bytes:
    """Some small files, one with bytes that look erased at its end and in its middle."""
    contents = {"firmware/main.mpy": b"main %d" % number, "firmware/__init__.mpy": b"\xff" * 300 + b"x" + b"\xff" * 40}
    for name in "abc":
        contents["protocols/%s.mpy" % name] = dice.data(100 + dice.below(700))
    return archive(number, contents)


def answer(held: bytes, body: bytes) -> bytes:
    """What a gateway that holds this archive says to an ASK."""
    number, offset, count = update.decode_ask(body)
    return update.encode_part(number, offset, held[offset : offset + count])


def install(board: Bench, slot: int, held: bytes) -> None:
    """As a technician would: an archive in a slot, confirmed."""
    flash = board.slots[slot]
    for sector in range(flash.sectors):
        flash.erase(sector)
    for at in range(0, len(held), flash.sector_bytes):
        flash.write(at, held[at : at + flash.sector_bytes])
    count = update.manifest_bytes(held)
    manifest = held[update.HEAD_BYTES : update.HEAD_BYTES + count]
    assert board.notes is not None
    notes = Notes(board.notes)
    notes.confirm(notes.add(slot, struct.unpack(">I", manifest[:4])[0], update.fingerprint(manifest)))


def boot(board: Bench) -> int:
    """Chooses, and checks that what was chosen can be run; its number."""
    assert board.notes is not None
    note, files = choose(Notes(board.notes), board.slots)
    assert note is not None and files is not None, "nothing but the frozen application is left"
    check(files)
    board.running, board.on_trial = note.slot, note.on_trial
    return int(note.number)


def check(files: SlotFiles) -> None:
    """Every part can be opened, which compares it with its SHA-256."""
    for folder in ("firmware", "protocols"):
        for name, _, _ in files.ilistdir(folder):
            files.open(folder + "/" + name, "rb")


def run(board: Bench, held: bytes, most_bytes: int) -> bool:
    """One boot's life: fetches, restarts, proves; whether the new application is confirmed at its end."""
    number = update.decode(held[update.HEAD_BYTES : update.HEAD_BYTES + update.manifest_bytes(held)]).number
    result, fetcher = node_update.heed(board, number, KEY, most_bytes, None)
    if result is not None:
        assert result == command.DONE, "refused"
        return True
    if board.on_trial:
        trial = node_update.Trial(board)
        trial.measured(7)
        assert not trial.acknowledged(6) and trial.acknowledged(8)
        return False
    assert fetcher is not None
    while not fetcher.ready:
        question = fetcher.question()
        if question is None:
            fetcher.begin_report()
            question = fetcher.question()
        assert question is not None and not fetcher.refused, fetcher.refused
        fetcher.take(answer(held, question))
    return False


def live(seed: int, at: "int | None", most_bytes: int = 100) -> int:
    """One update, cut in its operation `at` (None: never); how many operations on flash it took."""
    dice = Dice(seed)
    power = Power(dice)
    board = Bench(power)
    old = some_archive(1, dice)
    new = some_archive(2, dice)
    install(board, 0, old)
    power.operations, power.left = 0, at
    went = 0
    for _ in range(_BOOTS):
        try:
            running = boot(board)
            assert running in (1, 2)
            if run(board, new, most_bytes):
                break
        except Gone:
            went += 1
            power.left = dice.below(60) if dice.below(3) == 0 else None
    else:
        raise AssertionError("it never ends")
    power.left = None
    if went == 1:  # it goes on where it was: nothing is fetched twice but a piece
        assert node_update.Progress(board.slots[1]).attempt <= 1, "from the beginning"
    assert boot(board) == 2 and board.slots[0].read(0, len(old)) == old
    assert board.slots[1].read(0, len(new)) == new
    return power.operations


def cuts(seed: int, first: int = 0, count: "int | None" = None) -> int:
    """Cuts the power in operation after operation of an update, each in a life of its own; how many were cut."""
    operations = live(seed, None)
    last = operations if count is None else min(first + count, operations)
    for at in range(first, last):
        live(seed, at)
    return last - first
