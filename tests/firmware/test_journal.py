"""The journal: what comes back, in which order and with which date; what it counts; what it costs the flash. Power
cuts and rot everywhere: test_power_cuts.py."""

from firmware.journal import Journal, WornOut
from firmware.ring import MAX_PAYLOAD
from hw_sim.guest.cut_flash import CutFlash, Dice
from protocols.errors import RangeError
from tests.firmware.doubles import RamFlash, raises


def numbers(entries):
    return [entry.number for entry in entries]


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
    for _ in range(200):
        journal.append(b"0123456789")
    held = numbers(journal.unsent(1000))
    assert held == list(range(201 - len(held), 201)) and len(held) >= 3 * 20
    assert journal.dropped == 200 - len(held) and journal.rotten == 0


def test_no_boot_forgets_what_was_dropped():
    flash = RamFlash(4)
    number = dropped = 0
    for _ in range(40):
        journal = Journal(flash)
        assert journal.dropped >= dropped
        for _ in range(7):
            number = journal.append(b"0123456789")
        dropped = journal.dropped
        assert dropped == number - len(journal.unsent(1000))
    assert dropped > 150


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


def test_the_clock_that_dates_a_record_may_stand_sectors_later_but_in_its_own_boot():
    flash = RamFlash(8)
    journal = Journal(flash)
    for _ in range(50):
        journal.append(b"0123456789")
    journal.set_clock(1_700_000_000_000, 900_000)
    journal = Journal(flash)
    journal.append(b"never dated")
    journal = Journal(flash)
    journal.set_clock(1_800_000_000_000, 1000)
    found = journal.unsent(3)
    assert [(entry.state.clock_ms, entry.state.set_16th) for entry in found] == [(1_700_000_000_000, 14_400)] * 3
    assert [entry.state.clock_ms for entry in journal.read(50, 51, 9)] == [1_700_000_000_000, 0]


def test_any_numbers_can_be_asked_for_even_released_ones():
    journal = Journal(RamFlash(8))
    for i in range(1, 91):
        journal.append(b"%d" % i)
    journal.release(90)
    assert journal.unsent(9) == []
    assert numbers(journal.read(7, 10, 99)) == [7, 8, 9, 10]
    assert numbers(journal.read(60, 90, 3)) == [60, 61, 62]
    assert [entry.payload for entry in journal.read(90, 1 << 30, 9)] == [b"90"]
    assert journal.read(91, 200, 9) == [] and journal.read(8, 7, 9) == [] and journal.read(1, 9, 0) == []


def test_what_was_released_stays_so_over_a_boot():
    flash = RamFlash(8)
    journal = Journal(flash)
    for _ in range(30):
        journal.append(b"0123456789")
    programs = flash.programs
    journal.release(20)
    assert flash.programs == programs  # a report costs nothing
    assert Journal(flash.copy()).released == 0
    journal.note_released()
    journal.note_released()
    assert flash.programs == programs + 1
    journal.release(25)
    journal.set_clock(1_700_000_000_000)  # a state that is written anyway takes it along
    journal = Journal(flash)
    assert journal.released == 25 and numbers(journal.unsent(2)) == [26, 27]
    for _ in range(200):
        journal.release(journal.append(b"0123456789"))
    assert Journal(flash).released >= 230 - 64


def test_behind_damage_records_are_found_with_their_own_numbers_and_the_damaged_one_is_counted():
    flash = RamFlash(6)
    journal = Journal(flash)
    for i in range(1, 41):
        journal.append(bytes((i,)) * 10)
    hidden = 0
    for at in range(0, 3 * 512, 3):
        rotten = flash.copy()
        rotten.data[at] ^= 0x10
        again = Journal(rotten)
        found = again.unsent(100)
        assert all(entry.payload == bytes((entry.number,)) * 10 for entry in found)
        lost = 40 - len(found)
        assert lost <= 1, at  # a head stands there twice
        again.release(again.next_number - 1)
        assert again.rotten >= lost
        assert again.append(b"next") > 40
        hidden += lost
    assert hidden > 200


def test_a_torn_record_counts_once_and_the_ring_goes_on_behind_it_in_the_same_sector():
    flash = CutFlash(4, 4096)
    journal = Journal(flash)
    journal.append(b"0123456789")
    journal.append(bytes(40))
    begin, end = flash.written
    flash.content[begin + 20 : end - 5] = b"\xff" * (end - begin - 25)
    for _ in range(3):  # each boot jumps over it anew or finds the state behind it
        journal = Journal(flash)
        number = journal.append(b"behind")
    assert sum(flash.erases) == 1
    assert numbers(journal.unsent(9)) == [1, number - 2, number - 1, number] and 5 <= number <= 11
    journal.release(number)
    assert (journal.rotten, journal.dropped) == (1, 0)


def test_what_is_written_behind_a_torn_entry_never_completes_it():
    """Seen in the campaign: the last byte was missing, and the length of what came behind was just that byte."""
    flash = CutFlash(4, 512)
    journal = Journal(flash)
    journal.append(b"whole")
    journal.append(b"torn\x10")
    flash.content[flash.written[1] - 1] = 0xFF
    journal = Journal(flash)  # its state is an entry of 16 bytes
    boot, number = journal.state.boot, journal.append(b"behind")
    again = Journal(flash)
    assert again.state.boot == boot + 1
    assert [(entry.number, entry.payload) for entry in again.unsent(9)] == [(1, b"whole"), (number, b"behind")]


def test_a_sector_that_does_not_erase_or_does_not_keep_is_given_up_and_its_neighbours_serve():
    class Worn(CutFlash):
        """Sector 1 keeps a bit at 0 through every erasure; sector 2 can't hold a bit of byte 300 at 0."""

        def _change(self, offset, new):
            CutFlash._change(self, offset, new)
            self.content[512 + 77] &= 0xFB
            self.content[1024 + 300] |= 0x04

    flash = Worn(6, 512)
    journal = Journal(flash)
    for i in range(100):
        assert journal.append(b"%03d4567890\x00\x00" % i) == i + 1
    assert [entry.payload[:3] for entry in journal.unsent(200)][-40:] == [b"%03d" % i for i in range(60, 100)]
    again = Journal(flash)
    assert again.next_number == 101 and again.dropped == journal.dropped
    again.release(100)
    assert again.rotten == 0 and again.dropped == 100 - len(numbers(again.read(1, 100, 200)))

    class Dead(CutFlash):
        def erase(self, sector):
            self.content[sector * self.sector_bytes] = 0

    raises(WornOut, Journal, Dead(4, 512))


def test_opening_reads_the_heads_and_the_newest_sector():
    for sectors in (32, 256):
        flash = RamFlash(sectors, 4096)
        journal = Journal(flash)
        payload = bytes(200)
        while min(flash.erases) < 2:
            journal.append(payload)
        flash.reads = 0
        Journal(flash)
        assert flash.reads < sectors * 60 + 3 * 4096, flash.reads


def test_wear_is_spread_evenly_and_small():
    """Ninety days of a node that boots at each of its wakes, every 15 minutes, and reports each hour."""
    flash = RamFlash(8, 4096)
    dice = Dice(1)
    wakes = 0
    for _ in range(90):
        for _ in range(24):
            journal = Journal(flash)
            for _ in range(4):
                wakes += 1
                journal.append(dice.data(20))
            journal.set_clock(1_700_000_000_000 + wakes * 900_000)
            journal.release(journal.next_number - 1)
            journal.note_released()
    assert max(flash.erases) - min(flash.erases) <= 1
    assert max(flash.erases) * 8 * 365 // 90 < 600  # sectors a year
