"""Knows a simulated node's hardware behind the firmware's Board interface; knows no firmware.

The same object serves firmware in this process and, over a pipe, firmware in a real MicroPython (hw_sim/vm.py).
"""

import asyncio
from collections.abc import Callable

from firmware.board import Board, Flash, Line
from hw_sim.clock import WorldClock
from hw_sim.sensor import SimSensor
from hw_sim.streams import Stream
from hw_sim.wire import Wire, WireLine


class SimFlash(Flash):
    """NOR flash in memory: erased is 0xFF, writing clears bits."""

    def __init__(self, sectors: int = 16, sector_bytes: int = 4096) -> None:
        self.sectors = sectors
        self.sector_bytes = sector_bytes
        self.content = bytearray(b"\xff" * sectors * sector_bytes)

    def read(self, offset: int, count: int) -> bytes:
        return bytes(self.content[offset : offset + count])

    def write(self, offset: int, data: bytes) -> None:
        end = offset + len(data)
        self.content[offset:end] = bytes(old & new for old, new in zip(self.content[offset:end], data, strict=True))

    def erase(self, sector: int) -> None:
        start = sector * self.sector_bytes
        self.content[start : start + self.sector_bytes] = b"\xff" * self.sector_bytes


class _BoardLine(WireLine, Line):
    """A wire's end under the name that the firmware knows."""


class SimBoard(Board):
    """One node. `buses` maps the slice's bus names to wires, `rails` a supply's name to the sensors that hang on it."""

    def __init__(
        self,
        config: bytes,
        clock: WorldClock,
        stream: Stream,
        buses: dict[str, Wire],
        rails: dict[str, list[SimSensor]],
        radio: Wire,
        log: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._config = config
        self._clock = clock
        self._stream = stream
        self._buses = buses
        self._rails = rails
        self._radio_wire = radio
        self._log = log
        self._lines: list[WireLine] = []
        self.flash: SimFlash = SimFlash()
        self.power_on()

    def power_on(self) -> None:
        """A boot: time since power-on begins again, rails are off, lines are empty; flash stays."""
        for line in self._lines:
            line.close()
        self._boot_ms = self._clock.monotonic_ms()
        self._lines = [_BoardLine(self._radio_wire)]
        self.radio: Line = self._lines[0]  # type: ignore[assignment]  # _BoardLine is both
        for rail in self._rails:
            self.rail(rail, False)

    def power_off(self) -> None:
        """Nothing of this boot is left: rails fall, nobody listens on the lines."""
        for line in self._lines:
            line.close()
        for rail in self._rails:
            self.rail(rail, False)

    def monotonic_ms(self) -> int:
        return self._clock.monotonic_ms() - self._boot_ms

    def random(self, below: int) -> int:
        return self._stream.below(below)

    def config(self) -> bytes:
        return self._config

    def rail(self, name: str, on: bool) -> None:
        for sensor in self._rails[name]:
            sensor.power(on)

    def line(self, bus: str, baud: int, parity: str, stop_bits: int) -> Line:
        line = _BoardLine(self._buses[bus])
        self._lines.append(line)
        return line

    async def sleep_ms(self, duration_ms: int) -> None:
        await asyncio.sleep(duration_ms / 1000)

    def log(self, text: str) -> None:
        self._log(text)
