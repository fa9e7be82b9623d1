"""Knows how a drifting probe's hours become a channel of their own, `<channel>:corrected`; changes no other row.

Hours, because what is known of a drift is known months later: a deployment's hours are gone through once its end stands
in the site file, some days at a time, and again where a late reading changes one.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gateway.process.periods import DAY_MS, HOUR, HOUR_MS
from gateway.process.quality.drift import SUFFIX, Deployment, corrected
from gateway.process.stage import Past, Row, Series

CORRECTED = "corrected"
_DAYS = 10  # at a time: 240 look-ups, some milliseconds; ours


class Corrections:
    """A Stage. `deployments`: by channel; `series`: all that there are."""

    def __init__(self, past: Past, deployments: Mapping[str, Sequence[Deployment]], series: Iterable[Series]) -> None:
        self._past = past
        self._deployments = deployments
        self._left = [
            (hours, place, one, one.from_ms - one.from_ms % HOUR_MS)
            for hours in series
            if hours.source == HOUR
            for place, (name, _, _) in enumerate(hours.channels)
            for one in deployments.get(name, ())
        ]
        self.since_seq = math.inf  # it needs no collected row

    @property
    def due_ms(self) -> float:
        return -math.inf if self._left else math.inf

    def step(self, row: Row) -> Iterator[Row]:
        if row.series.source == HOUR and row.seq == 0:  # what is shown at a start is gone through by tick()
            for place, (name, _, _) in enumerate(row.series.channels):
                for one in self._deployments.get(name, ()):
                    yield from self._made(row, place, one)

    def tick(self, unix_ms: int) -> Iterator[Row]:
        if not self._left:
            return
        hours, place, one, from_ms = self._left.pop()
        to_ms = from_ms + _DAYS * DAY_MS
        for row in self._past.between(hours, from_ms, min(to_ms, one.to_ms)):
            yield from self._made(row, place, one)
        if to_ms < one.to_ms:
            self._left.append((hours, place, one, to_ms))

    def _made(self, row: Row, place: int, one: Deployment) -> Iterator[Row]:
        name, unit, decimals = row.series.channels[place]
        value, flags = row.cells[place]
        middle_ms = row.unix_ms + HOUR_MS // 2
        found = None if value is None else corrected(middle_ms, value / 10**decimals, one)
        if found is None:
            return
        made = Row(
            Series(CORRECTED, ((name + SUFFIX, unit, decimals),)), row.unix_ms, ((round(found * 10**decimals), flags),)
        )
        known = self._past.at(made.series, row.unix_ms)
        if known is None or known.cells != made.cells:
            yield made
