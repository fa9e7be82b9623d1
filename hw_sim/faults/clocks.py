"""Knows what goes wrong with the time that gateway and nodes believe in; knows nothing of what they do with it."""

from typing import Annotated, Literal

from msgspec import Meta

from gateway.messages import Phrase
from hw_sim.faults.base import Fault, Stage
from hw_sim.node import device_clock
from hw_sim.signals import Signal, constant

_LONGEST_S = 4e9


class GatewayClockFault(Fault, frozen=True, kw_only=True):
    """One of the clock that the gateway reads, which in real time is the machine's."""

    @property
    def only_virtual(self) -> Phrase | None:
        return Phrase("real_time.own_clock")


class ClockStep(GatewayClockFault, frozen=True, kw_only=True, tag="clock_step"):
    """Somebody sets the gateway's clock by hand, and wrong: eight hours are Beijing time taken for UTC. It is set right
    when this ends."""

    by_s: Annotated[float, Meta(ge=-_LONGEST_S, le=_LONGEST_S, extra={"unit": "s"})] = 28_800.0

    def begin(self, stage: Stage) -> None:
        stage.world.gateway_clock.step(self.by_s)

    def end(self, stage: Stage) -> None:
        stage.world.gateway_clock.correct()


class NtpJump(GatewayClockFault, frozen=True, kw_only=True, tag="ntp_jump"):
    """A time server or GPS receiver gives the gateway a false time: 1024 weeks back is a GPS week rollover. It gives
    the true one when this ends."""

    off_s: Annotated[float, Meta(ge=-_LONGEST_S, le=_LONGEST_S, extra={"unit": "s"})] = -619_315_200.0

    def begin(self, stage: Stage) -> None:
        stage.world.gateway_clock.correct(self.off_s)

    def end(self, stage: Stage) -> None:
        stage.world.gateway_clock.correct()


_EPOCHS_UNIX_S = {"1970-01-01": 0, "2000-01-01": 946_684_800}


class ClockLost(GatewayClockFault, frozen=True, kw_only=True, tag="clock_lost"):
    """The gateway starts again without power in its clock: it is 1970, or 2000 with a clock chip that begins there.
    When this ends the network is back and sets it."""

    starts_at: Literal["1970-01-01", "2000-01-01"] = "1970-01-01"

    def begin(self, stage: Stage) -> None:
        stage.kill_gateway("clock_lost")
        stage.world.gateway_clock.lose(_EPOCHS_UNIX_S[self.starts_at])
        stage.start_gateway("clock_lost")

    def end(self, stage: Stage) -> None:
        stage.world.gateway_clock.correct()


class ClockDrift(GatewayClockFault, frozen=True, kw_only=True, tag="clock_drift"):
    """A clock that runs `ppm` fast: a node's, or the gateway's. A "crystal" gets slower in cold and heat, an "rc"
    oscillator faster in the cold; 50,000 ppm is what it is without calibration. Perfect again when this ends; a gateway
    is also set right then."""

    node: str | None = None
    ppm: Annotated[float, Meta(ge=-200_000.0, le=200_000.0)] = 0.0
    oscillator: Literal["crystal", "fixed", "rc"] = "crystal"

    @property
    def only_virtual(self) -> Phrase | None:
        return None if self.node is not None else super().only_virtual

    def begin(self, stage: Stage) -> None:
        world = stage.world
        temperature_c: Signal = lambda time_s: world.air_c(time_s)  # noqa: E731
        error = {
            "crystal": device_clock.crystal(temperature_c, self.ppm),
            "fixed": constant(self.ppm),
            "rc": device_clock.rc(temperature_c, self.ppm),
        }
        clock = world.gateway_clock if self.node is None else world.nodes[self.node].board.clock
        clock.drift(error[self.oscillator])

    def end(self, stage: Stage) -> None:
        if self.node is not None:
            stage.world.nodes[self.node].board.clock.drift(None)
            return
        stage.world.gateway_clock.drift(None)
        stage.world.gateway_clock.correct()


AnyClockFault = ClockStep | NtpJump | ClockLost | ClockDrift
