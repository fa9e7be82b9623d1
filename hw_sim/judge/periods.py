"""Knows how hours and days at the platform are held against what arrived of readings; knows no gateway code.

What arrived of readings is held against the sensors' own ledger by judge.py; from there on an hour is reckoned once
more, in fractions and from readings only, and must be the same to the last digit. Only plain means are judged.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from hw_sim.platforms.platform import Delivered, Derived, Platform
from protocols import quality, worth

_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000


class Periods(NamedTuple):
    """Counts of channels' hours and days: those that were held against readings, and those that are not as they must
    be. `wrong`: (source, channel, Unix ms), the first few."""

    judged: int
    missing: int
    false: int
    wrong: tuple[tuple[str, str, int], ...]

    @property
    def sound(self) -> bool:
        return not (self.missing or self.false)


def judge_periods(platform: Platform, until_ms: int, zone_ms: int, not_means: frozenset[str] = frozenset()) -> Periods:
    """Of all periods that ended before `until_ms`; `not_means` are channels of another form."""
    judged = missing = false = 0
    wrong: list[tuple[str, str, int]] = []
    hours, days = platform.derived["hour"], platform.derived["day"]
    for channel in list(platform.delivered):
        if channel in not_means:
            continue
        truth = dict(_hours(platform.judged(channel), zone_ms))
        expected: list[tuple[str, int, Mapping[tuple[str, int], Derived], Sequence[int], Fraction]] = [
            ("hour", start_ms, hours, values, Fraction(sum(values), len(values)))
            for start_ms, values in truth.items() if start_ms + _HOUR_MS <= until_ms
        ]  # fmt: skip
        expected += [("day", *day) for day in _days(channel, hours, days, zone_ms, until_ms)]
        for source, start_ms, said, values, mean in expected:
            judged += 1
            if (channel, start_ms) not in said:
                missing += 1
                wrong.append((source, channel, start_ms))
            elif not _is_right(channel, start_ms, said, values, mean):
                false += 1
                wrong.append((source, channel, start_ms))
        spare = [(source, start_ms) for source, said in (("hour", hours),) for name, start_ms in said
                 if name == channel and start_ms not in truth and said[name, start_ms].value is not None]  # fmt: skip
        false += len(spare)
        wrong += [(source, channel, start_ms) for source, start_ms in spare]
    return Periods(judged, missing, false, tuple(wrong[:10]))


def _hours(arrived: Sequence[Delivered], zone_ms: int) -> Iterator[tuple[int, list[int]]]:
    """The usable readings of each hour: suspect ones are. One that came twice is one (Platform drops it)."""
    found: dict[int, list[int]] = defaultdict(list)
    for reading in arrived:
        if not reading.quality & (quality.CLOCK | worth.AWAITED) and worth.is_usable(reading.quality):
            found[(reading.unix_ms + zone_ms) // _HOUR_MS * _HOUR_MS - zone_ms].append(reading.value)
    yield from found.items()


def _days(
    channel: str,
    hours: Mapping[tuple[str, int], Derived],
    days: Mapping[tuple[str, int], Derived],
    zone_ms: int,
    until_ms: int,
) -> Iterator[tuple[int, Mapping[tuple[str, int], Derived], list[int], Fraction]]:
    """A day is the mean of its valid hours, each counting once."""
    found: dict[int, list[int]] = defaultdict(list)
    for (name, start_ms), hour in hours.items():
        if name == channel and hour.value is not None and not hour.quality & quality.FEW:
            found[(start_ms + zone_ms) // _DAY_MS * _DAY_MS - zone_ms].append(hour.value)
    for start_ms, means in found.items():
        if start_ms + _DAY_MS <= until_ms:
            yield start_ms, days, means, Fraction(sum(means), len(means))


def _is_right(
    channel: str,
    start_ms: int,
    said: Mapping[tuple[str, int], Derived],
    values: Sequence[int],
    mean: Fraction,
) -> bool:
    """Mean, count, least and greatest."""
    cell = said[channel, start_ms]
    ends = [said[f"{channel}:{name}", start_ms] for name in ("min", "max")]
    scale = 10 ** (cell.decimals - ends[0].decimals)
    found = (cell.value, said[f"{channel}:count", start_ms].value, ends[0].value, ends[1].value)
    return found == (round(mean * scale), len(values), min(values), max(values))
