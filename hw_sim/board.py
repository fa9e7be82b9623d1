"""Knows a simulated node's hardware behind the firmware's Board interface; knows no firmware.

The same object serves firmware in this process and, over a pipe, firmware in a real MicroPython (hw_sim/vm.py).
"""

import asyncio
from collections.abc import Callable, Sequence

from firmware import settings
from firmware.board import Board, Line, Radio
from firmware.boot import start
from firmware.boot.notes import Notes
from gateway.consumption import POWERS, sensor_w
from hw_sim.clock import WorldClock
from hw_sim.device_clock import DeviceClock
from hw_sim.energy import Energy
from hw_sim.flash import SimFlash as SimFlash
from hw_sim.ledger import Cut
from hw_sim.radio_modem import Modem
from hw_sim.sensor import SimSensor
from hw_sim.streams import Stream
from hw_sim.wire import Wire, WireLine

_SLOT_SECTORS = 24  # room for an application and a half


class Restart(BaseException):
    """The firmware ends this boot; the next one begins at once."""


class _BoardLine(WireLine, Radio):
    """A wire's end under the name that the firmware knows, in the node's own time and on its account."""

    def __init__(self, wire: Wire, board: "SimBoard", part: str, idle_w: float, sends_w: float) -> None:
        super().__init__(wire)
        self._board = board
        self._part = part
        self._idle_w = idle_w
        self._sends_w = sends_w
        board.energy.set(part, idle_w)

    async def write(self, data: bytes) -> None:
        await self._board.clock.settle()
        self._board.energy.set(self._part, self._sends_w)
        await super().write(data)
        self._board.energy.set(self._part, self._idle_w)

    async def read(self, timeout_ms: int) -> bytes:
        await self._board.clock.settle()
        return await super().read(self._board.clock.true_ms(timeout_ms))

    def is_busy(self) -> bool:
        return isinstance(self._wire, Modem) and self._wire.is_busy()


class SimBoard(Board):
    """One node. `buses` maps the slice's bus names to wires, `rails` a supply's name to the sensors that hang on it;
    `wired` sensors are always on. `energy` is its account, with the powers of one `kind` of board."""

    def __init__(
        self,
        config: bytes,
        clock: WorldClock,
        stream: Stream,
        buses: dict[str, Wire],
        rails: dict[str, list[SimSensor]],
        radio: Wire,
        log: Callable[[str], None] = lambda text: None,
        kind: str = "rp2",
        wired: Sequence[SimSensor] = (),
    ) -> None:
        self.clock = DeviceClock(clock)
        self.energy = Energy(clock)
        self.cuts: list[Cut] = []  # when its power went
        self.true_clock = clock
        self.powers = POWERS[kind]
        self.stream = stream
        self.buses = buses
        self.rails = rails
        self._wired = wired
        self.radio_wire = radio
        self._log = log
        self._lines: list[WireLine] = []
        self.flash: SimFlash = SimFlash()
        self.flash.passes = self.clock.block
        self.flash.now_ms = clock.unix_ms
        self.target = kind
        self.slots: tuple[SimFlash, ...] = (SimFlash(_SLOT_SECTORS), SimFlash(_SLOT_SECTORS))
        self.notes: SimFlash = SimFlash(2)
        self.last_end = start.FRESH  # how the boot before ended
        for flash in (*self.slots, self.notes):
            flash.passes = self.clock.block
        self.settings: SimFlash = SimFlash(4)
        self.provision(config)
        self.power_on()

    def choose(self) -> None:
        """Which application this boot runs, as firmware/boot does."""
        note, _ = start.choose(Notes(self.notes), self.slots)
        self.running = None if note is None else note.slot
        self.on_trial = note is not None and note.on_trial

    @property
    def update(self) -> int:
        """The number of the update that is confirmed; 0: none is."""
        note = Notes(self.notes).confirmed()
        return 0 if note is None else note.number

    def power_on(self) -> None:
        """A boot: time since power-on begins again, rails are off, lines are empty; flash stays."""
        self.unplug()
        self.clock.free()
        self._boot_ms = self.clock.monotonic_ms()
        self.energy.off()
        self.energy.set("processor", self.powers.awake_w)
        for sensor in self._wired:
            self.energy.set(f"sensor {sensor.id}", sensor_w(sensor.profile))
        self._lines = [
            _BoardLine(self.radio_wire, self, "radio", self.powers.radio_listens_w, self.powers.radio_sends_w)
        ]
        self.radio: Radio = self._lines[0]  # type: ignore[assignment]  # _BoardLine is both
        for rail in self.rails:
            self.rail(rail, False)

    def unplug(self) -> None:
        """Nobody listens on the lines."""
        for line in self._lines:
            line.close()

    def power_off(self) -> None:
        """Nothing of this boot is left: rails fall, nobody listens on the lines."""
        self.unplug()
        for rail in self.rails:
            self.rail(rail, False)
        self.energy.off()
        self.last_end = start.FRESH
        self.cuts.append(Cut(self.true_clock.unix_ms(), self.flash.written_ms))

    @property
    def cuts_ms(self) -> list[int]:
        return [cut.unix_ms for cut in self.cuts]

    def monotonic_ms(self) -> int:
        return self.clock.monotonic_ms() - self._boot_ms

    def random(self, below: int) -> int:
        return self.stream.below(below)

    def config(self) -> bytes:
        return settings.load(self.settings)

    def provision(self, config: bytes) -> None:
        """Another slice, for the next boot."""
        settings.store(self.settings, config)

    def rail(self, name: str, on: bool) -> None:
        for sensor in self.rails[name]:
            sensor.power(on)
            self.energy.set(f"sensor {sensor.id}", sensor_w(sensor.profile) if on else 0.0)

    def line(self, bus: str, baud: int, parity: str, stop_bits: int) -> Line:
        line = _BoardLine(self.buses[bus], self, f"bus {bus}", self.powers.bus_idle_w, self.powers.bus_drives_w)
        self._lines.append(line)
        return line

    async def sleep_ms(self, duration_ms: int) -> None:
        await self.clock.settle()
        self.energy.set("processor", 0.0)
        self.energy.set("sleep", self.powers.asleep_w)
        await asyncio.sleep(self.clock.true_ms(duration_ms) / 1000)
        self.energy.set("sleep", 0.0)
        self.energy.set("processor", self.powers.awake_w)

    async def restart(self) -> None:
        raise Restart

    def log(self, text: str) -> None:
        self._log(text)
