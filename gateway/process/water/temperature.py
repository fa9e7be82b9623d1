"""Knows how far people may warm or cool a water (GB 3838-2002, table 1); knows no class."""

from gateway.process.number import Number, real

MOST_RISE_C, MOST_DROP_C = 1.0, 2.0  # of the weekly mean, man-made


def is_kept(weekly_mean_c: Number | None, undisturbed_c: Number | None) -> bool | None:
    """`undisturbed_c`: weekly mean of the same week where nothing is let in, upstream. None: not enough data."""
    here, there = real(weekly_mean_c), real(undisturbed_c)
    return None if here is None or there is None else -MOST_DROP_C <= here - there <= MOST_RISE_C
