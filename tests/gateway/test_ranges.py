"""Ranges are sets of numbers: whatever is done to them is done to the set."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.store import ranges
from gateway.store.ranges import Ranges

PAIRS = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), max_size=12)
RANGES = PAIRS.map(ranges.union)
NUMBERS = st.integers(1, 60)


def members(some: Ranges) -> set[int]:
    return {number for first, last in some for number in range(first, last + 1)}


def assert_neat(some: Ranges) -> None:
    """Rising, not empty, with room between them."""
    flat = [number for pair in some for number in pair]
    assert all(first <= last for first, last in some) and flat == sorted(flat)
    assert all(later[0] > earlier[1] + 1 for earlier, later in pairwise(some))


@given(PAIRS)
def test_a_union_has_every_number_once(pairs: list[tuple[int, int]]) -> None:
    found = ranges.union(pairs)
    assert_neat(found)
    assert members(found) == {number for first, last in pairs for number in range(first, last + 1)}
    assert ranges.count(found) == len(members(found))


@given(RANGES, NUMBERS, NUMBERS)
def test_gaps_and_parts_share_a_span_between_them(some: Ranges, first: int, last: int) -> None:
    missing, there = ranges.gaps(some, first, last), ranges.within(some, first, last)
    assert_neat(missing)
    assert_neat(there)
    span = set(range(first, last + 1))
    assert members(there) == members(some) & span and members(missing) == span - members(some)


@given(RANGES, RANGES)
def test_what_is_taken_away_is_gone_and_nothing_else(some: Ranges, taken: Ranges) -> None:
    left = ranges.without(some, taken)
    assert_neat(left)
    assert members(left) == members(some) - members(taken)


@given(RANGES)
def test_written_and_read_again_they_are_the_same(some: Ranges) -> None:
    assert ranges.parse(ranges.text(some)) == some


@pytest.mark.parametrize("written", ["1-", "-3", "1-2-3", "x", "1,2", "1-2 ü", "1" * 16, "0x10", "\u0663"])
def test_what_is_no_range_is_refused(written: str) -> None:
    with pytest.raises(ValueError):
        ranges.parse(written)


def test_how_they_are_written() -> None:
    assert ranges.text(((1, 4), (6, 6))) == "1-4 6" and ranges.text(()) == ""
