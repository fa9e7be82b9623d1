"""Knows the polled rows that wait in memory for the disk; knows no file.

There is room for so many; beyond that the oldest go, are counted, and the next transaction says so.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from gateway.process import stage
from gateway.store.rows import Row, Stored, unpacked

MANY = 5000  # rows that wait for the disk: ten seconds of a station with 500 sensors; ours
_MOST = 20_000  # more than that and the oldest go: a quarter of an hour of 20 sensors a second, some 10 MB; ours


class Polled(NamedTuple):
    """A row that has no number yet."""

    series: int
    unix_ms: int
    trusted: bool
    cells: str
    quality: str | None

    def stored(self, seq: int, boot: int, series: int) -> Stored:
        return Stored(seq, series, self.unix_ms, boot, int(self.trusted), None, None, None, self.cells, self.quality)

    def unpacked(self, series: int) -> Row:
        """What it says, with seq 0."""
        return unpacked(self.stored(0, 0, series), None)


class Waiting:
    """`rows`, and what was found out of earlier ones meanwhile."""

    def __init__(self) -> None:
        self.rows: deque[Polled] = deque()
        self.restated: list[stage.Row] = []
        self._dropped: tuple[int, int, int] | None = None  # how many, Unix ms of the first, of the last
        self._any = asyncio.Event()
        self._urgent = asyncio.Event()

    def add(self, row: Polled, restated: Sequence[stage.Row]) -> None:
        self.restated += restated
        self.rows.append(row)
        if len(self.rows) > _MOST:
            gone_ms = self.rows.popleft().unix_ms
            count, first_ms, _ = self._dropped or (0, gone_ms, 0)
            self._dropped = count + 1, first_ms, gone_ms
        self._any.set()

    def hurry(self) -> None:
        """One of them should be on disk at once."""
        self._urgent.set()

    def move(self, shift_ms: int) -> None:
        """The times of this boot that were guesses."""
        self.rows = deque(row if row.trusted else row._replace(unix_ms=row.unix_ms + shift_ms) for row in self.rows)

    def gap(self) -> dict[str, object] | None:
        """The event's detail, where rows had to go."""
        if self._dropped is None:
            return None
        count, first_ms, last_ms = self._dropped
        return {"reason": "no_disk", "rows": count, "from_ms": first_ms, "to_ms": last_ms}

    def done(self) -> None:
        """All of it is on disk."""
        self.rows.clear()
        self.restated.clear()
        self._any.clear()
        self._urgent.clear()
        self._dropped = None

    async def polled(self) -> None:
        """Returns once a row waits."""
        await self._any.wait()

    async def hurried(self) -> None:
        """Returns once a row waits that should be on disk at once."""
        await self._urgent.wait()
