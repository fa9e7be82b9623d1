"""A paid link carries what it may in an hour, and no more; live rows have the last of it."""

from gateway.uplink.budget import OVERHEAD_BYTES, Budget

HOUR_MS = 3_600_000


def sent(budget: Budget, backlog: bool, from_ms: int, to_ms: int, size: int = 1000) -> int:
    """What leaves of messages that are always there."""
    before = budget.used_bytes
    for now_ms in range(from_ms, to_ms, 1000):
        while budget.may(backlog, now_ms):
            budget.use(size, now_ms)
    return budget.used_bytes - before


def test_without_a_limit_everything_may_go_and_is_counted() -> None:
    budget = Budget(None, 0)
    for _ in range(1000):
        assert budget.may(True, 0) and budget.wait_ms(True, 0) == 0
        budget.use(1000, 0)
    assert budget.used_bytes == 1000 * (1000 + OVERHEAD_BYTES)


def test_an_hour_carries_an_hours_bytes() -> None:
    budget = Budget(1_000_000, 0)
    sent(budget, False, 0, HOUR_MS)
    used = sent(budget, False, HOUR_MS, 2 * HOUR_MS)
    assert 997_000 <= used <= 1_001_500


def test_a_backlog_leaves_a_quarter_of_an_hour_for_what_is_live() -> None:
    budget = Budget(1_000_000, 0)
    sent(budget, True, 0, 2 * HOUR_MS)
    assert not budget.may(True, 2 * HOUR_MS) and budget.may(False, 2 * HOUR_MS)
    live = sent(budget, False, 2 * HOUR_MS, 2 * HOUR_MS + 1)
    assert 247_000 <= live <= 252_000


def test_it_says_when_something_may_go_again() -> None:
    budget = Budget(3_600_000, 0)  # 1,000 a second
    while budget.may(False, 0):
        budget.use(10_000, 0)
    wait_ms = budget.wait_ms(False, 0)
    assert 0 < wait_ms <= 11_000
    assert not budget.may(False, wait_ms - 2) and budget.may(False, wait_ms)


def test_what_was_not_used_for_a_week_is_no_more_than_an_hours() -> None:
    budget = Budget(1_000_000, 0)
    assert sent(budget, False, 168 * HOUR_MS, 168 * HOUR_MS + 1) < 1_002_000
