"""Knows which parts a gateway has and keeps each of them running; knows nothing of what they do."""

import asyncio
import contextlib
import logging
import shutil
import signal
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway import metrics
from gateway.capture import RADIO, Capture
from gateway.collect.device import Memory
from gateway.collect.modbus import BusPoller, Client
from gateway.collect.radio import RadioCollector
from gateway.collect.writes import Written
from gateway.control.actions import Actions
from gateway.control.desk import Action, Desk, NotNow
from gateway.control.door import Caller, Door
from gateway.control.scrape import Scrape
from gateway.evidence.days import Days
from gateway.evidence.notary import Signature, signed_by_child
from gateway.judging import judge
from gateway.machine import lines
from gateway.machine.lines import Opener, OpenLine
from gateway.machine.rails import GpioSwitch, Supply, Switch
from gateway.machine.service import Movement, Notify, keep_fed, look_s, notifier
from gateway.machine.timekeeping import Trusted
from gateway.pipeline import board, stages
from gateway.ports import Clock, Publisher, SystemClock
from gateway.process.alarm.rows import Heard, Wish
from gateway.site.config import Bus, MqttUplink, Rail, Sensor, Site
from gateway.site.configuration import Configuration, Refusal
from gateway.states import Status
from gateway.status import snapshot
from gateway.store import Store
from gateway.store.retention import Keeping
from gateway.store.tail import LineFile
from gateway.uplink.forwarders import Forwarder, Room, forwarders, positions
from gateway.uplink.neighbours import Neighbours
from gateway.uplink.paho import PahoPublisher
from protocols.command import EMERGENCY
from protocols.polling_client import PollingClient
from protocols.tcp_client import TcpClient

log = logging.getLogger(__name__)
_ALARMS_S = 0.5  # how often alarms are looked after where no row comes; ours
_EMERGENCY_MS = 36_000_000  # a node is told for twice that time, and anew after it; ours
_PERIODS_S = 5.0  # how often it is looked whether a period has ended where no row comes; ours
_DRAIN_S = 3.5  # a clean stop takes less than 5 s in all
_ANSWER_S = 1.0
_LAST_ANSWER_S = 1.0  # for polls on their way at an end
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

    def way(self, place: str, baud: int | None) -> Opener:
        """To a platform's centre: "host:port", or with a baud rate the serial port of a transparent modem."""
        if baud is None:
            return lines.tcp_opener(place, deaf_after=None)
        return lines.serial_opener(place, baud)

    def free_bytes(self, site: Site) -> int | None:
        """What the disk under the store has left; None: enough."""
        return shutil.disk_usage(Path(site.store.path).parent).free

    def line_file(self, path: Path) -> LineFile:
        return LineFile(path)

    async def sign(self, site: Site, message: bytes) -> Signature:
        """NotSigned says why not."""
        return await signed_by_child(Path(site.store.key), message)

    def rail(self, rail: Rail) -> Switch:
        return GpioSwitch(rail)

    def control_socket(self, site: Site) -> Path | None:
        """Where programs of this machine may ask; None: nowhere."""
        return Path(site.control.socket)

    def metrics_place(self, site: Site) -> str | None:
        """HOST:PORT for Prometheus."""
        return None if site.metrics is None else site.metrics.listen

    def publisher(self, uplink: MqttUplink, station: str) -> Publisher:
        return PahoPublisher(uplink, f"watertower-{station}-{uplink.id}")


class Gateway:
    """All parts of one site; `capture` takes notes of its lines, `configuration` is where the site came from (None: it
    can't be changed from afar), `memories` what the gateway before this one knew of its sensors. `starts_again`: it
    ended so that another one may begin, with the site file as it is by then."""

    def __init__(
        self,
        site: Site,
        outside: Outside,
        capture: Capture | None = None,
        configuration: Configuration | None = None,
        memories: Sequence[tuple[Sensor, Memory]] = (),
    ) -> None:
        self._site = site
        clock = Trusted(outside.clock) if site.clock.trust == "always" else outside.clock
        free_bytes = lambda: outside.free_bytes(site)  # noqa: E731
        self.store = Store(Path(site.store.path), clock, _keeping(site), free_bytes, outside.line_file)
        self._clock = self.store.clock
        self._started_ms = self._clock.monotonic_ms()
        self._radio: RadioCollector | None = None
        self.memories: list[tuple[Sensor, Memory]] = []  # at its end
        self.store.judge(judge(site))
        self._board = board(site)
        wanted = stages(site, self._board)
        self._derives = wanted is not None
        self._hastened_ms: dict[int, int] = {}  # by node: when it was told to measure densely
        if wanted is not None:
            self.store.derive(wanted)
        self._commit_delay_s = site.store.commit_delay_s
        noted = capture.line if capture is not None else _unnoted
        self._collectors: dict[str, Callable[[], Awaitable[None]]] = {}
        self._movement = Movement(outside.clock)
        self._movement.expect("commit", round(1000 * (site.store.commit_delay_s + _COMMIT_STILL_S)))
        if site.nodes:
            self._movement.expect("radio", 1000 * _RADIO_STILL_S)
            radio = self._movement.watched("radio", noted(RADIO, outside.radio(site)))

            def collect() -> Callable[[], Awaitable[None]]:
                self._radio = RadioCollector(site, radio, self.store, self._clock, self._remind)
                return self._radio.run

            self._collectors["radio"] = self._with_file(collect)
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
                poller.remember(memories)
                self._collectors[part] = poller.run
                self._pollers |= dict.fromkeys(sensors, poller)
        self._days = Days(site.station.id, self.store, self._clock, lambda message: outside.sign(site, message))
        self._configuration = configuration
        self._end = asyncio.Event()
        self.starts_again = False
        self.forwarders: dict[str, Forwarder] = {}  # the actions see it, and their desk is needed for it
        actions = self._actions(site)
        self.desk = Desk(site.operators, actions, self.store, self._clock)
        room = Room(
            site, outside, self.store, self.desk, actions, self._connected, self._time_told, self._neighbours(site)
        )
        self.forwarders |= forwarders(room)
        self._doors = self._doors_of(outside)

    def _doors_of(self, outside: Outside) -> dict[str, Callable[[], Awaitable[None]]]:
        """By which people and programs look in: their trouble is nobody else's."""
        doors: dict[str, Callable[[], Awaitable[None]]] = {}
        path, place = outside.control_socket(self._site), outside.metrics_place(self._site)
        if path is not None:
            doors["control socket"] = Door(path, self._asked, self.status).run
        if place is not None:
            host, _, port = place.rpartition(":")
            text = lambda: metrics.exposition(self.status())  # noqa: E731
            doors["metrics"] = Scrape(host, int(port), text, metrics.CONTENT_TYPE).run
        return doors

    async def _asked(self, caller: Caller, command: str, argument: object, uplink: str) -> dict[str, object]:
        if not uplink and len(self.forwarders) == 1:
            (uplink,) = self.forwarders
        return await self.desk.ask(caller.user, caller.role, command, argument, uplink)

    def status(self) -> Status:
        """How everything is now."""
        return snapshot(
            self._site,
            self.store,
            self._clock,
            self._started_ms,
            [poller.state for poller in dict.fromkeys(self._pollers.values())],
            None if self._radio is None else self._radio.state,
            [forwarder.state for forwarder in self.forwarders.values()],
            self.stuck(),
            self.desk.done,
            self.desk.refused,
            self._board.standing.values(),
            self.store.services,
        )

    def reload(self) -> None:
        """Takes over the site file as it is by now. Refusal: it is not sound; this one goes on."""
        assert self._configuration is not None
        try:
            self._configuration.check()
        except Refusal as error:
            log.error("the site file is not taken over:\n%s", error)
            self.store.event("configuration_refused", {"reason": str(error)})
            raise
        self._start_again()

    def _actions(self, site: Site) -> Mapping[str, Action]:
        configuration = self._configuration

        def configure(text: str, minutes: int) -> None:
            assert configuration is not None
            try:
                configuration.propose(text, minutes)
            except Refusal as error:
                raise NotNow(str(error)) from None
            self._start_again()

        def reload() -> None:
            try:
                self.reload()
            except Refusal as error:
                raise NotNow(str(error)) from None

        return Actions(
            site,
            self.store,
            self._clock,
            self.forwarders,
            give=self.store.give_command,
            write=self._told,
            restart=self._start_again,
            configure=None if configuration is None else configure,
            reload=None if configuration is None else reload,
            wish=self._wish if site.rules else None,
            serve=self.store.serve,
            ask=self._question,
        ).by_name

    def _neighbours(self, site: Site) -> Neighbours:
        asked = {name for rule in self._board.rules for name in rule.others if "/" in name}
        return Neighbours(site.station.id, self._board.standing.values, asked, self._board.wishes.append)

    def _wish(self, wish: Wish | Heard) -> None:
        self._board.wishes.append(wish)
        self.store.commit_due()

    def _start_again(self) -> None:
        """A little later: the answer to whoever wants it goes out first."""
        self.starts_again = True
        asyncio.get_running_loop().call_later(_ANSWER_S, self._end.set)

    def _time_told(self, unix_ms: int, who: str) -> bool:
        is_believed = self.store.clock.told(unix_ms)
        if is_believed:
            log.info("%s tells the time", who)
        return is_believed

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
        return lambda line: PollingClient(line, now_ms, bus.baud)

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

    async def _question(self, sensor: str, questions: Sequence[tuple[int, int, int]]) -> list[dict[str, object]]:
        poller = self._pollers.get(sensor)
        answers = None if poller is None else await poller.question(sensor, questions)
        if answers is None:
            raise NotNow(f"no sensor {sensor} of the gateway's, or its bus is away")
        return answers

    async def run(self, stop: asyncio.Event) -> None:
        """Runs until `stop` is set, or it is to start again; then commits, gives the uplinks a few seconds, and ends.
        Cancelled instead, it ends as a killed process would: what was not committed is gone."""
        self.store.begin_run()
        self._tell_configuration()
        collectors = [self._task(name, run) for name, run in self._collectors.items()]
        collectors.append(self._task("commit", self._commit))
        collectors += [self._task(name, run) for name, run in self._doors.items()]
        collectors.append(self._task("upkeep", self._look_after_store))
        collectors.append(self._task("days", self._with_file(lambda: self._days.run)))
        sending = [
            self._task(f"uplink {name}", self._with_file(lambda run=forwarder.run: run))  # type: ignore[misc]
            for name, forwarder in self.forwarders.items()
        ]
        if self._derives:
            collectors.append(self._task("periods", self._close_periods))
        ends = [asyncio.create_task(stop.wait()), asyncio.create_task(self._end.wait())]
        if self._configuration is not None and self._configuration.trial is not None:
            collectors.append(asyncio.create_task(self._return_in_time(self._configuration)))
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            await self._end_polls()
            await _cancel(collectors)
            if self.store.is_open:
                self.store.commit()
                if stop.is_set():  # who starts again at once sends the rest then, and polls sooner
                    await self._drain()
                await _cancel(sending)
                self.store.end_run()
        finally:
            await _cancel([*collectors, *sending, *ends])
            for supply in self._supplies.values():
                supply.close()
            self.store.close()

    async def _end_polls(self) -> None:
        """A question that is on its way gets its answer; so no reading is lost."""
        try:
            async with asyncio.timeout(_LAST_ANSWER_S):
                for poller in dict.fromkeys(self._pollers.values()):
                    self.memories += await poller.memories()
        except TimeoutError:
            log.info("a sensor took too long: its answer is not waited for")

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
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._commit_delay_s):
                    await self.store.hurried()
            try:
                self.store.keep()
            finally:  # a full disk is not mended by a new process
                self._movement.moved("commit")

    async def _look_after_store(self) -> None:
        while True:
            await asyncio.sleep(self.store.upkeep())

    async def _close_periods(self) -> None:
        """A period ends although nothing comes any more."""
        while True:
            await asyncio.sleep(_ALARMS_S if self._board.rules else _PERIODS_S)
            self.store.commit_due()
            self._mind_emergency()

    def _mind_emergency(self) -> None:
        """Nodes that an alarm wants to measure densely are told so, and again while it stands, and when it is over."""
        now_ms = self._clock.monotonic_ms()
        wanted = self._board.emergency
        for node in sorted(wanted):
            if now_ms - self._hastened_ms.get(node, -_EMERGENCY_MS) >= _EMERGENCY_MS:
                self._hasten(node)
        for node in sorted(self._hastened_ms.keys() - wanted):
            self.store.give_command(node, EMERGENCY, 0)
            del self._hastened_ms[node]

    def _hasten(self, node: int) -> None:
        self.store.give_command(node, EMERGENCY, 2 * _EMERGENCY_MS // 1000)
        self._hastened_ms[node] = self._clock.monotonic_ms()

    def _remind(self, node: int) -> None:
        """A node that boots has forgotten what it was told; what still waits it gets anyway."""
        is_told = all(command.kind != EMERGENCY for command in self.store.commands(node))
        if node in self._hastened_ms and is_told:
            self._hasten(node)

    def stuck(self) -> list[str]:
        """Which parts stand still, in words."""
        if not self.store.waiting:
            self._movement.moved("commit")
        return self._movement.stuck()


def _keeping(site: Site) -> Keeping:
    store = site.store
    return Keeping(
        store.keep_days, store.max_mib, store.min_days, store.when_full, store.disk_reserve_mib,
        tuple(name for uplink in site.uplinks for name in positions(uplink)),
    )  # fmt: skip


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
    begun: Callable[[Gateway], None] = lambda gateway: None,
) -> None:
    """One gateway after another, until `stop`: the first of `site`, the next of the site file as it is by then. Notes
    of its lines go to the folder `notes`, which exists; `begun` is told of each gateway."""
    capture = None if notes is None else Capture(notes, outside.clock)
    memories: Sequence[tuple[Sensor, Memory]] = ()
    while True:
        gateway = Gateway(site, outside, capture, configuration, memories)
        begun(gateway)
        feeder = asyncio.create_task(keep_fed(notify, gateway.stuck, look_s(), asyncio.sleep))
        try:
            await gateway.run(stop)
        finally:
            await _cancel([feeder])
        if stop.is_set() or not gateway.starts_again:
            return
        log.info("starting again")
        memories = gateway.memories
        site = configuration.begin()


async def serve_process(configuration: Configuration, site: Site, notes: Path | None) -> None:
    """The gateway process: until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    notify = notifier()

    def end() -> None:
        notify("STOPPING=1")
        stop.set()

    gateways: deque[Gateway] = deque(maxlen=1)  # the one that runs

    def reload() -> None:
        with contextlib.suppress(Refusal):  # told already
            gateways[-1].reload()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    loop.add_signal_handler(signal.SIGHUP, reload)
    await serve(configuration, site, Outside(), stop, notes, notify, gateways.append)
