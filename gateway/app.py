"""Knows which parts a gateway has and keeps each of them running; knows nothing of what they do."""

import asyncio
import contextlib
import logging
import shutil
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from gateway import lines
from gateway.capture import RADIO, Capture
from gateway.collect.modbus import BusPoller, Client
from gateway.collect.radio import RadioCollector
from gateway.config import Bus, MqttUplink, Site
from gateway.days import Days
from gateway.lines import Opener, OpenLine
from gateway.notary import Signature, signed_by_child
from gateway.ports import Clock, Publisher, SystemClock
from gateway.retention import Keeping
from gateway.store import Store
from gateway.timekeeping import Trusted
from gateway.uplink.mqtt import MqttForwarder
from gateway.uplink.paho import PahoPublisher
from protocols.modbus_client import RtuClient, TcpClient

log = logging.getLogger(__name__)
_DRAIN_S = 3.5  # a clean stop takes less than 5 s in all
_FIRST_RESTART_S, _LAST_RESTART_S = 1.0, 60.0


class Outside:
    """Where the gateway's core meets the machine: time, lines and brokers. A simulated world brings its own."""

    def __init__(self) -> None:
        self.clock: Clock = SystemClock()

    def radio(self, site: Site) -> Opener:
        assert site.radio is not None
        return lines.serial_opener(site.radio.port, site.radio.baud)

    def bus(self, bus: Bus) -> Opener:
        if bus.tcp is not None:
            return lines.tcp_opener(bus.tcp)
        assert bus.port is not None
        return lines.serial_opener(bus.port, bus.baud, bus.parity, bus.stop_bits)

    def free_bytes(self, site: Site) -> int | None:
        """What the disk under the store has left; None: enough."""
        return shutil.disk_usage(Path(site.store.path).parent).free

    async def sign(self, site: Site, message: bytes) -> Signature:
        """NotSigned says why not."""
        return await signed_by_child(Path(site.store.key), message)

    def publisher(self, uplink: MqttUplink, station: str) -> Publisher:
        will = (f"watertower/{station}/status", msgspec.json.encode({"online": False}))
        return PahoPublisher(uplink.host, uplink.port, f"watertower-{station}-{uplink.id}", will)


class Gateway:
    """All parts of one site; `capture` takes notes of its lines."""

    def __init__(self, site: Site, outside: Outside, capture: Capture | None = None) -> None:
        clock = Trusted(outside.clock) if site.clock.trust == "always" else outside.clock
        self.store = Store(Path(site.store.path), clock, _keeping(site), lambda: outside.free_bytes(site))
        self._clock = self.store.clock
        self._commit_delay_s = site.store.commit_delay_s
        noted = capture.line if capture is not None else _unnoted
        self._collectors: dict[str, Callable[[], Awaitable[None]]] = {}
        if site.nodes:
            radio = noted(RADIO, outside.radio(site))
            self._collectors["radio"] = self._with_file(
                lambda: RadioCollector(site, radio, self.store, self._clock).run
            )
        for bus in site.buses:
            if any(sensor.bus == bus.id for sensor in site.sensors):
                opener = noted(bus.id, outside.bus(bus))
                poller = BusPoller(site, bus.id, opener, self._client_of(bus), self.store, self._clock)
                self._collectors[f"bus {bus.id}"] = poller.run
        self._days = Days(site.station.id, self.store, self._clock, lambda message: outside.sign(site, message))
        self._forwarders = {
            f"uplink {uplink.id}": MqttForwarder(
                uplink, site.station.id, outside.publisher(uplink, site.station.id), self.store, self._clock
            )
            for uplink in site.uplinks
        }

    def _with_file(self, make: Callable[[], Callable[[], Awaitable[None]]]) -> Callable[[], Awaitable[None]]:
        """A part that is made only once the store has its file: it asks what is there."""
        made: list[Callable[[], Awaitable[None]]] = [make()] if self.store.is_open else []

        async def run() -> None:
            await self.store.opened()
            if not made:
                made.append(make())
            await made[0]()

        return run

    def _client_of(self, bus: Bus) -> Callable[[OpenLine], Client]:
        now_ms = self._clock.monotonic_ms
        if bus.tcp is not None:
            return lambda line: TcpClient(line, now_ms)
        return lambda line: RtuClient(line, now_ms, bus.baud)

    async def run(self, stop: asyncio.Event) -> None:
        """Runs until `stop` is set; then commits, gives the uplinks a few seconds, and ends. Cancelled instead, it ends
        as a killed process would: what was not committed is gone."""
        self.store.begin_run()
        collectors = [self._task(name, run) for name, run in self._collectors.items()]
        collectors.append(self._task("commit", self._commit))
        collectors.append(self._task("upkeep", self._look_after_store))
        collectors.append(self._task("days", self._with_file(lambda: self._days.run)))
        forwarders = [
            self._task(name, self._with_file(lambda run=forwarder.run: run))  # type: ignore[misc]
            for name, forwarder in self._forwarders.items()
        ]
        try:
            await stop.wait()
            await _cancel(collectors)
            if self.store.is_open:
                self.store.commit()
                await self._drain()
                await _cancel(forwarders)
                self.store.end_run()
        finally:
            await _cancel([*collectors, *forwarders])
            self.store.close()

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(_DRAIN_S):
                await asyncio.gather(*(forwarder.drained() for forwarder in self._forwarders.values()))
        except TimeoutError:
            log.info("stopped with unsent readings; they go out after the next start")

    def _task(self, name: str, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        return asyncio.create_task(self._supervised(name, run), name=name)

    async def _supervised(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Runs one part for ever: what fails is told and started again, more and more rarely; the others go on."""
        wait_s = _FIRST_RESTART_S
        while True:
            started_ms = self._clock.monotonic_ms()
            try:
                await run()
            except Exception as error:
                log.exception("%s failed", name)
                with contextlib.suppress(Exception):  # the store itself may be what fails
                    self.store.event("part_failed", {"part": name, "error": repr(error)})
            if self._clock.monotonic_ms() - started_ms > _LAST_RESTART_S * 1000:
                wait_s = _FIRST_RESTART_S
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LAST_RESTART_S)

    async def _commit(self) -> None:
        while True:
            await self.store.polled()
            await asyncio.sleep(self._commit_delay_s)
            self.store.commit()

    async def _look_after_store(self) -> None:
        while True:
            await asyncio.sleep(self.store.upkeep())


def _keeping(site: Site) -> Keeping:
    store = site.store
    return Keeping(
        store.keep_days, store.max_mib, store.min_days, store.when_full, store.disk_reserve_mib,
        tuple(uplink.id for uplink in site.uplinks),
    )  # fmt: skip


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _unnoted(name: str, opener: Opener) -> Opener:
    return opener


async def serve(site: Site, capture: Path | None = None) -> None:
    """The gateway process: until SIGTERM or SIGINT. Notes of its lines go to the folder `capture`, which exists."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    outside = Outside()
    await Gateway(site, outside, None if capture is None else Capture(capture, outside.clock)).run(stop)
