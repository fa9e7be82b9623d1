"""Knows how a site becomes a world: its sensors, wires and nodes on one clock; knows no gateway and no verdict."""

import asyncio
from collections.abc import Mapping

from firmware import main as firmware
from gateway import slice
from gateway.config import Node, Sensor, Site
from hw_sim import wire
from hw_sim.board import SimBoard
from hw_sim.clock import WorldClock
from hw_sim.interpreter import Interpreter
from hw_sim.ledger import Ledger
from hw_sim.radio import Radio
from hw_sim.sensor import SimSensor
from hw_sim.signals import Signal
from hw_sim.streams import Streams
from hw_sim.vm import Vm
from hw_sim.wire import Drop, Wire


class SimNode:
    """A node with its board: firmware in this process, or in a real MicroPython when `interpreter` is given."""

    def __init__(self, node: Node, board: SimBoard, is_virtual: bool, interpreter: Interpreter | None) -> None:
        self.node = node
        self.board = board
        self._is_virtual = is_virtual
        self._interpreter = interpreter
        self._life: asyncio.Task[None] | None = None

    def boot(self) -> None:
        """Power comes: a new boot on the same flash."""
        if self._life is None:
            self.board.power_on()
            self._life = asyncio.create_task(self._live(), name=f"node {self.node.name}")

    def cut(self) -> None:
        """Power goes, whatever the node is doing."""
        life, self._life = self._life, None
        if life is not None:
            life.cancel()
            self.board.power_off()

    def check(self) -> None:
        """Raises what ended the firmware, which never ends by itself."""
        if self._life is not None and self._life.done():
            self._life.result()

    async def _live(self) -> None:
        if self._interpreter is None:
            await firmware.live(self.board)
        else:
            await Vm(self._interpreter, self.board, self._is_virtual).run()


class World:
    """Everything outside the gateway. `lines` maps each serial bus to its wire, the gateway's by its id and a node's as
    "node.bus"; `tcp` maps a bus behind Modbus TCP to its sensors; `sensors` are all, by id."""

    def __init__(
        self,
        site: Site,
        truth: Mapping[str, Signal],
        clock: WorldClock,
        seed: int,
        interpreters: Mapping[str, Interpreter],
    ) -> None:
        self.site = site
        self.clock = clock
        self.streams = Streams(seed)
        self.ledger = Ledger()
        self._truth = truth
        self.radio = Radio(clock, self.streams["radio"])
        self.sensors: dict[str, SimSensor] = {}
        self.lines = {bus.id: wire.rs485(clock, bus.baud) for bus in site.buses if bus.port is not None}
        self.tcp: dict[str, list[SimSensor]] = {bus.id: [] for bus in site.buses if bus.tcp is not None}
        for sensor in site.sensors:
            device = self._device(sensor)
            if sensor.bus in self.lines:
                Drop(self.lines[sensor.bus], device)
            else:
                self.tcp[sensor.bus].append(device)
        self.nodes = {node.name: self._node(node, interpreters.get(node.name)) for node in site.nodes}

    def _device(self, sensor: Sensor, powered: bool = True) -> SimSensor:
        profile = self.site.profile(sensor)
        truth = {
            register.name: self._truth[f"{sensor.id}.{register.name}"]
            for register in profile.registers
            if f"{sensor.id}.{register.name}" in self._truth
        }
        device = SimSensor(sensor.id, profile, sensor.unit_id, truth, self.ledger, self.clock, powered)
        self.sensors[sensor.id] = device
        return device

    def _node(self, node: Node, interpreter: Interpreter | None) -> SimNode:
        buses: dict[str, Wire] = {bus.id: wire.rs485(self.clock, bus.baud) for bus in node.buses}
        self.lines |= {f"{node.name}.{bus}": line for bus, line in buses.items()}
        rails: dict[str, list[SimSensor]] = {sensor.rail: [] for sensor in node.sensors if sensor.rail is not None}
        for sensor in node.sensors:
            device = self._device(sensor, powered=sensor.rail is None)
            Drop(buses[sensor.bus], device)
            if sensor.rail is not None:
                rails[sensor.rail].append(device)
        stream = self.streams[f"node {node.id}"]
        board = SimBoard(slice.cut(self.site, node), self.clock, stream, buses, rails, self.radio)
        return SimNode(node, board, self.clock.is_virtual, interpreter)

    def start(self) -> None:
        """Switches every node on."""
        for node in self.nodes.values():
            node.boot()

    async def stop(self) -> None:
        """Switches every node off."""
        for node in self.nodes.values():
            node.cut()
        await asyncio.sleep(0)  # their tasks end now

    def check(self) -> None:
        """Raises what a node's firmware ended with."""
        for node in self.nodes.values():
            node.check()
