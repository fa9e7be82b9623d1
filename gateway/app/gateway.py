"""Knows which parts a gateway has and how it begins and ends with them; knows nothing of what they do."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway import metrics
from gateway.app.changing import Changing
from gateway.app.collectors import Collectors
from gateway.app.emergency import Emergency
from gateway.app.outside import Outside
from gateway.app.supervision import Run, cancel, supervised, with_file
from gateway.capture import Capture
from gateway.collect.device import Memory
from gateway.collect.writes import Written
from gateway.control.actions import Actions
from gateway.control.desk import Action, Desk
from gateway.control.door import Caller, Door
from gateway.control.scrape import Scrape
from gateway.evidence.days import Days
from gateway.judging import judge
from gateway.machine.service import Movement
from gateway.machine.timekeeping import Trusted
from gateway.pipeline import board, stages
from gateway.process.alarm.rows import Heard, Wish
from gateway.site.config import Sensor, Site
from gateway.site.configuration import Configuration
from gateway.states import Status
from gateway.status import snapshot
from gateway.store import Store
from gateway.store.retention import Keeping
from gateway.uplink.forwarders import Forwarder, Room, forwarders, positions
from gateway.uplink.neighbours import Neighbours

log = logging.getLogger(__name__)
_ALARMS_S = 0.5  # how often alarms are looked after where no row comes; ours
_PERIODS_S = 5.0  # how often it is looked whether a period has ended where no row comes; ours
_DRAIN_S = 3.5  # a clean stop takes less than 5 s in all
_ANSWER_S = 1.0
_REFUSED_S = 1.0  # so long before a store that takes nothing is asked again; ours
_COMMIT_STILL_S = 300  # before the watchdog is let starve: a commit that fails is tried again after a minute at most


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
        self.memories: list[tuple[Sensor, Memory]] = []  # at its end
        self.store.judge(judge(site))
        self._board = board(site)
        wanted = stages(site, self._board)
        self._derives = wanted is not None
        if wanted is not None:
            self.store.derive(wanted)
        self._emergency = Emergency(self.store, lambda: self._board.emergency)
        self._commit_delay_s = site.store.commit_delay_s
        self._movement = Movement(outside.clock)
        self._movement.expect("commit", round(1000 * (site.store.commit_delay_s + _COMMIT_STILL_S)))
        self._collectors = Collectors(
            site, outside, self.store, self._movement, self._emergency.remind, capture, memories
        )
        self._days = Days(site.station.id, self.store, self._clock, lambda message: outside.sign(site, message))
        self._end = asyncio.Event()
        self.starts_again = False
        self._changing = None if configuration is None else Changing(configuration, self.store, self._start_again)
        self.forwarders: dict[str, Forwarder] = {}  # the actions see it, and their desk is needed for it
        actions = self._actions(site)
        self.desk = Desk(site.operators, actions, self.store, self._clock)
        room = Room(
            site, outside, self.store, self.desk, actions, self._connected, self._time_told, self._neighbours(site)
        )
        self.forwarders |= forwarders(room)
        self._doors = self._doors_of(outside)

    def _doors_of(self, outside: Outside) -> dict[str, Run]:
        """By which people and programs look in: their trouble is nobody else's."""
        doors: dict[str, Run] = {}
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
            self._collectors.bus_states,
            self._collectors.radio_state,
            [forwarder.state for forwarder in self.forwarders.values()],
            self.stuck(),
            self.desk.done,
            self.desk.refused,
            self._board.standing.values(),
            self.store.services,
        )

    def reload(self) -> None:
        """Takes over the site file as it is by now. Refusal: it is not sound; this one goes on."""
        assert self._changing is not None
        self._changing.reload()

    def _actions(self, site: Site) -> Mapping[str, Action]:
        return Actions(
            site,
            self.store,
            self._clock,
            self.forwarders,
            give=self.store.commands.give,
            write=self._collectors.told,
            restart=self._start_again,
            configure=None if self._changing is None else self._changing.propose,
            reload=None if self._changing is None else self._changing.ask_to_reload,
            wish=self._wish if site.rules else None,
            serve=self.store.serve,
            ask=self._collectors.question,
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
        if self._changing is not None:
            self._changing.connected()

    async def write(self, sensor: str, name: str, value: float | None, who: str) -> Written:
        """Has a polled sensor do one of the writes of its profile. What comes of it is an event, with `who` asked."""
        return await self._collectors.write(sensor, name, value, who)

    async def run(self, stop: asyncio.Event) -> None:
        """Runs until `stop` is set, or it is to start again; then commits, gives the uplinks a few seconds, and ends.
        Cancelled instead, it ends as a killed process would: what was not committed is gone."""
        self.store.begin_run()
        collecting = {
            **self._collectors.runs,
            "commit": self._commit,
            **self._doors,
            "upkeep": self._look_after_store,
            "days": with_file(self.store, lambda: self._days.run),
        }
        if self._derives:
            collecting["periods"] = self._close_periods
        collectors = [supervised(self.store, name, run) for name, run in collecting.items()]
        sending = [
            supervised(self.store, f"uplink {name}", with_file(self.store, lambda run=forwarder.run: run))  # type: ignore[misc]
            for name, forwarder in self.forwarders.items()
        ]
        ends = [asyncio.create_task(stop.wait()), asyncio.create_task(self._end.wait())]
        if self._changing is not None:
            self._changing.tell()
            if self._changing.is_on_trial:
                collectors.append(asyncio.create_task(self._changing.return_in_time()))
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            self.memories += await self._collectors.end()
            await cancel(collectors)
            if self.store.is_open:
                self.store.commit()
                if stop.is_set():  # who starts again at once sends the rest then, and polls sooner
                    await self._drain()
                await cancel(sending)
                self.store.end_run()
        finally:
            await cancel([*collectors, *sending, *ends])
            self._collectors.close()
            self.store.close()

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(_DRAIN_S):
                await asyncio.gather(*(forwarder.drained() for forwarder in self.forwarders.values()))
        except TimeoutError:
            log.info("stopped with unsent readings; they go out after the next start")

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
            if self.store.waiting:  # nothing is taken now: what is urgent would go round here without end
                await asyncio.sleep(_REFUSED_S)

    async def _look_after_store(self) -> None:
        while True:
            await asyncio.sleep(self.store.upkeep())

    async def _close_periods(self) -> None:
        """A period ends although nothing comes any more."""
        while True:
            await asyncio.sleep(_ALARMS_S if self._board.rules else _PERIODS_S)
            self.store.commit_due()
            self._emergency.mind()

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
