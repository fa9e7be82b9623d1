"""Knows how a world runs in real time against the real gateway process, and is judged at its end; shows nothing."""

import asyncio
import shutil
import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from gateway.messages import say
from gateway.site import config
from gateway.site.config import MqttUplink, Site
from hw_sim.backhaul.tcp_proxy import TcpProxy
from hw_sim.bus import tcp_units
from hw_sim.bus.pty_line import PtyParty
from hw_sim.bus.wire import Wire
from hw_sim.clock import world_clock
from hw_sim.gateway_process import GatewayProcess
from hw_sim.judge import readings
from hw_sim.judge.readings import Verdict
from hw_sim.judge.witness import Witness
from hw_sim.node import interpreter
from hw_sim.node.vm import in_vm
from hw_sim.platforms import broker
from hw_sim.platforms.asking import Asking
from hw_sim.platforms.platform import Platform, Subscriber
from hw_sim.scenario import Scenario
from hw_sim.streams import Streams
from hw_sim.timeline import Happening, Player
from hw_sim.world import World

_TOLERANCE_MS = {True: 700, False: 2500}  # real time on a busy machine; a node stamps its wake in whole seconds
_DRAIN_S = 90.0  # a client takes a dead connection for dead after up to 40 s: gateway/uplink/paho.py
_LOOPBACK = "127.0.0.1"


class StationFailed(Exception):
    """The station could not go on; the text says what happened."""


class Station:
    """One run in `folder`: ptys, broker, the way to it, Modbus TCP servers, nodes, the gateway process, the platform.
    A Stage (hw_sim/faults/base.py); physics is reckoned for `days`, the scenario's own unless told otherwise."""

    def __init__(
        self,
        scenario: Scenario,
        folder: Path,
        platform: Platform,
        seed: int,
        seconds_per_row: float | None = None,
        days: float | None = None,
    ) -> None:
        self._scenario = scenario
        self._folder = folder
        self.platform = platform
        self._seed = seed
        self._seconds_per_row = seconds_per_row
        self._days = days
        self._stack = AsyncExitStack()
        self._gateway: GatewayProcess | None = None
        self._player: Player | None = None
        self._off: set[str] = set()  # why the gateway has no power
        self.world: World
        self.backhaul: TcpProxy
        self.kills_ms: list[int] = []
        self.watched: readings.Memory = {}
        self.interpreter_label = ""

    async def start(self, broker_address: str | None = None) -> None:
        """Everything up; an address names a broker of somebody else's."""
        if not has_loopback():
            raise StationFailed(say("real_time.no_loopback"))
        self._folder.mkdir(parents=True, exist_ok=True)
        site_path = self._folder / "site.toml"
        shutil.copy(self._scenario.site_path, site_path)
        written = config.load(self._scenario.site_path)
        behind_tcp = [bus.id for bus in written.buses if bus.tcp is not None]
        broker_port, *tcp_ports = free_ports(1 + len(behind_tcp))
        host = _LOOPBACK
        if broker_address is not None:
            host, _, port_text = broker_address.rpartition(":")
            broker_port = int(port_text)
        else:
            server = await broker.serve(host, broker_port)
            self._stack.push_async_callback(server.shutdown)
        self.backhaul = TcpProxy(host, broker_port, Streams(self._seed)["backhaul"])
        self._stack.push_async_callback(self.backhaul.close)
        overrides = places(written, self.backhaul.port, tcp_ports)
        self.site = config.load(site_path, overrides)

        guest = interpreter.find() if self._scenario.micropython else None
        self.interpreter_label = guest.label if guest else ""
        story = self._scenario
        runtimes = dict.fromkeys(story.micropython, in_vm(guest)) if guest else {}
        self.clock = world_clock()
        weather = story.weather(self.site, self._seed, self._days)
        truth = story.signals(self.site, self._seed, self._days, self._seconds_per_row, weather)
        self.world = World(
            self.site, truth, self.clock, self._seed, runtimes, story.observers, story.level, story.radio,
            story.scripts(self.site),
        )  # fmt: skip
        if weather is not None:
            self.world.expose(weather, story.batteries)
        self.ledger = self.world.ledger
        self.witness = Witness(Path(self.site.store.path))

        lines: list[tuple[Wire, str]] = [] if self.site.radio is None else [(self.world.radio, self.site.radio.port)]
        lines += [(self.world.lines[bus.id], bus.port) for bus in self.site.buses if bus.port is not None]
        for wire, link in lines:
            self._stack.callback(PtyParty(wire, Path(link)).close)
        for bus in self.site.buses:
            if bus.tcp is not None:
                tcp_host, _, tcp_port = bus.tcp.rpartition(":")
                units = await tcp_units.serve(self.world.tcp[bus.id], tcp_host, int(tcp_port))
                self._stack.push_async_callback(units.shutdown)

        subscriber = Subscriber(self.platform, host, broker_port, self.site.station.id)
        self._stack.push_async_callback(subscriber.close)
        try:
            await asyncio.wait_for(subscriber.ready(), 10)
        except TimeoutError:
            raise StationFailed(say("real_time.no_broker", address=f"{host}:{broker_port}")) from None
        self.asking = Asking(self.platform, self.site.station.id, self.site.operators, self.clock.unix_ms, subscriber)
        arguments = [str(site_path), *(f"--set={path}={value}" for path, value in overrides.items())]
        self._gateway = GatewayProcess(arguments, self.log_path)
        self.start_gateway()
        self.world.start()
        self._stack.push_async_callback(self.world.stop)

    @property
    def log_path(self) -> Path:
        """What the gateway said."""
        return self._folder / "gateway.log"

    def play(self, happenings: Sequence[Happening]) -> None:
        """From now on they come, each at its time."""
        self._player = Player(happenings, self)

    def start_gateway(self, why: str = "switch") -> None:
        """Power for the gateway, unless it is off for another reason as well."""
        self._off.discard(why)
        if not self._off and self._gateway is not None and not self._gateway.is_wanted:
            self._gateway.start()

    def kill_gateway(self, why: str = "switch") -> None:
        """Everything that was only in its memory is gone; it stays off until start_gateway() for the same reason."""
        self._off.add(why)
        if self._gateway is not None and self._gateway.is_wanted:
            self._gateway.kill()
            self.kills_ms.append(self.clock.unix_ms() + readings.ASKED_MS)

    def check(self) -> None:
        """StationFailed when the gateway or a node ended by itself."""
        if self._gateway is not None and self._gateway.ended():
            raise StationFailed(say("real_time.gateway_ended", log=self.log_path))
        try:
            self.world.check()
        except Exception as error:
            raise StationFailed(say("real_time.node_ended", reason=error)) from error
        if self._player is not None:
            self._player.check()

    async def finish(self) -> Verdict:
        """Ends what still goes wrong, waits until what has been measured up to now has arrived, stops everything, and
        judges."""
        if self._player is not None:
            self._player.end_all()
        self.world.relieve()
        until_ms = self.clock.unix_ms()
        end_s = asyncio.get_running_loop().time() + _DRAIN_S
        while asyncio.get_running_loop().time() < end_s:
            self.check()
            if self.verdict(until_ms).complete:
                break
            await asyncio.sleep(0.5)
        await self.stop()
        return self.verdict(until_ms)

    def verdict(self, until_ms: int | None = None) -> Verdict:
        """How things stand, for everything measured up to `until_ms` (now)."""
        self.witness.look()
        until_ms = self.clock.unix_ms() if until_ms is None else until_ms
        return readings.judge_station(
            self.site,
            self.ledger,
            self.platform,
            self.witness,
            until_ms,
            self.kills_ms,
            _TOLERANCE_MS,
            self.world.cuts(),
            self.watched,
        )

    async def stop(self) -> None:
        """Stops gateway and nodes cleanly; may be called again."""
        gateway, self._gateway = self._gateway, None
        if gateway is not None:
            await gateway.stop()
        await self._stack.aclose()


def places(site: Site, uplink_port: int, tcp_ports: Sequence[int]) -> dict[str, str]:
    """What is laid over a site file so that all that its gateway touches is in its folder or on this machine; a port
    for each bus behind TCP."""
    laid = {"store.path": "store.db", "clock.trust": "always"}  # whatever this machine says of its own clock
    if site.radio is not None:
        laid["radio.port"] = "radio"
    if site.profile_dir is not None:
        laid["profile_dir"] = str(site.folder / site.profile_dir)  # the copied file has left it behind
    ports = iter(tcp_ports)
    for bus in site.buses:
        if bus.tcp is None:
            laid[f"bus.{bus.id}.port"] = f"bus-{bus.id}"
        else:
            laid[f"bus.{bus.id}.tcp"] = f"{_LOOPBACK}:{next(ports)}"
    for uplink in site.uplinks:
        if not isinstance(uplink, MqttUplink):
            continue
        laid |= {f"uplink.{uplink.id}.host": _LOOPBACK, f"uplink.{uplink.id}.port": str(uplink_port)}
    return laid


def has_loopback() -> bool:
    """Whether this machine speaks to itself: a container without any network may not. Datagrams need nobody there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((_LOOPBACK, 9))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """TCP ports of the loopback interface that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind((_LOOPBACK, 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
