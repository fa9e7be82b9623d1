"""What of the boards needs no `machine`: time, pages of flash, the end of a transmission, board.json."""

import json

from firmware.boards import layout
from firmware.boards.clock import SLICE_MS, TICKS_PERIOD, Clock, elapsed
from firmware.boards.nor import BlockFlash, programs
from firmware.boards.uart import BUSY_LIMIT_MS, ModemLine, UartLine, character_bits, guard_us
from firmware.config import ConfigError
from firmware.journal import Journal
from tests.firmware.doubles import Dice, raises, run


class Counters:
    """The module `time` of a board whose hands the test moves."""

    def __init__(self, us=0):
        self.us = us

    def ticks_ms(self):
        return self.us // 1000 % TICKS_PERIOD

    def ticks_us(self):
        return self.us % TICKS_PERIOD

    def sleep_ms(self, ms):
        self.us += ms * 1000

    def sleep_us(self, us):
        self.us += us


class Fed:
    """A watchdog that remembers when it was fed."""

    def __init__(self, counters):
        self._counters = counters
        self.at_us = []

    def __call__(self):
        self.at_us.append(self._counters.us)


class Wire:
    """A UART of 9600 8N1 with its transceiver. `early_us`: how long before the last stop bit flush() returns."""

    def __init__(self, counters, early_us=0):
        self._counters = counters
        self._early_us = early_us
        self._free_us = 0  # when the last stop bit is over
        self.driven = 0
        self.history = []  # (when, level of the direction pin)
        self.sent = b""
        self.cut_us = 0  # for how long characters were on a line nobody drove
        self.coming = b""

    def direction(self, level):
        if not level:
            self.cut_us += max(self._free_us - self._counters.us, 0)
        self.driven = level
        self.history.append((self._counters.us, level))

    def write(self, data):
        assert self.driven
        self.sent += data
        self._free_us = self._counters.us + guard_us(len(data), 10, 9600, 0)
        return len(data)

    def flush(self):
        self._counters.us = max(self._counters.us, self._free_us - self._early_us)

    def any(self):
        return len(self.coming)

    def read(self, count):
        data = self.coming[:count]
        self.coming = self.coming[count:]
        return data


class Chip:
    """NOR flash as rp2.Flash gives it: programs whole pages only, only ones into zeros, and never erases by itself."""

    def __init__(self, sectors, page_bytes):
        self._page_bytes = page_bytes
        self._sectors = sectors
        self.data = bytearray(b"\xff" * (sectors * 4096))

    def readblocks(self, block, into, offset):
        at = block * 4096 + offset
        into[:] = self.data[at : at + len(into)]

    def writeblocks(self, block, data, offset):
        at = block * 4096 + offset
        assert at % self._page_bytes == 0 and len(data) % self._page_bytes == 0
        for i, byte in enumerate(data):
            self.data[at + i] &= byte

    def ioctl(self, operation, argument):
        if operation == 6:
            self.data[argument * 4096 : (argument + 1) * 4096] = b"\xff" * 4096
        return {4: self._sectors, 5: 4096, 6: 0}[operation]


def clock_of(counters, nap=None):
    return Clock(counters, nap or counters.sleep_ms, Fed(counters))


def nothing():
    pass


# --- time -----------------------------------------------------------------------------------------------------------


def test_elapsed_goes_over_the_wrap():
    assert elapsed(5, 12) == 7
    assert elapsed(TICKS_PERIOD - 3, 4) == 7
    assert elapsed(9, 9) == 0


def test_time_never_wraps_over_two_months_of_sleep():
    counters = Counters(us=7_000_000)
    clock = clock_of(counters, lambda ms: counters.sleep_ms(min(ms, SLICE_MS) * 60))  # oversleeps: fewer steps
    before = clock.now_ms()
    assert before == 7000
    while counters.us < 60 * 86_400_000_000:
        clock.sleep_ms(3_600_000)
        assert clock.now_ms() == counters.us // 1000
    assert counters.us // 1000 > 4 * TICKS_PERIOD


def test_sleep_is_cut_into_slices_that_no_watchdog_outlasts():
    counters = Counters()
    fed = Fed(counters)
    naps = []

    def nap(ms):
        naps.append(ms)
        counters.sleep_ms(ms)

    Clock(counters, nap, fed).sleep_ms(15 * 60_000 + 7)
    assert counters.us == (15 * 60_000 + 7) * 1000
    assert max(naps) <= SLICE_MS < 8388
    assert max([after - before for before, after in zip(fed.at_us, fed.at_us[1:])]) <= SLICE_MS * 1000
    assert fed.at_us[0] == 0 and fed.at_us[-1] == counters.us


def test_a_nap_that_ends_early_is_taken_again():
    counters = Counters()
    clock = clock_of(counters, lambda ms: counters.sleep_ms((ms + 1) // 2))
    clock.sleep_ms(10_000)
    assert counters.us == 10_000_000


# --- lines ----------------------------------------------------------------------------------------------------------


def test_guard_is_what_is_left_of_the_characters():
    assert guard_us(8, 10, 9600, 0) == 8334  # 80 bits of 104.17 us, rounded up
    assert guard_us(8, 11, 19200, 4000) == 584
    assert guard_us(8, 10, 9600, 8334) == 0
    assert guard_us(8, 10, 9600, 20_000) == 0


def test_a_character_has_a_start_bit_and_its_parity():
    assert [character_bits("N", 1), character_bits("N", 2), character_bits("E", 1), character_bits("O", 2)] == [
        10,
        11,
        11,
        12,
    ]


def test_the_bus_is_released_after_the_last_stop_bit_however_early_flush_returns():
    for early_us in (0, 500, 1042, 6000):
        counters = Counters(us=TICKS_PERIOD - 2000)  # over a wrap of ticks_us
        wire = Wire(counters, early_us)
        run(UartLine(wire, 9600, 10, clock_of(counters), wire.direction).write(b"12345678"))
        assert wire.sent == b"12345678" and wire.cut_us == 0
        (on_us, on), (off_us, off) = wire.history
        assert (on, off) == (1, 0)
        assert off_us - on_us == 8334  # not a bit longer


def test_a_message_longer_than_the_buffer_goes_out_whole():
    counters = Counters()
    wire = Wire(counters, 1042)
    run(UartLine(wire, 9600, 10, clock_of(counters), wire.direction).write(bytes(1300)))
    assert wire.sent == bytes(1300) and wire.cut_us == 0 and len(wire.history) == 2


def test_the_bus_is_released_when_the_uart_gives_up():
    counters = Counters()
    wire = Wire(counters)

    def fail():
        raise OSError(116)  # ETIMEDOUT

    wire.flush = fail
    line = UartLine(wire, 9600, 10, clock_of(counters), wire.direction)
    raises(OSError, run, line.write(b"1"))
    assert wire.driven == 0


def test_reading_gives_what_has_come_as_soon_as_it_has():
    counters = Counters()
    wire = Wire(counters)
    line = UartLine(wire, 9600, 10, clock_of(counters))
    wire.coming = b"abc"
    assert run(line.read(100)) == b"abc" and counters.us == 0
    assert line.pending() == b""
    assert run(line.read(100)) == b"" and counters.us == 100_000
    assert run(line.read(0)) == b"" and counters.us == 100_000


def test_a_busy_modem_is_waited_for_and_a_dead_aux_wire_is_not():
    for busy_ms, starts_ms in ((0, 0), (40, 42), (10**9, BUSY_LIMIT_MS + 2)):
        counters = Counters()
        wire = Wire(counters)
        wire.driven = 1

        def ready(counters=counters, busy_ms=busy_ms):
            return int(counters.us >= busy_ms * 1000)

        run(ModemLine(wire, 9600, clock_of(counters), ready).write(b"12"))
        assert wire.sent == b"12"
        after_ms = starts_ms if busy_ms > BUSY_LIMIT_MS else 0  # it says so before and after
        assert counters.us == (starts_ms + after_ms) * 1000 + guard_us(2, 10, 9600, 0)


def test_a_modem_has_written_when_its_packet_has_left_the_air():
    """An answer's time begins then: at SF11 a packet is in the air as long as the node waits for its answer."""
    counters = Counters()
    wire = Wire(counters)
    wire.driven = 1

    def ready():
        """AUX: low from the first byte on, and 1 s longer than the UART takes."""
        return int(not wire.sent or counters.us >= 1_010_000)

    run(ModemLine(wire, 9600, clock_of(counters), ready).write(b"12"))
    assert 1_010_000 <= counters.us <= 1_015_000


def test_a_modem_rests_and_is_awake_again_before_anything_is_sent():
    counters = Counters()
    wire = Wire(counters)
    wire.driven = 1
    modes = []

    def ready():
        """AUX: low for 30 ms after leaving sleep."""
        return int(not modes or modes[-1][1] or counters.us >= modes[-1][0] + 30_000)

    def mode(level):
        modes.append((counters.us, level))

    line = ModemLine(wire, 9600, clock_of(counters), ready, mode)
    run(line.wake())
    assert modes == [] and not line.is_busy()  # it was awake
    run(line.rest())
    run(line.rest())
    assert [level for _, level in modes] == [1] and not line.is_busy()
    at_us = counters.us
    run(line.write(b"12"))
    assert [level for _, level in modes] == [1, 0] and wire.sent == b"12"
    assert counters.us - guard_us(2, 10, 9600, 0) - at_us == 32_000  # AUX up, and 2 ms


def test_a_modem_that_still_sends_is_not_put_to_sleep():
    counters = Counters()
    modes = []
    line = ModemLine(Wire(counters), 9600, clock_of(counters), lambda: int(counters.us >= 500_000), modes.append)
    assert line.is_busy()
    run(line.rest())
    assert modes == [1] and counters.us >= 500_000


# --- flash ----------------------------------------------------------------------------------------------------------


def test_a_write_becomes_whole_pages_that_leave_the_rest_alone():
    assert programs(5, b"abc", 1) == [(5, b"abc")]
    assert programs(5, b"abc", 8) == [(0, b"\xff\xff\xff\xff\xffabc")]
    assert programs(6, b"abc", 8) == [(0, b"\xff" * 6 + b"ab"), (8, b"c" + b"\xff" * 7)]
    assert programs(8, b"abcdefgh", 8) == [(8, b"abcdefgh")]
    assert programs(7, b"abcdefghijk", 8) == [(0, b"\xff" * 7 + b"a"), (8, b"bcdefghi"), (16, b"jk" + b"\xff" * 6)]


def test_many_small_writes_read_back_as_they_were_written():
    dice = Dice(5)
    for page_bytes in (1, 256):
        flash = BlockFlash(Chip(2, page_bytes), page_bytes, nothing)
        assert (flash.sectors, flash.sector_bytes) == (2, 4096)
        expected = b""
        while len(expected) < 8000:
            data = dice.data(1 + dice.below(300))
            flash.write(len(expected), data)
            expected += data
        for at in range(0, len(expected), 500):
            assert flash.read(at, min(500, len(expected) - at)) == expected[at : at + 500]
        flash.erase(0)
        assert flash.read(0, 4096) == b"\xff" * 4096
        assert flash.read(4096, len(expected) - 4096) == expected[4096:]


def test_nothing_outside_the_region_is_touched():
    flash = BlockFlash(Chip(2, 256), 256, nothing)
    for call, arguments in (
        (flash.read, (8190, 3)),
        (flash.read, (-1, 1)),
        (flash.write, (8192, b"x")),
        (flash.erase, (2,)),
    ):
        raises(IndexError, call, *arguments)


def test_a_journal_lives_in_pages_of_256_bytes_and_comes_back_after_a_restart():
    counters = Counters()
    fed = Fed(counters)
    chip = Chip(3, 256)
    journal = Journal(BlockFlash(chip, 256, fed))
    for i in range(300):
        journal.append(b"record %d, of some length" % i)
    again = Journal(BlockFlash(chip, 256, fed))
    assert again.next_number == 301
    assert [entry.payload for entry in again.unsent(300)][-1] == b"record 299, of some length"
    assert len(fed.at_us) > 300  # every operation feeds the watchdog


# --- board.json -----------------------------------------------------------------------------------------------------

PICO = {
    "radio": {"uart": 0, "tx": 0, "rx": 1, "baud": 9600, "aux": 2},
    "buses": {"uart1": {"uart": 1, "tx": 4, "rx": 5, "de": 6}},
    "rails": {"probes": 10, "heater": {"pin": 11, "on": 0}},
    "journal": {"start": 1310720, "bytes": 131072},
    "strap": 15,
    "watchdog_ms": 8000,
}


def without(*path):
    return changed(None, *path)


def changed(value, *path):
    """PICO with another value at `path`; None takes the key away."""
    plain = json.loads(json.dumps(PICO))
    at = plain
    for key in path[:-1]:
        at = at[key]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return plain


def test_board_json_is_read():
    plan = layout.parse(json.dumps(PICO).encode())
    assert plan.radio == layout.Port(0, 0, 1, 9600, None, 2)
    assert plan.buses == {"uart1": layout.Port(1, 4, 5, de=6)}
    assert plan.rails == {"probes": (10, 1), "heater": (11, 0)}
    assert (plan.journal, plan.strap, plan.watchdog_ms) == ((1310720, 131072), 15, 8000)


def test_the_regions_of_flash_and_what_watches_the_supply_are_read():
    plain = changed({"start": 786432, "bytes": 126976}, "slot_a")
    plain["slot_b"] = {"start": 913408, "bytes": 126976}
    plain["notes"] = {"start": 1040384, "bytes": 8192}
    plain["battery"] = {"pin": 28, "ratio_permille": 3000}
    plain["charge"] = 12
    plain["gate"] = {"pin": 13, "on": 0}
    plain["radio"]["m0"], plain["radio"]["m1"] = 16, 17
    plan = layout.parse(json.dumps(plain).encode())
    assert plan.regions["slot_b"] == (913408, 126976) and plan.journal == (1310720, 131072)
    assert (plan.battery, plan.charge, plan.gate) == ((28, 3000), (12, 1), (13, 0))
    assert (plan.radio.m0, plan.radio.m1) == (16, 17)
    for change, said in (
        ({"slot_b": {"start": 909312, "bytes": 126976}}, "slot_b: lies over slot_a"),
        ({"notes": {"start": 786432 - 4096, "bytes": 8192}}, "notes: lies over slot_a"),
        ({"notes": {"start": 1040384, "bytes": 4096}}, "notes.bytes: 4096"),
        ({"gate": 12}, "gate: pin 12 is taken by charge"),
        ({"battery": {"pin": 28}}, "battery.ratio_permille: missing"),
    ):
        bad = json.loads(json.dumps(plain))
        bad.update(change)
        assert str(raises(ConfigError, layout.parse, json.dumps(bad).encode())).startswith("board.json: " + said)
    del plain["radio"]["m1"]
    assert "m0 and m1" in str(raises(ConfigError, layout.parse, json.dumps(plain).encode()))


def test_a_board_is_gated_by_a_timer_or_by_a_clock_whose_alarm_switches_its_supply():
    for more, clock, gated in (
        ({}, None, False),
        ({"gate": 12}, None, True),
        ({"clock": {"i2c": 0, "sda": 20, "scl": 21}}, (0, 20, 21, 0), False),
        ({"clock": {"i2c": 1, "sda": 18, "scl": 19, "gates": 1}}, (1, 18, 19, 1), True),
        ({"clock": {"i2c": 1, "sda": 18, "scl": 19}, "gate": 12}, (1, 18, 19, 0), True),
    ):
        plan = layout.parse(json.dumps(dict(PICO, **more)).encode())
        assert (plan.clock, plan.gated) == (clock, gated)
    taken = layout.parse, json.dumps(dict(PICO, clock={"i2c": 0, "sda": 20, "scl": 10})).encode()
    assert "clock.scl: pin 10 is taken by rails.probes" in str(raises(ConfigError, *taken))


def test_the_carrier_boards_of_our_images_are_sound():
    for chip in ("rp2", "esp32"):
        carrier = __import__("firmware.boot.%s.carrier" % chip, None, None, ("BOARD",))
        plan = layout.parse(carrier.BOARD)
        if chip == "rp2":
            assert sorted(plan.regions) == sorted(layout.REGIONS)
            assert min([start for start, _ in plan.regions.values()]) >= carrier.FILE_SYSTEM_BYTES


def test_a_board_may_have_no_more_than_a_radio():
    plan = layout.parse(b'{"radio": {"uart": 1, "tx": 17, "rx": 18, "baud": 9600, "de": 16}}')
    assert plan == layout.Layout(layout.Port(1, 17, 18, 9600, 16), {}, {})


def test_every_fault_of_board_json_names_file_and_key():
    for plain, key in (
        (without("radio"), "radio: missing"),
        (without("radio", "baud"), "radio.baud: missing"),
        (without("buses", "uart1", "rx"), "buses.uart1.rx: missing"),
        (changed(9600, "buses", "uart1", "baud"), "buses.uart1.baud: unknown key"),
        (changed(7, "pump"), "pump: unknown key"),
        (changed("4", "radio", "tx"), "radio.tx: '4' is no whole number"),
        (changed(True, "radio", "tx"), "radio.tx: True is no whole number"),
        (changed(-1, "strap"), "strap: -1"),
        (changed(99, "rails", "probes"), "rails.probes: 99"),
        (changed({"on": 1}, "rails", "probes"), "rails.probes.pin: missing"),
        (changed(2, "rails", "heater", "on"), "rails.heater.on: 2"),
        (changed([], "buses"), "buses: not an object"),
        (changed([], "buses", "uart1"), "buses.uart1: not an object"),
        (changed(0, "buses", "uart1", "uart"), "buses.uart1.uart: UART 0 is taken by radio.uart"),
        (changed(6, "rails", "probes"), "rails.probes: pin 6 is taken by buses.uart1.de"),
        (changed(10, "strap"), "strap: pin 10 is taken by rails.probes"),
        (changed(1310721, "journal", "start"), "journal.start: 1310721 is no multiple of 4096"),
        (changed(8192, "journal", "bytes"), "journal.bytes: 8192 is less"),
        (changed(4000, "watchdog_ms"), "watchdog_ms: 4000"),  # no longer than a slice of sleep
        (changed(9000, "watchdog_ms"), "watchdog_ms: 9000"),  # longer than an RP2040 can wait
        ([], "the whole: not an object"),
    ):
        said = str(raises(ConfigError, layout.parse, json.dumps(plain).encode()))
        assert said.startswith("board.json: " + key), said


def test_a_board_json_that_was_cut_off_is_refused():
    text = json.dumps(PICO).encode()
    for length in range(len(text)):
        raises(ConfigError, layout.parse, text[:length])
