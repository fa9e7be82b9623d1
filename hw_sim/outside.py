"""Knows how a gateway inside the world meets it: wires for ports, sensors behind TCP, a platform for a broker."""

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path

from gateway.app import Outside
from gateway.evidence.notary import Signature, sign
from gateway.machine.lines import Inbox, LineLost, Opener, OpenLine
from gateway.machine.rails import Switch
from gateway.ports import Publisher
from gateway.site.config import Bus, MqttUplink, Rail, Site
from gateway.store.tail import LineFile
from hw_sim.backhaul.backhaul import Backhaul
from hw_sim.bus.sensor import SimSensor
from hw_sim.bus.wire import Wire, WireLine
from hw_sim.disk.lines import DiskLines
from hw_sim.node.device_clock import DeviceClock
from hw_sim.world import World
from protocols import modbus_tcp


class UnitsLine:
    """A Modbus TCP connection to sensors, without a network: the server half of protocols/modbus.py answers."""

    def __init__(self, sensors: list[SimSensor], clock: DeviceClock) -> None:
        self._clock = clock
        self._sensors = {sensor.unit_id: sensor for sensor in sensors}
        self._frames = modbus_tcp.TcpFrames()
        self._inbox = Inbox()

    async def write(self, data: bytes) -> None:
        await self._clock.settle()
        for transaction, unit_id, pdu in self._frames.feed(data):
            sensor = self._sensors.get(unit_id)
            reply = sensor.answer(pdu) if sensor is not None else None
            if sensor is not None and reply is not None:
                answer = modbus_tcp.tcp(transaction, unit_id, reply)
                asyncio.get_running_loop().call_later(sensor.latency_ms / 1000, self._inbox.put, answer)

    async def read(self, timeout_ms: int) -> bytes:
        data = await self._inbox.read(timeout_ms)
        await self._clock.settle()
        return data

    def pending(self) -> bytes:
        return self._inbox.pending()

    def close(self) -> None:
        pass


class _GatewayLine(WireLine):
    """The gateway's end of a wire, which waits while its process is blocked."""

    def __init__(self, wire: Wire, clock: DeviceClock) -> None:
        super().__init__(wire)
        self._clock = clock

    async def write(self, data: bytes) -> None:
        await self._clock.settle()
        await super().write(data)

    async def read(self, timeout_ms: int) -> bytes:
        data = await super().read(timeout_ms)
        await self._clock.settle()
        return data


class _RadioLine(_GatewayLine):
    """The gateway's end of the radio, which lets the world know what gets there."""

    def __init__(self, world: World) -> None:
        super().__init__(world.radio, world.gateway_clock)
        self._world = world

    def hear(self, data: bytes) -> None:
        if self._world.on_heard is not None:
            self._world.on_heard(data)
        super().hear(data)


class _RailSwitch:
    """A supply of the gateway's in the world: off without the gateway."""

    def __init__(self, sensors: list[SimSensor]) -> None:
        self._sensors = sensors

    def set(self, on: bool) -> None:
        for sensor in self._sensors:
            sensor.power(on)

    def close(self) -> None:
        self.set(False)


class WorldOutside(Outside):
    """What gateway.app.Outside gives on a real machine, given by the world."""

    def __init__(self, world: World, backhaul: Backhaul, ways: Mapping[str, Opener] | None = None) -> None:
        super().__init__()
        self._ways = ways or {}  # to platforms' centres, by place
        self.clock = world.gateway_clock
        self._world = world
        self._backhaul = backhaul

    def radio(self, site: Site) -> Opener:
        async def attach() -> OpenLine:
            return _RadioLine(self._world)

        return attach

    def bus(self, bus: Bus) -> Opener:
        if bus.id in self._world.lines:
            return self._wire(self._world.lines[bus.id])
        return self._units(bus)

    def _units(self, bus: Bus) -> Opener:
        async def connect() -> OpenLine:
            return UnitsLine(self._world.tcp[bus.id], self._world.gateway_clock)

        return connect

    def way(self, place: str, baud: int | None) -> Opener:
        async def nowhere() -> OpenLine:
            raise LineLost(f"{place} is not in this world")

        return self._ways.get(place, nowhere)

    def line_file(self, path: Path) -> LineFile:
        return LineFile(path) if self._world.disk is None else DiskLines(path, self._world.disk)

    def free_bytes(self, site: Site) -> int | None:
        return None if self._world.disk is None else self._world.disk.free_bytes

    async def sign(self, site: Site, message: bytes) -> Signature:
        """In this process, as there is no other one in virtual time, and with a key that belongs to the seed."""
        key = Path(site.store.key)
        if not key.exists():
            key.write_bytes(hashlib.sha256(b"gateway %d" % self._world.streams.seed).digest())
        return sign(key, message)

    def rail(self, rail: Rail) -> Switch:
        return _RailSwitch([self._world.sensors[one.id] for one in self._world.site.sensors if one.rail == rail.id])

    def control_socket(self, site: Site) -> Path | None:
        """Nobody comes in from the real world."""
        return None

    def metrics_place(self, site: Site) -> str | None:
        return None

    def publisher(self, uplink: MqttUplink, station: str) -> Publisher:
        return self._backhaul.publisher()

    def _wire(self, wire: Wire) -> Opener:
        async def attach() -> OpenLine:
            return _GatewayLine(wire, self._world.gateway_clock)

        return attach
