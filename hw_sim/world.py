"""Knows how a site becomes a world: its sensors, wires and nodes on one clock; knows no gateway and no verdict."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from firmware import main as firmware
from gateway import slice
from gateway.config import Node, Sensor, Site
from hw_sim import disk_vfs, observer, wire
from hw_sim.battery import Battery, BatterySettings
from hw_sim.board import SimBoard
from hw_sim.clock import WorldClock
from hw_sim.device_clock import DeviceClock
from hw_sim.disk import Disk
from hw_sim.disk_vfs import NoShim
from hw_sim.interpreter import Interpreter
from hw_sim.ledger import Ledger
from hw_sim.line_faults import LineFaults
from hw_sim.observer import PERFECT, ObserverSettings, Seen
from hw_sim.radio import Radio
from hw_sim.sensor import Post, SimSensor, post, says_no_value
from hw_sim.signals import Signal, constant
from hw_sim.streams import Streams
from hw_sim.vm import Vm
from hw_sim.wire import Drop, Wire
from protocols.registers import Register


class SimNode:
    """A node with its board: firmware in this process, or in a real MicroPython when `interpreter` is given."""

    def __init__(self, node: Node, board: SimBoard, is_virtual: bool, interpreter: Interpreter | None) -> None:
        self.node = node
        self.board = board
        self._is_virtual = is_virtual
        self._interpreter = interpreter
        self._life: asyncio.Task[None] | None = None
        self._off: set[str] = set()  # why it has no power

    def boot(self, why: str = "switch") -> None:
        """Power comes, unless it is off for another reason as well: a new boot on the same flash."""
        self._off.discard(why)
        if self._life is None and not self._off:
            self.board.power_on()
            self.board.energy.add("processor", self.board.powers.boot_j)
            self._life = asyncio.create_task(self._live(), name=f"node {self.node.name}")

    def cut(self, why: str = "switch") -> None:
        """Power goes, whatever the node is doing, until boot() for the same reason."""
        self._off.add(why)
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
    "node.bus"; `posts` has the same names and those of buses behind Modbus TCP, and says which sensor is asked at which
    unit id; `tcp` maps a bus behind Modbus TCP to its sensors; `sensors` are all, by id. `gateway_clock` is what the
    gateway takes for time, `air_c` the temperature around boards and batteries, `disk` what the gateway's store lies on
    (None where it can't be reached), `fault_tasks` what a fault that goes on keeps running."""

    def __init__(
        self,
        site: Site,
        truth: Mapping[str, Signal],
        clock: WorldClock,
        seed: int,
        interpreters: Mapping[str, Interpreter],
        observers: Mapping[str, ObserverSettings] | None = None,
    ) -> None:
        self.site = site
        self.clock = clock
        self.streams = Streams(seed)
        self.ledger = Ledger()
        self.unread = Ledger()  # of nodes with a slice that is not theirs: no gateway can read what they send
        self.truth = truth
        self._observers = observers or {}
        self.posts: dict[str, dict[int, Post]] = {}
        self.radio = Radio(clock, self.streams["radio"])
        self.sensors: dict[str, SimSensor] = {}
        self.lines = {bus.id: wire.rs485(clock, bus.baud) for bus in site.buses if bus.port is not None}
        self.tcp: dict[str, list[SimSensor]] = {bus.id: [] for bus in site.buses if bus.tcp is not None}
        for sensor in site.sensors:
            device = self._device(sensor, sensor.bus)
            if sensor.bus in self.lines:
                Drop(self.lines[sensor.bus], device)
            else:
                self.tcp[sensor.bus].append(device)
        self.nodes = {node.name: self._node(node, interpreters.get(node.name)) for node in site.nodes}
        for name, line in self.lines.items():
            LineFaults(line, self.streams[f"line {name}"])
        self.gateway_clock = DeviceClock(clock)
        self.air_c: Signal = constant(25.0)
        self.batteries: dict[str, Battery] = {}
        self.fault_tasks: dict[object, asyncio.Task[None]] = {}
        self.disk = self._disk()

    def _device(self, sensor: Sensor, line: str, powered: bool = True) -> SimSensor:
        profile = self.site.profile(sensor)
        seen = {
            register.name: self._seen(sensor.id, register)
            for register in profile.registers
            if f"{sensor.id}.{register.name}" in self.truth
        }
        device = SimSensor(sensor.id, profile, sensor.unit_id, seen, self.ledger, self.clock, powered)
        device.posts = self.posts.setdefault(line, {})
        self.posts[line][sensor.unit_id] = self._post(sensor, self.ledger)
        self.sensors[sensor.id] = device
        return device

    def _seen(self, sensor: str, register: Register) -> Seen:
        channel = f"{sensor}.{register.name}"
        settings = self._observers.get(channel, PERFECT)
        temperature = self.truth.get(settings.temperature_channel or f"{sensor}.temperature")
        stream = self.streams[f"observer {channel}"]
        return observer.observe(self.truth[channel], settings, stream, temperature, says_no_value(register))

    def _post(self, sensor: Sensor, ledger: Ledger) -> Post:
        return post(sensor.id, self.site.profile(sensor), self.site.registers(sensor), ledger)

    def provision(self, name: str, node: Node, ledger: Ledger) -> None:
        """Puts the slice of `node` on the board called `name`, for its next boot; what its sensors answer under it is
        noted in `ledger`."""
        for line in self.lines:
            if line.startswith(f"{name}."):
                self.posts[line].clear()
        for sensor in node.sensors:
            self.posts.setdefault(f"{name}.{sensor.bus}", {})[sensor.unit_id] = self._post(sensor, ledger)
        self.nodes[name].board.provision(slice.cut(self.site, node))

    def _node(self, node: Node, interpreter: Interpreter | None) -> SimNode:
        buses: dict[str, Wire] = {bus.id: wire.rs485(self.clock, bus.baud) for bus in node.buses}
        self.lines |= {f"{node.name}.{bus}": line for bus, line in buses.items()}
        rails: dict[str, list[SimSensor]] = {sensor.rail: [] for sensor in node.sensors if sensor.rail is not None}
        for sensor in node.sensors:
            device = self._device(sensor, f"{node.name}.{sensor.bus}", powered=sensor.rail is None)
            Drop(buses[sensor.bus], device)
            if sensor.rail is not None:
                rails[sensor.rail].append(device)
        stream = self.streams[f"node {node.id}"]
        wired = [self.sensors[sensor.id] for sensor in node.sensors if sensor.rail is None]
        board = SimBoard(slice.cut(self.site, node), self.clock, stream, buses, rails, self.radio, wired=wired)
        return SimNode(node, board, self.clock.is_virtual, interpreter)

    def _disk(self) -> Disk | None:
        """The gateway's, in virtual time: a power cut is played there, so nobody waits for a real medium."""
        if not self.clock.is_virtual:
            return None
        try:
            disk = disk_vfs.mount(Path(self.site.store.path).parent, self.gateway_clock.block)
        except NoShim:
            return None
        disk.is_synced_for_real = False
        return disk

    def add_battery(self, settings: BatterySettings, panel: Signal | None = None) -> Battery:
        """Puts a node on a battery at air temperature; `panel` is 0..1 of the panel's rated power."""
        node = self.nodes[settings.node]
        battery = Battery(
            settings,
            self.clock,
            lambda time_s: self.air_c(time_s),
            panel or constant(0.0),
            node.board.energy,
            lambda: node.cut("battery"),
            lambda: node.boot("battery"),
        )
        self.batteries[settings.node] = battery
        battery.start()
        return battery

    def start(self) -> None:
        """Switches every node on."""
        for node in self.nodes.values():
            node.boot()

    async def stop(self) -> None:
        """Switches every node off."""
        for battery in self.batteries.values():
            battery.stop()
        for task in self.fault_tasks.values():
            task.cancel()
        for node in self.nodes.values():
            node.cut()
        await asyncio.sleep(0)  # their tasks end now

    def check(self) -> None:
        """Raises what a node's firmware ended with."""
        for node in self.nodes.values():
            node.check()
