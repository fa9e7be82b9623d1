"""Knows a real mosquitto, somebody else's Sparkplug host beside it, and a gateway's edge before it, for these tests."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hw_sim.station import free_ports

ROOT = Path(__file__).resolve().parents[3]
MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
HOST = "scada"
FETCHED = ROOT / ".cache" / "sparkplug_host"


class Broker:
    """One mosquitto at one port, which can be killed and started again."""

    def __init__(self, folder: Path, name: str = "mosquitto") -> None:
        (self.port,) = free_ports(1)
        self._conf = folder / f"{name}.conf"
        self._conf.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n")
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._conf)], stderr=subprocess.DEVNULL)
        while True:
            try:
                (await asyncio.open_connection("127.0.0.1", self.port))[1].close()
                return
            except OSError:
                await asyncio.sleep(0.02)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class Told:
    """A process that tells lines of JSON; `lines` are all of them so far."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.lines: list[dict[str, Any]] = []
        self._command = command
        self._environment = {**os.environ, **environment}
        self._came = asyncio.Event()

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, *self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environment
        )
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.lines.append(json.loads(line))
            self._came.set()

    async def until(self, right: Callable[[list[dict[str, Any]]], object]) -> None:
        """Returns once what it has told is right."""
        while not right(self.lines):
            self._came.clear()
            await self._came.wait()

    def say(self, words: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{words}\n".encode())

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._reading

    def freeze(self) -> None:
        """It is there and does nothing: nobody's socket is closed."""
        self._process.send_signal(signal.SIGSTOP)

    async def end(self) -> None:
        self.say("end")
        await self._process.wait()
        await self._reading

    def of(self, *kinds: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["kind"] in kinds]


def host(broker: Broker) -> Told:
    return Told([str(Path(__file__).with_name("host.py")), str(broker.port)], {"PYTHONPATH": str(FETCHED)})


def edge(broker: Broker, folder: Path, *words: str) -> Told:
    return Told(
        [str(Path(__file__).with_name("edge.py")), str(broker.port), str(folder), *words], {"PYTHONPATH": str(ROOT)}
    )


def values(lines: list[dict[str, Any]], device: str, name: str) -> set[int]:
    """All that the host was told of a metric, current or history."""
    return {
        int(metric["value"])
        for line in lines
        if line["kind"] in ("DBIRTH", "DDATA") and line["device"] == device
        for metric in line["metrics"]
        if metric["name"] == name and metric["value"] is not None
    }
