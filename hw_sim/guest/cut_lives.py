"""Knows what journal and settings promise over boots, and holds them to it; not where the power fails."""

from firmware import settings
from firmware.config import ConfigError
from firmware.journal import Journal
from hw_sim.guest.cut_flash import CutFlash, Dice


class Tally:
    """What was seen: `lost` what had been promised, `repeated` numbers, counters and boot ids, `wrong` what came back
    other than it was. `notes` has the first few in words."""

    def __init__(self) -> None:
        self.power_cuts = 0
        self.lost = 0
        self.repeated = 0
        self.wrong = 0
        self.unbooted = 0
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        if len(self.notes) < 10:
            self.notes.append(text)

    def loses(self, what: str) -> None:
        self.lost += 1
        self.note("lost: " + what)

    def repeats(self, what: str) -> None:
        self.repeated += 1
        self.note("repeated: " + what)

    def spoils(self, what: str) -> None:
        self.wrong += 1
        self.note("wrong: " + what)


class Life:
    """One part of a node over its boots: its flash, and what it promised. `most_acts`: in a boot of the campaign."""

    most_acts = 40

    def __init__(self, dice: Dice, tally: Tally, flash: CutFlash) -> None:
        self.dice = dice
        self.tally = tally
        self.flash = flash

    def fork(self, dice: Dice) -> "Life":
        """The same life, with flash and memory of its own from here on."""
        raise NotImplementedError

    def boot(self) -> None:
        raise NotImplementedError

    def act(self) -> None:
        """Something that the node does."""
        raise NotImplementedError

    def check(self) -> None:
        """Tells the tally what is not as it was promised."""
        raise NotImplementedError


class JournalLife(Life):
    """Records, numbers, boots, counters, clocks."""

    def __init__(self, dice: Dice, tally: Tally, flash: CutFlash | None = None) -> None:
        super().__init__(dice, tally, flash or CutFlash(3 + dice.below(3), 512))
        self.journal: Journal
        self.kept: dict[int, tuple[bytes, int, int]] = {}  # number: payload, boot, erases when append() returned
        self.places: dict[int, tuple[int, int]] = {}  # number: where it lies
        self._flights: dict[bytes, int] = {}  # payload: boot, of an append() that did not return
        self._boots: set[int] = set()
        self._counters: set[int] = set()
        self._clocks: dict[int, list[int]] = {}  # boot: what set_clock() returned for
        self._tried: dict[int, list[int]] = {}  # boot: what it was given
        self._serial = 0
        self._released = 0
        self._noted = 0  # released, when that was noted last

    def fork(self, dice: Dice) -> "JournalLife":
        life = JournalLife(dice, self.tally, self.flash.copy())
        life.kept, life._flights = self.kept.copy(), self._flights.copy()
        life._boots, life._counters = set(self._boots), set(self._counters)
        life._clocks = {boot: clocks[:] for boot, clocks in self._clocks.items()}
        life._tried = {boot: clocks[:] for boot, clocks in self._tried.items()}
        life._serial, life._released, life._noted = self._serial, self._released, self._noted
        return life

    def boot(self) -> None:
        self.journal = Journal(self.flash)
        boot = self.journal.state.boot
        if boot in self._boots:
            self.tally.repeats("boot %d" % boot)
        self._boots.add(boot)
        self._clocks[boot], self._tried[boot] = [], []
        if not self._noted <= self.journal.released <= self._released:
            self.tally.spoils("released %d" % self.journal.released)

    def act(self) -> None:
        kind = self.dice.below(14)
        if kind < 9:
            self._append()
        elif kind < 11:
            self._count()
        elif kind == 11:
            self._set_clock()
        else:
            number = self.journal.next_number - 1 - self.dice.below(20)
            self._released = max(self._released, number)
            self.journal.release(number)
            if kind == 12:
                self.journal.note_released()
                self._noted = self.journal.released

    def _append(self) -> None:
        boot = self.journal.state.boot
        self._serial += 1
        payload = self._serial.to_bytes(4, "big") + self.dice.data(1 + self.dice.below(40))
        self._flights[payload] = boot
        number = self.journal.append(payload)
        if number in self.kept:
            self.tally.repeats("record %d" % number)
        self.kept[number] = (payload, boot, sum(self.flash.erases))
        self.places[number] = self.flash.written
        self._flights.pop(payload)

    def _count(self) -> None:
        for _ in range(self.dice.below(40)):
            counter = self.journal.next_counter()
            if counter in self._counters:
                self.tally.repeats("counter %d" % counter)
            self._counters.add(counter)

    def _set_clock(self) -> None:
        boot = self.journal.state.boot
        clock_ms = 1_700_000_000_000 + self.dice.below(100) * 500
        before = self.journal.state.clock_ms
        self._tried[boot].append(clock_ms)
        self.journal.set_clock(clock_ms, self.dice.below(1000) * 1000)
        if self.journal.state.clock_ms != before:
            self._clocks[boot].append(clock_ms)

    def release_all(self) -> None:
        self._released = self.journal.next_number - 1
        self.journal.release(self._released)

    def forget(self) -> None:
        """States may have rotted: with them may be gone what dated a record, and what was noted to be released."""
        self._noted = 0
        for boot in self._clocks:
            self._clocks[boot] = []

    def found(self) -> set[int]:
        """The numbers of all records that the journal still has; each must be what it was when it was made."""
        entries = self.journal.read(1, self.journal.next_number - 1, 1 << 20)
        last = 0
        for entry in entries:
            number, boot = entry.number, entry.state.boot
            if number <= last:
                self.tally.repeats("record %d, read twice" % number)
            last = number
            if number not in self.kept and entry.payload in self._flights:
                self.kept[number] = (entry.payload, self._flights.pop(entry.payload), -1)
            if number not in self.kept or self.kept[number][:2] != (entry.payload, boot):
                self.tally.spoils("record %d" % number)
            elif entry.state.clock_ms and entry.state.clock_ms not in self._tried[boot]:
                self.tally.spoils("record %d is dated by another boot" % number)
            elif not entry.state.clock_ms and self._clocks[boot] and self._is_safe(number):
                self.tally.loses("the clock of boot %d" % boot)
        unsent = [entry.number for entry in self.journal.unsent(1 << 20)]
        if unsent != [entry.number for entry in entries if entry.number > self.journal.released]:
            self.tally.spoils("unsent %r" % unsent)
        return {entry.number for entry in entries}

    def check(self) -> None:
        found = self.found()
        missing = [number for number in self.kept if number > self._released and number not in found]
        for number in missing:
            if self._is_safe(number):
                self.tally.loses("record %d, that nothing can have overwritten" % number)
        if missing:  # counted already, or at the latest when everything is released: an erasure may have ended early
            later = Journal(self.flash.copy())
            later.release(later.next_number - 1)
            if len(missing) > later.dropped + later.rotten:
                self.tally.loses("%d records, %d counted" % (len(missing), later.dropped + later.rotten))

    def _is_safe(self, number: int) -> bool:
        """Whether append() returned, and too few erasures came since for its sector to have been among them."""
        erases = self.kept[number][2]
        return erases >= 0 and sum(self.flash.erases) - erases < self.flash.sectors


class SettingsLife(Life):
    """Always what was stored last, or what is being stored."""

    most_acts = 3  # one has dozens of operations

    def __init__(self, dice: Dice, tally: Tally, flash: CutFlash | None = None) -> None:
        super().__init__(dice, tally, flash or CutFlash(2 * (1 + dice.below(3)), 256))
        self._stored = b""
        self._coming = b""

    def fork(self, dice: Dice) -> "SettingsLife":
        life = SettingsLife(dice, self.tally, self.flash.copy())
        life._stored, life._coming = self._stored, self._coming
        return life

    def boot(self) -> None:
        self._load(self.dice.below(2) == 1)

    def act(self) -> None:
        if self.dice.below(4):
            self._coming = self.dice.data(1 + self.dice.below(settings.most_bytes(self.flash)))
            settings.store(self.flash, self._coming)
            self._stored, self._coming = self._coming, b""
        else:
            self._load(True)

    def check(self) -> None:
        self._load(False)

    def _load(self, mend: bool) -> None:
        try:
            data = settings.load(self.flash)
            if mend:
                settings.mend(self.flash, data)
        except ConfigError:
            if self._stored:
                self.tally.loses("the settings")
            return
        if data == self._coming and data:
            self._stored, self._coming = data, b""  # from now on the old ones must not come back
        elif data != self._stored:
            self.tally.spoils("settings that were never stored, or not last")


LIVES = (JournalLife, SettingsLife)
