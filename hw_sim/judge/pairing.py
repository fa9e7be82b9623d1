"""Knows how one channel's arrivals are paired with what its sensor answered; knows no verdict.

Nearly all come in order and in time: they are paired in one walk along both lists, and not looked at again. The rest is
paired by search. Arrivals whose time is a guess keep their order, and their place among those with a known time.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from hw_sim.ledger import Reading
from protocols import quality

Arrival = tuple[int, int, int, int]  # Unix ms, fixed-point value, quality, seq: the order in which a source said it
Known = tuple[int, int]  # Unix ms, value


class Found(NamedTuple):
    """How one channel's arrivals fit its ledger. `wrong`: those (Unix ms, value) that no sensor said; `wrong_times`:
    how many were said at another time; `missing`: what was said and has not arrived."""

    matched: int
    wrong: list[Known]
    wrong_times: int
    missing: list[Reading]


_SEARCH_MS = 3_600_000  # the same value so far away is called a wrong time, farther a wrong value


def match(ledger: Sequence[Reading], arrived: Sequence[Arrival], tolerance_ms: int) -> Found:
    """Pairs arrivals with ledger readings (in order of time), each used once, equal in value and near in time; where an
    arrival says that its time is a guess, equal in value and in order."""
    return Matching(tolerance_ms).found(ledger, arrived)


class Matching:
    """The pairing of two lists that only grow: what has fitted stays paired."""

    def __init__(self, tolerance_ms: int) -> None:
        self._tolerance_ms = tolerance_ms
        self._ledger_at = 0
        self._arrived_at = 0
        self._skipped: list[Reading] = []
        self._strays: list[Known] = []
        self._has_guesses = False

    def found(self, ledger: Sequence[Reading], arrived: Sequence[Arrival]) -> Found:
        """How things stand; both begin with what was there the last time."""
        self._walk(ledger, arrived, self._tolerance_ms // 4)
        tolerance_ms, near_ms = self._tolerance_ms, self._tolerance_ms // 4
        pairing = _Pairing([*self._skipped, *ledger[self._ledger_at :]])
        strays = pairing.pair(pairing.pair(sorted(self._strays), near_ms), tolerance_ms)  # surely its own first
        if strays:
            in_order = _Pairing(ledger)  # where times are far off, this pairs the most
            rows = sorted((unix_ms, value) for unix_ms, value, flags, _ in arrived if not flags & quality.CLOCK)
            others = in_order.pair(rows, tolerance_ms, first=True)
            if len(others) < len(strays):
                pairing, strays = in_order, others
        unknown = pairing.pair_guesses(arrived, tolerance_ms) if self._has_guesses else []
        wrong = pairing.pair(strays, _SEARCH_MS)
        pairing.pair(wrong, _SEARCH_MS, any_value=True)  # they have arrived, if wrongly: they are not lost as well
        matched = len(arrived) - len(strays) - len(unknown)
        return Found(matched, wrong + unknown, len(strays) - len(wrong), pairing.unused())

    def _walk(self, ledger: Sequence[Reading], arrived: Sequence[Arrival], near_ms: int) -> None:
        """Takes what is new: each arrival belongs to the one reading near it, or is put aside as a stray."""
        at, last = self._ledger_at, len(ledger)
        skipped, strays = self._skipped, self._strays
        for unix_ms, value, flags, _ in arrived[self._arrived_at :] if self._arrived_at else arrived:
            if flags & quality.CLOCK:
                self._has_guesses = True
                continue
            earliest_ms, latest_ms = unix_ms - near_ms, unix_ms + near_ms
            while at < last and ledger[at][0] < earliest_ms:
                skipped.append(ledger[at])
                at += 1
            if at < last:
                said_ms, said = ledger[at]
                if said == value and said_ms <= latest_ms and (at + 1 == last or ledger[at + 1][0] > latest_ms):
                    at += 1
                    continue
            strays.append((unix_ms, value))
        self._ledger_at, self._arrived_at = at, len(arrived)


class _Pairing:
    """Ledger readings of one channel, and which of them an arrival has taken."""

    def __init__(self, ledger: Sequence[Reading]) -> None:
        self._readings = ledger
        self._times = [reading[0] for reading in ledger]
        self._free = [True] * len(ledger)

    def pair(self, rows: Sequence[Known], span_ms: int, any_value: bool = False, first: bool = False) -> list[Known]:
        """Takes the nearest (or `first`) free reading within `span_ms` for each row; the rows that found none."""
        left = []
        for unix_ms, value in rows:
            near = self._within(unix_ms - span_ms, unix_ms + span_ms)
            fitting = [i for i in near if self._free[i] and (any_value or self._readings[i].value == value)]
            if fitting:
                self._free[fitting[0] if first else self._nearest(fitting, unix_ms)] = False
            else:
                left.append((unix_ms, value))
        return left

    def pair_guesses(self, arrived: Sequence[Arrival], tolerance_ms: int) -> list[Known]:
        """Takes free readings for the guesses among the arrivals: in their order, and between the readings of those
        with a known time before and after them; the guesses that found none."""
        left = []
        for low_ms, high_ms, guesses in _guesses(sorted(arrived, key=lambda row: row[3])):
            free = [i for i in self._within(low_ms - tolerance_ms, high_ms + tolerance_ms) if self._free[i]]
            pairs = dict(common_order([value for _, value in guesses], [self._readings[i].value for i in free]))
            for place, guess in enumerate(guesses):
                if place in pairs:
                    self._free[free[pairs[place]]] = False
                else:
                    left.append(guess)
        return left

    def _within(self, first_ms: int, last_ms: int) -> range:
        return range(bisect_left(self._times, first_ms), bisect_right(self._times, last_ms))

    def _nearest(self, indices: list[int], unix_ms: int) -> int:
        return min(indices, key=lambda i: abs(self._times[i] - unix_ms))

    def unused(self) -> list[Reading]:
        return [reading for reading, free in zip(self._readings, self._free, strict=True) if free]


_END_MS = 1 << 62


def _guesses(rows: Sequence[Arrival]) -> Iterator[tuple[int, int, list[Known]]]:
    """(known time before, known time after, guesses between them) for each run of guesses in the order of `seq`."""
    before_ms, run = -_END_MS, list[Known]()
    for unix_ms, value, flags, _ in rows:
        if flags & quality.CLOCK:
            run.append((unix_ms, value))
            continue
        if run:
            yield before_ms, unix_ms, run
        before_ms, run = unix_ms, []
    if run:
        yield before_ms, _END_MS, run


def common_order(ours: Sequence[int], theirs: Sequence[int]) -> list[tuple[int, int]]:
    """A longest common subsequence, as (index in ours, index in theirs), last first (Hunt and Szymanski 1977)."""
    same = 0
    while same < min(len(ours), len(theirs)) and ours[same] == theirs[same]:
        same += 1
    places: dict[int, list[int]] = defaultdict(list)
    for index in range(len(theirs) - 1, same - 1, -1):
        places[theirs[index]].append(index)
    ends: list[int] = []  # ends[n]: where in theirs the earliest chain of n + 1 pairs ends
    chains: list[tuple[int, int, Any]] = []  # (index in ours, in theirs, the chain that it goes on)
    for index in range(same, len(ours)):
        for place in places.get(ours[index], ()):
            length = bisect_left(ends, place)
            chain = (index, place, chains[length - 1] if length else None)
            ends[length : length + 1] = [place]
            chains[length : length + 1] = [chain]
    pairs = []
    link = chains[-1] if chains else None
    while link is not None:
        pairs.append(link[:2])
        link = link[2]
    return [*pairs, *((index, index) for index in reversed(range(same)))]
