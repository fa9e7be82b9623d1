"""Knows what is true at a place over time: recordings replayed; knows no sensor that looks at it."""

import csv
from collections.abc import Callable
from functools import cache
from pathlib import Path

RECORDINGS = Path(__file__).parent / "recordings"

Signal = Callable[[float], float]  # seconds since the world began -> the true value, in the unit its user expects


def names() -> list[str]:
    """The recordings that there are."""
    return sorted(path.stem for path in RECORDINGS.glob("*.csv"))


@cache
def columns(recording: str) -> tuple[str, ...]:
    """The columns of a recording by name, numbers or not."""
    with (RECORDINGS / f"{recording}.csv").open(encoding="utf-8", newline="") as file:
        return tuple(next(csv.reader(file)))


@cache
def column(recording: str, name: str) -> tuple[float | None, ...]:
    """One column of a recording; an empty cell and the recording's sentinels are None. KeyError: no such column.
    ValueError: not a column of numbers."""
    with (RECORDINGS / f"{recording}.csv").open(encoding="utf-8", newline="") as file:
        values = tuple(_number(row[name]) for row in csv.DictReader(file))
    if not any(value is not None for value in values):
        raise ValueError(f"{recording}: column {name} is empty")
    return values


_SENTINELS = (-9999.0, 7999.0)  # recordings/SOURCES.md: written by the logger, never by a sensor


def _number(cell: str) -> float | None:
    value = float(cell) if cell else None
    return None if value in _SENTINELS else value


def replay(
    recording: str, name: str, seconds_per_row: float, first_row: int = 0, scale: float = 1.0, offset: float = 0.0
) -> Signal:
    """A recorded column as truth, `scale` * value + `offset`, a row for each `seconds_per_row`, round and round.

    Where the recording has a hole the value before it stays true: a real probe always sees something.
    """
    held: list[float] = []
    values = column(recording, name)
    last = next(value for value in values if value is not None)
    for value in values[first_row:] + values[:first_row]:
        last = last if value is None else value
        held.append(last)

    def signal(time_s: float) -> float:
        return scale * held[int(time_s / seconds_per_row) % len(held)] + offset

    return signal


def constant(value: float) -> Signal:
    return lambda _time_s: value


def scaled(signal: Signal, scale: float, offset: float) -> Signal:
    """scale * signal + offset."""
    if scale == 1.0 and offset == 0.0:
        return signal
    return lambda time_s: scale * signal(time_s) + offset


def added(signal: Signal, other: Signal) -> Signal:
    """The sum of both."""
    return lambda time_s: signal(time_s) + other(time_s)
