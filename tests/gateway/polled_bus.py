"""One bus in the world and its poller, in virtual time; a helper of tests."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.collect.device import Memory
from gateway.collect.modbus import BusPoller
from gateway.machine.lines import OpenLine
from gateway.machine.rails import Supply
from gateway.site.config import Sensor, Site
from gateway.store import Store
from hw_sim.bus.sensor import SimSensor
from hw_sim.bus.wire import Drop, WireLine, rs485
from hw_sim.clock import WorldClock, world_clock
from hw_sim.ledger import Ledger
from hw_sim.node.device_clock import DeviceClock
from hw_sim.outside import UnitsLine
from protocols.polling_client import PollingClient
from protocols.profiles import load
from protocols.tcp_client import TcpClient
from tests.gateway.doubles import RIVER, START_MS, Unplugged, events, query, site


class Ear:
    """Hears every question and answer on the wire, with its time."""

    def __init__(self, clock: WorldClock) -> None:
        self._clock = clock
        self.heard: list[tuple[int, bytes]] = []

    def hear(self, data: bytes) -> None:
        self.heard.append((self._clock.unix_ms(), data))

    def questions(self, unit_id: int, function: int = 3) -> list[int]:
        """When a question to this unit had been sent: 8 bytes to read, 9 for the start with quantity 0."""
        length = 8 if function == 3 else 9
        return [at for at, data in self.heard if data[:2] == bytes((unit_id, function)) and len(data) == length]


class Thinking(SimSensor):
    """Thinks `thinks_ms` before each answer."""

    thinks_ms = 12

    @property
    def latency_ms(self) -> int:  # type: ignore[override]
        return self.thinks_ms

    @latency_ms.setter
    def latency_ms(self, _usual_ms: int) -> None:
        """What a sensor takes otherwise is not asked."""


class HandSwitch:
    """A supply that switches `devices`; `broken` can't."""

    def __init__(self, clock: WorldClock) -> None:
        self._clock = clock
        self.devices: list[SimSensor] = []
        self.broken = False
        self.history: list[tuple[float, bool]] = []  # seconds since the world began

    def set(self, on: bool) -> None:
        if self.broken:
            raise OSError("no such chip")
        self.history.append((self._clock.monotonic_ms() / 1000, on))
        for device in self.devices:
            device.power(on)

    def close(self) -> None:
        self.set(False)


class Bus:
    """One bus in the world and its poller. A sensor's pressure is the seconds since the world began, so that every
    value says when it was taken."""

    def __init__(self, folder: Path, *sensors: str, kind: type[SimSensor] = SimSensor, bus: str = RIVER) -> None:
        self.folder = folder
        self.site: Site = site(folder, bus, *sensors)
        self.clock = world_clock()
        self.gateway_clock = DeviceClock(self.clock)
        self.wire = rs485(self.clock, 9600)
        self.ear = Ear(self.clock)
        self.wire.attach(self.ear)
        self.devices = {}
        for one in self.site.sensors:
            truth = {"pressure": lambda time_s: time_s, "conductivity": lambda _: 7.25, "temperature": lambda _: 11.5}
            device = kind(one.id, load(one.profile), one.unit_id, truth, Ledger(), self.clock, one.rail is None)
            self.devices[one.id] = device
            Drop(self.wire, device)
        self.is_tcp = self.site.buses[0].tcp is not None
        self.plug = Unplugged(self._line)
        self.store = Store(folder / "store.db", self.gateway_clock)
        self.switches = {rail.id: HandSwitch(self.clock) for rail in self.site.rails}
        for one in self.site.sensors:
            if one.rail is not None:
                self.switches[one.rail].devices.append(self.devices[one.id])
        self.supplies = {id: Supply(id, switch, self.store.event) for id, switch in self.switches.items()}
        self._poll(())

    def _poll(self, memories: Sequence[tuple[Sensor, Memory]]) -> None:
        self.poller = BusPoller(
            self.site, "river", self.plug.open, self._client, self.store, self.gateway_clock, self.supplies
        )
        self.poller.remember(memories)
        self.task = asyncio.create_task(self.poller.run())

    async def begin_again(self, pause_s: float, with_memories: bool = True) -> None:
        """Another poller takes over, as when a changed site file does."""
        memories = await self.poller.memories()
        self.task.cancel()
        await asyncio.sleep(pause_s)
        self._poll(memories if with_memories else ())

    def _line(self) -> OpenLine:
        return UnitsLine(list(self.devices.values()), self.gateway_clock) if self.is_tcp else WireLine(self.wire)

    def _client(self, line: OpenLine) -> PollingClient | TcpClient:
        now_ms = self.gateway_clock.monotonic_ms
        return TcpClient(line, now_ms) if self.is_tcp else PollingClient(line, now_ms, 9600)

    def think(self, thinks_ms: int) -> None:
        """All devices, of kind Thinking, take so long from now on."""
        for device in self.devices.values():
            assert isinstance(device, Thinking)
            device.thinks_ms = thinks_ms

    async def until(self, time_s: float) -> None:
        await asyncio.sleep(time_s - asyncio.get_running_loop().time())
        assert not self.task.done()
        self.store.commit()

    def rows(self, id: str) -> list[tuple[int, list[int | None], list[int]]]:
        """(milliseconds since the world began, values, flags) of one sensor."""
        found = query(
            self.folder,
            "SELECT unix_ms, cells, quality FROM row, series WHERE series.id = series AND source = ? ORDER BY seq",
            f"sensor {id}",
        )
        return [(at - START_MS, json.loads(cells), json.loads(flags or "[]")) for at, cells, flags in found]

    def seconds(self, id: str) -> list[int]:
        """The seconds in which a sensor gave values."""
        return [at // 1000 for at, values, _ in self.rows(id) if values[0] is not None]

    def stamps(self, id: str) -> list[int]:
        """The Unix time of each row of one sensor, by the gateway's clock."""
        return [START_MS + at for at, _, _ in self.rows(id)]

    def told(self, *kinds: str) -> list[tuple[str, dict[str, Any]]]:
        """The events of these kinds."""
        return events(self.folder, *kinds)
