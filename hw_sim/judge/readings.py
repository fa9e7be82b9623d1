"""Knows how what arrived is held against what the sensors answered; knows no simulation and no transport.

Words: *measured* readings are in the ledger and belong to a finished poll or wake (what was asked again within moments,
what another device answered at the same instant, or what is on record as not answered, is none). *lost* ones are not at
the platform although a journal held them or the gateway had committed them. *cut_at_kill* were polled but not committed
when the gateway was killed; *cut_in_wake* were read in a wake that a node's power did not outlast.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from gateway.site.config import Channel, Site
from hw_sim.judge.pairing import Arrival, Found, Known, Matching
from hw_sim.judge.witness import Witness
from hw_sim.ledger import Cut, Ledger, Reading
from hw_sim.platforms.platform import Platform
from protocols import quality


class Verdict(NamedTuple):
    """Counts of readings. Sound: lost, duplicates and everything wrong are 0."""

    measured: int
    stored: int
    delivered: int
    lost: int
    duplicates: int
    cut_at_kill: int
    cut_in_wake: int
    wrong_values: int
    wrong_times: int
    wrong_quality: int
    distinct_values: int

    @property
    def sound(self) -> bool:
        return not (self.lost or self.duplicates or self.wrong_values or self.wrong_times or self.wrong_quality)

    @property
    def complete(self) -> bool:
        """Nothing is under way any more."""
        return self.delivered + self.cut_at_kill + self.cut_in_wake >= self.measured


Range = tuple[float, float]
_BOUNDLESS = (-math.inf, math.inf)


class Watched:
    """What judging a run again and again makes known of one channel, whose lists only grow: `lost` readings, and
    arrivals that are `wrong` (Unix ms, value), as they were when it was judged last."""

    def __init__(self, tolerance_ms: int) -> None:
        self.values: set[int] = set()
        self.wrong_quality = 0
        self.lost: list[Reading] = []
        self.wrong: list[Known] = []
        self._delivered = Matching(tolerance_ms)
        self._stored = Matching(tolerance_ms)
        self._seen = 0
        self._alike = 0  # so many first rows are on disk as they arrived

    def look(
        self, truth: Sequence[Reading], arrived: Sequence[Arrival], on_disk: Sequence[Arrival], within: Range
    ) -> tuple[Found, Found]:
        """How what arrived, and what is on disk, fits the truth."""
        new = arrived[self._seen :]
        self._seen = len(arrived)
        self.values.update([row[1] for row in new])
        self.wrong_quality += wrong_quality(within, new)
        found = self._delivered.found(truth, arrived)
        if on_disk[self._alike :] == arrived[self._alike :]:
            self._alike = len(arrived)
            return found, found
        return found, self._stored.found(truth, on_disk)


Memory = dict[str, Watched]  # by channel

ASKED_MS = 100  # a question that is on its way when its gateway dies is still answered: so much later it is dead
_RETRY_MS = 800  # a question asked again comes within this time; periods are longer
_LONG_RETRY_MS = (
    5000  # after a probe, by a client in doubt (protocols/modbus_client.py), where periods are longer still
)
_when = itemgetter(0)


def finished(
    truth: Sequence[Reading],
    missing: Sequence[Reading],
    failed: Sequence[int],
    slack_ms: int,
    retry_ms: int = _RETRY_MS,
) -> list[Reading]:
    """Those of `missing` that belong to a finished poll or wake: not asked again at once, not answered by another
    device with the same address, and not on record as failed (`failed`: Unix ms, each of which stands for one
    question)."""
    failures = sorted(failed) if missing else []
    silent: dict[int, int] = {}  # how many answers of an instant are missing
    for reading in missing:
        silent[reading.unix_ms] = silent.get(reading.unix_ms, 0) + 1
    rest = []
    for reading in missing:
        ms = reading.unix_ms
        first, later = bisect_left(truth, ms, key=_when), bisect_right(truth, ms, key=_when)
        if later - first > 1:  # of two answers to one question one at most gets through
            is_taken = silent[ms] < later - first
            silent[ms] -= not is_taken
            if is_taken:
                continue
        if later < len(truth) and truth[later].unix_ms - ms < retry_ms:
            continue
        tries = truth[bisect_right(truth, ms - retry_ms, key=_when) : first]
        if any(one.unix_ms not in silent for one in tries):
            continue  # another try of the same question has arrived: alike, they are not to be told apart
        failure = next((at for at in failures if abs(at - ms) <= slack_ms), None)
        if failure is None:
            rest.append(reading)
        else:
            failures.remove(failure)
    return rest


def cut_off(truth: Sequence[Reading], cuts: Iterable[Cut]) -> set[Reading]:
    """What a node's cuts may have taken: of each, a channel's last reading, if flash has taken no whole record
    since. (A wake reads a channel once.)"""
    found = set()
    for cut in cuts:
        before = bisect_right(truth, cut.unix_ms, key=_when)
        if before and truth[before - 1].unix_ms > cut.kept_ms:
            found.add(truth[before - 1])
    return found


def judge(
    ledger: Ledger,
    delivered: Mapping[str, Sequence[Arrival]],
    stored: Mapping[str, Sequence[Arrival]],
    polled: frozenset[str],
    *,
    until_ms: int,
    kills_ms: Sequence[int] = (),
    cuts: Mapping[str, Sequence[Cut]] | None = None,
    commit_delay_ms: int,
    duplicates: int,
    tolerance_ms: Mapping[bool, int],
    failed: Mapping[str, Sequence[int]],
    ranges: Mapping[str, Range] | None = None,
    retry_ms: Mapping[str, int] | None = None,
    memory: Memory | None = None,
) -> Verdict:
    """The verdict over everything measured up to `until_ms`.

    `delivered` and `stored` map a channel to its arrivals, `failed` to the times of questions on record without an
    answer, `cuts` to those of its node; `polled` names the gateway's own channels; `tolerance_ms` says how far a time
    may be off, for polled (True) and nodes' channels (False); `ranges` are the measuring ranges, fixed-point;
    `retry_ms` says of a channel within what time a question is the same one asked again. Readings that a kill cut are
    those of polled channels not stored within one commit delay before it. `memory`, handed in again, spares work.
    """
    memory = {} if memory is None else memory
    cuts = {} if cuts is None else cuts
    ranges = {} if ranges is None else ranges
    retry_ms = {} if retry_ms is None else retry_ms
    measured = kept = came = at_kill = in_wake = lost = wrong_values = wrong_times = 0
    for channel in {*ledger.readings, *delivered}:
        truth = ledger.readings.get(channel, [])
        slack_ms = tolerance_ms[channel in polled]
        failures = failed.get(channel, ())
        watched = memory.setdefault(channel, Watched(slack_ms))
        found, of_disk = watched.look(
            truth, delivered.get(channel, ()), stored.get(channel, ()), ranges.get(channel, _BOUNDLESS)
        )
        again_ms = retry_ms.get(channel, _RETRY_MS)
        missing = finished(truth, found.missing, failures, slack_ms, again_ms)
        unstored = finished(truth, of_disk.missing, failures, slack_ms, again_ms)
        if channel in polled:
            killed = {
                reading
                for reading in unstored
                if any(kill_ms - commit_delay_ms - slack_ms <= reading.unix_ms <= kill_ms for kill_ms in kills_ms)
            }
            at_kill += _count(killed, until_ms)
        else:
            killed = cut_off(truth, cuts.get(channel, ())).intersection(missing)
            in_wake += _count(killed, until_ms)
        due = bisect_right(truth, until_ms, key=_when)
        due -= _count(found.missing, until_ms) - _count(missing, until_ms)  # of no finished poll or wake
        measured += due
        kept += due - _count(unstored, until_ms)
        came += due - _count(missing, until_ms)
        watched.wrong = found.wrong
        watched.lost = [one for one in missing if one not in killed and one.unix_ms <= until_ms]
        lost += len(watched.lost)
        wrong_values += len(found.wrong)
        wrong_times += found.wrong_times
    return Verdict(
        measured=measured,
        stored=kept,
        delivered=came,
        lost=lost,
        duplicates=duplicates,
        cut_at_kill=at_kill,
        cut_in_wake=in_wake,
        wrong_values=wrong_values,
        wrong_times=wrong_times,
        wrong_quality=sum(watched.wrong_quality for watched in memory.values()),
        distinct_values=sum(len(watched.values) for watched in memory.values()),
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
    cuts: Mapping[int, Sequence[Cut]] | None = None,
    memory: Memory | None = None,
) -> Verdict:
    """judge() for all channels of a site. `cuts` are by node."""
    nodes = {} if cuts is None else cuts
    if memory is not None and (platform.dated or witness.dated):
        memory.clear()  # lists that only grow have changed
        platform.dated = witness.dated = False
    return judge(
        ledger,
        platform.delivered,
        witness.stored,
        frozenset(channel.name for channel in site.channels if channel.node is None),
        until_ms=until_ms,
        kills_ms=kills_ms,
        cuts={channel.name: nodes.get(channel.node, ()) for channel in site.channels if channel.node is not None},
        commit_delay_ms=round(site.store.commit_delay_s * 1000),
        duplicates=platform.duplicates,
        tolerance_ms=tolerance_ms,
        failed=witness.failed,
        ranges={channel.name: _range(channel) for channel in site.channels},
        retry_ms=_retries_ms(site),
        memory=memory,
    )


def _retries_ms(site: Site) -> dict[str, int]:
    """Of each polled channel: well below its period."""
    return {
        f"{sensor.id}.{register.name}": max(min(period_s * _RETRY_MS, _LONG_RETRY_MS), _RETRY_MS)
        for sensor in site.sensors
        for period_s, registers in site.groups(sensor)
        for register in registers
    }


def wrong_quality(within: Range, delivered: Iterable[Arrival]) -> int:
    """Values outside the measuring range that do not say so, and the other way round."""
    low, high = within
    doubtful = [(value, flags) for _, value, flags, _ in delivered if flags or not low <= value <= high]
    return sum((low <= value <= high) == bool(flags & quality.RANGE) for value, flags in doubtful)


def _range(channel: Channel) -> Range:
    unit = 10**channel.decimals
    low = -math.inf if channel.low is None else round(channel.low * unit)
    high = math.inf if channel.high is None else round(channel.high * unit)
    return low, high
