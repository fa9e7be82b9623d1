"""Knows how what devices gave is held against what arrived; pure, knows no gateway, no file and no process."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from hw_sim.bench.gateway_load import Load, number_of

Arrival = tuple[float, int, int]  # (arrived, Unix s; time stamp, Unix ms; value)
Span = tuple[float, float]  # Unix s


class Outcome(NamedTuple):
    """`lost`: given by a device, never arrived. `cut`: the same, but a kill may take it. `duplicates`: one reading
    that arrived twice. `wrong`: no such reading, or a time stamp too far from when it was given. `disordered`: older
    than one of its channel that came before. `error_ms`: of every time stamp, sorted."""

    served: int
    lost: int
    cut: list[float]
    duplicates: int
    wrong: int
    disordered: int
    error_ms: list[float]
    latency_s: list[float]
    lost_s: list[float]


def compare(
    load: Load,
    served: Sequence[Sequence[float]],
    arrived: dict[int, list[Arrival]],
    tolerance_s: float,
    cuts: Sequence[Span] = (),
) -> Outcome:
    """`served` is by channel, `arrived` maps a channel to what came, in its order; in `cuts` a kill may take a reading
    that no disk has yet."""
    duplicates = wrong = disordered = 0
    cut: list[float] = []
    lost: list[float] = []
    error_ms: list[float] = []
    latency_s: list[float] = []
    for channel, times in enumerate(served):
        seen = bytearray(len(times))
        before = -1
        for arrived_s, unix_ms, value in arrived.get(channel, ()):
            number = number_of(channel, value)
            if number is None or number >= len(times):
                wrong += 1
                continue
            error_s = abs(unix_ms / 1000 - times[number])
            wrong += error_s > tolerance_s
            duplicates += seen[number]
            disordered += number < before
            before = max(before, number)
            if not seen[number]:
                error_ms.append(error_s * 1000)
                latency_s.append(arrived_s - times[number])
            seen[number] = 1
        for number, time_s in enumerate(times):
            if not seen[number]:
                (cut if any(begin <= time_s <= end for begin, end in cuts) else lost).append(time_s)
    wrong += sum(len(came) for channel, came in arrived.items() if not 0 <= channel < len(served))
    count = sum(map(len, served))
    error_ms.sort()
    latency_s.sort()
    return Outcome(count, len(lost), cut, duplicates, wrong, disordered, error_ms, latency_s, sorted(lost))


def never_polled(times: Sequence[float], period_s: float, awake: Sequence[Span]) -> int:
    """How many polls one device should have seen while a gateway was `awake`, and did not. Both by the gaps between
    polls and by their number: a poller that is a little late each time leaves no gap."""
    missed = 0
    for begin, end in awake:
        inside = [time_s for time_s in times if begin <= time_s <= end]
        by_number = int((end - begin) / period_s) - 1 - len(inside)
        edges = [begin, *inside, end]
        gaps = [later - earlier for earlier, later in pairwise(edges)]
        # the first and the last one are less than a period when all is well, those between are one
        at_edges = gaps[:1] + gaps[1:][-1:]
        by_gaps = sum(round(gap / period_s) - 1 for gap in gaps[1:-1] if gap > 1.5 * period_s)
        by_gaps += sum(int(gap / period_s - 0.2) for gap in at_edges if gap > period_s)
        missed += max(by_number, by_gaps, 0)
    return missed


def at(sorted_values: Sequence[float], share: float) -> float:
    """The value below which `share` of them are; nan: there are none."""
    if not sorted_values:
        return float("nan")
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]
