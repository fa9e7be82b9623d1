"""Knows how a commissioning reaches a station in virtual time, and a technician who says nothing; knows no check."""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from gateway.messages import Phrase
from gateway.site.config import Node
from gateway.states import Status
from gateway.visit.commission.visit import Visit
from hw_sim.virtual import VirtualStation


class DeskGateway:
    """The gateway of a virtual station, asked as if by its control socket."""

    def __init__(self, station: VirtualStation) -> None:
        self._station = station

    async def status(self) -> Status | None:
        gateway = self._station.gateway
        if gateway is None or not gateway.store.is_open:
            return None
        return gateway.status()

    async def command(self, name: str, argument: Mapping[str, object]) -> Mapping[str, object]:
        gateway = self._station.gateway
        if gateway is None:
            return {"result": "refused", "reason": "nobody"}
        answer = await gateway.desk.ask("technician", "admin", name, dict(argument), next(iter(gateway.forwarders), ""))
        told: Mapping[str, object] = msgspec.to_builtins(answer)
        return told


class Hurried:
    """A technician who lets every question be, and keeps what he is told."""

    def __init__(self) -> None:
        self.told: list[Phrase] = []

    def tell(self, what: Phrase) -> None:
        self.told.append(what)

    async def choose(self, question: Phrase, choices: Sequence[str], otherwise: str) -> str:
        return otherwise

    async def write(self, question: Phrase) -> str:
        return ""


def visit(station: VirtualStation, node: Node | None = None, person: Hurried | None = None) -> Visit:
    """A commissioning that begins now."""
    return Visit(station.site, node, DeskGateway(station), person or Hurried(), station.clock, asyncio.sleep)
