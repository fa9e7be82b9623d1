"""Knows what goes wrong on the way between nodes and gateway through the air; knows no modem and no frame."""

from typing import Annotated

from msgspec import Meta

from hw_sim.faults.base import Fault, Stage
from hw_sim.radio.channel import RadioChannel
from hw_sim.radio.jam import Jam

Db = Annotated[float, Meta(ge=0.0, le=150.0, extra={"unit": "dB"})]
Dbm = Annotated[float, Meta(ge=-150.0, le=30.0)]
Part = Annotated[float, Meta(ge=0.001, le=0.99)]
Seconds = Annotated[float, Meta(ge=0.01, le=3600.0, extra={"unit": "s"})]

_NO_ANTENNA_DB = 45.0  # ours: what an open connector radiates and hears is good for some tens of metres


class RadioFade(Fault, frozen=True, kw_only=True, tag="radio_fade"):
    """Wet snow in the air, or ice on an antenna: signals of that node, or of all (None), are `extra_db` weaker in both
    directions."""

    node: str | None = None
    extra_db: Db = 10.0

    def begin(self, stage: Stage) -> None:
        _channel(stage).fades[self] = self.node, self.extra_db

    def end(self, stage: Stage) -> None:
        _channel(stage).fades.pop(self, None)


class AntennaOff(Fault, frozen=True, kw_only=True, tag="antenna_off"):
    """A gust or a yak tears a node's antenna off, or the gateway's (None), and somebody puts it on again."""

    node: str | None = None

    def begin(self, stage: Stage) -> None:
        _channel(stage).fades[self] = self.node, _NO_ANTENNA_DB

    def end(self, stage: Stage) -> None:
        _channel(stage).fades.pop(self, None)


class RadioJam(Fault, frozen=True, kw_only=True, tag="radio_jam"):
    """Another user of the channel: bursts of `burst_s` on average fill a `share` of the time, and are heard everywhere
    at `level_dbm`."""

    share: Part = 0.2
    burst_s: Seconds = 0.5
    level_dbm: Dbm = -95.0

    def begin(self, stage: Stage) -> None:
        stream = stage.world.streams["radio jam"]
        _channel(stage).jams[self] = Jam(stream, self.share, self.burst_s, self.level_dbm)

    def end(self, stage: Stage) -> None:
        _channel(stage).jams.pop(self, None)


def _channel(stage: Stage) -> RadioChannel:
    channel = stage.world.radio
    if not isinstance(channel, RadioChannel):
        raise ValueError("this scenario has no [radio]: it does not say where the nodes stand")
    return channel


AnyRadioFault = RadioFade | AntennaOff | RadioJam
