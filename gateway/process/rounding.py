"""Knows how the standards round (GB/T 8170-2008, 3.2: 四舍六入五成双, half to even), in integers; knows no quantity."""


def half_even(over: int, under: int) -> int:
    """over / under, rounded once. GB/T 8170-2008, 3.3: nothing that is rounded already is rounded again."""
    whole, rest = divmod(over, under)
    twice = 2 * rest
    return whole + (twice > under or (twice == under and whole & 1))
