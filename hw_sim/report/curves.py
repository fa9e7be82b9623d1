"""Knows how long curves and many marks are packed small for a page; knows neither the page nor what they mean.

A stream is unsigned LEB128 numbers in base64; `decode.js` reads it. Numbers are fixed-point, so nothing is rounded that
a sensor did not round itself.
"""

import base64
import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from statistics import median_low
from typing import NamedTuple

Point = tuple[int, float]  # (Unix ms, value)
Packed = list[int | str]  # as it stands in the page's JSON

_MOST_DECIMALS = 6


class Mark(NamedTuple):
    """`readings` of one kind from `first_ms` to `last_ms`, between `low` and `high` (None: they had no value)."""

    first_ms: int
    last_ms: int
    readings: int
    flags: int
    low: float | None
    high: float | None


def decimals_of(values: Iterable[float]) -> int:
    """How many decimals write every one of `values` exactly; 6 at most."""
    rest = {value for value in values if math.isfinite(value)}
    for decimals in range(_MOST_DECIMALS):
        rest = {value for value in rest if round(value, decimals) != value}
        if not rest:
            return decimals
    return _MOST_DECIMALS


def decimals_for(values: Sequence[float]) -> int:
    """Decimals that show a curve no sensor rounded: 1/500 of its span, and no more than its values have."""
    finite = [value for value in values if math.isfinite(value)]
    span = max(finite) - min(finite) if finite else 0.0
    enough = max(0, math.ceil(math.log10(500 / span))) if span > 0 else _MOST_DECIMALS
    return min(enough, decimals_of(finite))


def stored_points(count: int, span_ms: int, bucket_ms: int) -> int:
    """How many numbers, more or less, pack_curve() writes for `count` points."""
    buckets = span_ms // bucket_ms + 1
    return 2 * count if count <= 2 * buckets else 4 * buckets


def pack_curve(points: Sequence[Point], bucket_ms: int, tick_ms: int, span_ms: int, decimals: int) -> Packed:
    """[points, ms of a step, first step, whether a point is a bucket, decimals, ms between points, stream].

    A curve with few points for its span keeps every one, in steps of `tick_ms`. Any other has for each bucket that is
    not empty its mean, and how far below and above it the values went.
    """
    ordered = sorted(point for point in points if math.isfinite(point[1]))
    times = [unix_ms for unix_ms, _ in ordered]
    values = [value for _, value in ordered]
    scale = 10.0**decimals
    if len(ordered) <= 2 * (span_ms // bucket_ms + 1):
        steps = [unix_ms // tick_ms for unix_ms in times]
        means = [round(value * scale) for value in values]
        rows = [
            [step, _zigzag(mean)] for step, mean in zip(_deltas(steps, steps[:1]), _deltas(means, [0]), strict=True)
        ]
        return _packed(rows, steps, tick_ms, False, decimals)
    steps, triples = [], []
    start = 0
    while start < len(times):
        step = times[start] // bucket_ms
        end = bisect_left(times, (step + 1) * bucket_ms, start)
        part = values[start:end]
        steps.append(step)
        mean = math.fsum(part) / len(part)  # fsum: the same on every version of Python
        triples.append((round(mean * scale), round(min(part) * scale), round(max(part) * scale)))
        start = end
    deltas = _deltas([mean for mean, _, _ in triples], [0])
    rows = [
        [step, _zigzag(delta), mean - low, high - mean]
        for step, delta, (mean, low, high) in zip(_deltas(steps, steps), deltas, triples, strict=True)
    ]
    return _packed(rows, steps, bucket_ms, True, decimals)


def _packed(rows: list[list[int]], steps: list[int], step_ms: int, buckets: bool, decimals: int) -> Packed:
    between = median_low(_deltas(steps[1:], steps)) * step_ms if len(steps) > 1 else 0
    first = steps[0] if steps else 0
    return [len(steps), step_ms, first, int(buckets), decimals, between, _stream(rows)]


def group_marks(readings: Sequence[tuple[int, float | None, int]], bucket_ms: int, most: int) -> list[Mark]:
    """A mark for each of (Unix ms, value, flags); more than `most` become one for each bucket and set of flags."""
    groups: dict[tuple[int, int, bool], list[tuple[int, float | None]]] = {}
    for index, (unix_ms, value, flags) in enumerate(readings):
        finite = None if value is None or not math.isfinite(value) else value
        place = index if len(readings) <= most else unix_ms // bucket_ms
        groups.setdefault((place, flags, finite is None), []).append((unix_ms, finite))
    marks = []
    for (_, flags, _), members in groups.items():
        times = [unix_ms for unix_ms, _ in members]
        values = [value for _, value in members if value is not None]
        low, high = (min(values), max(values)) if values else (None, None)
        marks.append(Mark(min(times), max(times), len(members), flags, low, high))
    return sorted(marks, key=lambda mark: (mark.first_ms, mark.flags, mark.low is None))


def pack_marks(marks: Sequence[Mark], decimals: int) -> Packed:
    """[marks, first time in ms, decimals, stream]: each is ms on, how long, how many, flags and value or none, lowest,
    how far above."""
    scale = 10.0**decimals
    starts = [mark.first_ms for mark in marks]
    rows = []
    previous = 0
    for since, mark in zip(_deltas(starts, starts), marks, strict=True):
        row = [since, mark.last_ms - mark.first_ms, mark.readings, mark.flags * 2 + int(mark.low is not None)]
        if mark.low is not None and mark.high is not None:
            low, high = round(mark.low * scale), round(mark.high * scale)
            row += [_zigzag(low - previous), high - low]
            previous = low
        rows.append(row)
    return [len(marks), starts[0] if marks else 0, decimals, _stream(rows)]


def _deltas(numbers: list[int], origin: list[int]) -> list[int]:
    """Each number less the one before it, the first one less the first of `origin`."""
    return [number - before for before, number in zip([*origin[:1], *numbers], numbers, strict=False)]


def _zigzag(number: int) -> int:
    return 2 * number if number >= 0 else -2 * number - 1


def _leb128(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


_SHORT = [_leb128(number) for number in range(1 << 14)]


def _stream(rows: list[list[int]]) -> str:
    short = len(_SHORT)
    data = b"".join(_SHORT[number] if number < short else _leb128(number) for row in rows for number in row)
    return base64.b64encode(data).decode("ascii")
