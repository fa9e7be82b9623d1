"""Knows how a gateway inside the world meets it: wires for ports, sensors behind TCP, a platform for a broker."""

import asyncio

from gateway.app import Outside
from gateway.config import Bus, MqttUplink, Site
from gateway.lines import Inbox, Opener, OpenLine
from gateway.ports import LinkDown, Publisher
from hw_sim.platform import Platform
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


class Backhaul:
    """The way from the station to the platform: `up` or not, and how long a message takes there."""

    def __init__(self, platform: Platform, delay_s: float = 0.05) -> None:
        self._platform = platform
        self._delay_s = delay_s
        self._connected: list[BackhaulPublisher] = []
        self.up = True

    def cut(self) -> None:
        """From now on nothing gets through, and everybody notices."""
        self.up = False
        for publisher in list(self._connected):
            publisher.lose()

    def restore(self) -> None:
        self.up = True

    def join(self, publisher: "BackhaulPublisher") -> None:
        if not self.up:
            raise LinkDown("the backhaul is down")
        self._connected.append(publisher)

    def leave(self, publisher: "BackhaulPublisher") -> None:
        if publisher in self._connected:
            self._connected.remove(publisher)

    def carry(self, topic: str, payload: bytes, confirmation: "asyncio.Future[None]") -> None:
        asyncio.get_running_loop().call_later(self._delay_s, self._arrive, topic, payload, confirmation)

    def _arrive(self, topic: str, payload: bytes, confirmation: "asyncio.Future[None]") -> None:
        if self.up and not confirmation.done():
            self._platform.take(topic, payload)
            confirmation.set_result(None)


class BackhaulPublisher:
    """A Publisher (gateway/ports.py) over a Backhaul."""

    def __init__(self, backhaul: Backhaul) -> None:
        self._backhaul = backhaul
        self._waiting: list[asyncio.Future[None]] = []
        self._down = True

    async def connect(self) -> None:
        await asyncio.sleep(0.1)
        self._backhaul.join(self)
        self._down = False

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> "asyncio.Future[None]":
        self.check()
        confirmation: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting = [waiting for waiting in self._waiting if not waiting.done()] + [confirmation]
        self._backhaul.carry(topic, payload, confirmation)
        return confirmation

    def check(self) -> None:
        if self._down:
            raise LinkDown("disconnected")

    def lose(self) -> None:
        self._down = True
        waiting, self._waiting = self._waiting, []
        for confirmation in waiting:
            if not confirmation.done():
                confirmation.set_exception(LinkDown("disconnected"))
                confirmation.exception()  # most are never awaited: the first one tells

    async def close(self) -> None:
        self._backhaul.leave(self)
        self.lose()


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
        if bus.id in self._world.buses:
            return _opener_of(self._world.buses[bus.id])
        return self._units(bus)

    def _units(self, bus: Bus) -> Opener:
        async def connect() -> OpenLine:
            return UnitsLine(self._world.tcp[bus.id])

        return connect

    def publisher(self, uplink: MqttUplink, station: str) -> Publisher:
        return BackhaulPublisher(self._backhaul)


def _opener_of(wire: Wire) -> Opener:
    async def attach() -> OpenLine:
        return WireLine(wire)

    return attach
