"""Knows how quickly and how completely the demonstration station delivers; knows no other load.

Latency is from a reading's time stamp (a polled register's question, a node's wake) to its arrival at the platform.
"""

import asyncio
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from hw_sim import scenario
from hw_sim.bench import Figure, figure
from hw_sim.platforms.platform import Platform
from hw_sim.station import Station

_SECONDS = 60


def measure(progress: Callable[[str], None]) -> dict[str, Figure]:
    """One run of a minute in real time."""
    return asyncio.run(_measure(progress))


async def _measure(progress: Callable[[str], None]) -> dict[str, Figure]:
    latencies_ms: dict[bool, list[int]] = {True: [], False: []}

    def note(channel: str, text: str, unit: str, quality: int, unix_ms: int) -> None:
        latencies_ms[channel in polled].append(station.clock.unix_ms() - unix_ms)

    story = scenario.load(scenario.FOLDER / "scenarios" / "demo.toml")
    with tempfile.TemporaryDirectory() as folder:
        station = Station(story, Path(folder), Platform(note), seed=1, seconds_per_row=1.0)
        try:
            polled: set[str] = set()
            await station.start(None)
            polled |= {channel.name for channel in station.site.channels if channel.node is None}
            for second in range(_SECONDS):
                await asyncio.sleep(1)
                station.check()
                if second % 10 == 9:
                    progress(f"{second + 1} of {_SECONDS} s")
            verdict = await station.finish()
        finally:
            await station.stop()
    commit_ms = station.site.store.commit_delay_s * 1000
    report_ms = statistics.fmean(node.report_s for node in station.site.nodes) * 1000
    figures: dict[str, Figure] = {}
    for name, own, wait_ms, what in (
        ("polled", True, commit_ms, "the mean wait for the group commit"),
        ("node", False, report_ms, "the mean wait for the node's report"),
    ):
        cuts = statistics.quantiles(latencies_ms[own], n=20)
        figures[f"{name}_latency_p50_ms"] = figure(cuts[9], "ms", f"{what}, {wait_ms / 2:g} ms", wait_ms / 2)
        figures[f"{name}_latency_p95_ms"] = figure(cuts[18], "ms", f"all of that wait, {wait_ms:g} ms", wait_ms)
    rate, asked = verdict.delivered / _SECONDS, verdict.measured / _SECONDS
    figures["readings_per_s"] = figure(rate, "1/s", "what the sensors answered", asked)
    figures["lost"] = figure(verdict.lost, "readings", "none may be lost")
    return figures
