"""Slots keep their distance, whatever is done to the calendar, and find back to its whole multiples."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.collect.schedule import Load, first_slot, next_slot

LEAD_MS = 1_767_225_600_000


def slots(period_ms: int, leads_ms: list[int]) -> list[int]:
    """The slots of a gateway that begins at 12,345 ms, one for each lead of the calendar at that time."""
    found = [first_slot(period_ms, 12_345, leads_ms[0])]
    for lead_ms in leads_ms[1:]:
        found.append(next_slot(found[-1], period_ms, lead_ms))
    return found


@given(st.integers(1, 86_400), st.lists(st.integers(0, 4_000_000_000_000), min_size=2, max_size=30))
def test_a_step_is_never_longer_or_shorter_by_more_than_a_tenth(period_s: int, leads_ms: list[int]) -> None:
    period_ms = period_s * 1000
    for before, after in pairwise(slots(period_ms, leads_ms)):
        assert 0.9 * period_ms <= after - before <= 1.1 * period_ms


@given(st.integers(1, 86_400), st.integers(0, 4_000_000_000_000))
def test_after_a_jump_slots_are_on_whole_multiples_again_within_six_periods(period_s: int, jumped_ms: int) -> None:
    period_ms = period_s * 1000
    last = slots(period_ms, [LEAD_MS] + [jumped_ms] * 6)[-1]
    assert (last + jumped_ms) % period_ms <= 2


def test_a_clock_that_is_right_moves_nothing() -> None:
    found = slots(60_000, [LEAD_MS] * 5)
    assert [(slot + LEAD_MS) % 60_000 for slot in found] == [0] * 5
    assert [b - a for a, b in pairwise(found)] == [60_000] * 4


def test_no_slot_is_before_its_multiple_where_two_clocks_flicker() -> None:
    found = slots(1000, [LEAD_MS + (i * 7 % 3 - 1) for i in range(100)])
    assert all((slot + LEAD_MS) % 1000 <= 3 for slot in found[2:])


def test_a_bus_is_overloaded_once_and_keeps_up_once() -> None:
    load = Load(0)
    told = []
    for second in range(1, 601):
        busy = 120 < second <= 360
        if load.count(1 if busy and second % 2 else 0, second * 1000):
            told.append((second, load.is_over, load.skipped))
    assert [(second, is_over) for second, is_over, _ in told] == [(180, True), (420, False)]
    assert [skipped for _, _, skipped in told] == [30, 120]


def test_a_slot_now_and_then_that_is_skipped_says_nothing() -> None:
    load = Load(0)
    assert not any(load.count(second % 60 == 0, second * 1000) for second in range(1, 1000))
