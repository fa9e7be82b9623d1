"""Knows how a site becomes a world: its sensors, wires and nodes on one clock; knows no gateway and no verdict."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gateway.site import slice
from gateway.site.config import Bus, Node, NodeBus, Sensor, Site
from hw_sim.bus import observer
from hw_sim.bus.line_faults import LineFaults
from hw_sim.bus.observer import PERFECT, ObserverSettings, Seen
from hw_sim.bus.sensor import Post, SimSensor, post, says_no_value
from hw_sim.bus.uart import Uart
from hw_sim.bus.wire import Drop, Wire, field_bus
from hw_sim.capture.device import CapturedDrop, CapturedSensor, Script
from hw_sim.climate import Climate
from hw_sim.clock import WorldClock
from hw_sim.disk import vfs
from hw_sim.disk.card import Disk
from hw_sim.disk.vfs import NoShim
from hw_sim.ledger import Cut, Ledger
from hw_sim.node.battery import Battery, BatterySettings
from hw_sim.node.board import SimBoard
from hw_sim.node.device_clock import DeviceClock
from hw_sim.node.runtime import Fit, InProcess, Runtime
from hw_sim.radio.channel import RadioChannel
from hw_sim.radio.plain import Radio
from hw_sim.radio.settings import RadioSettings
from hw_sim.signals import Signal, constant, scaled
from hw_sim.streams import Streams
from protocols.registers import Register


class SimNode:
    """A node with its board, and where its firmware runs."""

    def __init__(self, node: Node, board: SimBoard, runtime: Runtime) -> None:
        self.node = node
        self.board = board
        self._runtime = runtime
        self._life: asyncio.Task[None] | None = None
        self._off: set[str] = set()  # why it has no power
        self._alarm: asyncio.TimerHandle | None = None  # when a boot that the firmware ended is followed by the next
        board.on_end = self._end

    def boot(self, why: str = "switch") -> None:
        """Power comes, unless it is off for another reason as well: a new boot on the same flash."""
        self._off.discard(why)
        self._alarm = None
        if self._life is None and not self._off:
            self.board.power_on()
            self.board.energy.add("processor", self.board.powers.boot_j)
            self._life = asyncio.create_task(self._runtime.run(), name=f"node {self.node.name}")

    def cut(self, why: str = "switch") -> None:
        """Power goes, whatever the node is doing, until boot() for the same reason."""
        self._off.add(why)
        life, self._life = self._life, None
        if self._alarm is not None:
            self._alarm.cancel()
        if life is not None:
            life.cancel()
        if life is not None or self._alarm is not None:
            self.board.power_off()
        self._alarm = None

    def _end(self, off_ms: int) -> None:
        """The firmware ends its boot; the next begins in `off_ms`, by the clock that the board has for that."""
        life, self._life = self._life, None
        assert life is not None
        life.cancel()
        self.board.gate()
        span_ms = off_ms if self.board.rtc is None else self.board.rtc.true_ms(off_ms)
        self._alarm = asyncio.get_running_loop().call_later(span_ms / 1000, self.boot, "gate")

    def check(self) -> None:
        """Raises what ended the firmware, which never ends by itself."""
        if self._life is not None and self._life.done():
            self._life.result()


class World:
    """Everything outside the gateway. `lines` maps each serial bus to its wire, the gateway's by its id and a node's as
    "node.bus"; `posts` has the same names and those of buses behind Modbus TCP, and says which sensor is asked at which
    unit id; `tcp` maps a bus behind Modbus TCP to its sensors; `sensors` are all, by id. `gateway_clock` is what the
    gateway takes for time, `air_c` the temperature around boards and batteries, `disk` what the gateway's store lies on
    (None where it can't be reached), `fault_tasks` what a fault that goes on keeps running,
    `on_heard` is told of all that gets to the gateway's radio. `level` is how lines are
    played out: Wire or ByteWire; `runtimes` say of a node where its firmware runs, if not in this process; `scripts` of
    a sensor of the gateway's what it did when it was captured."""

    def __init__(
        self,
        site: Site,
        truth: Mapping[str, Signal],
        clock: WorldClock,
        seed: int,
        runtimes: Mapping[str, Fit],
        observers: Mapping[str, ObserverSettings] | None = None,
        level: type[Wire] = Wire,
        radio: RadioSettings | None = None,
        scripts: Mapping[str, Script] | None = None,
    ) -> None:
        self.site = site
        self._level = level
        self.clock = clock
        self.streams = Streams(seed)
        self.ledger = Ledger()
        self.unread = Ledger()  # of nodes with a slice that is not theirs: no gateway can read what they send
        self.truth = truth
        self._observers = observers or {}
        self._scripts = scripts or {}
        self.posts: dict[str, dict[int, Post]] = {}
        self.radio = self._radio(radio)
        self.sensors: dict[str, SimSensor] = {}
        self.lines = {bus.id: self._line(bus) for bus in site.buses if bus.port is not None}
        self.tcp: dict[str, list[SimSensor]] = {bus.id: [] for bus in site.buses if bus.tcp is not None}
        for sensor in site.sensors:
            device = self._device(sensor, sensor.bus, powered=sensor.rail is None)
            if sensor.bus in self.lines:
                (CapturedDrop if isinstance(device, CapturedSensor) else Drop)(self.lines[sensor.bus], device)
            else:
                self.tcp[sensor.bus].append(device)
        self.nodes = {node.name: self._node(node, runtimes.get(node.name, InProcess)) for node in site.nodes}
        for name, line in self.lines.items():
            LineFaults(line, self.streams[f"line {name}"])
        self.gateway_clock = DeviceClock(clock)
        self.air_c: Signal = constant(25.0)
        self.batteries: dict[str, Battery] = {}
        self.on_heard: Callable[[bytes], None] | None = None
        self.fault_tasks: dict[object, asyncio.Task[None]] = {}
        self.disk = self._disk()

    def _radio(self, settings: RadioSettings | None) -> Radio:
        if settings is None or self.site.radio is None:
            return Radio(self.clock, self.streams["radio"])
        nodes = [node.name for node in self.site.nodes]
        return RadioChannel(self.clock, self.streams, settings, nodes, self.site.radio.baud)

    def _line(self, bus: Bus | NodeBus) -> Wire:
        return field_bus(self.clock, Uart(bus.baud, bus.parity, bus.stop_bits), self._level)

    def _device(self, sensor: Sensor, line: str, powered: bool = True) -> SimSensor:
        profile = self.site.profile(sensor)
        seen = {
            register.name: self._seen(sensor.id, register)
            for register in profile.registers
            if f"{sensor.id}.{register.name}" in self.truth
        }
        script = self._scripts.get(sensor.id)
        device = (
            SimSensor(sensor.id, profile, sensor.unit_id, seen, self.ledger, self.clock, powered)
            if script is None
            else CapturedSensor(script, sensor.id, profile, sensor.unit_id, seen, self.ledger, self.clock)
        )
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

    def _node(self, node: Node, fit: Fit) -> SimNode:
        buses: dict[str, Wire] = {bus.id: self._line(bus) for bus in node.buses}
        self.lines |= {f"{node.name}.{bus}": line for bus, line in buses.items()}
        rails: dict[str, list[SimSensor]] = {sensor.rail: [] for sensor in node.sensors if sensor.rail is not None}
        for sensor in node.sensors:
            device = self._device(sensor, f"{node.name}.{sensor.bus}", powered=sensor.rail is None)
            Drop(buses[sensor.bus], device)
            if sensor.rail is not None:
                rails[sensor.rail].append(device)
        stream = self.streams[f"node {node.id}"]
        radio = self.radio.at(node.name)
        wired = [self.sensors[sensor.id] for sensor in node.sensors if sensor.rail is None]
        board = SimBoard(
            slice.cut(self.site, node), self.clock, stream, buses, rails, radio, kind=node.board, wired=wired
        )
        return SimNode(node, board, fit(board))

    def _disk(self) -> Disk | None:
        """The gateway's, in virtual time: a power cut is played there, so nobody waits for a real medium."""
        if not self.clock.is_virtual:
            return None
        try:
            disk = vfs.mount(Path(self.site.store.path).parent, self.gateway_clock.block)
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
        self.batteries[settings.node] = node.board.gauge = battery
        battery.start()
        return battery

    def expose(self, weather: Climate, batteries: Sequence[BatterySettings]) -> None:
        """Boards and batteries feel the air of a place, and panels its sun, snow and dust."""
        self.air_c = weather.signal("air.temperature")
        panel = scaled(weather.signal("panel.output"), 0.01, 0.0)
        for settings in batteries:
            self.add_battery(settings, panel)

    def relieve(self) -> None:
        """Somebody brings every node a supply that does not end."""
        for battery in self.batteries.values():
            battery.relieve()

    def start(self) -> None:
        """Switches every node on."""
        for node in self.nodes.values():
            node.boot()

    def cuts(self) -> dict[int, list[Cut]]:
        """When each node's power went, by the node's number."""
        return {node.node.id: node.board.cuts for node in self.nodes.values()}

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
