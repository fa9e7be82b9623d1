"""Knows how a world runs in real time against the real gateway process, and is judged at its end; shows nothing."""

import asyncio
import os
import shutil
import signal
import socket
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from gateway import config
from hw_sim import broker, interpreter, judge, tcp_units
from hw_sim.clock import world_clock
from hw_sim.judge import Verdict
from hw_sim.platform import Platform, Subscriber
from hw_sim.pty_line import PtyParty
from hw_sim.scenario import Scenario
from hw_sim.wire import Wire
from hw_sim.witness import Witness
from hw_sim.world import World

_TOLERANCE_MS = {True: 700, False: 2500}  # real time on a busy machine; a node stamps its wake in whole seconds
_DRAIN_S = 30.0


class StationFailed(Exception):
    """The station could not go on; the text says what happened."""


class Station:
    """One run in `folder`: ptys, broker, Modbus TCP server, nodes, the gateway process and the platform."""

    def __init__(self, scenario: Scenario, folder: Path, platform: Platform, seed: int, seconds_per_row: float) -> None:
        self._scenario = scenario
        self._folder = folder
        self.platform = platform
        self._seed = seed
        self._seconds_per_row = seconds_per_row
        self._stack = AsyncExitStack()
        self._gateway: asyncio.subprocess.Process | None = None
        self._arguments: list[str] = []
        self.world: World
        self.kills_ms: list[int] = []
        self.interpreter_label = ""

    async def start(self, broker_address: str | None) -> None:
        """Everything up; an address names a broker of somebody else's."""
        self._folder.mkdir(parents=True, exist_ok=True)
        site_path = self._folder / "site.toml"
        shutil.copy(self._scenario.site_path, site_path)
        ports = iter(_free_ports(8))
        host, port = "127.0.0.1", next(ports)
        if broker_address is not None:
            host, _, port_text = broker_address.rpartition(":")
            port = int(port_text)
        else:
            server = await broker.serve(host, port)
            self._stack.push_async_callback(server.shutdown)
        overrides = {"uplink[0].host": host, "uplink[0].port": str(port)}
        written = config.load(site_path)
        overrides |= {f"bus.{bus.id}.tcp": f"127.0.0.1:{next(ports)}" for bus in written.buses if bus.tcp is not None}
        self.site = config.load(site_path, overrides)

        guest = interpreter.find() if self._scenario.micropython else None
        self.interpreter_label = guest.label if guest else ""
        guests = dict.fromkeys(self._scenario.micropython, guest) if guest else {}
        self.clock = world_clock()
        truth = self._scenario.signals(self.site, self._seed, None, self._seconds_per_row)
        self.world = World(self.site, truth, self.clock, self._seed, guests, self._scenario.observers)
        self.ledger = self.world.ledger
        self.witness = Witness(Path(self.site.store.path))

        assert self.site.radio is not None
        lines: list[tuple[Wire, str]] = [(self.world.radio, self.site.radio.port)]
        lines += [(self.world.lines[bus.id], bus.port) for bus in self.site.buses if bus.port is not None]
        for wire, link in lines:
            self._stack.callback(PtyParty(wire, Path(link)).close)
        for bus in self.site.buses:
            if bus.tcp is not None:
                tcp_host, _, tcp_port = bus.tcp.rpartition(":")
                units = await tcp_units.serve(self.world.tcp[bus.id], tcp_host, int(tcp_port))
                self._stack.push_async_callback(units.shutdown)

        subscriber = Subscriber(self.platform, host, port, self.site.station.id)
        self._stack.push_async_callback(subscriber.close)
        await asyncio.wait_for(subscriber.ready(), 10)
        self._arguments = [f"--set={path}={value}" for path, value in overrides.items()]
        await self.start_gateway()
        self.world.start()
        self._stack.push_async_callback(self.world.stop)

    async def start_gateway(self) -> None:
        log = (self._folder / "gateway.log").open("ab")
        self._gateway = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", "run", str(self._folder / "site.toml"), *self._arguments,
            stdout=log, stderr=log, env={**os.environ, "WATERTOWER_LANG": "en"},
        )  # fmt: skip
        log.close()

    async def kill_gateway(self) -> None:
        """As a power cut would: no warning, no clean-up. Then a new start."""
        assert self._gateway is not None
        self._gateway.send_signal(signal.SIGKILL)
        await self._gateway.wait()
        self.kills_ms.append(self.clock.unix_ms())
        await self.start_gateway()

    def check(self) -> None:
        """StationFailed when the gateway or a node ended by itself."""
        if self._gateway is not None and self._gateway.returncode is not None:
            raise StationFailed(f"the gateway ended: see {self._folder / 'gateway.log'}")
        try:
            self.world.check()
        except Exception as error:
            raise StationFailed(f"a node ended: {error}") from error

    async def finish(self) -> Verdict:
        """Waits until what has been measured up to now has arrived, stops everything, and judges."""
        until_ms = self.clock.unix_ms()
        end_s = asyncio.get_running_loop().time() + _DRAIN_S
        while asyncio.get_running_loop().time() < end_s:
            self.check()
            verdict = self.verdict(until_ms)
            if verdict.delivered + verdict.cut_at_kill >= verdict.measured:
                break
            await asyncio.sleep(0.5)
        await self.stop()
        return self.verdict(until_ms)

    def verdict(self, until_ms: int | None = None) -> Verdict:
        """How things stand, for everything measured up to `until_ms` (now)."""
        self.witness.look()
        until_ms = self.clock.unix_ms() if until_ms is None else until_ms
        return judge.judge_station(
            self.site, self.ledger, self.platform, self.witness, until_ms, self.kills_ms, _TOLERANCE_MS
        )

    async def stop(self) -> None:
        """Stops gateway and nodes cleanly; may be called again."""
        gateway, self._gateway = self._gateway, None
        if gateway is not None and gateway.returncode is None:
            gateway.terminate()
            await gateway.wait()
        await self._stack.aclose()


def _free_ports(count: int) -> list[int]:
    """TCP ports of the loopback interface that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
