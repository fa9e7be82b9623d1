"""Knows what goes wrong with a node's battery, panel and supply; knows no chemistry."""

import asyncio
from typing import Annotated

from msgspec import Meta

from hw_sim.faults.base import Fault, Stage
from hw_sim.node.battery import Battery

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Seconds = Annotated[float, Meta(ge=0.1, le=86_400.0, extra={"unit": "s"})]


class BatteryOld(Fault, frozen=True, kw_only=True, tag="battery_old"):
    """A node's battery has aged to a `share` of its capacity, or a cell is gone. The end is a new one."""

    node: str
    share: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.5

    def begin(self, stage: Stage) -> None:
        _battery(stage, self.node).age(self.share)

    def end(self, stage: Stage) -> None:
        _battery(stage, self.node).age(1.0)


class PanelCovered(Fault, frozen=True, kw_only=True, tag="panel_covered"):
    """Snow, dust or a bird on a node's panel: a `share` of the light still gets through."""

    node: str
    share: Share = 0.02

    def begin(self, stage: Stage) -> None:
        _battery(stage, self.node).uncovered = self.share

    def end(self, stage: Stage) -> None:
        _battery(stage, self.node).uncovered = 1.0


class BrownOut(Fault, frozen=True, kw_only=True, tag="brown_out"):
    """A node's supply gives way for a moment, a pump or a heater on the same battery: it is off for `off_s`."""

    node: str
    off_s: Seconds = 2.0

    def begin(self, stage: Stage) -> None:
        node = stage.world.nodes[self.node]
        node.cut("brown_out")
        asyncio.get_running_loop().call_later(self.off_s, node.boot, "brown_out")

    def end(self, stage: Stage) -> None:
        stage.world.nodes[self.node].boot("brown_out")


class ResetLoop(Fault, frozen=True, kw_only=True, tag="reset_loop"):
    """Dawn on an empty battery without hysteresis: a node boots, its load pulls the supply down, it boots again. Each
    time it lives for `up_s` on average."""

    node: str
    up_s: Seconds = 4.0
    off_s: Seconds = 1.0

    def begin(self, stage: Stage) -> None:
        stage.world.fault_tasks[self] = asyncio.create_task(self._fall(stage), name=f"reset loop {self.node}")

    def end(self, stage: Stage) -> None:
        stage.world.fault_tasks.pop(self).cancel()
        stage.world.nodes[self.node].boot("reset_loop")

    async def _fall(self, stage: Stage) -> None:
        node = stage.world.nodes[self.node]
        stream = stage.world.streams[f"reset loop {self.node}"]
        while True:
            node.cut("reset_loop")
            await asyncio.sleep(self.off_s)
            node.boot("reset_loop")
            await asyncio.sleep(stream.exponential(self.up_s))


def _battery(stage: Stage, node: str) -> Battery:
    if node not in stage.world.batteries:
        raise ValueError(f"node {node} has no battery in this scenario")
    return stage.world.batteries[node]


AnySupplyFault = BatteryOld | PanelCovered | BrownOut | ResetLoop
