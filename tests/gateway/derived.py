"""Knows a store with stages, filled by hand, and what is derived in it; the time is the test's."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gateway.judging import judge
from gateway.pipeline import board, stages
from gateway.site.config import Site
from gateway.store import Store
from gateway.store.rows import Cell
from protocols.batch import NodeRecord
from tests.gateway import doubles

HOUR_MS = 3_600_000
# 2026-11-29T00:00 in China: a day, an hour and ten minutes begin
MIDNIGHT_MS = 1_795_881_600_000


class Made(NamedTuple):
    """A derived row as a person reads it: name -> value, and name -> quality."""

    unix_ms: int
    values: dict[str, int | None]
    quality: dict[str, int]


class Ground:
    """A store in `folder` whose clock is moved by hand; begin() is what a start is."""

    def __init__(self, folder: Path, *parts: str, unix_ms: int = MIDNIGHT_MS, is_judged: bool = False) -> None:
        self.folder = folder
        self.is_judged = is_judged
        self.clock = doubles.HandClock(unix_ms)
        self.site: Site = doubles.site(folder, *parts)
        self.begin()

    def begin(self) -> None:
        self.store = Store(self.folder / "store.db", self.clock)
        if self.is_judged:
            self.store.judge(judge(self.site))
        wanted = stages(self.site, board(self.site))
        assert wanted is not None
        self.store.derive(wanted)
        self._counter = max(self.store.nodes.counters().values(), default=0)

    def kill(self) -> None:
        """What was not committed is gone."""
        self.store.close()
        self.begin()

    def poll(self, sensor: str, unix_ms: int, *cells: Cell) -> None:
        one = next(one for one in self.site.sensors if one.id == sensor)
        series = self.store.series(f"sensor {sensor}", self.site.channels_of(one))
        self.store.add_poll(series, unix_ms, cells)

    def batch(self, records: Sequence[NodeRecord]) -> None:
        """From the site's first node."""
        node = self.site.nodes[0]
        channels = [channel for sensor in node.sensors for channel in self.site.channels_of(sensor, node)]
        series = self.store.series(f"node {node.id}", channels)
        self._counter += 1
        self.store.nodes.add_batch(node.id, self._counter, series, records)

    def at(self, unix_ms: int) -> None:
        """The time comes."""
        self.clock.unix = unix_ms
        self.store.keep()
        self.store.commit_due()

    def made(self, source: str) -> list[Made]:
        """The newest row of each period."""
        found: dict[int, Made] = {}
        for unix_ms, names, cells, quality in self.rows(source):
            flags = json.loads(quality) if quality else [0] * len(names)
            found[unix_ms] = Made(unix_ms, dict(zip(names, json.loads(cells), strict=True)),
                                  dict(zip(names, flags, strict=True)))  # fmt: skip
        return [found[unix_ms] for unix_ms in sorted(found)]

    def rows(self, source: str) -> list[tuple[int, list[str], str, str | None]]:
        """Every row that was written, in the order of seq."""
        found: list[Any] = doubles.query(
            self.folder,
            "SELECT unix_ms, channels, cells, quality FROM row JOIN series ON series.id = series "
            "WHERE source = ? ORDER BY seq",
            source,
        )
        return [(unix_ms, [name for name, _, _ in json.loads(channels)], cells, quality)
                for unix_ms, channels, cells, quality in found]  # fmt: skip
