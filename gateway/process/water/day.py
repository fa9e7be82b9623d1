"""Knows how the hours of a day of water become one; knows no class.

Three quarters of the hours that a place has usually: ours, HJ 915 was not to be had.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

_SHARE = Decimal("0.75")


def day_values(hours: Sequence[Mapping[str, Decimal | None]], usual: int) -> dict[str, Decimal | None]:
    """Means; None of an item with too few hours. `usual`: hours a day that the place measures: 24, or 6."""
    found: dict[str, Decimal | None] = {}
    for name in sorted({name for values in hours for name in values}):
        known = [value for values in hours if (value := values.get(name)) is not None]
        found[name] = sum(known, Decimal(0)) / len(known) if known and len(known) >= _SHARE * usual else None
    return found
