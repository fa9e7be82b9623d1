"""Knows how the trend of a channel is a row a day, made of its days or months; keeps no value, knows no reading.

Each is reckoned anew from what is in the past, so nothing is remembered but which channels have changed. Columns after
the channel's name: `:slope` (Sen, a year), `:slope_low`, `:slope_high`, `:p` (Mann-Kendall), `:direction` (-1, 0, 1 at
5 %), `:size` (values there were), `:cusum` and `:ewma` (-1, 0, 1: shifted against the first part), and with a limit
`:crossing`, `:earliest`, `:latest` (Unix s of when it is met). Null with FEW: not enough data.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from gateway.process.periods import DAY, DAY_MS, MONTH, Calendar
from gateway.process.stage import Cell, Past, Row, Series
from gateway.process.trend.charts import Cusum, Ewma
from gateway.process.trend.crossing import crossing
from gateway.process.trend.mann_kendall import seasonal
from protocols import quality

TREND = "trend"
_YEAR_DAYS = 365.25
_FEWEST = 10  # ours, Mann-Kendall's normal form is meant for ten and more (Gilbert 16.4.2)
_REFERENCE = 3  # a third of the values says what is usual: its mean and its scatter; ours
_FARTHEST_S = 100 * 366 * 86_400  # what is later than a century is not foretold; ours
_P_DECIMALS = 4
_FEW: Cell = (None, quality.FEW)


class Wanted(NamedTuple):
    """`by`: "day", over the last `days`; "month": each month against the same one of other years."""

    channel: str
    by: str = DAY
    days: int = 365
    limit: float | None = None


class Trends:
    """The Stage. One channel a tick, because a year of days are 66,000 pairs."""

    def __init__(self, past: Past, wanted: Iterable[Wanted], calendar: Calendar) -> None:
        self._past = past
        self._wanted: dict[tuple[str, str], Wanted] = {(one.by, one.channel): one for one in wanted}
        self._calendar = calendar
        self._changed: dict[tuple[str, str], tuple[Series, int]] = {}
        self.since_seq = math.inf  # it needs no collected row

    @property
    def due_ms(self) -> float:
        return -math.inf if self._changed else math.inf

    def step(self, row: Row) -> tuple[Row, ...]:
        if row.series.source in (DAY, MONTH):
            for place, (name, _, _) in enumerate(row.series.channels):
                if (row.series.source, name) in self._wanted:
                    self._changed[row.series.source, name] = row.series, place
        return ()

    def tick(self, unix_ms: int) -> Iterator[Row]:
        if not self._changed:
            return
        key = next(iter(self._changed))
        series, place = self._changed.pop(key)
        wanted = self._wanted[key]
        days = wanted.days if wanted.by == DAY else 20 * 366  # Gilbert 17.1: seasons of many years
        rows = self._past.between(series, unix_ms - days * DAY_MS, unix_ms + 1)
        if rows:
            name, unit, decimals = series.channels[place]
            values = _spaced(self._calendar, wanted.by, rows, place, decimals)
            made = Row(
                Series(TREND, channels(name, unit, decimals)), rows[-1].unix_ms, cells(wanted, values, rows, decimals)
            )
            known = self._past.at(made.series, made.unix_ms)
            if known is None or known.cells != made.cells:
                yield made


def channels(name: str, unit: str, decimals: int) -> tuple[tuple[str, str, int], ...]:
    slope = f"{unit}/a" if unit else "1/a"
    return (
        *((f"{name}:{part}", slope, decimals) for part in ("slope", "slope_low", "slope_high")),
        (f"{name}:p", "1", _P_DECIMALS),
        *((f"{name}:{part}", "1", 0) for part in ("direction", "size", "cusum", "ewma")),
        *((f"{name}:{part}", "s", 0) for part in ("crossing", "earliest", "latest")),
    )


def _spaced(
    calendar: Calendar, by: str, rows: Sequence[Row], place: int, decimals: int
) -> list[tuple[int, float | None]]:
    """(start, value) of every day or month from the first to the last, None where one lacks or has not enough."""
    held: dict[int, float] = {}
    for row in rows:
        value, flags = row.cells[place]
        if value is not None and not flags & quality.FEW:
            held[row.unix_ms] = value / 10**decimals
    found: list[tuple[int, float | None]] = []
    at_ms = rows[0].unix_ms
    while at_ms <= rows[-1].unix_ms:
        found.append((at_ms, held.get(at_ms)))
        at_ms = calendar.end(by, at_ms)
    return found


def cells(
    wanted: Wanted, values: Sequence[tuple[int, float | None]], rows: Sequence[Row], decimals: int
) -> tuple[Cell, ...]:
    known = [value for _, value in values if value is not None]
    season, a_year = (12, 1.0) if wanted.by == MONTH else (1, _YEAR_DAYS)
    found = seasonal([value for _, value in values], season) if len(known) >= _FEWEST else None
    if found is None:
        return (*[_FEW] * 5, (len(known), 0), *[_FEW] * 5)
    slopes = [_cell(slope * a_year, decimals) for slope in (found.slope, found.low, found.high)]
    tests: list[Cell] = [_cell(found.p, _P_DECIMALS), (found.direction(), 0), (len(known), 0)]
    return (*slopes, *tests, *_shifted(known), *_met(wanted.limit, values))


def _cell(value: float, decimals: int) -> Cell:
    return (round(value * 10**decimals), 0) if math.isfinite(value) else _FEW


def _shifted(known: Sequence[float]) -> tuple[Cell, Cell]:
    """Whether the last value's chart is beyond its limits, where the first third is what is usual."""
    usual, rest = known[: len(known) // _REFERENCE], known[len(known) // _REFERENCE :]
    sigma = stdev(usual) if len(usual) >= _FEWEST else 0.0
    if sigma <= 0:
        return _FEW, _FEW
    cusum, ewma = Cusum(fmean(usual), sigma), Ewma(fmean(usual), sigma)
    told = [(cusum.step(value), ewma.step(value)) for value in rest]
    return (told[-1][0], 0), (told[-1][1], 0)


def _met(limit: float | None, values: Sequence[tuple[int, float | None]]) -> tuple[Cell, Cell, Cell]:
    """When the limit is met, and between which times; null without a flag: not within a century, or none is asked."""
    found = None if limit is None else crossing(values, limit)
    if found is None:
        return (None, 0), (None, 0), (None, 0)
    last_s = values[-1][0] // 1000

    def second(unix_ms: float | None) -> Cell:
        is_near = unix_ms is not None and math.isfinite(unix_ms) and unix_ms / 1000 - last_s <= _FARTHEST_S
        return (round(unix_ms / 1000) if is_near and unix_ms is not None else None, 0)

    return second(found.unix_ms), second(found.earliest_ms), second(found.latest_ms)
