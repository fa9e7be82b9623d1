"""Knows how a gateway inside the world meets it: wires for ports, sensors behind TCP, a platform for a broker."""

import asyncio

from gateway.app import Outside
from gateway.config import Bus, MqttUplink, Site
from gateway.lines import Inbox, Opener, OpenLine
from gateway.ports import Publisher
from hw_sim.backhaul import Backhaul
from hw_sim.sensor import SimSensor
from hw_sim.wire import Wire, WireLine
from hw_sim.world import World
from protocols import modbus


class UnitsLine:
    """A Modbus TCP connection to sensors, without a network: the server half of protocols/modbus.py answers."""

    def __init__(self, sensors: list[SimSensor]) -> None:
        self._sensors = {sensor.unit_id: sensor for sensor in sensors}
        self._frames = modbus.TcpFrames()
        self._inbox = Inbox()

    async def write(self, data: bytes) -> None:
        for transaction, unit_id, pdu in self._frames.feed(data):
            sensor = self._sensors.get(unit_id)
            reply = sensor.answer(pdu) if sensor is not None else None
            if sensor is not None and reply is not None:
                answer = modbus.tcp(transaction, unit_id, reply)
                asyncio.get_running_loop().call_later(sensor.latency_ms / 1000, self._inbox.put, answer)

    async def read(self, timeout_ms: int) -> bytes:
        return await self._inbox.read(timeout_ms)

    def pending(self) -> bytes:
        return self._inbox.pending()

    def close(self) -> None:
        pass


class WorldOutside(Outside):
    """What gateway.app.Outside gives on a real machine, given by the world."""

    def __init__(self, world: World, backhaul: Backhaul) -> None:
        super().__init__()
        self.clock = world.clock
        self._world = world
        self._backhaul = backhaul

    def radio(self, site: Site) -> Opener:
        return _opener_of(self._world.radio)

    def bus(self, bus: Bus) -> Opener:
        if bus.id in self._world.lines:
            return _opener_of(self._world.lines[bus.id])
        return self._units(bus)

    def _units(self, bus: Bus) -> Opener:
        async def connect() -> OpenLine:
            return UnitsLine(self._world.tcp[bus.id])

        return connect

    def publisher(self, uplink: MqttUplink, station: str) -> Publisher:
        return self._backhaul.publisher()


def _opener_of(wire: Wire) -> Opener:
    async def attach() -> OpenLine:
        return WireLine(wire)

    return attach
