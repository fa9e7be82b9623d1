"""A clock with a cell and an alarm: time in its registers, and what it does when the alarm is set, rings, or can't."""

from firmware.boards.ds3231 import LONGEST_S, Ds3231, registers, seconds
from tests.firmware.doubles import raises

# date -u -d '2026-11-29 08:59:58' +%s, and so on
DATES = (
    ("2000-01-01 00:00:00", 946_684_800),
    ("2000-02-29 23:59:59", 951_868_799),
    ("2000-12-31 12:00:00", 978_264_000),
    ("2024-02-29 06:07:08", 1_709_186_828),
    ("2026-11-29 08:59:58", 1_795_942_798),
    ("2027-03-01 00:00:00", 1_803_859_200),
    ("2099-12-31 23:59:59", 4_102_444_799),
)


class Chip:
    """The registers that we use, as the data sheet has them. `unix_ms` is its time; INT is low while `rings`."""

    def __init__(self, unix_ms):
        self.unix_ms = unix_ms
        self.file = bytearray(19)
        self.file[0x0E], self.file[0x0F] = 0x1C, 0x88  # as it leaves the factory: stopped, its 32 kHz are on
        self.is_there = True
        self.writes = []

    def readfrom_mem(self, address, register, count):
        self.check(address)
        if register == 0:
            self.file[:7] = registers(self.unix_ms // 1000)
        return bytes(self.file[register : register + count])

    def writeto_mem(self, address, register, data):
        self.check(address)
        self.writes.append(register)
        for i, byte in enumerate(data):
            self.file[register + i] = byte
        if register == 0:
            self.unix_ms = seconds(data) * 1000

    def check(self, address):
        assert address == 0x68
        if not self.is_there:
            raise OSError(5)

    def passes(self, duration_ms):
        for _ in range(duration_ms // 1000):
            self.unix_ms += 1000
            now = registers(self.unix_ms // 1000)
            alarm = self.file[7:11]
            if alarm[3] & 0x80 and bytes(alarm[:3]) == now[:3]:
                self.file[0x0F] |= 1
        self.unix_ms += duration_ms % 1000

    @property
    def rings(self):
        return bool(self.file[0x0F] & 1 and self.file[0x0E] & 5 == 5)


def test_registers_and_unix_time_are_each_others():
    for text, unix_s in DATES:
        data = registers(unix_s)
        assert "20%02x-%02x-%02x %02x:%02x:%02x" % (data[6], data[5], data[4], data[2], data[1], data[0]) == text
        assert seconds(data) == unix_s
    for day in range(36_525):  # all of the chip's
        assert seconds(registers(946_684_800 + day * 86_400 + day)) == 946_684_800 + day * 86_400 + day


def test_what_is_no_time_is_refused():
    for data in (b"\xff" * 7, bytes(7), b"\x60\x00\x00\x01\x01\x01\x00", b"\x00\x00\x24\x01\x01\x01\x00"):
        raises(ValueError, seconds, data)
    chip = Chip(0)
    chip.file[0x0F] = 0
    chip.readfrom_mem = lambda address, register, count: b"\x00" if register == 0x0F else b"\xff" * count
    assert Ds3231(chip).unix_ms() is None


def test_a_clock_that_stopped_says_nothing_until_it_is_set():
    chip = Chip(946_684_800_000)
    clock = Ds3231(chip)
    assert clock.unix_ms() is None and not clock.ring_in(60_000)
    paused = []
    clock.set(1_795_942_798_250, paused.append)
    assert paused == [750]  # to the whole second that it begins with
    assert clock.unix_ms() == 1_795_942_799_500
    chip.passes(3600_000)
    assert clock.unix_ms() == 1_795_946_399_500


def set_clock(unix_ms=1_795_942_798_000):
    chip = Chip(unix_ms)
    chip.file[0x0F] = 0x08
    return chip, Ds3231(chip)


def test_the_supply_comes_back_when_it_was_wanted_over_midnight_too():
    for duration_s in (2, 60, 900, 54_000, 70_000, LONGEST_S):
        chip, clock = set_clock()
        chip.file[0x0E] = 0x05
        chip.file[0x0F] |= 1  # it woke us
        assert chip.rings
        assert clock.ring_in(duration_s * 1000 + 700) and not chip.rings
        chip.passes((duration_s - 1) * 1000)
        assert not chip.rings
        chip.passes(1000)
        assert chip.rings


def test_an_alarm_is_never_in_the_past_and_never_more_than_a_day_ahead():
    for duration_ms in (-5000, 0, 10, 1999):
        chip, clock = set_clock()
        assert clock.ring_in(duration_ms)
        chip.passes(2000)
        assert chip.rings
    chip, clock = set_clock()
    assert clock.ring_in(10 * 86_400_000)
    chip.passes(LONGEST_S * 1000)
    assert chip.rings


def test_a_clock_that_does_not_take_its_alarm_holds_the_supply():
    for broken in (7, 0x0E):
        chip, clock = set_clock()
        chip.file[0x0E], chip.file[0x0F] = 0x05, 0x09
        write = chip.writeto_mem

        def deaf(address, register, data, broken=broken, write=write):
            if register != broken:
                write(address, register, data)

        chip.file[0x0E] = 0x1D
        chip.writeto_mem = deaf
        assert not clock.ring_in(60_000) and chip.rings


def test_a_clock_that_is_not_there_is_none():
    chip, clock = set_clock()
    chip.is_there = False
    clock.set(1_795_942_798_000, lambda ms: None)
    assert (clock.unix_ms(), clock.temperature_dc(), clock.ring_in(5000)) == (None, None, False)


def test_the_temperature_has_quarters_and_a_sign():
    chip, clock = set_clock()
    for high, low, dc in ((25, 0x40, 252), (0, 0, 0), (0xFF, 0xC0, -3), (0xD8, 0x00, -400), (0xE7, 0x80, -245)):
        chip.file[0x11], chip.file[0x12] = high, low
        assert clock.temperature_dc() == dc
