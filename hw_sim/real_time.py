"""Knows how one scenario is lived through in real time, and whether its end is accepted; knows no command line.

The same file as in virtual time: its site over ptys and TCP, its faults, the gateway as a process of its own.
"""

import asyncio
import contextlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.live import Live

from gateway.faults import Fault, SiteError, quoted
from gateway.messages import Phrase, say
from hw_sim.faults.base import duration
from hw_sim.platforms.platform import Platform
from hw_sim.report.recorder import Recorder
from hw_sim.run import Outcome, judged, polled_in_a_commit_delay, promised
from hw_sim.scenario import Scenario
from hw_sim.screen import Screen, Seen
from hw_sim.station import Station
from hw_sim.streams import Streams
from hw_sim.timeline import Happening, plan

_DAY_S = 86_400.0
_REFRESH_S = 0.5
_NOTE_S = 10  # between progress lines where nobody watches
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Settings(NamedTuple):
    """How a scenario is to be played. `span_s` None: until somebody ends it; `kills_s`: when the gateway is killed
    besides, and started again; `folder` None: one that is kept only when something is wrong."""

    seed: int = 1
    span_s: float | None = None
    seconds_per_row: float | None = None
    broker: str | None = None
    kills_s: tuple[float, ...] = ()
    folder: Path | None = None
    record: bool = False  # keep the course of things for a report


def run(story: Scenario, name: str, settings: Settings, console: Console, tell: Callable[[str], None]) -> Outcome:
    """Shows it on the `console`, if that is a terminal; says in lines what comes. SiteError: something of it needs
    virtual time. StationFailed: it could not go on."""
    if faults := only_virtual(story):
        raise SiteError(faults)
    folder = settings.folder or Path(tempfile.mkdtemp(prefix="watertower-"))
    is_accepted = False
    try:
        outcome = asyncio.run(_live(story, name, settings, folder, console, tell))
        is_accepted = not outcome.failures
        return outcome
    finally:
        if settings.folder is None and is_accepted:
            shutil.rmtree(folder, ignore_errors=True)
        elif not is_accepted:
            tell(say("real_time.kept", folder=folder))


def only_virtual(story: Scenario) -> list[Fault]:
    """What of a scenario can't be played in real time."""
    return [
        Fault(
            f"fault[{index}].kind",
            "fault.only_virtual",
            Phrase("hint.only_virtual"),
            found=quoted(fault.__struct_config__.tag),
            why=fault.only_virtual,
        )
        for index, fault in enumerate(story.faults)
        if fault.only_virtual is not None
    ]


async def _live(
    story: Scenario, name: str, settings: Settings, folder: Path, console: Console, tell: Callable[[str], None]
) -> Outcome:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in _ENDS:
        loop.add_signal_handler(number, stop.set)
    last: dict[str, Seen] = {}

    def note(channel: str, text: str, unit: str, flags: int, unix_ms: int) -> None:
        last[channel] = text, unit, flags, unix_ms

    span_s = story.days * _DAY_S if settings.span_s is None else settings.span_s
    happenings = plan(story.faults, Streams(settings.seed), span_s)
    _tell_plan(happenings, settings.span_s, tell)
    station = Station(story, folder, Platform(note), settings.seed, settings.seconds_per_row, span_s / _DAY_S)
    try:
        await station.start(settings.broker)
        began_s = loop.time()
        recorder = Recorder(station, span_s) if settings.record else None
        station.play(happenings)
        await _watch(station, Screen(station, last, happenings), settings, console, stop)
        lived_s = loop.time() - began_s
        tell(say("demo.finishing"))
        verdict = await station.finish()
    finally:
        await station.stop()
    most_cut = len(station.kills_ms) * polled_in_a_commit_delay(station.site)
    failures = judged(verdict, story.accept, promised(station.site, lived_s), most_cut)
    history = recorder.history(name, settings.seed, happenings, verdict, "", failures) if recorder else None
    return Outcome(name, settings.seed, lived_s / _DAY_S, verdict, "", failures, tuple(happenings), history)


def _tell_plan(happenings: Sequence[Happening], span_s: float | None, tell: Callable[[str], None]) -> None:
    """How long it takes, and what will come: nobody shall wait for what does not come."""
    if span_s is None:
        tell(say("real_time.open"))
    else:
        until = datetime.now() + timedelta(seconds=span_s)
        tell(say("real_time.lasts", span=duration(span_s), until=f"{until:%Y-%m-%d %H:%M:%S}"))
    for happening in happenings:
        tell(line(happening))


def line(happening: Happening) -> str:
    """One of a plan: its number, when, for how long, what."""
    lasts = "" if happening.lasts_s is None else duration(happening.lasts_s)
    what = f"{happening.kind} {happening.detail}".rstrip()
    return f"{happening.number:4} {duration(happening.at_s):>9} {lasts:>9}  {what}"


async def _watch(station: Station, screen: Screen, settings: Settings, console: Console, stop: asyncio.Event) -> None:
    """Shows the station until it is time to end; kills the gateway when told to. StationFailed: it ended by itself."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    kills_s = sorted(settings.kills_s)
    noted_s = elapsed_s = 0.0
    live = Live(screen.picture(0.0), console=console, auto_refresh=False) if console.is_terminal else None
    with live or contextlib.nullcontext():
        while not stop.is_set() and (settings.span_s is None or elapsed_s < settings.span_s):
            left_s = _REFRESH_S if settings.span_s is None else min(_REFRESH_S, settings.span_s - elapsed_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), left_s)
            elapsed_s = loop.time() - began_s
            station.check()
            if kills_s and elapsed_s >= kills_s[0]:
                kills_s.pop(0)
                station.kill_gateway("kill_at")
                station.start_gateway("kill_at")
            station.witness.look()
            if live is not None:
                live.update(screen.picture(elapsed_s), refresh=True)
            elif elapsed_s - noted_s >= _NOTE_S:
                noted_s = elapsed_s
                now = screen.happening(elapsed_s)
                print(screen.counts(elapsed_s), now and f"({now})", file=sys.stderr, flush=True)
