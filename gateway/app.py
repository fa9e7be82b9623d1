"""Knows which parts a gateway has and keeps each of them running; knows nothing of what they do."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from gateway.capture import RADIO, Capture
from gateway.collect.modbus import BusPoller, Client
from gateway.collect.radio import RadioCollector
from gateway.collect.writes import Written
from gateway.control.actions import Actions
from gateway.control.desk import Action, Desk, NotNow
from gateway.evidence.days import Days
from gateway.evidence.notary import Signature, signed_by_child
from gateway.machine import lines
from gateway.machine.lines import Opener, OpenLine
from gateway.machine.rails import GpioSwitch, Supply, Switch
from gateway.machine.service import Movement, Notify, keep_fed, look_s, notifier
from gateway.pipeline import stages
from gateway.ports import Clock, Publisher, SystemClock
from gateway.site.config import Bus, MqttUplink, Rail, Site
from gateway.site.configuration import Configuration, Refusal
from gateway.store import Store
from gateway.uplink.mqtt import MqttForwarder
from gateway.uplink.paho import PahoPublisher
from protocols.modbus_client import RtuClient
from protocols.tcp_client import TcpClient

log = logging.getLogger(__name__)
_PERIODS_S = 5.0  # how often it is looked whether a period has ended where no row comes; ours
_DRAIN_S = 3.5  # a clean stop takes less than 5 s in all
_ANSWER_S = 1.0
# How long a part may be still before the watchdog is let starve; ours. A bus probes silent devices every 15 minutes or
# at its shortest period, a radio looks up every minute, a commit that fails is tried again after a minute at most.
_BUS_STILL_S, _RADIO_STILL_S, _COMMIT_STILL_S = 1800, 300, 300
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

    async def sign(self, site: Site, message: bytes) -> Signature:
        """NotSigned says why not."""
        return await signed_by_child(Path(site.store.key), message)

    def rail(self, rail: Rail) -> Switch:
        return GpioSwitch(rail)

    def publisher(self, uplink: MqttUplink, station: str) -> Publisher:
        will = (f"watertower/{station}/status", msgspec.json.encode({"online": False}))
        return PahoPublisher(uplink, f"watertower-{station}-{uplink.id}", will)


class Gateway:
    """All parts of one site; `capture` takes notes of its lines, `configuration` is where the site came from (None: it
    can't be changed from afar). `starts_again`: it ended so that another one may begin, with the site file as it is by
    then."""

    def __init__(
        self,
        site: Site,
        outside: Outside,
        capture: Capture | None = None,
        configuration: Configuration | None = None,
    ) -> None:
        self.store = Store(Path(site.store.path), outside.clock)
        wanted = stages(site)
        self._derives = wanted is not None
        if wanted is not None:
            self.store.derive(wanted)
        self._clock = outside.clock
        self._commit_delay_s = site.store.commit_delay_s
        noted = capture.line if capture is not None else _unnoted
        self._collectors: dict[str, Callable[[], Awaitable[None]]] = {}
        self._movement = Movement(outside.clock)
        self._movement.expect("commit", round(1000 * (site.store.commit_delay_s + _COMMIT_STILL_S)))
        if site.nodes:
            self._movement.expect("radio", 1000 * _RADIO_STILL_S)
            radio = self._movement.watched("radio", noted(RADIO, outside.radio(site)))
            self._collectors["radio"] = RadioCollector(site, radio, self.store, self._clock).run
        self._supplies = {rail.id: Supply(rail.id, outside.rail(rail), self.store.event) for rail in site.rails}
        self._pollers: dict[str, BusPoller] = {}  # by sensor
        for bus in site.buses:
            sensors = [sensor.id for sensor in site.sensors if sensor.bus == bus.id]
            if sensors:
                part = f"bus {bus.id}"
                longest_s = max(sensor.period_s for sensor in site.sensors if sensor.bus == bus.id)
                self._movement.expect(part, 1000 * (2 * longest_s + _BUS_STILL_S))
                opener = self._movement.watched(part, noted(bus.id, outside.bus(bus)))
                client = self._client_of(bus)
                poller = BusPoller(site, bus.id, opener, client, self.store, self._clock, self._supplies)
                self._collectors[part] = poller.run
                self._pollers |= dict.fromkeys(sensors, poller)
        self._days = Days(site.station.id, self.store, self._clock, lambda message: outside.sign(site, message))
        self._configuration = configuration
        self._end = asyncio.Event()
        self.starts_again = False
        self.forwarders: dict[str, MqttForwarder] = {}
        self.desk = Desk(site.operators, self._actions(site), self.store, self._clock)
        for uplink in site.uplinks:
            publisher = outside.publisher(uplink, site.station.id)
            obey = self.desk.obey if site.operators else None
            self.forwarders[uplink.id] = MqttForwarder(
                uplink, site.station.id, publisher, self.store, self._clock, obey, self._connected
            )

    def _actions(self, site: Site) -> Mapping[str, Action]:
        configuration = self._configuration

        def configure(text: str, minutes: int) -> None:
            assert configuration is not None
            try:
                configuration.propose(text, minutes)
            except Refusal as error:
                raise NotNow(str(error)) from None
            self._start_again()

        return Actions(
            site,
            self.store,
            self._clock,
            self.forwarders,
            give=self.store.give_command,
            write=self._told,
            restart=self._start_again,
            configure=None if configuration is None else configure,
        ).by_name

    def _start_again(self) -> None:
        """A little later: the answer to whoever wants it goes out first."""
        self.starts_again = True
        asyncio.get_running_loop().call_later(_ANSWER_S, self._end.set)

    def _connected(self) -> None:
        if self._configuration is not None and self._configuration.trial is not None:
            self._configuration.confirm()
            self._tell_configuration()

    def _tell_configuration(self) -> None:
        if self._configuration is not None:
            said, self._configuration.said = self._configuration.said, []
            for kind, detail in said:
                self.store.event(kind, detail)

    async def _return_in_time(self, configuration: Configuration) -> None:
        """A site file on trial has its minutes; without an uplink by then the last good one comes back."""
        assert configuration.trial is not None
        await asyncio.sleep(configuration.trial.minutes * 60)
        if configuration.trial is not None:
            configuration.give_up("no uplink")
            self._tell_configuration()
            self._start_again()

    def _client_of(self, bus: Bus) -> Callable[[OpenLine], Client]:
        now_ms = self._clock.monotonic_ms
        if bus.tcp is not None:
            return lambda line: TcpClient(line, now_ms)
        return lambda line: RtuClient(line, now_ms, bus.baud)

    async def _told(self, sensor: str, name: str, value: float | None, who: str) -> dict[str, object]:
        return (await self.write(sensor, name, value, who))._asdict()

    async def write(self, sensor: str, name: str, value: float | None, who: str) -> Written:
        """Has a polled sensor do one of the writes of its profile. What comes of it is an event, with `who` asked."""
        poller = self._pollers.get(sensor)
        if poller is not None:
            return await poller.write(sensor, name, value, who)
        written = Written("unknown")
        self.store.event("sensor_write", {"sensor": sensor, "write": name, "who": who, "outcome": written.outcome})
        return written

    async def run(self, stop: asyncio.Event) -> None:
        """Runs until `stop` is set, or it is to start again; then commits, gives the uplinks a few seconds, and ends.
        Cancelled instead, it ends as a killed process would: what was not committed is gone."""
        self.store.begin_run()
        self._tell_configuration()
        collectors = [self._task(name, run) for name, run in self._collectors.items()]
        collectors.append(self._task("commit", self._commit))
        collectors.append(self._task("days", self._days.run))
        if self._derives:
            collectors.append(self._task("periods", self._close_periods))
        forwarders = [self._task(f"uplink {name}", forwarder.run) for name, forwarder in self.forwarders.items()]
        ends = [asyncio.create_task(stop.wait()), asyncio.create_task(self._end.wait())]
        if self._configuration is not None and self._configuration.trial is not None:
            collectors.append(asyncio.create_task(self._return_in_time(self._configuration)))
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            await _cancel(collectors)
            self.store.commit()
            if stop.is_set():  # who starts again at once sends the rest then, and polls sooner
                await self._drain()
            await _cancel(forwarders)
            self.store.end_run()
        finally:
            await _cancel([*collectors, *forwarders, *ends])
            for supply in self._supplies.values():
                supply.close()
            self.store.close()

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(_DRAIN_S):
                await asyncio.gather(*(forwarder.drained() for forwarder in self.forwarders.values()))
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
            try:
                self.store.commit()
            finally:  # a full disk is not mended by a new process
                self._movement.moved("commit")

    async def _close_periods(self) -> None:
        """A period ends although nothing comes any more."""
        while True:
            await asyncio.sleep(_PERIODS_S)
            self.store.commit_due()

    def stuck(self) -> list[str]:
        """Which parts stand still, in words."""
        if not self.store.waiting:
            self._movement.moved("commit")
        return self._movement.stuck()


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _unnoted(name: str, opener: Opener) -> Opener:
    return opener


async def serve(
    configuration: Configuration,
    site: Site,
    outside: Outside,
    stop: asyncio.Event,
    notes: Path | None = None,
    notify: Notify = lambda text: None,
) -> None:
    """One gateway after another, until `stop`: the first of `site`, the next of the site file as it is by then. Notes
    of its lines go to the folder `notes`, which exists."""
    capture = None if notes is None else Capture(notes, outside.clock)
    while True:
        gateway = Gateway(site, outside, capture, configuration)
        feeder = asyncio.create_task(keep_fed(notify, gateway.stuck, look_s(), asyncio.sleep))
        try:
            await gateway.run(stop)
        finally:
            await _cancel([feeder])
        if stop.is_set() or not gateway.starts_again:
            return
        log.info("starting again")
        site = configuration.begin()


async def serve_process(configuration: Configuration, site: Site, notes: Path | None) -> None:
    """The gateway process: until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    notify = notifier()

    def end() -> None:
        notify("STOPPING=1")
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)
    await serve(configuration, site, Outside(), stop, notes, notify)
