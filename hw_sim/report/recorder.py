"""Knows how the course of a run is noted down while it lives, for a report; changes nothing in it."""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import Protocol

from gateway.site.config import Node, Site
from hw_sim.clock import WorldClock
from hw_sim.judge import readings
from hw_sim.judge.readings import TOLERANCE_MS, Verdict
from hw_sim.judge.witness import Witness
from hw_sim.platforms.platform import Platform
from hw_sim.report.history import ChannelHistory, Curve, FaultSpan, History
from hw_sim.timeline import Happening
from hw_sim.world import World
from protocols import link, quality
from protocols.errors import FrameError
from protocols.framing import Deframer

_STEP_S = 600.0
_FEWEST_STEPS = 100  # of a short run
_HOUR_MS = 3_600_000


class Recorded(Protocol):
    """A station, in virtual or in real time."""

    site: Site
    clock: WorldClock
    world: World
    platform: Platform
    witness: Witness
    watched: readings.Memory


class Recorder:
    """Looks at a station every ten minutes, or more often where the run of `span_s` is short, and hears what its
    gateway's radio hears."""

    def __init__(self, station: Recorded, span_s: float) -> None:
        self._station = station
        self._step_s = min(_STEP_S, span_s / _FEWEST_STEPS)
        self._begin_ms = station.clock.unix_ms()
        self._truth: dict[str, Curve] = {channel: [] for channel in station.world.truth}
        self._waiting: dict[str, Curve] = {uplink.id: [] for uplink in station.site.uplinks}
        self._waiting |= {node.name: [] for node in station.site.nodes}
        self._newest_ms: dict[int, int] = {node.id: 0 for node in station.site.nodes}  # reading in the store
        self._looked = dict.fromkeys((channel.name for channel in station.site.channels), 0)
        self._deframer = Deframer()
        self._frames: dict[int, dict[int, int]] = {node.id: {} for node in station.site.nodes}  # node -> hour -> count
        station.world.on_heard = self._hear
        self._look()

    def _hear(self, data: bytes) -> None:
        hour = (self._station.clock.unix_ms() - self._begin_ms) // _HOUR_MS
        for frame in self._deframer.feed(data):
            try:
                node = link.parse(frame).node
            except FrameError:
                continue
            if node in self._frames:
                self._frames[node][hour] = self._frames[node].get(hour, 0) + 1

    def _look(self) -> None:
        station = self._station
        now_ms, time_s = station.clock.unix_ms(), station.clock.monotonic_ms() / 1000
        for channel, curve in self._truth.items():
            curve.append((now_ms, station.world.truth[channel](time_s)))
        station.witness.look()
        for uplink in station.site.uplinks:
            confirmed = station.witness.confirmed.get(uplink.id, 0)
            self._waiting[uplink.id].append((now_ms, float(station.witness.last_seq - confirmed)))
        for node in station.site.nodes:
            self._waiting[node.name].append((now_ms, float(self._wakes_waiting(node))))
        asyncio.get_running_loop().call_later(self._step_s, self._look)

    def _wakes_waiting(self, node: Node) -> int:
        """How many wakes of a node are later than the newest of its readings in the store: it sends them in order."""
        station = self._station
        channels = [channel.name for channel in station.site.channels if channel.node == node.id]
        waiting = 0
        for channel in channels:
            rows = station.witness.stored[channel]
            known = [row[0] for row in rows[self._looked[channel] :] if not row[2] & quality.CLOCK]
            self._looked[channel] = len(rows)
            self._newest_ms[node.id] = max(self._newest_ms[node.id], *known) if known else self._newest_ms[node.id]
        newest_ms = self._newest_ms[node.id] + TOLERANCE_MS[False]
        for channel in channels:
            readings = station.world.ledger.readings.get(channel, [])
            waiting = max(waiting, len(readings) - bisect_right(readings, newest_ms, key=itemgetter(0)))
        return waiting

    def history(
        self,
        name: str,
        seed: int,
        happenings: Sequence[Happening],
        verdict: Verdict | None,
        digest: str,
        failures: Sequence[str],
    ) -> History:
        """Everything noted, in the form of the report."""
        station = self._station
        end_ms = station.clock.unix_ms()
        channels = []
        for channel in station.site.channels:
            unit = 10.0**channel.decimals
            rows = station.platform.delivered.get(channel.name, [])
            watched = station.watched.get(channel.name)
            channels.append(
                ChannelHistory(
                    channel.name,
                    channel.unit,
                    self._truth.get(channel.name, []),
                    [(row.unix_ms, row.value / unit, row.quality) for row in rows],
                    [reading.unix_ms for reading in watched.lost] if watched else [],
                    [(unix_ms, value / unit) for unix_ms, value in watched.wrong] if watched else [],
                )
            )
        faults = []
        for happening in happenings:
            begin_ms = self._begin_ms + round(happening.at_s * 1000)
            end = end_ms if happening.lasts_s is None else min(begin_ms + round(happening.lasts_s * 1000), end_ms)
            faults.append(FaultSpan(happening.kind, happening.detail, begin_ms, end))
        return History(
            scenario=name,
            seed=seed,
            begin_ms=self._begin_ms,
            end_ms=end_ms,
            digest=digest,
            judge=list(failures) or ["ok"],
            counts=verdict._asdict() if verdict is not None else {},
            channels=channels,
            faults=faults,
            battery_v={node: battery.curve for node, battery in station.world.batteries.items()},
            backlog_rows=self._waiting,
            link_frames={node.name: self._heard(node, end_ms) for node in station.site.nodes},
        )

    def _heard(self, node: Node, end_ms: int) -> Curve:
        hours = range((end_ms - self._begin_ms) // _HOUR_MS + 1)
        return [(self._begin_ms + hour * _HOUR_MS, float(self._frames[node.id].get(hour, 0))) for hour in hours]
