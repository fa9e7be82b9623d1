"""Knows how an emulated RP2040 board lives on the world's wires and clock; knows no firmware and no chip's inside.

The world grants the chip time: it runs until the world's next event, or until it has sent a frame or switched a pin; so
neither ever sees the other's past, and the same seed gives the same bytes.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from firmware.boards import layout
from firmware.boards.layout import Layout
from firmware.boot.rp2.carrier import BOARD as CARRIER
from gateway.messages import say
from hw_sim.bus.wire import Wire
from hw_sim.clock import VirtualLoop
from hw_sim.node.board import SimBoard
from hw_sim.node.runtime import Fit
from hw_sim.pico import chip, image
from hw_sim.pico.chip import Emulator, Event, NoEmulator, PicoFailed, PowerCut
from hw_sim.pico.flash import ChipFlash
from hw_sim.pico.image import SECTOR
from hw_sim.radio.plain import Radio

_LONGEST_GRANT_US = 60_000_000  # so that a Ctrl-C is heard
_PROMPT = ">>> "
_TAIL = 2000  # characters of the console that a failure shows

# A carrier board for a node's radio, its one bus and its rails; the journal where RPI_PICO's storage of 1408 KiB ends.
_JOURNAL_BYTES = 32 * SECTOR
_RADIO = {"uart": 0, "tx": 0, "rx": 1, "baud": 9600}
_BUS = {"uart": 1, "tx": 4, "rx": 5, "de": 6}
_FIRST_RAIL_PIN = 10


class _Port:
    """A UART's end of a wire, which is heard while it is spoken on. `air_baud`: of a modem on a wire that is the air
    alone: what that has heard, or is told, goes over its serial port besides."""

    def __init__(self, uart: int, wire: Wire, air_baud: int | None, heard: list[tuple[int, float, bytes, float]]):
        self._uart = uart
        self._wire = wire
        self._air_baud = air_baud
        self._heard = heard
        self.now_us: Callable[[], int] = lambda: 0

    def hear(self, data: bytes) -> None:
        now_us = self.now_us()
        if self._air_baud is not None:
            character_us = 10e6 / self._air_baud
            first_us = now_us + character_us
        else:
            character_us = self._wire.char_s * 1e6
            first_us = now_us - self._wire.air_s(0) * 1e6 - (len(data) - 1) * character_us
        self._heard.append((self._uart, first_us, data, character_us))

    def send(self, data: bytes) -> None:
        """A whole frame, which has ended just now."""
        since_s = self._wire.air_s(0) + len(data) * self._wire.char_s if self._air_baud is None else 0.0
        self._wire.send(self, data, -since_s)

    def plug(self, now_us: Callable[[], int]) -> None:
        self.now_us = now_us
        self._wire.attach(self)

    def unplug(self) -> None:
        self._wire.detach(self)


class Pico:
    """A node's firmware on an emulated Raspberry Pi Pico: a Runtime. Its UARTs take the places of the board's lines,
    its flash that of the board's, its pins switch the board's rails; the rest of the board stays as it is.

    `carrier` is the board.json; one that names slots has the board boot by firmware/boot, as an image of our own does
    with no file system at all. `host`: whether a computer on the USB port reads the console, without which nobody
    learns that the firmware has ended. BadImage, NoEmulator.
    """

    def __init__(self, uf2: Path, board: SimBoard, carrier: bytes | None = None, host: bool = True) -> None:
        chip.command()
        if not board.true_clock.is_virtual:
            raise NoEmulator(say("pico.virtual_only"))
        self.flash, self._storage = image.read_uf2(uf2)
        self._is_own = image.is_own(self.flash)
        if self._is_own:
            carrier = CARRIER
        elif carrier is None:
            carrier = carrier_for(tuple(board.buses), tuple(board.rails), self._storage.bytes)
        self._carrier = carrier
        self._layout = layout.parse(carrier)
        if self._layout.journal is None:
            raise image.BadImage("board.json: journal: missing")
        self._board = board
        self._regions = {
            name: ChipFlash(size // SECTOR, self._storage.start + start)
            for name, (start, size) in self._layout.regions.items()
        }
        self._journal = self._regions["journal"]
        self._journal.now_ms = board.flash.now_ms
        board.flash = self._journal
        self._boots = {"settings", "slot_a", "slot_b", "notes"} <= self._regions.keys()
        if self._boots:
            board.slots = (self._regions["slot_a"], self._regions["slot_b"])
            board.notes = self._regions["notes"]
            self._regions["settings"].content[: len(board.settings.content)] = board.settings.content
            board.settings = self._regions["settings"]
        self.lost = 0
        self._host = host
        self._heard: list[tuple[int, float, bytes, float]] = []
        radio = self._layout.radio
        air_baud = radio.baud if isinstance(board.radio_wire, Radio) else None
        self._ports = {radio.uart: _Port(radio.uart, board.radio_wire, air_baud, self._heard)}
        for name, wire in board.buses.items():
            uart = self._layout.buses[name].uart
            self._ports[uart] = _Port(uart, wire, None, self._heard)
        self._console = ""
        self._config = board.config()
        self._furnish()

    def _furnish(self) -> None:
        if not self._is_own:
            files = {**image.node_files(self._boots), "board.json": self._carrier}
            if not self._boots:
                files["node.json"] = self._config
            raw = min(start for start, _ in self._layout.regions.values())
            image.furnish(self.flash, self._storage, files, (raw, self._storage.bytes - raw))

    async def run(self) -> None:
        """One boot, until cancelled, which cuts the power. PicoFailed, PowerCut."""
        board = self._board
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        power_on_us = _now_us(loop)

        def since_power_on_us() -> int:
            return _now_us(loop) - power_on_us

        if board.config() != self._config:
            self._config = board.config()
            self._furnish()
        for region in self._regions.values():
            region.put_into(self.flash)
        board.unplug()
        self._heard.clear()
        self._console = ""
        for port in self._ports.values():
            port.plug(since_power_on_us)
        pins = {pin: (name, on) for name, (pin, on) in self._layout.rails.items()}
        seed = board.stream.below(1 << 32)
        with Emulator(self.flash, seed, _drives(self._layout), tuple(sorted(pins)), self._host) as chip:
            try:
                for region in self._regions.values():
                    region.power_on(chip)
                await self._live(chip, loop, pins, since_power_on_us)
            finally:
                remains = chip.off(since_power_on_us())
                self.flash = remains.flash
                self.lost += remains.lost
                for region in self._regions.values():
                    region.power_off(remains)
                self._rails_off()
                for port in self._ports.values():
                    port.unplug()

    async def _live(
        self, chip: Emulator, loop: VirtualLoop, pins: Mapping[int, tuple[str, int]], now_us: Callable[[], int]
    ) -> None:
        while True:
            await _settle(loop)
            heard = self._heard[:]
            self._heard.clear()
            self._journal.tell()
            report = chip.run(now_us() + _free_us(loop), heard)
            self._journal.wrote(report.written)
            await asyncio.sleep(max(report.us - now_us(), 0) / 1e6)
            self._slept(report.slept_us / 1e6)
            self._hark(report.said)
            for event in report.events:
                match event:
                    case Event(_, "frame", (uart, data)):
                        self._ports[uart].send(bytes.fromhex(data))
                    case Event(_, "pin", (gpio, level)):
                        name, on = pins[gpio]
                        self._board.rail(name, level == on)
                    case Event(_, "reset", (why,)):
                        self._board.log(f"reset: {why}")
                        self._rails_off()
                    case Event(us, "cut", _):
                        self._journal.fall()
                        await asyncio.sleep(0)  # whoever ordered it may have ended this boot
                        raise PowerCut(us)
                    case Event(_, "halt", (why,)):
                        raise PicoFailed(f"{self._console[-_TAIL:]}\nhalted: {why}")

    def _slept(self, seconds: float) -> None:
        """The board's account has a processor that is awake."""
        if seconds:
            self._board.energy.add("processor", -self._board.powers.awake_w * seconds)
            self._board.energy.add("sleep", self._board.powers.asleep_w * seconds)

    def _hark(self, said: str) -> None:
        """The firmware never comes back to the prompt unless it has ended."""
        if not said:
            return
        for line in (self._console.rpartition("\n")[2] + said).split("\n")[:-1]:
            self._board.log(line.rstrip("\r"))
        self._console = (self._console + said)[-2 * _TAIL :]
        if self._console.endswith(_PROMPT):
            raise PicoFailed(self._console[-_TAIL:])

    def _rails_off(self) -> None:
        for name in self._board.rails:
            self._board.rail(name, False)


def on_pico(uf2: Path, carrier: bytes | None = None) -> Fit:
    """A node's firmware on an emulated Pico with this MicroPython image. BadImage, NoEmulator."""
    return lambda board: Pico(uf2, board, carrier)


def carrier_for(buses: tuple[str, ...], rails: tuple[str, ...], storage_bytes: int) -> bytes:
    """A board.json for a Pico with these buses (one at most: the other UART is the radio's) and rails. NoEmulator."""
    if len(buses) > 1:
        raise NoEmulator(say("pico.two_buses", buses=", ".join(buses)))
    plan = {
        "radio": _RADIO,
        "buses": dict.fromkeys(buses, _BUS),
        "rails": {name: _FIRST_RAIL_PIN + i for i, name in enumerate(rails)},
        "journal": {"start": storage_bytes - _JOURNAL_BYTES, "bytes": _JOURNAL_BYTES},
        "watchdog_ms": 8000,
    }
    return json.dumps(plan).encode()


def _drives(plan: Layout) -> dict[int, int]:
    ports = [plan.radio, *plan.buses.values()]
    return {port.uart: port.de for port in ports if port.de is not None}


# --- the world's next event -------------------------------------------------------------------------------------------


def _now_us(loop: VirtualLoop) -> int:
    return round(loop.time() * 1e6)


async def _settle(loop: VirtualLoop) -> None:
    """Everybody else has done what there is to do at this instant: only timers are left."""
    while loop._ready:
        await asyncio.sleep(1e-6)


def _free_us(loop: VirtualLoop) -> int:
    """How long nothing can happen in the world but what the board does."""
    if not loop._timers:
        return _LONGEST_GRANT_US
    return min(max(loop._timers[0][0] - _now_us(loop), 1), _LONGEST_GRANT_US)
