"""Knows what goes wrong between station and platform, broker included; knows nothing of the station."""

import asyncio
from typing import Annotated

from msgspec import Meta

from gateway.messages import Phrase
from hw_sim.backhaul.backhaul import Backhaul
from hw_sim.backhaul.session import MAX_QUEUED
from hw_sim.faults.base import Fault, Stage

Share = Annotated[float, Meta(ge=0.0, le=1.0)]


class BackhaulDown(Fault, frozen=True, kw_only=True, tag="backhaul_down"):
    """No way to the platform, and everybody notices: a mast without power, a broker that restarts."""

    def begin(self, stage: Stage) -> None:
        stage.backhaul.cut()

    def end(self, stage: Stage) -> None:
        stage.backhaul.restore()


class BackhaulSilent(Fault, frozen=True, kw_only=True, tag="backhaul_silent"):
    """Packets vanish in both directions and nobody is told: a half-open connection behind a NAT that forgot it."""

    def begin(self, stage: Stage) -> None:
        stage.backhaul.silent = True

    def end(self, stage: Stage) -> None:
        stage.backhaul.silent = False


class BackhaulDeaf(Fault, frozen=True, kw_only=True, tag="backhaul_deaf"):
    """Messages arrive, their confirmations do not: a link that is bad in one direction."""

    def begin(self, stage: Stage) -> None:
        stage.backhaul.deaf = True

    def end(self, stage: Stage) -> None:
        stage.backhaul.deaf = False


class BackhaulSlow(Fault, frozen=True, kw_only=True, tag="backhaul_slow"):
    """A satellite or an overloaded cell: long delays, few bytes."""

    delay_s: Annotated[float, Meta(ge=0.0, le=600.0, extra={"unit": "s"})] = 2.0
    bytes_per_s: Annotated[float, Meta(ge=1.0, le=1e9)] = 200.0

    def begin(self, stage: Stage) -> None:
        stage.backhaul.delay_s, stage.backhaul.bytes_per_s = self.delay_s, self.bytes_per_s

    def end(self, stage: Stage) -> None:
        stage.backhaul.delay_s, stage.backhaul.bytes_per_s = 0.05, None


class _SimulatedOnly(Fault, frozen=True, kw_only=True):
    """One of the broker, which in real time is not the simulator's."""

    @property
    def only_virtual(self) -> Phrase | None:
        return Phrase("real_time.own_broker")


class BackhaulLossy(Fault, frozen=True, kw_only=True, tag="backhaul_lossy"):
    """A weak cell, an antenna in the rain: a share of the packets is lost, up to the broker and down from it. TCP sends
    them again, later and later, until a connection is taken for dead."""

    loss_up: Share = 0.3
    loss_down: Share = 0.05

    def begin(self, stage: Stage) -> None:
        stage.backhaul.loss_up, stage.backhaul.loss_down = self.loss_up, self.loss_down

    def end(self, stage: Stage) -> None:
        stage.backhaul.loss_up = stage.backhaul.loss_down = 0.0


class BrokerRestart(_SimulatedOnly, frozen=True, kw_only=True, tag="broker_restart"):
    """The broker is killed and starts again when this ends: all clients notice, and what it kept in memory is gone,
    sessions and what waited in them (mosquitto without persistence). Until the platform has subscribed anew, `late_s`
    after the start, what is published is confirmed and lost."""

    late_s: Annotated[float, Meta(ge=0.0, le=86_400.0, extra={"unit": "s"})] = 0.0

    def begin(self, stage: Stage) -> None:
        session = _simulated(stage).session
        session.forget()
        stage.backhaul.cut()

    def end(self, stage: Stage) -> None:
        asyncio.get_running_loop().call_later(self.late_s, _simulated(stage).session.subscribe)
        stage.backhaul.restore()


class BrokerDrops(_SimulatedOnly, frozen=True, kw_only=True, tag="broker_drops"):
    """The platform is away, or takes only `messages_per_s`; its broker, a mosquitto with default settings, confirms
    everything and drops what comes after `max_queued` waiting messages. No publisher can notice: a platform must ask
    for what it misses."""

    messages_per_s: Annotated[float, Meta(ge=0.0, le=1e6)] = 0.0
    max_queued: Annotated[int, Meta(ge=1, le=1_000_000)] = MAX_QUEUED

    def begin(self, stage: Stage) -> None:
        session = _simulated(stage).session
        session.max_queued = self.max_queued
        session.set_pace(self.messages_per_s)

    def end(self, stage: Stage) -> None:
        session = _simulated(stage).session
        session.set_pace(None)
        session.max_queued = MAX_QUEUED


def _simulated(stage: Stage) -> Backhaul:
    if not isinstance(stage.backhaul, Backhaul):
        raise RuntimeError("faults of the broker need virtual time")
    return stage.backhaul


AnyBackhaulFault = (
    BackhaulDown | BackhaulSilent | BackhaulDeaf | BackhaulSlow | BackhaulLossy | BrokerRestart | BrokerDrops
)
