"""Knows whether the gateway's memory grows in a year of virtual time; knows no other cost.

A process of its own with the real core: poller, store, group commit, uplink. What is not in it: nodes, paho and
sockets, which have no virtual time. One device of ten values is asked every ten minutes, and the broker is away for
one day of each month.
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from gateway.app import Gateway, Outside
from gateway.machine.lines import Inbox, Opener, OpenLine
from gateway.ports import LinkDown, Publisher, Said
from gateway.site import config
from gateway.site.config import Bus, MqttUplink, Site
from hw_sim.bench.gateway_devices import Device
from hw_sim.bench.gateway_load import Load
from hw_sim.bench.gateway_ours import Ours
from hw_sim.bench.gateway_sampling import sample
from hw_sim.clock import WorldClock, run_virtual, world_clock
from hw_sim.disk import vfs
from protocols import modbus_tcp

LOAD = Load(1, 10, period_s=600)
_DAY_S = 86_400
_MONTH_DAYS = 30


class _Line:
    """A Modbus TCP connection to one device, without a network."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._frames = modbus_tcp.TcpFrames()
        self._inbox = Inbox()

    async def write(self, data: bytes) -> None:
        for transaction, unit, pdu in self._frames.feed(data):
            if (answer := self._device.answer(pdu)) is not None:
                self._inbox.put(modbus_tcp.tcp(transaction, unit, answer))

    async def read(self, timeout_ms: int) -> bytes:
        return await self._inbox.read(timeout_ms)

    def pending(self) -> bytes:
        return self._inbox.pending()

    def close(self) -> None:
        pass


class _Publisher:
    """A broker that confirms at once; on the last day of each month it is away."""

    def __init__(self, clock: WorldClock) -> None:
        self._clock = clock
        self.messages = 0

    async def connect(self, will: Said | None = None) -> None:
        self.check()

    def check(self) -> None:
        if self._clock.monotonic_ms() // 1000 // _DAY_S % _MONTH_DAYS == _MONTH_DAYS - 1:
            raise LinkDown("away")

    async def subscribe(self, topic: str, take: Callable[[str, bytes], None], kept: bool = False) -> bool:
        return True

    def publish(self, topic: str, payload: bytes, retain: bool = False, qos: int = 1) -> "asyncio.Future[bool]":
        self.check()
        self.messages += 1
        confirmed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        confirmed.set_result(True)
        return confirmed

    async def close(self) -> None:
        pass


class _Outside(Outside):
    def __init__(self, clock: WorldClock, device: Device, publisher: _Publisher) -> None:
        self.clock = clock
        self._device = device
        self._publisher = publisher

    def bus(self, bus: Bus) -> Opener:
        async def open_line() -> OpenLine:
            return _Line(self._device)

        return open_line

    def publisher(self, uplink: MqttUplink, station: str) -> Publisher:
        return self._publisher


async def _live(site: Site, days: int) -> None:
    """Prints one line of JSON a month: day, MB, readings stored."""
    clock = world_clock()
    device = Device(LOAD, 0)
    publisher = _Publisher(clock)
    gateway = Gateway(site, _Outside(clock, device, publisher))
    stop = asyncio.Event()
    running = asyncio.create_task(gateway.run(stop))
    for day in range(1, days + 1):
        await asyncio.sleep(_DAY_S)
        for times in device.served_s:
            del times[:]  # the device's memory is not the gateway's
        if day == 1 or day % _MONTH_DAYS == 0 or day == days:
            figures = [day, sample(os.getpid()).rss_mb, gateway.store.last_seq, publisher.messages]
            print(json.dumps(figures), flush=True)
    stop.set()
    await running


def main(folder: Path, days: int) -> None:
    logging.disable()
    Ours().prepare(folder, LOAD, [1], 1)
    disk = vfs.mount(folder)
    disk.is_synced_for_real = False  # a year of syncs would take hours
    run_virtual(_live(config.load(folder / "site.toml"), days))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
