"""Knows how a running station is shown to a person, and summed up; knows nothing of how it works."""

import argparse
import asyncio
import contextlib
import json
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gateway.faults import SiteError, check_text
from gateway.messages import language, quantity_text, say, unit_text
from hw_sim import scenario
from hw_sim.interpreter import NoMicroPython
from hw_sim.judge import Verdict
from hw_sim.platform import Platform
from hw_sim.station import Station, StationFailed
from protocols import quality

_SCENARIO = scenario.FOLDER / "scenarios" / "demo.toml"
_REFRESH_S = 0.5
_NOTE_S = 10  # between progress lines where nobody watches


def main(args: argparse.Namespace) -> int:
    """`watertower demo`: 0 when everything measured has arrived right, 1 when not."""
    folder = args.folder or Path(tempfile.mkdtemp(prefix="watertower-demo-"))
    try:
        status = asyncio.run(_Demo(args, folder).run())
    except (NoMicroPython, StationFailed) as error:
        print(error, file=sys.stderr)
        return 1  # the folder stays, with the gateway's log
    except SiteError as error:
        print("\n".join(check_text(error, _SCENARIO)), file=sys.stderr)
        return 2
    if args.folder is None:
        shutil.rmtree(folder, ignore_errors=True)
    return status


class _Demo:
    """One run: the station, what was last seen of each channel, and the screen."""

    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        self._args = args
        self._last: dict[str, tuple[str, str, int, int]] = {}  # channel -> text, unit, quality, Unix ms
        self._platform = Platform(self._note)
        story = scenario.load(_SCENARIO)
        self._station = Station(story, folder, self._platform, args.seed, args.seconds_per_row)
        self._started_s = time.monotonic()
        self._stop = asyncio.Event()

    def _note(self, channel: str, text: str, unit: str, flags: int, unix_ms: int) -> None:
        self._last[channel] = text, unit, flags, unix_ms

    async def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        try:
            await self._station.start(self._args.broker)
            await self._watch()
            self._say("demo.finishing")
            verdict = await self._station.finish()
        finally:
            await self._station.stop()
        self._sum_up(verdict)
        return 0 if verdict.sound and verdict.delivered else 1

    async def _watch(self) -> None:
        """Shows the station until it is time to end; kills the gateway when told to."""
        kills = sorted(self._args.kill_at)
        console = Console(stderr=self._args.json)
        live = Live(self._picture(), console=console, auto_refresh=False) if console.is_terminal else None
        noted_s = 0.0
        if live is not None:
            live.start()
        try:
            while not self._stop.is_set() and (self._args.seconds is None or self._elapsed_s < self._args.seconds):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), _REFRESH_S)
                self._station.check()
                if kills and self._elapsed_s >= kills[0]:
                    kills.pop(0)
                    await self._station.kill_gateway()
                self._station.witness.look()
                if live is not None:
                    live.update(self._picture(), refresh=True)
                elif self._elapsed_s - noted_s >= _NOTE_S:
                    noted_s = self._elapsed_s
                    print(self._counts(), file=sys.stderr)
        finally:
            if live is not None:
                live.stop()

    @property
    def _elapsed_s(self) -> float:
        return time.monotonic() - self._started_s

    @property
    def _delivered(self) -> int:
        return sum(len(rows) for rows in self._platform.delivered.values())

    def _counts(self) -> str:
        return say(
            "demo.counts",
            seconds=round(self._elapsed_s),
            measured=self._station.ledger.total,
            stored=self._station.witness.readings,
            delivered=self._delivered,
        )

    def _picture(self) -> Group:
        site = self._station.site
        name = site.station.name_zh if language() == "zh" and site.station.name_zh else site.station.name
        title = Text(f"{name} · {site.station.altitude_m:g} m · {self._station.interpreter_label}", style="bold")
        return Group(title, self._channel_table(), self._link_table(), Text(self._counts(), style="bold"))

    def _channel_table(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0))
        for key in ("channel", "quantity", "value", "unit", "quality", "age"):
            table.add_column(say(f"demo.{key}"), justify="right" if key in ("value", "age") else "left")
        now_ms = self._station.clock.unix_ms()
        for channel in self._station.site.channels:
            quantity = quantity_text(channel.quantity)
            if channel.name not in self._last:
                table.add_row(
                    channel.name, quantity, "–", unit_text(channel.unit), say("demo.nothing_yet"), style="dim"
                )
                continue
            text, unit, flags, unix_ms = self._last[channel.name]
            words = ", ".join(say(f"quality.{word}") for word in quality.names(flags)) or say("quality.good")
            value = "–" if text == "null" else text
            age = f"{max(now_ms - unix_ms, 0) / 1000:.0f} s"
            table.add_row(channel.name, quantity, value, unit_text(unit), words, age, style="yellow" if flags else "")
        return table

    def _link_table(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0))
        for key in ("source", "link", "backlog"):
            table.add_column(say(f"demo.{key}"))
        channels = self._station.site.channels
        readings, delivered = self._station.ledger.readings, self._platform.delivered
        sources = [(say("demo.node", name=node.name), node.id) for node in self._station.site.nodes]
        for title, node in [*sources, (say("demo.polled"), None)]:
            names = [channel.name for channel in channels if channel.node == node]
            backlog = sum(len(readings.get(name, ())) - len(delivered.get(name, ())) for name in names)
            link = say("demo.cable") if node is None else say("demo.radio")
            table.add_row(title, link, say("demo.readings", count=max(backlog, 0)))
        online = "demo.online" if self._platform.online else "demo.offline"
        table.add_row(say("demo.uplink"), say(online), say("demo.resent", count=self._platform.resent))
        return table

    def _say(self, key: str) -> None:
        print(say(key), file=sys.stderr)

    def _sum_up(self, verdict: Verdict) -> None:
        site = self._station.site
        console = Console(stderr=self._args.json)
        style = "bold green" if verdict.sound and verdict.delivered else "bold red"
        console.print(Text(say("demo.verdict", **verdict._asdict()), style=style), soft_wrap=True)
        if self._args.json:
            print(json.dumps({"nodes": len(site.nodes), "channels": len(site.channels), **verdict._asdict()}))
