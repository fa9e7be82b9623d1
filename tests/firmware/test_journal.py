"""The journal under power cuts at every change of the flash, torn changes and bit rot, against a model of itself."""

from firmware.journal import MAX_PAYLOAD, Journal
from protocols.errors import RangeError
from tests.firmware.doubles import MICROPYTHON, Dice, PowerCut, RamFlash, raises

SEEDS = 4 if MICROPYTHON else 36


def tear(dice):
    """What a change leaves behind when the power fails in it: nothing, all, a part of the bytes, some of the bits."""
    kind = dice.below(5)

    def torn(old, new):
        at = dice.below(len(new) + 1)
        if kind == 0:
            return old
        if kind == 1:
            return new
        if kind == 2:
            return new[:at] + old[at:]
        if kind == 3:
            return old[:at] + new[at:]
        return bytes([a ^ ((a ^ b) & dice.below(256)) for a, b in zip(old, new)])

    return torn


class Story:
    """A journal with its flash, and what it promised: every number, payload, boot, clock and counter it gave out."""

    def __init__(self, dice, flash):
        self.dice = dice
        self.flash = flash
        self.kept = {}  # number: (payload, boot, erases of the flash when append() returned)
        self.flights = {}  # payload: boot, of an append() that the power cut
        self.counters = set()
        self.clocks = {}  # boot: the clocks that set_clock() returned for
        self.tried = {}  # boot: those that it was given
        self.serial = 0

    def fork(self, flash):
        story = Story(self.dice, flash)
        story.kept, story.flights = self.kept.copy(), self.flights.copy()
        story.counters = set(self.counters)
        story.clocks = {boot: clocks[:] for boot, clocks in self.clocks.items()}
        story.tried = {boot: clocks[:] for boot, clocks in self.tried.items()}
        story.serial = self.serial
        return story

    def open(self):
        self.journal = Journal(self.flash)
        boot = self.journal.state.boot
        assert boot not in self.clocks, "boot id used twice"
        self.clocks[boot], self.tried[boot] = [], []

    def act(self):
        kind = self.dice.below(12)
        boot = self.journal.state.boot
        if kind < 8:
            self.serial += 1
            payload = self.serial.to_bytes(4, "big") + self.dice.data(1 + self.dice.below(40))
            self.flights[payload] = boot
            number = self.journal.append(payload)
            assert number not in self.kept, "record number used twice"
            self.kept[number] = (payload, boot, self.flash.erases)
            self.flights.pop(payload)
        elif kind < 10:
            for _ in range(self.dice.below(40)):
                counter = self.journal.next_counter()
                assert counter not in self.counters, "counter used twice"
                self.counters.add(counter)
        elif kind == 10:
            clock_ms = 1_700_000_000_000 + self.dice.below(100) * 500
            before = self.journal.state.clock_ms
            self.tried[boot].append(clock_ms)
            self.journal.set_clock(clock_ms)
            if self.journal.state.clock_ms != before:
                self.clocks[boot].append(clock_ms)
        else:
            self.journal.release(self.journal.next_number - 1 - self.dice.below(20))

    def found(self):
        """Every entry the journal gives; each must be what it was when it was made."""
        entries = self.journal.unsent(10**6)
        last = self.journal.released
        for entry in entries:
            assert entry.number > last, "out of order"
            last = entry.number
            if entry.number not in self.kept and entry.payload in self.flights:
                self.kept[entry.number] = (entry.payload, self.flights.pop(entry.payload), -1)
            payload, boot, _ = self.kept[entry.number]
            assert entry.payload == payload and entry.state.boot == boot
            assert entry.state.clock_ms == 0 or entry.state.clock_ms in self.tried[boot], (
                "dated by another boot's clock"
            )
            assert entry.state.clock_ms or not self.clocks[boot], "the clock of that boot is lost"
        return {entry.number for entry in entries}

    def check(self):
        """Nothing is missing that was neither released nor overwritten."""
        found = self.found()
        for number, (_, _, erases) in self.kept.items():
            if erases >= 0 and self.flash.erases - erases < self.flash.sectors and number > self.journal.released:
                assert number in found, "a record is lost"


def cut_off(story, changes):
    """Goes on until the power fails in the change after so many."""
    story.flash.left, story.flash.tear = changes, tear(story.dice)
    try:
        story.open()
        while True:
            story.act()
    except PowerCut:
        story.flash.left = None


def test_a_power_cut_in_any_change_of_the_flash_loses_nothing():
    cuts = 0

    def cut_here(offset, new):
        """Before each change of the story: what if the power failed in it, and later once or twice more?"""
        nonlocal cuts
        flash = story.flash.copy()
        torn = tear(dice)(flash.read(offset, len(new)), new)
        flash.data[offset : offset + len(new)] = torn
        fork = story.fork(flash)
        for _ in range(dice.below(4)):
            cut_off(fork, dice.below(7))
            cuts += 1
        fork.open()
        fork.check()
        for _ in range(3):
            fork.act()
        fork.check()
        cuts += 1

    for seed in range(SEEDS):
        dice = Dice(seed)
        story = Story(dice, RamFlash(4 + dice.below(5)))
        story.flash.watch = cut_here
        for _ in range(4):
            story.open()
            for _ in range(dice.below(25)):
                story.act()
            story.check()
    print("%d cuts" % cuts)
    assert cuts > SEEDS * 60


def test_bit_rot_in_any_sector_neither_raises_nor_lets_a_number_repeat():
    for seed in range(SEEDS * 10):
        dice = Dice(seed)
        story = Story(dice, RamFlash(4 + dice.below(5)))
        for _ in range(1 + dice.below(3)):
            story.open()
            for _ in range(dice.below(40)):
                story.act()
        start = dice.below(story.flash.sectors) * 256
        for _ in range((1, 1, 3, 60)[dice.below(4)]):
            at = start + dice.below((14, 40, 256)[dice.below(3)])
            story.flash.data[at] = (story.flash.data[at] ^ 1 << dice.below(8), dice.below(256), 255)[dice.below(3)]
        story.clocks = {boot: [] for boot in story.clocks}  # what dated a record may have rotted
        for _ in range(2):
            story.open()
            story.found()
            for _ in range(8):
                story.act()
            story.found()


def test_rot_of_one_byte_costs_at_most_its_sector():
    flash = RamFlash(6)
    journal = Journal(flash)
    for i in range(40):
        journal.append(bytes((i,)) * 10)
    for at in range(0, len(flash.data), 5):
        rotten = flash.copy()
        rotten.data[at] ^= 0x10
        assert len(Journal(rotten).unsent(100)) >= 40 - 256 // 14


def test_records_come_back_in_order_with_their_numbers():
    journal = Journal(RamFlash())
    assert journal.unsent(10) == []
    assert [journal.append(bytes((i,)) * 5) for i in range(1, 21)] == list(range(1, 21))
    assert [entry.number for entry in journal.unsent(7)] == [1, 2, 3, 4, 5, 6, 7]
    journal.release(5)
    assert [(entry.number, entry.payload) for entry in journal.unsent(2)] == [(6, b"\x06" * 5), (7, b"\x07" * 5)]
    journal.release(3)
    journal.release(1000)
    assert journal.unsent(10) == [] and journal.released == 20


def test_an_overflowing_ring_keeps_the_newest_and_counts_what_it_dropped():
    journal = Journal(RamFlash(4))
    for _ in range(100):
        journal.append(b"0123456789")
    numbers = [entry.number for entry in journal.unsent(1000)]
    assert numbers == list(range(101 - len(numbers), 101)) and len(numbers) >= 2 * 14
    assert journal.dropped == 100 - len(numbers)


def test_what_was_released_is_not_counted_as_dropped():
    journal = Journal(RamFlash(4))
    for _ in range(100):
        journal.release(journal.append(b"0123456789"))
    assert journal.dropped == 0


def test_the_clock_dates_earlier_records_of_the_same_boot_and_of_no_other():
    flash = RamFlash(8)
    journal = Journal(flash)
    journal.append(b"boot 1")
    journal = Journal(flash)
    first = journal.append(b"boot 2 before")
    journal.set_clock(1_700_000_000_000)
    journal.append(b"boot 2 after")
    journal.set_clock(1_700_000_000_900)  # within a second: not worth a write
    journal = Journal(flash)
    journal.append(b"boot 3")
    assert [(entry.state.boot, entry.state.clock_ms) for entry in journal.unsent(9)] == [
        (1, 0),
        (2, 1_700_000_000_000),
        (2, 1_700_000_000_000),
        (3, 0),
    ]
    assert first == 2


def test_a_payload_that_no_entry_can_hold_is_refused():
    journal = Journal(RamFlash())
    raises(RangeError, journal.append, bytes(MAX_PAYLOAD + 1))
    raises(RangeError, journal.append, b"")
    journal = Journal(RamFlash(4, 512))
    assert journal.append(b"\xff" * MAX_PAYLOAD) == 1
    assert journal.unsent(1)[0].payload == b"\xff" * MAX_PAYLOAD
