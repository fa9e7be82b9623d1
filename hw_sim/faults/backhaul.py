"""Knows what goes wrong between station and platform; knows nothing of the station."""

from typing import Annotated

from msgspec import Meta

from hw_sim.faults.base import Fault, Stage


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
