"""Knows how the course of a virtual run is noted down while it lives, for a report; changes nothing in it."""

import asyncio
from collections.abc import Sequence

from hw_sim.history import ChannelHistory, Curve, FaultSpan, History
from hw_sim.judge import Verdict, found_by_channel
from hw_sim.timeline import Happening
from hw_sim.virtual import VirtualStation

_STEP_S = 600.0


class Recorder:
    """Looks at a station every ten minutes."""

    def __init__(self, station: VirtualStation) -> None:
        self._station = station
        self._begin_ms = station.clock.unix_ms()
        self._truth: dict[str, Curve] = {channel: [] for channel in station.world.truth}
        self._backlog: Curve = []
        self._look()

    def _look(self) -> None:
        station = self._station
        now_ms, time_s = station.clock.unix_ms(), station.clock.monotonic_ms() / 1000
        for channel, curve in self._truth.items():
            curve.append((now_ms, station.world.truth[channel](time_s)))
        waiting = station.world.ledger.total - sum(len(rows) for rows in station.platform.delivered.values())
        self._backlog.append((now_ms, float(max(waiting, 0))))
        asyncio.get_running_loop().call_later(_STEP_S, self._look)

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
        found = found_by_channel(station.site, station.world.ledger, station.platform)
        channels = []
        for channel in station.site.channels:
            unit = 10.0**channel.decimals
            rows = station.platform.delivered.get(channel.name, [])
            channels.append(
                ChannelHistory(
                    channel.name,
                    channel.unit,
                    self._truth.get(channel.name, []),
                    [(row.unix_ms, row.value / unit, row.quality) for row in rows],
                    [reading.unix_ms for reading in found[channel.name].missing],
                    [],
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
            battery_v={},
            backlog_rows={"platform": self._backlog},
            link_frames={},
        )
