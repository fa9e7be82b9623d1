"""Knows the arithmetic of sets of whole numbers kept as ranges; knows no row and no uplink.

Ranges are rising pairs (first, last), both inside, that neither touch nor overlap: ((1, 4), (6, 9)).
"""

import re
from collections.abc import Iterable

Range = tuple[int, int]
Ranges = tuple[Range, ...]


def union(ranges: Iterable[Range]) -> Ranges:
    """Pairs in any order, which may overlap, as ranges; a pair whose end lies before its start is empty."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        if last < first:
            continue
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def gaps(ranges: Ranges, first: int, last: int) -> Ranges:
    """What of first..last is in none of the ranges."""
    found = []
    for start, end in ranges:
        if start > last:
            break
        if start > first:
            found.append((first, start - 1))
        first = max(first, end + 1)
    if first <= last:
        found.append((first, last))
    return tuple(found)


def without(ranges: Ranges, taken: Ranges) -> Ranges:
    """What of the ranges is in none of `taken`."""
    return tuple(left for first, last in ranges for left in gaps(taken, first, last))


def within(ranges: Ranges, first: int, last: int) -> Ranges:
    """What of the ranges lies in first..last."""
    cut = ((max(start, first), min(end, last)) for start, end in ranges)
    return tuple((start, end) for start, end in cut if start <= end)


def count(ranges: Ranges) -> int:
    """How many numbers they hold."""
    return sum(last - first + 1 for first, last in ranges)


def text(ranges: Ranges) -> str:
    """As the store and messages write them: "1-4 6"."""
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


_PAIR = re.compile(r"([0-9]{1,15})(?:-([0-9]{1,15}))?")


def parse(written: str) -> Ranges:
    """The other way round. ValueError: not ranges."""
    found = []
    for word in written.split():
        match = _PAIR.fullmatch(word)
        if match is None:
            raise ValueError(word[:40])
        found.append((int(match[1]), int(match[2] or match[1])))
    return union(found)
