"""Knows which numbers are missing between others, as ranges (first, last); knows no record and no disk."""

from collections.abc import Iterable, Sequence

Range = tuple[int, int]


def between(numbers: Iterable[int], following: int) -> list[Range]:
    """What rising `numbers` pass over, from `following` on."""
    passed = []
    for number in numbers:
        if number > following:
            passed.append((following, number - 1))
        following = max(following, number + 1)
    return passed


def without(ranges: Sequence[Range], first: int, last: int) -> list[Range]:
    """What is left of the ranges when `first` to `last` is taken out."""
    left = []
    for low, high in ranges:
        if low < first:
            left.append((low, min(high, first - 1)))
        if high > last:
            left.append((max(low, last + 1), high))
    return left


def inside(ranges: Sequence[Range], first: int, last: int) -> list[Range]:
    """The part of the ranges that lies from `first` to `last`."""
    return [(max(low, first), min(high, last)) for low, high in ranges if low <= last and high >= first]
