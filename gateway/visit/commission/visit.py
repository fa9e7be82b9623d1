"""Knows what a commissioning has at hand: the site, its gateway, its store, the technician; knows no check."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from gateway.messages import Phrase
from gateway.site.config import Node, NodeSensor, Sensor, Site
from gateway.states import NodeState, Status
from gateway.visit.asking import Answer
from gateway.visit.commission.record import Record
from gateway.visit.recognition import Question

T = TypeVar("T")
_LOOK_S = 1.0  # how often it is looked whether something has come; ours
YES, NO = "yes", "no"


class Gateway(Protocol):
    """The gateway that runs, or none."""

    async def status(self) -> Status | None:
        """None: nobody answers."""

    async def command(self, name: str, argument: Mapping[str, object]) -> Mapping[str, object]:
        """Its answer: "result" is "done", or "refused" with a "reason"."""


class Person(Protocol):
    """The technician; where nobody is asked, what the command line said."""

    def tell(self, what: Phrase) -> None:
        """What is done now, or what to do."""

    async def choose(self, question: Phrase, choices: Sequence[str], otherwise: str) -> str: ...

    async def write(self, question: Phrase) -> str:
        """A line of text; empty: not known."""


class Time(Protocol):
    def unix_ms(self) -> int: ...
    def monotonic_ms(self) -> int: ...


class Visit:
    """One commissioning of the station, or of one `node` of it. `direct` asks a sensor over a port of the technician's
    own; `patience_s`: how long anything is waited for at most."""

    def __init__(
        self,
        site: Site,
        node: Node | None,
        gateway: Gateway,
        person: Person,
        time: Time,
        sleep: Callable[[float], Awaitable[None]],
        direct: Callable[[Sensor, Sequence[Question]], Awaitable[Sequence[Answer]]] | None = None,
        direct_buses: frozenset[str] = frozenset(),
        media: Mapping[str, str] | None = None,
        volts: tuple[float, float] | None = None,
        serials: Mapping[str, str] | None = None,
        patience_s: float = 3600.0,
    ) -> None:
        self.site = site
        self.node = node
        self.gateway = gateway
        self.person = person
        self.time = time
        self.sleep = sleep
        self.direct = direct
        self.direct_buses = direct_buses
        self.media = dict(media or {})
        self.volts = volts
        self.serials = dict(serials or {})
        self.patience_s = patience_s
        self.begun_ms = time.unix_ms()
        self.record = Record(Path(site.store.path))
        self.first_seq = 0  # of the store as it was when this began
        self.since_ms = self.begun_ms  # by the gateway's own clock, which may be wrong
        self.is_dated = False  # whether that clock can be trusted
        self.levels_dbm: list[int] = []  # how strong the node was heard, each time it was

    @property
    def target(self) -> str:
        return self.site.station.id if self.node is None else self.node.name

    @property
    def sensors(self) -> tuple[Sensor, ...] | tuple[NodeSensor, ...]:
        """Those that are checked."""
        return self.site.sensors if self.node is None else self.node.sensors

    def state_of(self, status: Status, node: Node) -> NodeState | None:
        if status.radio is None:
            return None
        return next((one for one in status.radio.nodes if one.id == node.id), None)

    async def until(self, look: Callable[[Status | None], T | None], limit_s: float) -> T | None:
        """What `look` finds in the gateway's state, as soon as it finds something; None: not within that time."""
        end_ms = self.time.monotonic_ms() + round(1000 * min(limit_s, self.patience_s))
        while True:
            status = await self.gateway.status()
            self._listen(status)
            found = look(status)
            if found is not None or self.time.monotonic_ms() >= end_ms:
                return found
            await self.sleep(_LOOK_S)

    def _listen(self, status: Status | None) -> None:
        if status is None or self.node is None:
            return
        state = self.state_of(status, self.node)
        if state is not None and state.rssi_dbm is not None:
            self.levels_dbm.append(state.rssi_dbm)
