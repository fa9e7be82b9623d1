"""Knows which radio and buses a site has, and which of them a sensor is asked on; knows no uplink.

Each is a part of its own, whose line the watchdog sees moving.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from gateway.app.outside import Outside
from gateway.app.supervision import Run, with_file
from gateway.capture import RADIO, Capture
from gateway.collect.device import Memory
from gateway.collect.modbus import BusPoller, Client
from gateway.collect.radio import RadioCollector
from gateway.collect.writes import Written
from gateway.control.desk import NotNow
from gateway.machine.lines import Opener, OpenLine
from gateway.machine.rails import Supply
from gateway.machine.service import Movement
from gateway.site.config import Bus, Sensor, Site
from gateway.states import BusState, RadioState
from gateway.store import Store
from protocols.polling_client import PollingClient
from protocols.tcp_client import TcpClient

log = logging.getLogger(__name__)
_LAST_ANSWER_S = 1.0  # for polls on their way at an end
# How long a part may be still before the watchdog is let starve; ours. A bus probes silent devices every 15 minutes or
# at its shortest period, a radio looks up every minute.
_BUS_STILL_S, _RADIO_STILL_S = 1800, 300


class Collectors:
    """`runs`: each part by its name. `capture` takes notes of their lines; `memories`: what a gateway before this one
    knew of its sensors. `greeted` is told of each node that boots."""

    def __init__(
        self,
        site: Site,
        outside: Outside,
        store: Store,
        movement: Movement,
        greeted: Callable[[int], None],
        capture: Capture | None,
        memories: Sequence[tuple[Sensor, Memory]],
    ) -> None:
        self._site = site
        self._store = store
        self._movement = movement
        self._noted = capture.line if capture is not None else _unnoted
        self._radio: RadioCollector | None = None
        self._supplies = {rail.id: Supply(rail.id, outside.rail(rail), store.event) for rail in site.rails}
        self._pollers: dict[str, BusPoller] = {}  # by sensor
        self.runs: dict[str, Run] = {}
        if site.nodes:
            self._add_radio(outside, greeted)
        for bus in site.buses:
            sensors = [sensor for sensor in site.sensors if sensor.bus == bus.id]
            if sensors:
                self._add_bus(bus, sensors, outside, memories)

    def _add_radio(self, outside: Outside, greeted: Callable[[int], None]) -> None:
        self._movement.expect("radio", 1000 * _RADIO_STILL_S)
        opener = self._movement.watched("radio", self._noted(RADIO, outside.radio(self._site)))

        def collect() -> Run:
            self._radio = RadioCollector(self._site, opener, self._store, self._store.clock, greeted)
            return self._radio.run

        self.runs["radio"] = with_file(self._store, collect)

    def _add_bus(
        self, bus: Bus, sensors: Sequence[Sensor], outside: Outside, memories: Sequence[tuple[Sensor, Memory]]
    ) -> None:
        part, clock = f"bus {bus.id}", self._store.clock
        longest_s = max(sensor.period_s for sensor in sensors)
        self._movement.expect(part, 1000 * (2 * longest_s + _BUS_STILL_S))
        opener = self._movement.watched(part, self._noted(bus.id, outside.bus(bus)))
        client = _client_of(bus, clock.monotonic_ms)
        poller = BusPoller(self._site, bus.id, opener, client, self._store, clock, self._supplies)
        poller.remember(memories)
        self.runs[part] = poller.run
        self._pollers |= dict.fromkeys((sensor.id for sensor in sensors), poller)

    @property
    def _all_pollers(self) -> list[BusPoller]:
        return list(dict.fromkeys(self._pollers.values()))

    @property
    def bus_states(self) -> list[BusState]:
        return [poller.state for poller in self._all_pollers]

    @property
    def radio_state(self) -> RadioState | None:
        return None if self._radio is None else self._radio.state

    async def write(self, sensor: str, name: str, value: float | None, who: str) -> Written:
        """Has a polled sensor do one of the writes of its profile. What comes of it is an event, with `who` asked."""
        poller = self._pollers.get(sensor)
        if poller is not None:
            return await poller.write(sensor, name, value, who)
        written = Written("unknown")
        self._store.event("sensor_write", {"sensor": sensor, "write": name, "who": who, "outcome": written.outcome})
        return written

    async def told(self, sensor: str, name: str, value: float | None, who: str) -> dict[str, object]:
        """The same, as the answer to a command."""
        return (await self.write(sensor, name, value, who))._asdict()

    async def question(self, sensor: str, questions: Sequence[tuple[int, int, int]]) -> list[dict[str, object]]:
        poller = self._pollers.get(sensor)
        answers = None if poller is None else await poller.question(sensor, questions)
        if answers is None:
            raise NotNow(f"no sensor {sensor} of the gateway's, or its bus is away")
        return answers

    async def end(self) -> list[tuple[Sensor, Memory]]:
        """A question that is on its way gets its answer; so no reading is lost. What is known of sensors by then."""
        memories: list[tuple[Sensor, Memory]] = []
        try:
            async with asyncio.timeout(_LAST_ANSWER_S):
                for poller in self._all_pollers:
                    memories += await poller.memories()
        except TimeoutError:
            log.info("a sensor took too long: its answer is not waited for")
        return memories

    def close(self) -> None:
        """Switches the supplies off."""
        for supply in self._supplies.values():
            supply.close()


def _client_of(bus: Bus, now_ms: Callable[[], int]) -> Callable[[OpenLine], Client]:
    if bus.tcp is not None:
        return lambda line: TcpClient(line, now_ms)
    return lambda line: PollingClient(line, now_ms, bus.baud)


def _unnoted(name: str, opener: Opener) -> Opener:
    return opener
