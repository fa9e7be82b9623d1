"""Knows what both chips do alike with `machine`: files, pins, UARTs, watchdog, sleep; knows no flash of either.

Compiled and type-checked only, never run on silicon. Two files on the board's file system: `board.json` (layout.py) is
the carrier board's, `node.json` is this node's slice of the site file. Where there is a settings region, the slice is
kept in it, twice, and node.json is only the way into it. An image of our own has the carrier board frozen in. So a
damaged file system takes no node away.
"""

import os
import time

import machine

from firmware import settings
from firmware.board import Board, Line, Radio
from firmware.boards import layout
from firmware.boards.clock import Clock
from firmware.boards.layout import Layout, Port
from firmware.boards.nor import BlockFlash
from firmware.boards.uart import BUFFER_BYTES, ModemLine, UartLine, character_bits
from firmware.config import ConfigError

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from collections.abc import Callable

    from firmware.boards.ds3231 import Ds3231
    from firmware.boards.nor import BlockDevice

SLICE_FILE = "node.json"
_MOST_MV = 3300  # of an ADC's pin: its supply
_PARITY = {"N": None, "E": 0, "O": 1}  # micropython: docs/library/machine.UART.rst, init()
_SHORTEST_NAP_MS = 10  # below, stopping and starting clocks costs more than it saves: a choice, not measured


def read_file(name: str) -> bytes:
    """A whole file; ConfigError where there is none."""
    try:
        with open(name, "rb") as file:
            return bytes(file.read())
    except OSError as error:
        raise ConfigError("%s: %s" % (name, error))


def read_layout() -> Layout:
    """The carrier board: the file's, else the one frozen into an image of our own. ConfigError names file and key."""
    try:
        return layout.parse(read_file(layout.FILE))
    except ConfigError as error:
        try:
            frozen: bytes = __import__("carrier").BOARD  # beside the packages, so that a slot can't hide it
        except ImportError:
            raise error
        print(error)
        return layout.parse(frozen)


class ChipBoard(Board):
    """A board of either chip, its rails off and its buses released. A strap to ground at power-on keeps it awake and
    without watchdog: light sleep takes a native USB console away, and a watchdog can't be stopped again."""

    def __init__(self, plan: Layout, device: "BlockDevice", page_bytes: int) -> None:
        self._plan = plan
        self._outputs: dict[int, machine.Pin] = {}  # by GPIO number
        for name in plan.rails:
            pin, on = plan.rails[name]
            self._outputs[pin] = _pin("rails." + name, pin, machine.Pin.OUT, 1 - on)
        for name, output in (("charge", plan.charge), ("gate", plan.gate)):
            if output is not None:
                self._outputs[output[0]] = _pin(name, output[0], machine.Pin.OUT, 1 - output[1])
        self.gated = plan.gated
        for key in ("m0", "m1"):
            number = getattr(plan.radio, key)
            if number is not None:
                self._outputs[number] = _pin("radio." + key, number, machine.Pin.OUT, 0)
        for where, port in [("radio", plan.radio)] + [("buses." + name, plan.buses[name]) for name in plan.buses]:
            if port.de is not None:
                self._outputs[port.de] = _pin(where + ".de", port.de, machine.Pin.OUT, 0)
        awake = plan.strap is not None and not _input("strap", plan.strap)()
        alive: Callable[[], None] = _unwatched
        if plan.watchdog_ms is not None and not awake:
            alive = machine.WDT(timeout=plan.watchdog_ms).feed
        self.alive = alive
        self._clock = Clock(time, time.sleep_ms if awake else self._nap, alive)  # type: ignore[arg-type]  # ticks: ints
        self.flash = BlockFlash(device, page_bytes, alive)
        self.radio = self._open_radio(plan.radio)
        self._kept = None if plan.clock is None else _open_clock(*plan.clock[:3])

    def monotonic_ms(self) -> int:
        return self._clock.now_ms()

    def random(self, below: int) -> int:
        return int.from_bytes(os.urandom(8), "big") % below

    def config(self, mend: bool = False) -> bytes:
        if self.settings is None:
            return read_file(SLICE_FILE)
        try:
            data = settings.load(self.settings)
        except ConfigError as damage:
            try:
                data = read_file(SLICE_FILE)
            except ConfigError:
                raise damage
        if mend:
            trouble = settings.mend(self.settings, data)
            if trouble:
                self.log(trouble)
        return data

    def provision(self, data: bytes) -> None:
        """Another slice, for the next boot: what a technician's tool calls. node.json is not asked any more."""
        if self.settings is None:
            with open(SLICE_FILE, "wb") as file:
                file.write(data)
        else:
            settings.store(self.settings, data)

    def rail(self, name: str, on: bool) -> None:
        """ConfigError where board.json has no such rail."""
        if name not in self._plan.rails:
            raise ConfigError("%s: rails.%s: missing, %s asks for it" % (layout.FILE, name, SLICE_FILE))
        pin, level = self._plan.rails[name]
        self._outputs[pin](level if on else 1 - level)

    def line(self, bus: str, baud: int, parity: str, stop_bits: int) -> Line:
        """ConfigError where board.json has no such bus, or the chip has no such UART or pin."""
        if bus not in self._plan.buses:
            raise ConfigError("%s: buses.%s: missing, %s asks for it" % (layout.FILE, bus, SLICE_FILE))
        port = self._plan.buses[bus]
        return self._open_line("buses." + bus, port, baud, parity, stop_bits)

    async def sleep_ms(self, duration_ms: int) -> None:
        """Nothing is received meanwhile: a UART's clock stands in light sleep. Every write() has left before."""
        self._clock.sleep_ms(duration_ms)

    async def power_down(self, duration_ms: int) -> None:
        """Has the clock's alarm end the time without supply, and tells a timer that the wake is done; how long that
        keeps the supply away is set there (TPL5110: a resistor). Where nobody takes it away, on a desk, it is waited
        for as long."""
        if self._kept is not None:
            self._kept.ring_in(duration_ms)
        if self._plan.gate is not None:
            pin, done = self._plan.gate
            self._outputs[pin](done)
        self._clock.sleep_ms(duration_ms)
        await self.restart()

    async def restart(self) -> None:
        self._forget_end()
        machine.reset()

    def battery_mv(self) -> int | None:
        if self._plan.battery is None:
            return None
        pin, ratio_permille = self._plan.battery
        return self._adc_mv(pin) * ratio_permille // 1000

    def clock_ms(self) -> int | None:
        return None if self._kept is None else self._kept.unix_ms()

    def set_clock(self, unix_ms: int) -> None:
        if self._kept is not None:
            self._kept.set(unix_ms, self._clock.pause_ms)

    def temperature_dc(self) -> int | None:
        return None if self._kept is None else self._kept.temperature_dc()

    def charge(self, allowed: bool) -> None:
        if self._plan.charge is not None:
            pin, on = self._plan.charge
            self._outputs[pin](on if allowed else 1 - on)

    def log(self, text: str) -> None:
        print(text)

    def _adc_mv(self, pin: int) -> int:
        return machine.ADC(machine.Pin(pin)).read_u16() * _MOST_MV // 0xFFFF

    def _forget_end(self) -> None:
        """Tells the next boot that this end was wanted: firmware/boot."""

    def _nap(self, duration_ms: int) -> None:
        if duration_ms < _SHORTEST_NAP_MS:
            time.sleep_ms(duration_ms)
        else:
            machine.lightsleep(duration_ms)

    def _open_radio(self, port: Port) -> Radio:
        if port.aux is None:  # RS-485 or a cable instead of a modem
            return self._open_line("radio", port, port.baud, "N", 1)
        uart = _uart("radio", port, port.baud, "N", 1)
        mode = None if port.m0 is None else self._set_mode
        return ModemLine(uart, port.baud, self._clock, _input("radio.aux", port.aux), mode)

    def _set_mode(self, level: int) -> None:
        for number in (self._plan.radio.m0, self._plan.radio.m1):
            if number is not None:
                self._outputs[number](level)

    def _open_line(self, where: str, port: Port, baud: int, parity: str, stop_bits: int) -> Radio:
        uart = _uart(where, port, baud, parity, stop_bits)
        drive = None if port.de is None else self._outputs[port.de]
        return UartLine(uart, baud, character_bits(parity, stop_bits), self._clock, drive)


def _unwatched() -> None:
    pass


def _pin(where: str, number: int, mode: int, value: int) -> machine.Pin:
    try:
        return machine.Pin(number, mode, value=value)
    except ValueError as error:
        raise ConfigError("%s: %s: %s" % (layout.FILE, where, error))


def _input(where: str, number: int) -> machine.Pin:
    """Pulled up, so that an open pin reads as 1: modem ready, no strap."""
    try:
        return machine.Pin(number, machine.Pin.IN, machine.Pin.PULL_UP)
    except ValueError as error:
        raise ConfigError("%s: %s: %s" % (layout.FILE, where, error))


def _open_clock(i2c: int, sda: int, scl: int) -> "Ds3231":
    from firmware.boards.ds3231 import Ds3231  # few boards have one

    try:
        return Ds3231(machine.I2C(i2c, sda=machine.Pin(sda), scl=machine.Pin(scl), freq=100_000))
    except ValueError as error:
        raise ConfigError("%s: clock: %s" % (layout.FILE, error))


def _uart(where: str, port: Port, baud: int, parity: str, stop_bits: int) -> machine.UART:
    try:
        return machine.UART(
            port.uart,
            baud,
            bits=8,
            parity=_PARITY[parity],
            stop=stop_bits,
            tx=machine.Pin(port.tx),
            rx=machine.Pin(port.rx),
            txbuf=BUFFER_BYTES,
            rxbuf=BUFFER_BYTES,
        )
    except (ValueError, KeyError) as error:
        raise ConfigError("%s: %s: %s" % (layout.FILE, where, error))
