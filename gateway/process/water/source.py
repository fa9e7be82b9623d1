"""Knows whether a source of drinking water may be one (GB 3838-2002, 5.3: tables 1 and 2); knows no table 3."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import NamedTuple

from gateway.process.enough import ENOUGH, NOT_ENOUGH
from gateway.process.number import Number, amount
from gateway.process.water.grade import RIVER, Exceeding, Grade, grade
from gateway.process.water.tables import SOURCE_LIMITS, USUAL, WORST

FIRST_ZONE, SECOND_ZONE = 2, 3  # class wanted in the first- and second-grade protection zone (GB 3838-2002, 3)


class Source(NamedTuple):
    """`meets`: class and every limit of table 2; None: not enough data for a yes, and nothing that says no."""

    state: str
    meets: bool | None
    grade: Grade
    over: tuple[Exceeding, ...]
    missing: tuple[str, ...]


def source(
    values: Mapping[str, Number | None],
    kind: str = RIVER,
    target: int = SECOND_ZONE,
    saturation_percent: Number | None = None,
    factors: Collection[str] = USUAL,
) -> Source:
    """A single item over its limit says no whatever is missing; yes needs all of them."""
    graded = grade(values, kind, target, saturation_percent, factors)
    over, missing = [], list(graded.missing)
    for name, most in SOURCE_LIMITS.items():
        value = amount(values.get(name))
        if value is None:
            missing.append(name)
        elif value > Decimal(str(most)):
            over.append(Exceeding(name, WORST, float(value) / most - 1))
    bad = bool(over or graded.exceeding)
    lacks = bool(missing) or graded.cls is None  # table 1 is wanted, too
    state = NOT_ENOUGH if lacks else ENOUGH
    return Source(state, False if bad else None if lacks else True, graded, tuple(over), tuple(missing))
