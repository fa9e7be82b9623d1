"""Knows a hand-moved clock, a small flash, a line with devices on it and a board made of these; knows no test."""

import sys

from firmware.board import Board, Flash, Radio
from firmware.config import ConfigError
from protocols import modbus, modbus_server

MICROPYTHON = sys.implementation.name == "micropython"


def run(coroutine):
    """Drives a coroutine whose line or board blocks instead of waiting."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("a double yielded")


def raises(error, function, *arguments):
    """The error that the call raises; anything else it does fails the test."""
    try:
        function(*arguments)
    except error as caught:
        return caught
    raise AssertionError("%s was not raised" % error.__name__)


class Dice:
    """The same pseudo-random numbers on every interpreter: an LCG of 31 bits (constants of ANSI C), upper bits used."""

    def __init__(self, seed):
        self._state = (seed * 7919 + 1) & 0x7FFFFFFF
        self.below(2)

    def below(self, limit):
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._state >> 8) % limit

    def one_in(self, limit):
        return self.below(limit) == 0

    def data(self, count):
        return bytes([self.below(256) for _ in range(count)])


class Clock:
    """Time stands still until somebody moves it."""

    def __init__(self):
        self.ms = 0

    def now_ms(self):
        return self.ms


class RamFlash(Flash):
    """NOR flash: writes only clear bits, and only where the journal erased before (anything else is a bug). One whose
    power fails: hw_sim/guest/cut_flash.py."""

    def __init__(self, sectors=6, sector_bytes=512, data=None):
        self.sectors = sectors
        self.sector_bytes = sector_bytes
        self.data = bytearray(data or b"\xff" * (sectors * sector_bytes))
        self.erases = [0] * sectors
        self.programs = 0
        self.reads = 0  # bytes

    def copy(self):
        return RamFlash(self.sectors, self.sector_bytes, self.data)

    def read(self, offset, count):
        assert 0 <= offset <= offset + count <= len(self.data)
        self.reads += count
        return bytes(self.data[offset : offset + count])

    def write(self, offset, data):
        assert offset // self.sector_bytes == (offset + len(data) - 1) // self.sector_bytes
        old = self.data[offset : offset + len(data)]
        assert old == b"\xff" * len(data) or data == bytes(len(data)), "written twice"
        self.programs += 1
        self.data[offset : offset + len(data)] = data

    def erase(self, sector):
        self.erases[sector] += 1
        self.data[sector * self.sector_bytes : (sector + 1) * self.sector_bytes] = b"\xff" * self.sector_bytes


class Wire(Radio):
    """A line in simulated time. Each device is asked with `hear(frame, now_ms)` and gives [(delay_ms, bytes), ..]."""

    def __init__(self, clock, *devices, byte_us=1042):
        self.busy = lambda: False
        self._clock = clock
        self._devices = devices
        self._byte_us = byte_us
        self._coming = []  # (when, order, bytes)
        self._order = 0
        self.written = []  # (when, bytes)
        self.awake = []  # (when, on)

    def say(self, at_ms, data):
        """Puts bytes on the wire towards whoever reads."""
        self._order += 1
        self._coming.append((at_ms, self._order, bytes(data)))
        self._coming.sort()

    async def write(self, data):
        self._clock.ms += (len(data) * self._byte_us + 999) // 1000
        self.written.append((self._clock.ms, bytes(data)))
        for device in self._devices:
            for delay_ms, answer in device.hear(bytes(data), self._clock.ms):
                self.say(self._clock.ms + delay_ms, answer)

    async def wake(self):
        self.awake.append((self._clock.ms, True))

    async def rest(self):
        self.awake.append((self._clock.ms, False))

    def is_busy(self):
        return self.busy()

    def pending(self):
        data = b""
        while self._coming and self._coming[0][0] <= self._clock.ms:
            data += self._coming[0][2]
            self._coming = self._coming[1:]
        return data

    async def read(self, timeout_ms):
        deadline_ms = self._clock.ms + timeout_ms
        if self._coming and self._coming[0][0] <= deadline_ms:
            self._clock.ms = max(self._clock.ms, self._coming[0][0])
            return self.pending()
        self._clock.ms = deadline_ms
        return b""


class Sensor:
    """A Modbus RTU device with `words` (address to content). `trouble(request)` may give another PDU, b"" for silence,
    None for a proper answer."""

    def __init__(self, unit_id, words, trouble=None, delay_ms=20):
        self.unit_id = unit_id
        self.words = words
        self.trouble = trouble
        self.delay_ms = delay_ms
        self.asked = []

    def hear(self, frame, now_ms):
        if frame[0] != self.unit_id or not modbus.rtu_ok(frame):
            return []
        request = modbus_server.parse_request(frame[0], frame[1:-2])
        self.asked.append(request)
        pdu = self.trouble(request) if self.trouble else None
        if pdu is None:
            pdu = self.answer(request)
        return [(self.delay_ms, modbus.rtu(self.unit_id, pdu))] if pdu else []

    def answer(self, request):
        addresses = range(request.address, request.address + request.quantity)
        if request.values or request.function not in (modbus.READ_HOLDING, modbus.READ_INPUT):
            return modbus_server.reply(request)
        if any(address not in self.words for address in addresses):
            return modbus_server.refusal(request.function, modbus_server.ILLEGAL_ADDRESS)
        return modbus_server.reply(request, tuple([self.words[address] for address in addresses]))


class DeskBoard(Board):
    """A board whose time moves only by waiting; `rails` is the history of (when, name, on)."""

    def __init__(self, clock, flash, config, radio, lines, seed=1):
        self.clock = clock
        self.flash = flash
        self.radio = radio
        self.rails = []
        self._config = config
        self._lines = lines
        self._dice = Dice(seed)
        self.mv = None
        self.dc = None
        self.charges = []
        self.restarts = 0
        self.no_rails = ()

    def monotonic_ms(self):
        return self.clock.ms

    def random(self, below):
        return self._dice.below(below)

    def config(self, mend=False):
        return self._config

    def rail(self, name, on):
        if name in self.no_rails:
            raise ConfigError("no rail " + name)
        self.rails.append((self.clock.ms, name, on))

    def line(self, bus, baud, parity, stop_bits):
        if bus not in self._lines:
            raise ConfigError("no bus " + bus)
        return self._lines[bus]

    async def sleep_ms(self, duration_ms):
        assert duration_ms > 0
        self.clock.ms += duration_ms

    def battery_mv(self):
        return self.mv

    def temperature_dc(self):
        return self.dc

    def charge(self, allowed):
        self.charges.append(allowed)

    async def restart(self):
        self.restarts += 1

    def log(self, text):
        pass


class SlowBoard(DeskBoard):
    """A board that computes: some milliseconds pass each time it is asked for the time."""

    takes_ms = 1

    def monotonic_ms(self):
        self.clock.ms += self.takes_ms
        return self.clock.ms
