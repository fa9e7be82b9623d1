"""Knows how a whole station lives in virtual time, gateway core included, and is judged; knows no screen."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from gateway.app import Gateway
from gateway.capture import Capture
from gateway.machine.lines import Opener
from gateway.site import config
from gateway.store import Store
from hw_sim.backhaul.backhaul import Backhaul
from hw_sim.clock import world_clock
from hw_sim.judge import readings
from hw_sim.judge.alarms import Listener
from hw_sim.judge.readings import Verdict
from hw_sim.judge.witness import Witness
from hw_sim.neighbour import Neighbour
from hw_sim.node.runtime import Fit
from hw_sim.outside import WorldOutside
from hw_sim.platforms.asking import Asking
from hw_sim.platforms.centres import Centres, with_password
from hw_sim.platforms.platform import Platform
from hw_sim.scenario import Scenario
from hw_sim.world import World


class _Way:
    """The platform's end of a simulated backhaul."""

    def __init__(self, backhaul: Backhaul) -> None:
        self._backhaul = backhaul

    def tell(self, topic: str, payload: bytes) -> None:
        self._backhaul.tell(topic, payload)

    def subscribe(self) -> None:
        if self._backhaul.session.is_known:
            self._backhaul.session.subscribe()


class VirtualStation:
    """One scenario on the running (virtual) loop, its store in `folder`; the gateway takes notes of its lines in the
    folder `capture`. `ways`: to centres of platforms other than MQTT, by their place in the site file."""

    def __init__(
        self,
        scenario: Scenario,
        folder: Path,
        seed: int,
        seconds_per_row: float | None = None,
        runtimes: Mapping[str, Fit] | None = None,
        overrides: Mapping[str, str] | None = None,
        days: float | None = None,
        capture: Path | None = None,
        ways: Mapping[str, Opener] | None = None,
    ) -> None:
        laid = {"store.path": str(folder / "store.db"), "store.key": str(folder / "gateway.key"), **(overrides or {})}
        self.site = with_password(config.load(scenario.site_path, laid), folder)
        self.clock = world_clock(scenario.start_unix_s)
        self.platform = Platform()
        self.centres = Centres(self.site, self.clock.unix_ms)
        weather = scenario.weather(self.site, seed, days)
        truth = scenario.signals(self.site, seed, days, seconds_per_row, weather)
        self.world = World(
            self.site, truth, self.clock, seed, runtimes or {}, scenario.observers, scenario.level, scenario.radio,
            scenario.scripts(self.site),
        )  # fmt: skip
        if weather is not None:
            self.world.expose(weather, scenario.batteries)
        self.backhaul = Backhaul(self.platform, self.world.streams["backhaul"])
        self.asking = Asking(
            self.platform, self.site.station.id, self.site.operators, self.clock.unix_ms, _Way(self.backhaul)
        )
        self.witness = Witness(Path(self.site.store.path))
        self._capture = None if capture is None else Capture(capture, self.world.gateway_clock)
        self._ways = self.centres.ways if ways is None else ways
        self.begin_ms = self.clock.unix_ms()
        self.alarms = Listener(self.begin_ms, self.clock.unix_ms)
        self.platform.on_derived = self.alarms.hear
        self.weather = weather
        self.neighbours = [
            Neighbour(one, weather.signal(one.physics), self.clock, self.asking)
            for one in scenario.neighbours
            if weather is not None
        ]
        self.kills_ms: list[int] = []
        accept = scenario.accept
        self._tolerance_ms = {True: round(accept.polled_error_s * 1000), False: round(accept.node_error_s * 1000)}
        self.watched: readings.Memory = {}
        self._store: Store | None = None
        self.gateway: Gateway | None = None  # that runs now
        self._stop = asyncio.Event()
        self._gateway: asyncio.Task[None] | None = None
        self._off: set[str] = set()  # why the gateway has no power
        self.world.start()
        self.start_gateway()
        self._told = [asyncio.create_task(one.tell(), name=one.settings.alarm) for one in self.neighbours]

    def start_gateway(self, why: str = "switch") -> None:
        """Power for the gateway, unless it is off for another reason as well."""
        self._off.discard(why)
        if not self._off and (self._gateway is None or self._gateway.done() or self._gateway.cancelling()):
            self._gateway = asyncio.create_task(self._gateway_life(self._gateway), name="gateway")

    async def _gateway_life(self, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await asyncio.wait([before])  # the killed one lets go of its file first
        while True:
            outside = WorldOutside(self.world, self.backhaul, self._ways)
            self.gateway = gateway = Gateway(self.site, outside, self._capture)
            self._store = gateway.store
            await gateway.run(self._stop)
            if not gateway.starts_again:
                return

    def kill_gateway(self, why: str = "switch") -> None:
        """Everything that was only in its memory is gone; it stays off until start_gateway() for the same reason."""
        self._off.add(why)
        if self._gateway is not None and not self._gateway.done() and not self._gateway.cancelling():
            self._gateway.cancel()
            self._store = self.gateway = None
            self.kills_ms.append(self.clock.unix_ms() + readings.ASKED_MS)

    @property
    def waiting_rows(self) -> int:
        """Polled rows that are in the gateway's memory only."""
        return 0 if self._store is None else self._store.waiting

    def check(self) -> None:
        """Raises what ended a node or the gateway."""
        self.world.check()
        if self._gateway is not None and self._gateway.done() and not self._gateway.cancelled():
            self._gateway.result()

    async def finish(self, drain_s: float = 600.0) -> Verdict:
        """Judges what was measured up to now, once it has arrived or `drain_s` have passed; then stops everything. No
        node depends on a battery any more."""
        until_ms = self.clock.unix_ms()
        self.world.relieve()
        waited_s, wait_s = 0.0, 5.0
        while waited_s < drain_s:
            self.check()
            verdict = self.verdict(until_ms)
            if verdict.complete:
                break
            await asyncio.sleep(wait_s)
            waited_s, wait_s = waited_s + wait_s, min(2 * wait_s, 600.0)
        await self.world.stop()
        for task in self._told:
            task.cancel()
        self._stop.set()
        if self._gateway is not None:
            await asyncio.wait([self._gateway])
        self.check()
        return self.verdict(until_ms)

    def verdict(self, until_ms: int) -> Verdict:
        self.witness.look()
        return readings.judge_station(
            self.site,
            self.world.ledger,
            self.platform,
            self.witness,
            until_ms,
            self.kills_ms,
            self._tolerance_ms,
            self.world.cuts(),
            self.watched,
        )
