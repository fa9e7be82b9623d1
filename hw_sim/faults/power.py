"""Knows what a missing supply does to the gateway and to nodes; knows nothing of batteries."""

from hw_sim.faults.base import Fault, Stage


class GatewayOff(Fault, frozen=True, kw_only=True, tag="gateway_off"):
    """The gateway dies without warning, and starts again when this ends."""

    def begin(self, stage: Stage) -> None:
        stage.kill_gateway()

    def end(self, stage: Stage) -> None:
        stage.start_gateway()


class NodeOff(Fault, frozen=True, kw_only=True, tag="node_off"):
    """A node's supply is gone: a loose plug, a brown-out. It boots when this ends."""

    node: str

    def begin(self, stage: Stage) -> None:
        stage.world.nodes[self.node].cut()

    def end(self, stage: Stage) -> None:
        stage.world.nodes[self.node].boot()


class SensorOff(Fault, frozen=True, kw_only=True, tag="sensor_off"):
    """A sensor is dead or torn off: it answers nothing."""

    sensor: str

    def begin(self, stage: Stage) -> None:
        stage.world.sensors[self.sensor].broken = True

    def end(self, stage: Stage) -> None:
        stage.world.sensors[self.sensor].broken = False
