"""Knows how the sensors of one bus are asked, each at its slots; knows no other bus and no uplink."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from gateway.collect.device import Device, Group, Memory, Next
from gateway.collect.questions import answers
from gateway.collect.schedule import Load
from gateway.collect.writes import Written, carry_out, words_of
from gateway.machine.lines import LineLost, Opener, OpenLine
from gateway.machine.rails import Supply
from gateway.ports import Clock
from gateway.site.config import Sensor, Site
from gateway.states import BusState
from gateway.store import Store
from gateway.store.rows import Cell
from protocols import poll, polling_client, quality
from protocols.errors import DeviceError, FrameError, NoReply
from protocols.modbus import Request

log = logging.getLogger(__name__)
T = TypeVar("T")
_REOPEN_S = 2.0
_TCP_LATENCY_MS = 2000  # of a unit behind TCP, the way there and a serial line behind a gateway included (ours)
_WRITE_WAITS_S = 60.0  # for its bus: later nobody expects it any more (ours)


class Client(Protocol):
    asked_ms: int
    first_ms: int | None
    latency_ms: int
    damaged: int

    async def ask(self, request: Request) -> tuple[int, ...]: ...
    async def is_there(self, request: Request) -> bool: ...


class Order(Generic[T]):
    """Something to do with a device between two polls; `lost` is the result when the line goes meanwhile."""

    def __init__(self, device: Device, work: "Callable[[Client], Awaitable[T]]", lost: T) -> None:
        self.device = device
        self.work = work
        self.lost = lost
        self.done: asyncio.Future[T] = asyncio.get_running_loop().create_future()


class BusPoller:
    """Polls the sensors of one bus, earliest first, and opens the line again when it is lost. A bus behind TCP may have
    several connections, each with one question at a time; no device is asked twice at once."""

    def __init__(
        self,
        site: Site,
        bus: str,
        opener: Opener,
        client: Callable[[OpenLine], Client],
        store: Store,
        clock: Clock,
        supplies: Mapping[str, Supply] | None = None,
    ) -> None:
        self._bus = bus
        self._opener = opener
        self._client = client
        self._store = store
        self._clock = clock
        settings = next(one for one in site.buses if one.id == bus)
        self._connections = settings.connections
        # what is lost on a serial line is asked for again at once; TCP does that itself
        self._tries = 2 if settings.tcp is None else 1
        rails = supplies or {}
        self._devices = [
            Device(
                site, sensor, _latency_ms(site, sensor, settings.tcp is not None), store, rails.get(sensor.rail or "")
            )
            for sensor in site.sensors
            if sensor.bus == bus
        ]
        self._shortest_ms = min(device.period_ms for device in self._devices)
        self._lead_ms = 0  # of the calendar over monotonic time
        self._load = Load(0)
        self._orders: deque[Order[Any]] = deque()
        self._waiting: set[asyncio.Future[None]] = set()
        self._open = 0  # connections
        self._lost = False
        self._memories: Mapping[str, Memory] = {}
        self._is_ending = False

    @property
    def state(self) -> BusState:
        devices = tuple(device.state for device in self._devices)
        return BusState(bus=self._bus, is_open=self._open > 0, is_overloaded=self._load.is_over, devices=devices)

    async def memories(self) -> list[tuple[Sensor, Memory]]:
        """Begins no poll any more, ends those that run, and tells what is to be known of each sensor."""
        self._is_ending = True
        while any(device.is_busy for device in self._devices):
            await self._wait(None)
        return [(device.sensor, device.memory()) for device in self._devices]

    def remember(self, memories: Sequence[tuple[Sensor, Memory]]) -> None:
        """What a poller before this one knew: it holds for a sensor of which the site file says the same as then."""
        said = {device.id: device.sensor for device in self._devices}
        self._memories = {sensor.id: memory for sensor, memory in memories if said.get(sensor.id) == sensor}

    async def run(self) -> None:
        now_ms = self._now_ms()
        self._load = Load(now_ms)
        for device in self._devices:
            device.plan(now_ms, self._lead_ms)
            if (memory := self._memories.get(device.id)) is not None:
                device.remember(memory)
        async with asyncio.TaskGroup() as connections:
            for _ in range(self._connections):
                connections.create_task(self._connection())

    def _now_ms(self) -> int:
        now_ms = self._clock.monotonic_ms()
        self._lead_ms = self._clock.unix_ms() - now_ms
        return now_ms

    # --- the line -----------------------------------------------------------------------------------------------------

    async def _connection(self) -> None:
        """One connection for ever. A line that has worked is opened again at once: gateways close idle connections."""
        while True:
            has_worked = False
            try:
                line = await self._opener()
                self._open += 1
                try:
                    client = self._client(line)
                    self._resume()
                    while True:
                        await self._turn(client)
                        has_worked = True
                        if self._lost:  # only now: a line may open and be gone again at once, for hours
                            self._store.event("bus_back", {"bus": self._bus})
                            self._lost = False
                finally:
                    self._open -= 1
                    line.close()
            except LineLost as error:
                if has_worked:
                    continue
                if not self._lost and not self._open:
                    log.warning("bus %s: %s", self._bus, error)
                    self._store.event("bus_lost", {"bus": self._bus, "reason": str(error)})
                    self._lost = True
                await asyncio.sleep(_REOPEN_S)

    def _resume(self) -> None:
        """After the bus was lost nobody knows whether its devices had power."""
        now_ms = self._now_ms()
        for device in self._devices:
            if self._open == 1:
                device.resume(now_ms, self._lead_ms)
            if self._lost and not device.is_switched:
                device.may_be_cold(now_ms)

    # --- turns --------------------------------------------------------------------------------------------------------

    async def _turn(self, client: Client) -> None:
        """Waits for what is to be done next, and does it."""
        while True:
            free = [device for device in self._devices if not device.is_busy]
            order = next((order for order in self._orders if order.device in free), None)
            step = min((device.next() for device in free), key=_when, default=None)
            if self._is_ending:
                await self._wait(None)
            elif order is not None:
                self._orders.remove(order)
                return await self._do(order.device, self._carry_out(client, order))
            if step is None:
                await self._wait(None)
            elif (wait_ms := step.at_ms - self._now_ms()) > 0:
                await self._wait(wait_ms)
            elif step.group is None:
                return await self._do(step.device, self._prepare(client, step.device))
            else:
                return await self._do(step.device, self._poll(client, step.device, step.group))

    async def _do(self, device: Device, work: Coroutine[None, None, None]) -> None:
        device.is_busy = True
        try:
            await work
        finally:
            device.is_busy = False
            self._rouse()

    async def _wait(self, wait_ms: int | None) -> None:
        """For so long, or until there is something new."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[None] = loop.create_future()
        timer = None if wait_ms is None else loop.call_later(wait_ms / 1000, _wake, waiting)
        self._waiting.add(waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)
            if timer is not None:
                timer.cancel()

    def _rouse(self) -> None:
        for waiting in self._waiting:
            _wake(waiting)

    async def _prepare(self, client: Client, device: Device) -> None:
        """Power before a slot, the start command, or power off after a command."""
        now_ms = self._now_ms()
        if not device.is_on:
            device.power(now_ms)
        elif device.start_ms is not None:
            device.start_ms = None
            await self._start(client, device)
        else:
            device.rest(now_ms)

    async def _start(self, client: Client, device: Device) -> None:
        client.latency_ms = device.latency_ms
        with contextlib.suppress(NoReply, FrameError):  # the next question shows whether it is there at all
            with contextlib.suppress(DeviceError):  # it may be measuring already
                await polling_client.start(client, device.unit_id, device.profile)
            device.was_started(self._clock.monotonic_ms())

    # --- a poll -------------------------------------------------------------------------------------------------------

    async def _poll(self, client: Client, device: Device, group: Group) -> None:
        before_ms, damaged = self._clock.monotonic_ms(), client.damaged
        client.first_ms = None
        client.latency_ms = device.latency_ms
        cells = await self._cells(client, device, group)
        now_ms = self._now_ms()
        is_silent = all(flag & quality.NO_REPLY for _, flag in cells)
        # a row has one time: where blocks had to be asked for again, the first and the last may be seconds apart
        first_ms, last_ms = client.first_ms, client.asked_ms
        if first_ms is None:  # or the questions, where there was no answer
            first_ms, last_ms = before_ms, now_ms if is_silent else before_ms
        unix_ms = (first_ms + last_ms) // 2 + self._lead_ms
        if not is_silent:
            device.answered(unix_ms)
        elif device.fell_silent(group, client.damaged > damaged, now_ms - before_ms, self._shortest_ms):
            self._store.event("sensor_silent", {"sensor": device.id})
        self._store.add_poll(group.series, unix_ms, cells)  # a question without an answer is on record, too
        if self._load.count(device.taken(group, now_ms, self._lead_ms), now_ms):
            kind = "bus_overloaded" if self._load.is_over else "bus_keeps_up"
            self._store.event(kind, {"bus": self._bus, "skipped": self._load.skipped})
        device.rest(now_ms)

    async def _cells(self, client: Client, device: Device, group: Group) -> list[Cell]:
        """One reading of each register. A sensor that was not started or has not settled answers 0.000
        (hw_sim/recordings/modbus_y520_warmup_traces.csv)."""
        unit_id, profile = device.unit_id, device.profile
        if device.silent:
            if not await client.is_there(polling_client.probe(unit_id, profile, group.registers)):
                return [(None, quality.NO_REPLY)] * len(group.registers)
            missed = device.answered(self._clock.unix_ms())
            self._store.event("sensor_back", {"sensor": device.id, "missed_polls": missed})
            if not device.is_switched:
                device.may_be_cold(self._clock.monotonic_ms())
        if not device.started:
            await self._start(client, device)
        is_settled = self._clock.monotonic_ms() >= device.ready_ms
        if device.started and profile.start is not None and not is_settled:
            return [(None, quality.WARM_UP)] * len(group.registers)
        cells = await poll.read(client, unit_id, profile, group.registers, _sleep_ms, self._tries, group.reads)
        if not device.started:
            return [(None, flag & quality.NO_REPLY or quality.WARM_UP) for _, flag in cells]
        if is_settled:
            return cells
        return [(value, flag if flag & quality.NO_REPLY else flag | quality.WARM_UP) for value, flag in cells]

    # --- commands -----------------------------------------------------------------------------------------------------

    async def write(self, sensor: str, name: str, value: float | None, who: str) -> Written:
        """Has a sensor of this bus do one of its profile's writes, between polls. Whatever comes of it is an event."""
        written = await self._write(sensor, name, value)
        told = {key: what for key, what in written._asdict().items() if what is not None}
        self._store.event("sensor_write", {"sensor": sensor, "write": name, "value": value, "who": who, **told})
        return written

    async def _write(self, sensor: str, name: str, value: float | None) -> Written:
        device = next((device for device in self._devices if device.id == sensor), None)
        writes = () if device is None else device.profile.writes
        write = next((write for write in writes if write.name == name), None)
        if device is None or write is None:
            return Written("unknown")
        words = words_of(device.profile, write, value)
        is_taken = name == "address" and value in [device.unit_id for device in self._devices]
        if words is None or is_taken:
            return Written("out_of_range")

        def work(client: Client) -> Awaitable[Written]:
            return carry_out(client, device.unit_id, device.profile, write, words)

        written = await self._ordered(Order(device, work, Written("no_reply")))
        return Written("no_bus") if written is None else written

    async def question(
        self, sensor: str, questions: Sequence[tuple[int, int, int]]
    ) -> "list[dict[str, object]] | None":
        """What a sensor of this bus answers to (function, address, quantity) each, between polls
        (gateway/collect/questions.py). None: no bus within a minute."""
        device = next(device for device in self._devices if device.id == sensor)
        return await self._ordered(Order(device, lambda client: answers(client, device.unit_id, questions), []))

    async def _ordered(self, order: Order[T]) -> T | None:
        """Waits for its turn, and does it. None: there was none within a minute."""
        self._orders.append(order)
        self._rouse()
        await asyncio.wait([order.done], timeout=_WRITE_WAITS_S)
        if order in self._orders:
            self._orders.remove(order)
            return None
        return await order.done

    async def _carry_out(self, client: Client, order: Order[T]) -> None:
        device = order.device
        result = order.lost
        try:
            if not device.is_on:
                device.power(self._now_ms())
                await _sleep_ms(device.profile.warm_up_ms)
                device.rest_ms = self._now_ms() + device.profile.settle_ms
            client.latency_ms = device.latency_ms
            result = await order.work(client)
        finally:
            if not order.done.done():
                order.done.set_result(result)


def _latency_ms(site: Site, sensor: Sensor, is_tcp: bool) -> int:
    if sensor.latency_ms is not None:
        return sensor.latency_ms
    return _TCP_LATENCY_MS if is_tcp else site.profile(sensor).latency_ms


def _when(step: Next) -> tuple[int, int]:
    """Of those that wait for the same slot, who had to skip most is first: a full bus is full for all."""
    return step.at_ms, -step.device.skipped


def _wake(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)


async def _sleep_ms(duration_ms: int) -> None:
    await asyncio.sleep(duration_ms / 1000)
