"""Knows what is held against the readings of one channel; nothing of where the numbers come from.

All are in the channel's own unit. None: that test is not made.
"""

from typing import NamedTuple

Span = tuple[float, float]  # both ends are good


class Season(NamedTuple):
    """What the months from `first` to `last` (1..12, may pass the year's end) have there."""

    first: int
    last: int
    suspect: Span
    fail: Span | None = None


class Limits(NamedTuple):
    """`spike_by` and `attenuated_by` say how those two are reckoned: neighbours.py, windows.py."""

    fail: Span | None = None
    suspect: Span | None = None
    seasons: tuple[Season, ...] = ()
    spike_by: str = "differential"
    spike_suspect: float | None = None
    spike_fail: float | None = None
    rate_suspect_per_s: float | None = None
    rate_fail_per_s: float | None = None
    flat_suspect_ms: int | None = None
    flat_fail_ms: int | None = None
    flat_tolerance: float = 0.0  # a spread below it is flat, so that 0 never is: half the resolution is meant
    attenuated_by: str = "std"
    attenuated_ms: int | None = None
    attenuated_suspect: float | None = None
    attenuated_fail: float | None = None
    gap_ms: int | None = None  # a longer step is a hole: nothing is compared across it
