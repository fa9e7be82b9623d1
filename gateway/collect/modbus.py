"""Knows how the sensors of one bus are polled, each at its period; knows no other bus and no uplink."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Protocol

from gateway.config import Sensor, Site
from gateway.lines import LineLost, Opener, OpenLine
from gateway.ports import Clock
from gateway.rows import Cell
from gateway.store import Store
from protocols import poll, quality
from protocols.errors import DeviceError, FrameError, NoReply
from protocols.modbus import Request

log = logging.getLogger(__name__)
_REOPEN_S = 2.0
_MOST_BACK_OFF = 32  # periods


class Client(Protocol):
    asked_ms: int
    first_ms: int | None

    async def ask(self, request: Request) -> tuple[int, ...]: ...


class _Polled:
    """One sensor on the bus: its schedule and whether it answers."""

    def __init__(self, site: Site, sensor: Sensor, series: int) -> None:
        self.sensor = sensor
        self.profile = site.profile(sensor)
        self.registers = site.registers(sensor)
        self.series = series
        self.due_ms = 0  # Unix time of the next poll
        self.silent = 0  # polls in a row without any answer
        self.started = False
        self.settled_ms = 0  # monotonic: when it has, after its start

    def plan(self, now_ms: int) -> None:
        """The next whole period; a silent sensor is asked ever more rarely."""
        period_ms = self.sensor.period_s * 1000
        if self.silent > 1:
            period_ms *= min(1 << (self.silent - 1), _MOST_BACK_OFF)
        self.due_ms = (now_ms // period_ms + 1) * period_ms


class BusPoller:
    """Polls the sensors of one bus, earliest first, and opens the line again when it is lost."""

    def __init__(
        self,
        site: Site,
        bus: str,
        opener: Opener,
        client: Callable[[OpenLine], Client],
        store: Store,
        clock: Clock,
    ) -> None:
        self._bus = bus
        self._opener = opener
        self._client = client
        self._store = store
        self._clock = clock
        self._lost = False
        self._polled = [
            _Polled(site, sensor, store.series(f"sensor {sensor.id}", site.channels_of(sensor)))
            for sensor in site.sensors
            if sensor.bus == bus
        ]

    async def run(self) -> None:
        while True:
            try:
                line = await self._opener()
                try:
                    await self._poll_all(self._client(line))
                finally:
                    line.close()
            except LineLost as error:
                if not self._lost:
                    log.warning("bus %s: %s", self._bus, error)
                    self._store.event("bus_lost", {"bus": self._bus, "reason": str(error)})
                self._lost = True
                await asyncio.sleep(_REOPEN_S)

    async def _poll_all(self, client: Client) -> None:
        for polled in self._polled:
            polled.started = False
            polled.plan(self._clock.unix_ms())
        while True:
            polled = min(self._polled, key=lambda p: p.due_ms)
            await asyncio.sleep(max(polled.due_ms - self._clock.unix_ms(), 0) / 1000)
            await self._poll(client, polled)
            polled.plan(self._clock.unix_ms())
            if self._lost:  # only now: a line may open and be gone again at once, for hours
                self._store.event("bus_back", {"bus": self._bus})
                self._lost = False

    async def _poll(self, client: Client, polled: _Polled) -> None:
        before_ms = self._clock.monotonic_ms()
        client.first_ms = None
        cells = await self._cells(client, polled)
        # a row has one time: where blocks had to be asked for again, the first and the last may be seconds apart
        read_ms = before_ms if client.first_ms is None else (client.first_ms + client.asked_ms) // 2
        unix_ms = self._clock.unix_ms() - (self._clock.monotonic_ms() - read_ms)
        self._note_silence(polled, all(flag & quality.NO_REPLY for _, flag in cells))
        self._store.add_poll(polled.series, unix_ms, cells)  # a question without an answer is on record, too

    async def _cells(self, client: Client, polled: _Polled) -> list[Cell]:
        """One reading of each register. A sensor that was not started or has not settled answers 0.000, which is no
        reading (hw_sim/recordings/modbus_y520_warmup_traces.csv)."""
        unit_id, profile, registers = polled.sensor.unit_id, polled.profile, polled.registers
        if profile.start is not None and not polled.started:
            with contextlib.suppress(NoReply, FrameError):  # the question below shows whether it is there at all
                with contextlib.suppress(DeviceError):  # it may be measuring already
                    await poll.start(client, unit_id, profile)
                polled.started = True
                polled.settled_ms = self._clock.monotonic_ms() + profile.settle_ms
        if self._clock.monotonic_ms() < polled.settled_ms:
            return [(None, quality.WARM_UP)] * len(registers)
        tries = 1 if polled.silent else 2
        cells = await poll.read(client, unit_id, profile, registers, _sleep_ms, tries)
        if profile.start is None or polled.started:
            return cells
        return [(None, flag & quality.NO_REPLY or quality.WARM_UP) for _, flag in cells]

    def _note_silence(self, polled: _Polled, silent: bool) -> None:
        """One event when a sensor goes, one when it returns."""
        if silent:
            polled.silent += 1
            polled.started = False
            if polled.silent == 1:
                self._store.event("sensor_silent", {"sensor": polled.sensor.id})
        elif polled.silent:
            self._store.event("sensor_back", {"sensor": polled.sensor.id, "missed_polls": polled.silent})
            polled.silent = 0


async def _sleep_ms(duration_ms: int) -> None:
    await asyncio.sleep(duration_ms / 1000)
