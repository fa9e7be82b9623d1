"""Knows what the status page's process costs while people look at it; knows not what it shows.

A gateway at the common load, its store filled with a day before that, and people of whom each does what a browser does:
the page's files, its plots, its stream; one logs in, one takes the day with him. Memory is read at the end.
"""

import asyncio
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from gateway.machine.timekeeping import Trusted
from gateway.ports import SystemClock
from gateway.site.config import load
from gateway.store import Store
from gateway.web.password import PasswordFile
from hw_sim.bench.gateway_ours import Ours
from hw_sim.bench.gateway_rig import Rig
from hw_sim.bench.gateway_sampling import sample
from hw_sim.bench.gateway_steady import COMMON
from hw_sim.station import free_ports

VISITORS = 4
_DAY_MS, _STEP_MS = 86_400_000, 60_000
_PASSWORD = "only for the bench"
_TIMEOUT_S = 30.0


class Cost(NamedTuple):
    """`alone`: nobody has looked yet. `peak_mb` has the login in it, whose hash takes 19 MiB for 50 ms."""

    rss_alone_mb: float
    rss_mb: float
    peak_mb: float
    cpu_percent: float
    first_look_s: float


async def cost(folder: Path, window_s: float) -> Cost:
    async with Rig(folder, COMMON, Ours()) as rig:
        inside = rig.folder / "gateway"
        await asyncio.to_thread(_filled, inside)
        rig.start()
        await rig.first()
        (port,) = free_ports(1)
        with _page(inside, port) as process:
            await asyncio.to_thread(_ready, port)
            alone = sample(process.pid)
            began_s = time.monotonic()
            await asyncio.to_thread(_look, port)
            first_look_s = time.monotonic() - began_s
            for _ in range(VISITORS):
                await asyncio.to_thread(_look, port)
                Thread(target=_watch, args=(port,), daemon=True).start()  # until the page ends
            await asyncio.to_thread(_work, port)
            before = sample(process.pid)
            await rig.sleep(window_s)
            after = sample(process.pid)
            peak_mb = _peak_mb(process.pid)
        return Cost(alone.rss_mb, after.rss_mb, peak_mb, 100 * (after.cpu_s - before.cpu_s) / window_s, first_look_s)


def _filled(folder: Path) -> None:
    """A day of minutes, of each of the load's channels."""
    site = load(folder / "site.toml")
    PasswordFile(Path(site.web.password_file)).keep(_PASSWORD)
    now_ms = time.time_ns() // 1_000_000
    store = Store(Path(site.store.path), Trusted(SystemClock()))
    series = []
    for sensor in site.sensors:
        channels = [channel for channel in site.channels if channel.sensor == sensor.id]
        series.append((store.series(f"sensor {sensor.id}", channels), len(channels)))
    for number, unix_ms in enumerate(range(now_ms - _DAY_MS, now_ms, _STEP_MS)):
        for one, width in series:
            store.add_poll(one, unix_ms, [((number * 37 + place) % 100_000, 0) for place in range(width)])
        if number % 60 == 59:
            store.commit()
    store.commit()
    store.close()


@contextmanager
def _page(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    arguments = [sys.executable, "-m", "gateway", "web", "site.toml", "--listen", f"127.0.0.1:{port}"]
    root = str(Path(__file__).resolve().parents[2])
    with (folder / "page.log").open("ab") as log:
        process = subprocess.Popen(
            arguments, cwd=folder, env={**os.environ, "PYTHONPATH": root}, stdout=log, stderr=log, process_group=0
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _get(port: int, path: str) -> bytes:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"the page answers {path} with {answer.status}")
        return body


def _ready(port: int) -> None:
    end_s = time.monotonic() + _TIMEOUT_S
    while True:
        try:
            _get(port, "/session")
            return
        except OSError:
            if time.monotonic() > end_s:
                raise
            time.sleep(0.05)


def _look(port: int) -> None:
    """Until somebody has all that he sees first, plots included."""
    _get(port, "/")
    curves = json.loads(_get(port, "/history"))["curves"]
    if len(curves) != COMMON.devices * COMMON.values:
        raise SystemExit(f"the page has {len(curves)} plots")


def _watch(port: int) -> None:
    """Takes what the stream says, as fast as it comes."""
    with suppress(OSError, http.client.HTTPException):
        _get(port, "/live")


def _work(port: int) -> None:
    """Logs in, and takes the day as a file."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)) as connection:
        body = json.dumps({"password": _PASSWORD})
        connection.request("POST", "/login", body, {"Content-Type": "application/json"})
        if connection.getresponse().status != 200:
            raise SystemExit("the page lets nobody in")
    now_ms = time.time_ns() // 1_000_000
    lines = _get(port, f"/download?from_ms={now_ms - _DAY_MS}&to_ms={now_ms}").count(b"\n")
    if lines < 0.98 * _DAY_MS / _STEP_MS * COMMON.devices * COMMON.values:  # its first minutes have passed meanwhile
        raise SystemExit(f"the day has {lines} lines")


def _peak_mb(pid: int) -> float:
    """VmHWM of proc(5)."""
    status = dict(line.split(":", 1) for line in Path("/proc", str(pid), "status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) * 1024 / 1e6
