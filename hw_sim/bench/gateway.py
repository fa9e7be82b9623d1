"""Knows which figures the gateway's bench gives, in parts, and what each is held against; measures none of them itself.

Everything runs on this machine alone: counting Modbus devices -> a gateway process -> a TCP proxy that can be cut ->
mosquitto -> a receiver. Peers run beside ours with the same load. Every part ends by itself.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import TypeVar

from hw_sim.bench import Figure, figure, page
from hw_sim.bench.gateway_backlog import backlog
from hw_sim.bench.gateway_broker import find_mosquitto
from hw_sim.bench.gateway_contender import Absent, Contender
from hw_sim.bench.gateway_cuts import power_cuts
from hw_sim.bench.gateway_kills import kills
from hw_sim.bench.gateway_ours import Ours
from hw_sim.bench.gateway_outages import outage
from hw_sim.bench.gateway_peers import Telegraf, ThingsBoard
from hw_sim.bench.gateway_sampling import is_in_memory
from hw_sim.bench.gateway_steady import BUSES, COMMON, MOST, ONE, Cost, buses, cost

Progress = Callable[[str], None]
Figures = dict[str, Figure]
T = TypeVar("T")

_FOLDER = Path(__file__).resolve().parents[2] / ".cache" / "bench-gateway"  # on the disk that the project is on
_STEADY_S, _MOST_S, _BUSES_S, _OUTAGE_S, _ONE_S = 60.0, 30.0, 40.0, 60.0, 600.0
_KILLS, _STATIONS = 200, 4
_CUTS = 10_000
_BACKLOG, _LINK_BYTES_PER_S, _BACKLOG_S = 1_200_000, 250_000.0, 120.0  # 2 Mbit/s: ours, what a 4G modem gives
_PAGE_S = 30.0
_YEAR_DAYS, _YEAR_S = 365, 300.0  # the most a year may take


async def _load(folder: Path, progress: Progress) -> Figures:
    """The common load, one gateway after the other, each alone on the machine."""
    figures: Figures = {}
    ours: Cost | None = None
    for tag, contender in _contenders(progress):
        progress(f"{contender.name}: {COMMON.readings_per_s:g} readings/s for {_STEADY_S:g} s")
        one = await cost(folder / f"load-{tag}", contender, COMMON, _STEADY_S)
        p50_ms, most_ms = one.time_error_ms
        ours = ours or one
        rows: list[tuple[str, float, str, float, float]] = [
            ("cpu_percent", one.cpu_percent, "% of a core", 2, ours.cpu_percent),
            ("rss_mb", one.rss_mb, "MB", 40, ours.rss_mb),
            ("payload_bytes_per_reading", one.payload_bytes_per_reading, "bytes", 10, ours.payload_bytes_per_reading),
            ("disk_bytes_per_reading", one.disk_bytes_per_reading, "bytes", 40, ours.disk_bytes_per_reading),
            ("time_error_p50_ms", p50_ms, "ms", 10, ours.time_error_ms[0]),
            ("time_error_max_ms", most_ms, "ms", 10, ours.time_error_ms[1]),
            ("lost", one.outcome.lost, "readings", 0, 0),
            ("duplicates", one.outcome.duplicates, "readings", 0, 0),
            ("wrong", one.outcome.wrong, "readings", 0, 0),
            ("never_polled", one.never_polled, "readings", 0, 0),
        ]
        for name, value, unit, limit, reference in rows:
            figures[tag + name] = _held(tag, value, unit, limit, reference)
        figures[f"{tag}first_reading_s"] = figure(one.first_s, "s", "our group commit, 10 s", 10)
    return figures


async def _one(folder: Path, progress: Progress) -> Figures:
    progress(f"one reading a second for {_ONE_S:g} s")
    one = await cost(folder / "one", Ours(), ONE, _ONE_S, drain_s=5.0)
    return {
        "disk_bytes_per_reading_at_1_per_s": _held("", one.disk_bytes_per_reading, "bytes", 1000, 0),
        "payload_bytes_per_reading_at_1_per_s": figure(one.payload_bytes_per_reading, "bytes", "a row for one value"),
    }


async def _most(folder: Path, progress: Progress) -> Figures:
    """On one core, whatever comes."""
    rates: dict[str, Cost] = {}
    core = min(os.sched_getaffinity(0))
    for tag, contender in _contenders(progress):
        progress(f"{contender.name}: asked for {MOST.readings_per_s:g} readings/s")
        rates[tag] = await cost(folder / f"most-{tag}", contender, MOST, _MOST_S, 90.0, core)
    figures: Figures = {}
    peer = rates.get("thingsboard_")
    reference = peer.readings_per_s if peer else MOST.readings_per_s
    against = f"{ThingsBoard.name}, {reference:.0f}/s" if peer else f"what was asked for, {reference:g}/s"
    for tag, one in rates.items():
        figures[f"{tag}max_readings_per_s"] = figure(one.readings_per_s, "1/s", against, reference)
        figures[f"{tag}max_cpu_percent"] = figure(one.cpu_percent, "% of a core", "the one core it had, 100", 100)
        figures[f"{tag}max_rss_mb"] = figure(one.rss_mb, "MB", "ours", rates[""].rss_mb)
        figures[f"{tag}max_lost"] = figure(one.outcome.lost, "readings", "none may be lost")
    return figures


async def _buses(folder: Path, progress: Progress) -> Figures:
    """Side by side: they wait most of the time."""
    progress("four serial buses of 9600 baud, one unit of 16 is dead")
    contenders = list(_contenders(progress))
    runs = [buses(folder / f"buses-{tag}", contender, _BUSES_S) for tag, contender in contenders]
    per_unit = BUSES.values / BUSES.period_s
    full, rest = per_unit * (BUSES.units_per_bus or 0), per_unit * ((BUSES.units_per_bus or 0) - 1)
    figures: Figures = {}
    for (tag, _), rates in zip(contenders, await asyncio.gather(*runs), strict=True):
        figures[f"{tag}healthy_bus_readings_per_s"] = figure(rates.healthy, "1/s", f"all units, {full:g}/s", full)
        against = f"its three living units, {rest:g}/s"
        figures[f"{tag}dead_units_bus_readings_per_s"] = figure(rates.with_dead, "1/s", against, rest)
    return figures


async def _outages(folder: Path, progress: Progress) -> Figures:
    """Side by side; ThingsBoard's only where the broker refuses."""
    progress(f"{_OUTAGE_S:g} s without the broker: refused, frozen, from the start")
    places: list[tuple[str, Contender, str]] = [("", Ours(), kind) for kind in ("refused", "frozen", "start")]
    places += [(tag, contender, "refused") for tag, contender in _contenders(progress) if tag]
    runs = [outage(folder / f"outage-{tag}{kind}", contender, kind, _OUTAGE_S) for tag, contender, kind in places]
    figures: Figures = {}
    for (tag, _, kind), one in zip(places, await asyncio.gather(*runs), strict=True):
        name = f"{tag}outage_{kind}"
        for word in ("lost", "duplicates", "never_polled"):
            figures[f"{name}_{word}"] = figure(getattr(one, word), "readings", "none may be")
        figures[f"{name}_resent"] = figure(one.resent, "readings", f"what waited, {one.buffered}", one.buffered)
        figures[f"{name}_recovery_s"] = figure(one.recovery_s, "s", "the outage", _OUTAGE_S)
    return figures


async def _kills(folder: Path, progress: Progress) -> Figures:
    found = await kills(folder / "kills", _KILLS, _STATIONS, progress)
    progress(str(found))
    figures = {"kills": figure(found.kills, "kills", f"{_KILLS} wanted", _KILLS)}
    for word in ("lost", "duplicates", "wrong", "never_polled", "unannounced"):
        figures[f"kills_{word}"] = figure(getattr(found, word), "readings", "none may be")
    figures["kills_cut"] = figure(found.cut, "readings", "all that were polled", found.served)
    figures["kills_first_reading_s"] = figure(found.restart_s, "s", "one period", 1.0)
    return figures


async def _cuts(folder: Path, progress: Progress) -> Figures:
    began_s = time.monotonic()
    found = await _in_thread(power_cuts, folder / "cuts", _CUTS, progress)
    progress(f"power cuts: {time.monotonic() - began_s:.0f} s")
    figures = {"power_cuts": figure(found.cuts, "cuts", f"{_CUTS} wanted", _CUTS)}
    for word in ("unopened", "missing", "changed", "stuck"):
        figures[f"power_cuts_{word}"] = figure(getattr(found, word), "cuts", "none may be")
    return figures


async def _backlog(folder: Path, progress: Progress) -> Figures:
    found = await backlog(folder / "backlog", _BACKLOG, _LINK_BYTES_PER_S, _BACKLOG_S, progress)
    rate = _LINK_BYTES_PER_S
    return {
        "backlog_readings": figure(found.readings - found.lost, "readings", "that waited", found.readings),
        "backlog_drain_s": figure(found.drain_s, "s", f"the most the bench waits, {_BACKLOG_S:g} s", _BACKLOG_S),
        "backlog_bytes_per_s": figure(found.bytes_per_s, "bytes/s", f"the link's {rate:g}", rate),
        "backlog_wrong": figure(found.wrong, "readings", "none may be"),
        "backlog_duplicates": figure(found.duplicates, "readings", "none may be"),
        "backlog_live_lost": figure(found.live_lost, "readings", "none may be"),
        "backlog_live_age_p50_s": _held("", found.live_p50_s, "s", 5, 0),
        "backlog_live_age_max_s": _held("", found.live_max_s, "s", 5, 0),
        "backlog_alarms": figure(found.alarms, "alarms", "raised while it drained"),
        "alarm_latency_p50_s": _held("", found.alarm_p50_s, "s", 1, 0),
        "alarm_latency_s": _held("", found.alarm_max_s, "s", 1, 0),
    }


async def _page(folder: Path, progress: Progress) -> Figures:
    progress(f"the status page, {page.VISITORS} look on for {_PAGE_S:g} s")
    found = await page.cost(folder / "page", _PAGE_S)
    alone_mb = found.rss_alone_mb
    return {
        "page_rss_mb": figure(found.rss_mb, "MB", f"before anybody looked, {alone_mb:.1f}", alone_mb),
        "page_peak_mb": figure(found.peak_mb, "MB", f"at the end, {found.rss_mb:.1f}", found.rss_mb),
        "page_cpu_percent": figure(found.cpu_percent, "% of a core", f"{page.VISITORS} who look on"),
        "page_first_look_s": figure(found.first_look_s, "s", "a day of 200 channels is read for it"),
    }


async def _year(folder: Path, progress: Progress) -> Figures:
    place = folder / "year"
    place.mkdir()
    arguments = ["-m", "hw_sim.bench.gateway_year", str(place), str(_YEAR_DAYS)]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    lines: list[list[float]] = []
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_YEAR_S):
            while line := await process.stdout.readline():
                lines.append(json.loads(line))
                progress(f"virtual day {lines[-1][0]}: {lines[-1][1]:.1f} MB, {lines[-1][2]} rows")
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    day, year = lines[0], lines[-1]
    if year[0] != _YEAR_DAYS or process.returncode:
        raise SystemExit("the virtual year ended early")
    return {
        "rss_after_day_mb": figure(day[1], "MB", "no limit of its own"),
        "rss_after_year_mb": figure(year[1], "MB", f"a day's, {day[1]:.1f} MB, at most 1.1", day[1]),
    }


# Parts of one line run side by side: none of their figures is of processor time
_TOGETHER = (("load",), ("page",), ("most",), ("outages", "buses"), ("one", "cuts", "year"), ("kills",), ("backlog",))
_MEASURES: dict[str, Callable[[Path, Progress], Coroutine[None, None, Figures]]] = {
    "load": _load, "most": _most, "outages": _outages, "one": _one, "buses": _buses, "cuts": _cuts, "year": _year,
    "kills": _kills, "backlog": _backlog, "page": _page,
}  # fmt: skip
PARTS = tuple(_MEASURES)


def measure(progress: Progress, only: Iterable[str] = ()) -> Figures:
    """All parts, or `only` some of PARTS."""
    wanted = set(only) or set(PARTS)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and nothing that was started stays behind
    find_mosquitto()
    shutil.rmtree(_FOLDER, ignore_errors=True)
    _FOLDER.mkdir(parents=True)
    if is_in_memory(_FOLDER):
        raise SystemExit(f"{_FOLDER} is in memory: its figures of the disk would mean nothing")
    began_s = time.monotonic()

    def timed(text: str) -> None:
        progress(f"{time.monotonic() - began_s:5.0f} s  {text}")

    figures: Figures = {}
    for together in _TOGETHER:
        parts = [_MEASURES[name](_FOLDER, timed) for name in together if name in wanted]
        for found in asyncio.run(_all(parts)):
            figures |= found
    timed("done")
    return figures


async def _all(parts: list[Coroutine[None, None, Figures]]) -> list[Figures]:
    return list(await asyncio.gather(*parts))


async def _in_thread(work: Callable[..., T], *values: object) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, lambda: work(*values))


def _contenders(progress: Progress) -> Iterable[tuple[str, Contender]]:
    """Ours and every peer that can be had, with what leads the names of its figures."""
    yield "", Ours()
    for tag, make in (("thingsboard_", ThingsBoard), ("telegraf_", Telegraf)):
        try:
            yield tag, make()
        except Absent as why:
            progress(str(why))


def _held(tag: str, value: float, unit: str, limit: float, ours: float) -> Figure:
    """Ours against its limit, a peer's against ours."""
    if tag:
        return figure(value, unit, f"ours, {ours:.3g}", ours)
    return figure(value, unit, f"the limit, {limit:g}", limit)
