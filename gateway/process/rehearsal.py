"""Knows how tests and stages run over rows that lie in memory, as the gateway runs them over a store; knows no file.

The order is that of gateway/derive.py. Time is the readings' own: it is looked at stages after each row and each ten
minutes where none comes.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Sequence

from gateway.process.quality.judge import Judge
from gateway.process.stage import Past, Row, Series, Stage

_LOOK_MS = 600_000  # an alarm counts no longer time than this between two looks; ours
_MOST_LOOKS = 1000  # over a longer silence, a week, nothing more happens


class Held:
    """The Past of what has been made: of one series and time the newest."""

    def __init__(self) -> None:
        self._times: dict[Series, list[int]] = {}
        self._rows: dict[tuple[Series, int], Row] = {}

    def add(self, row: Row) -> None:
        if (row.series, row.unix_ms) not in self._rows:
            insort(self._times.setdefault(row.series, []), row.unix_ms)
        self._rows[row.series, row.unix_ms] = row

    def at(self, series: Series, unix_ms: int) -> Row | None:
        return self._rows.get((series, unix_ms))

    def before(self, series: Series, unix_ms: int) -> Row | None:
        times = self._times.get(series, [])
        place = bisect_left(times, unix_ms)
        return self._rows[series, times[place - 1]] if place else None

    def after(self, series: Series, unix_ms: int) -> Row | None:
        times = self._times.get(series, [])
        place = bisect_right(times, unix_ms)
        return self._rows[series, times[place]] if place < len(times) else None

    def between(self, series: Series, from_ms: int, to_ms: int) -> list[Row]:
        times = self._times.get(series, [])
        return [self._rows[series, at] for at in times[bisect_left(times, from_ms) : bisect_left(times, to_ms)]]


class Rehearsal:
    """`stages` makes them, as gateway/pipeline.py does; None: there are none."""

    def __init__(self, judge: Judge, stages: Callable[[Past, Iterable[Series]], Sequence[Stage]] | None) -> None:
        self._judge = judge
        self._past = Held()
        self._stages = () if stages is None else stages(self._past, ())
        self._seq = 0
        self._now_ms: int | None = None

    def play(self, rows: Iterable[Row]) -> Iterator[Row]:
        """What would be written of these raw rows: each with its flags, and all that is made of them."""
        for row in rows:
            yield from self._wait(row.unix_ms)
            cells, restated = self._judge.judge(row.series, row.unix_ms, row.cells)
            for one in (row._replace(cells=cells), *restated):
                yield from self._taken(one, 0)
            yield from self._looked()

    def end(self, after_ms: int) -> Iterator[Row]:
        """What follows from the time after the last row alone."""
        if self._now_ms is not None:
            yield from self._wait(self._now_ms + after_ms)
            yield from self._looked()

    def _wait(self, unix_ms: int) -> Iterator[Row]:
        if self._now_ms is None:
            self._now_ms = unix_ms
        for _ in range(_MOST_LOOKS):
            if self._now_ms + _LOOK_MS >= unix_ms:
                break
            self._now_ms += _LOOK_MS
            yield from self._looked()
        self._now_ms = max(self._now_ms, unix_ms)

    def _looked(self) -> Iterator[Row]:
        assert self._now_ms is not None
        for place, stage in enumerate(self._stages):
            if stage.due_ms <= self._now_ms:
                for row in stage.tick(self._now_ms):
                    yield from self._taken(row, place + 1)

    def _taken(self, row: Row, place: int) -> Iterator[Row]:
        """One that is written now, and what the stages from that place on make of it."""
        self._seq += 1
        row = row._replace(seq=self._seq)
        if not row.series.is_collected:
            self._past.add(row)
        yield row
        for later in range(place, len(self._stages)):
            for made in self._stages[later].step(row._replace(seq=0) if place else row):
                yield from self._taken(made, later + 1)
