"""Knows a fault that hits many things at once; knows no single one of them."""

from typing import Annotated

from msgspec import Meta

from hw_sim.bus.cable_faults import LineNoise
from hw_sim.faults.base import Fault, Stage

Chance = Annotated[float, Meta(ge=0.0, le=1.0)]
_NOISE = LineNoise(bit_error_rate=0.05)  # a surge through every cable: hardly a frame survives
_WHY = "lightning"


class Lightning(Fault, frozen=True, kw_only=True, tag="lightning"):
    """A strike near the station: surges on every bus and on the radio while it lasts, and each node, and the gateway,
    may lose its power until it has passed."""

    node_off: Chance = 0.4
    gateway_off: Chance = 0.4

    def begin(self, stage: Stage) -> None:
        stream = stage.world.streams["lightning"]
        for wire in stage.world.lines.values():
            _NOISE.begin(wire)
        stage.world.radio.loss = 1.0
        for node in stage.world.nodes.values():
            if stream.chance(self.node_off):
                node.cut(_WHY)
        if stream.chance(self.gateway_off):
            stage.kill_gateway(_WHY)

    def end(self, stage: Stage) -> None:
        for wire in stage.world.lines.values():
            _NOISE.end(wire)
        stage.world.radio.loss = 0.0
        for node in stage.world.nodes.values():
            node.boot(_WHY)
        stage.start_gateway(_WHY)
