"""Knows a simulated node's hardware behind the firmware's Board interface; knows no firmware.

The same object serves firmware in this process and, over a pipe, firmware in a real MicroPython (hw_sim/node/vm.py).
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from firmware import settings
from firmware.board import Board, Line, Radio
from firmware.boot import start
from firmware.boot.notes import Notes
from firmware.config import ConfigError
from gateway.energy.consumption import POWERS, sensor_w
from hw_sim.bus.sensor import SimSensor
from hw_sim.bus.wire import Wire, WireLine
from hw_sim.clock import WorldClock
from hw_sim.ledger import Cut
from hw_sim.node.device_clock import DeviceClock
from hw_sim.node.energy import Energy
from hw_sim.node.flash import SimFlash as SimFlash
from hw_sim.radio.modem import Modem
from hw_sim.streams import Stream

_SLOT_SECTORS = 24  # room for an application and a half
# E22 manual: a change of mode takes 1 to 2 ms after AUX is high; a modem that slept gets ready first (ours).
_WAKE_MS = 5


class _BoardLine(WireLine, Radio):
    """A wire's end under the name that the firmware knows, in the node's own time and on its account."""

    def __init__(self, wire: Wire, board: "SimBoard", part: str, idle_w: float, sends_w: float) -> None:
        self._rests = False
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

    def hear(self, data: bytes) -> None:
        if not self._rests:
            super().hear(data)

    async def wake(self) -> None:
        if self._rests:
            await self._board.sleep_ms(_WAKE_MS)
            self._rests = False
            self._board.energy.set(self._part, self._idle_w)

    async def rest(self) -> None:
        self._rests = True
        self.pending()
        self._board.energy.set(self._part, self._board.powers.radio_rests_w)

    def is_busy(self) -> bool:
        return isinstance(self._wire, Modem) and self._wire.is_busy()


class Gauge(Protocol):
    """What a board can measure of its battery: hw_sim/node/battery.py."""

    @property
    def temperature_c(self) -> float: ...
    def volts_under(self, power_w: float) -> float: ...


class SimBoard(Board):
    """One node. `buses` maps the slice's bus names to wires, `rails` a supply's name to the sensors that hang on it;
    `wired` sensors are always on. `energy` is its account, with the powers of one `kind` of board.
    A `gated` one has a clock of its own; `on_end(off_ms)` is called when the firmware ends its boot."""

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
        gated: bool = False,
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
        self.gated = gated
        self.rtc = DeviceClock(clock) if gated else None  # a clock with a battery of its own
        self.gauge: Gauge | None = None
        self.boots = 0
        self.may_charge: bool | None = None  # as the firmware last said; None: it never did
        self.on_end: Callable[[int], None] = lambda off_ms: None
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
        self.boots += 1
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

    def gate(self) -> None:
        """Nothing of this boot is left: rails fall, nobody listens on the lines. Wired sensors have a supply of their
        own."""
        self.unplug()
        for rail in self.rails:
            self.rail(rail, False)
        self.energy.off()
        for sensor in self._wired:
            self.energy.set(f"sensor {sensor.id}", sensor_w(sensor.profile))

    def power_off(self) -> None:
        """Somebody took the power away, of wired sensors, too."""
        self.gate()
        self.energy.off()
        self.last_end = start.FRESH
        self.cuts.append(Cut(self.true_clock.unix_ms(), self.flash.kept.record_ms))

    @property
    def cuts_ms(self) -> list[int]:
        return [cut.unix_ms for cut in self.cuts]

    def monotonic_ms(self) -> int:
        return self.clock.monotonic_ms() - self._boot_ms

    def random(self, below: int) -> int:
        return self.stream.below(below)

    def config(self, mend: bool = False) -> bytes:
        data = settings.load(self.settings)
        if mend:
            settings.mend(self.settings, data)
        return data

    def provision(self, config: bytes) -> None:
        """Another slice, for the next boot."""
        settings.store(self.settings, config)

    def rail(self, name: str, on: bool) -> None:
        if name not in self.rails:
            raise ConfigError(f"no rail {name}")
        for sensor in self.rails[name]:
            sensor.power(on)
            self.energy.set(f"sensor {sensor.id}", sensor_w(sensor.profile) if on else 0.0)

    def line(self, bus: str, baud: int, parity: str, stop_bits: int) -> Line:
        if bus not in self.buses:
            raise ConfigError(f"no bus {bus}")
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

    async def power_down(self, duration_ms: int) -> None:
        self.last_end = start.FRESH
        await self._end(duration_ms)

    async def restart(self) -> None:
        await self._end(0)

    async def _end(self, off_ms: int) -> None:
        """Whoever runs the firmware ends it here."""
        await self.clock.settle()
        self.on_end(off_ms)
        await asyncio.Event().wait()

    def clock_ms(self) -> int | None:
        return None if self.rtc is None else self.rtc.unix_ms()

    def set_clock(self, unix_ms: int) -> None:
        if self.rtc is not None:
            self.rtc.set(unix_ms / 1000)

    def battery_mv(self) -> int | None:
        return None if self.gauge is None else round(1000 * self.gauge.volts_under(self.energy.power_w))

    def temperature_dc(self) -> int | None:
        return None if self.gauge is None else round(10 * self.gauge.temperature_c)

    def charge(self, allowed: bool) -> None:
        self.may_charge = allowed

    def log(self, text: str) -> None:
        self._log(text)
