"""Knows how devices, a gateway, the way to the broker, the broker and a receiver stand together; knows no scenario."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from hw_sim.backhaul.tcp_proxy import TcpProxy
from hw_sim.bench.gateway_analysis import Outcome, Span, compare, never_polled
from hw_sim.bench.gateway_broker import Broker
from hw_sim.bench.gateway_contender import Contender
from hw_sim.bench.gateway_devices import served
from hw_sim.bench.gateway_load import Load
from hw_sim.bench.gateway_sampling import Sample, sample, written_in_life
from hw_sim.streams import Stream

_FIRST_S = 90.0  # the most a gateway may take to its first reading
_STOP_S = 20.0
_LOOK_S = 0.25
_STILL_S = 30.0  # nothing has come for so long: nothing will
AWAKE_S = 2.0  # a gateway that was started polls after this at the latest: ours, what "at once" may mean


class Life(NamedTuple):
    """One run of a gateway process: Unix seconds of its start and end."""

    began_s: float
    ended_s: float


class Rig:
    """`async with Rig(folder, load, contender) as rig:` everything but the gateway stands, in a fresh folder; cut and
    slow `rig.proxy`. Several may stand at the same time."""

    def __init__(self, folder: Path, load: Load, contender: Contender, core: int | None = None) -> None:
        self.folder = folder
        self.load = load
        self.contender = contender
        self.receiver = contender.receiver(load)
        self.lives: list[Life] = []
        self.written_bytes = 0  # by gateway processes that have ended
        self.proxy: TcpProxy
        self._core = core
        self._process: subprocess.Popen[bytes] | None = None
        self._began_s = 0.0
        self._frozen_s: float | None = None

    async def __aenter__(self) -> "Rig":
        self.folder.mkdir(parents=True)
        with contextlib.ExitStack() as undone:
            self._broker = Broker(self.folder, self.contender.answer)
            undone.callback(self._broker.kill)
            arguments = ["-m", "hw_sim.bench.gateway_devices", json.dumps(self.load), str(self.folder)]
            self._devices = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=1 << 20
            )
            undone.callback(self._devices.kill)
            await self._broker.ready()
            assert self._devices.stdout is not None
            places = json.loads(await asyncio.wait_for(self._devices.stdout.readline(), _STOP_S))
            self.proxy = TcpProxy("127.0.0.1", self._broker.port, Stream(1, "backhaul"))
            inside = self.folder / "gateway"
            inside.mkdir()
            self.command = self.contender.prepare(inside, self.load, places, self.proxy.port)
            undone.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        await self.proxy.close()
        self._devices.kill()
        await self._devices.wait()
        await self._broker.close()

    # --- the gateway --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        assert self._process is None
        with (self.folder / "gateway.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command.arguments,
                env=self.command.environment,
                cwd=self.command.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,  # Ctrl-C is for the bench
            )
        if self._core is not None:
            os.sched_setaffinity(self._process.pid, {self._core})
        self._began_s = time.time()

    def kill(self) -> None:
        """kill -9, of its children as well."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._buried()

    async def stop(self) -> None:
        """A clean stop; a gateway that does not know one is killed."""
        assert self._process is not None
        self._process.terminate()
        end_s = time.monotonic() + _STOP_S
        while os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() > end_s:
                os.killpg(self._process.pid, signal.SIGKILL)
            await asyncio.sleep(0.05)
        self._buried()

    def _buried(self) -> None:
        assert self._process is not None
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self._process = None
        self.written_bytes += written_in_life(usage)
        self.lives.append(Life(self._began_s, time.time()))

    def sample(self) -> Sample:
        assert self._process is not None, "the gateway has ended"
        return sample(self._process.pid)

    # --- what comes ---------------------------------------------------------------------------------------------------

    def take(self) -> int:
        """Takes in what the broker has heard; how many readings there are."""
        while self._broker.heard:
            self.receiver.take(self._broker.heard.popleft())
        return self.receiver.readings

    async def first(self) -> float:
        """Waits for the first reading; seconds since the start."""
        while not self.take():
            if time.time() - self._began_s > _FIRST_S:
                raise TimeoutError(f"{self.contender.name}: no reading in {_FIRST_S:g} s, see {self.folder}")
            await asyncio.sleep(_LOOK_S)
        return time.time() - self._began_s

    async def sleep(self, seconds: float) -> None:
        """Lets time pass and takes in what comes."""
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            await asyncio.sleep(min(_LOOK_S, left_s))
            self.take()

    async def drained(self, most_s: float, besides: int = 0) -> float:
        """No device answers any more; waits until everything has come, `besides` readings of no device, or nothing
        comes any more, or `most_s` have passed. Seconds it took."""
        await self.freeze()
        began_s = moved_s = time.monotonic()
        count = self.take()
        wanted = besides + sum(map(len, await self.served()))
        while time.monotonic() - began_s < most_s and time.monotonic() - moved_s < _STILL_S:
            if count >= wanted:
                break
            await asyncio.sleep(_LOOK_S)
            if (now := self.take()) != count:
                count, moved_s = now, time.monotonic()
        return time.monotonic() - began_s

    # --- the devices --------------------------------------------------------------------------------------------------

    async def tell(self, command: str) -> None:
        """One command of gateway_devices.py."""
        assert self._devices.stdin is not None and self._devices.stdout is not None
        self._devices.stdin.write(f"{command}\n".encode())
        await asyncio.wait_for(self._devices.stdout.readline(), _STOP_S)

    async def freeze(self) -> None:
        if self._frozen_s is None:
            await self.tell("freeze")
            self._frozen_s = time.time()

    async def served(self) -> list[list[float]]:
        """By channel, when each reading was given."""
        path = self.folder / "served"
        await self.tell(f"dump {path}")
        return [list(times) for times in served(self.load, path)]

    # --- the verdict --------------------------------------------------------------------------------------------------

    async def outcome(self, tolerance_s: float = 5.0, cuts: list[Span] | None = None) -> Outcome:
        self.take()
        return compare(self.load, await self.served(), self.receiver.arrived, tolerance_s, cuts or ())

    async def never_polled(self) -> int:
        """Readings that nobody asked for although the gateway had been up for AWAKE_S."""
        end_s = self._frozen_s or time.time()
        lives = list(self.lives)
        if self._process is not None:
            lives.append(Life(self._began_s, end_s))
        awake = [(life.began_s + AWAKE_S, min(life.ended_s, end_s)) for life in lives]
        awake = [span for span in awake if span[1] > span[0]]
        times = await self.served()
        first = range(0, len(times), self.load.values)
        return sum(never_polled(times[channel], self.load.period_s, awake) for channel in first) * self.load.values
