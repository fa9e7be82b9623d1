"""Knows how what arrived is held against what the sensors answered; knows no simulation and no transport.

Words: *measured* readings are in the ledger and belong to a finished poll or wake (what was asked again within moments,
or is on record as not answered, is none). *lost* ones are not at the platform
although a journal held them or the gateway had committed them. *cut_at_kill* were polled but not committed when the
gateway was killed.
"""

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gateway.config import Channel, Site
from hw_sim.ledger import Ledger, Reading
from hw_sim.platform import Delivered, Platform
from hw_sim.witness import Witness
from protocols import quality


class Verdict(NamedTuple):
    """Counts of readings. Sound: lost, duplicates and everything wrong are 0."""

    measured: int
    stored: int
    delivered: int
    lost: int
    duplicates: int
    cut_at_kill: int
    wrong_values: int
    wrong_times: int
    wrong_quality: int
    distinct_values: int

    @property
    def sound(self) -> bool:
        return not (self.lost or self.duplicates or self.wrong_values or self.wrong_times or self.wrong_quality)


Arrival = tuple[int, int] | tuple[int, int, int]  # Unix ms, value, and where it matters quality


class Found(NamedTuple):
    """How one channel's arrivals fit its ledger."""

    matched: int
    wrong_values: int
    wrong_times: int
    missing: list[Reading]


_SEARCH_MS = 3_600_000  # the same value so far away is called a wrong time, farther a wrong value


def match(ledger: Sequence[Reading], arrived: Sequence[Arrival], tolerance_ms: int) -> Found:
    """Pairs arrivals with ledger readings, each used once, equal in value and near in time; where an arrival says that
    its time is a guess, equal in value."""
    rows = sorted((row[0], row[1]) for row in arrived if not _is_guess(row))
    guesses = [row[1] for row in arrived if _is_guess(row)]
    pairing = _Pairing(ledger)
    strays = pairing.pair(pairing.pair(rows, tolerance_ms // 4), tolerance_ms)  # those that are surely its own first
    if strays:
        in_order = _Pairing(ledger)  # where times are far off, this pairs the most
        others = in_order.pair(rows, tolerance_ms, first=True)
        if len(others) < len(strays):
            pairing, strays = in_order, others
    unknown = pairing.pair_values(guesses)
    wrong_values = pairing.pair(strays, _SEARCH_MS)
    pairing.pair(wrong_values, _SEARCH_MS, any_value=True)  # they have arrived, if wrongly: they are not lost as well
    matched = len(arrived) - len(strays) - unknown
    return Found(matched, len(wrong_values) + unknown, len(strays) - len(wrong_values), pairing.unused())


def _is_guess(row: Arrival) -> bool:
    return len(row) > 2 and bool(row[2] & quality.CLOCK)


class _Pairing:
    """Ledger readings of one channel, and which of them an arrival has taken."""

    def __init__(self, ledger: Sequence[Reading]) -> None:
        self._readings = sorted(ledger)
        self._times = [reading.unix_ms for reading in self._readings]
        self._free = [True] * len(self._readings)

    def pair(
        self, rows: Sequence[tuple[int, int]], span_ms: int, any_value: bool = False, first: bool = False
    ) -> list[tuple[int, int]]:
        """Takes the nearest (or `first`) free reading within `span_ms` for each row; the rows that found none."""
        left = []
        for unix_ms, value in rows:
            near = range(bisect_left(self._times, unix_ms - span_ms), bisect_right(self._times, unix_ms + span_ms))
            fitting = [i for i in near if self._free[i] and (any_value or self._readings[i].value == value)]
            if fitting:
                self._free[fitting[0] if first else self._nearest(fitting, unix_ms)] = False
            else:
                left.append((unix_ms, value))
        return left

    def pair_values(self, values: Iterable[int]) -> int:
        """Takes a free reading for each value, whenever it was; how many found none."""
        at: dict[int, list[int]] = defaultdict(list)
        for index in reversed([index for index, free in enumerate(self._free) if free]):
            at[self._readings[index].value].append(index)
        left = 0
        for value in values:
            if at[value]:
                self._free[at[value].pop()] = False
            else:
                left += 1
        return left

    def _nearest(self, indices: list[int], unix_ms: int) -> int:
        return min(indices, key=lambda i: abs(self._times[i] - unix_ms))

    def unused(self) -> list[Reading]:
        return [reading for reading, free in zip(self._readings, self._free, strict=True) if free]


_RETRY_MS = 800  # a question asked again comes within this time; periods are longer


def finished(
    truth: Sequence[Reading], missing: Sequence[Reading], failed: Sequence[int], slack_ms: int
) -> list[Reading]:
    """Those of `missing` that belong to a finished poll or wake: not asked again at once, and not on record as failed
    (`failed`: Unix ms, each of which stands for one question)."""
    times = sorted(reading.unix_ms for reading in truth)
    failures = sorted(failed)
    rest = []
    for reading in missing:
        later = bisect_right(times, reading.unix_ms)
        if later < len(times) and times[later] - reading.unix_ms < _RETRY_MS:
            continue
        failure = next((ms for ms in failures if abs(ms - reading.unix_ms) <= slack_ms), None)
        if failure is None:
            rest.append(reading)
        else:
            failures.remove(failure)
    return rest


def judge(
    ledger: Ledger,
    delivered: Mapping[str, Sequence[Arrival]],
    stored: Mapping[str, Sequence[Arrival]],
    polled: frozenset[str],
    *,
    until_ms: int,
    kills_ms: Sequence[int] = (),
    commit_delay_ms: int,
    duplicates: int,
    tolerance_ms: Mapping[bool, int],
    failed: Mapping[str, Sequence[int]],
    wrong_quality: int = 0,
) -> Verdict:
    """The verdict over everything measured up to `until_ms`.

    `delivered` and `stored` map a channel to (Unix ms, value), `failed` to the times of questions on record without an
    answer; `polled` names the gateway's own channels; `tolerance_ms` says how far a time may be off, for polled (True)
    and nodes' channels (False). Readings that a kill cut are those of polled channels not stored within one commit
    delay before it.
    """
    measured = kept = came = cut = lost = wrong_values = wrong_times = 0
    for channel in {*ledger.readings, *delivered}:
        truth = ledger.readings.get(channel, [])
        slack_ms = tolerance_ms[channel in polled]
        failures = failed.get(channel, ())
        found = match(truth, delivered.get(channel, ()), slack_ms)
        unstored = finished(truth, match(truth, stored.get(channel, ()), slack_ms).missing, failures, slack_ms)
        missing = finished(truth, found.missing, failures, slack_ms)
        excused = {
            reading
            for reading in (unstored if channel in polled else ())
            if any(kill_ms - commit_delay_ms - slack_ms <= reading.unix_ms <= kill_ms for kill_ms in kills_ms)
        }
        due = sum(reading.unix_ms <= until_ms for reading in truth)
        due -= _count(found.missing, until_ms) - _count(missing, until_ms)  # of no finished poll or wake
        measured += due
        kept += due - _count(unstored, until_ms)
        came += due - _count(missing, until_ms)
        cut += _count(excused, until_ms)
        lost += _count(set(missing) - excused, until_ms)
        wrong_values += found.wrong_values
        wrong_times += found.wrong_times
    return Verdict(
        measured=measured,
        stored=kept,
        delivered=came,
        lost=lost,
        duplicates=duplicates,
        cut_at_kill=cut,
        wrong_values=wrong_values,
        wrong_times=wrong_times,
        wrong_quality=wrong_quality,
        distinct_values=len({(channel, value) for channel, rows in delivered.items() for _, value, *_ in rows}),
    )


def _count(readings: Iterable[Reading], until_ms: int) -> int:
    return sum(reading.unix_ms <= until_ms for reading in readings)


TOLERANCE_MS = {True: 1000, False: 1500}  # in virtual time: a poll on a slow line takes a while; a wake, whole seconds


def judge_station(
    site: Site,
    ledger: Ledger,
    platform: Platform,
    witness: Witness,
    until_ms: int,
    kills_ms: Sequence[int],
    tolerance_ms: Mapping[bool, int] = TOLERANCE_MS,
) -> Verdict:
    """judge() for all channels of a site."""
    return judge(
        ledger,
        {channel: _rows(platform, channel) for channel in platform.delivered},
        witness.stored,
        frozenset(channel.name for channel in site.channels if channel.node is None),
        until_ms=until_ms,
        kills_ms=kills_ms,
        commit_delay_ms=round(site.store.commit_delay_s * 1000),
        duplicates=platform.duplicates,
        tolerance_ms=tolerance_ms,
        failed=witness.failed,
        wrong_quality=sum(
            wrong_quality(channel, platform.delivered.get(channel.name, ())) for channel in site.channels
        ),
    )


def found_by_channel(site: Site, ledger: Ledger, platform: Platform) -> dict[str, Found]:
    """What match() says of each channel, in virtual time."""
    return {
        channel.name: match(
            ledger.readings.get(channel.name, ()), _rows(platform, channel.name), TOLERANCE_MS[channel.node is None]
        )
        for channel in site.channels
    }


def wrong_quality(channel: Channel, delivered: Iterable[Delivered]) -> int:
    """Values outside the measuring range that do not say so, and the other way round."""
    unit = 10**channel.decimals
    low = -math.inf if channel.low is None else round(channel.low * unit)
    high = math.inf if channel.high is None else round(channel.high * unit)
    return sum((low <= row.value <= high) == bool(row.quality & quality.RANGE) for row in delivered)


def _rows(platform: Platform, channel: str) -> Sequence[Arrival]:
    return platform.delivered.get(channel, ())
