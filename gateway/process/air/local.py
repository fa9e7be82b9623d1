"""Knows limits for construction dust and catering fume, as data, and how often they were passed; knows no station.

No limit of Qinghai for dust was found: a site names one of these, or its own. Read in pages that quote the standards
(secondary), except where "from memory" stands.
"""

from collections.abc import Iterable
from typing import NamedTuple

from gateway.process.enough import ENOUGH, NOT_ENOUGH
from gateway.process.number import Number, amount


class Local(NamedTuple):
    """`most` mg/m3 as a mean of `minutes`, passed at most `a_day` times a day."""

    item: str
    most: float
    minutes: int
    a_day: int
    source: str


DUST = {
    "fence": Local("TSP", 1.0, 60, 0, "GB 16297-1996, table 2: greatest at the fence, other particles; from memory"),
    "hebei": Local("PM10", 0.080, 60, 2, "DB13/2934-2019: above the county's own mean; secondary"),
    "liaoning_town": Local("TSP", 0.8, 5, 0, "DB21/2642-2016; secondary"),
    "liaoning_country": Local("TSP", 1.0, 5, 0, "DB21/2642-2016; secondary"),
    "shaanxi_earthworks": Local("TSP", 0.8, 60, 0, "DB61/1078-2017; secondary"),
    "shaanxi_building": Local("TSP", 0.7, 60, 0, "DB61/1078-2017; secondary"),
}
FUME = Local("fume", 2.0, 60, 0, "GB 18483-2001, table 2; secondary")
FUME_REMOVAL_PERCENT = {"small": 60, "medium": 75, "large": 85}  # GB 18483-2001, table 2; secondary
_STOVE_FLOW_M3H = 2000  # GB 18483-2001, annex: the flow that a stove of reference has; from memory


class Passed(NamedTuple):
    """How many means of how many were over the limit; `kept` None: there was none to judge."""

    state: str
    passed: int
    of: int
    kept: bool | None


def judged(limit: Local, means: Iterable[Number | None], background: Iterable[Number | None] = ()) -> Passed:
    """One day's means, mg/m3; `background`, where the limit is above one: as many, in the same order."""
    values = [amount(mean) for mean in means]
    below = [amount(mean) for mean in background]
    if below:
        values = [
            None if value is None or other is None else value - other
            for value, other in zip(values, below, strict=False)
        ]
    known = [float(value) for value in values if value is not None]
    passed = sum(value > limit.most for value in known)
    if not known:
        return Passed(NOT_ENOUGH, 0, 0, None)
    return Passed(ENOUGH, passed, len(known), passed <= limit.a_day)


def fume_at_reference(measured: Number | None, flow_m3h: Number | None, stoves: Number | None) -> float | None:
    """GB 18483-2001: concentration x flow / (2000 m3/h x stoves at work), so that air let in thins nothing."""
    value, flow, number = amount(measured), amount(flow_m3h), amount(stoves)
    if value is None or flow is None or not number:
        return None
    return float(value * flow / (_STOVE_FLOW_M3H * number))


def removal_percent(before: Number | None, after: Number | None) -> float | None:
    """Of a purifier, from the masses that enter and leave."""
    entering, leaving = amount(before), amount(after)
    return None if not entering or leaving is None else float(100 * (1 - leaving / entering))
