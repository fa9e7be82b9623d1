"""Knows which form the aggregate of a quantity takes, and which cells it has; does not reckon any.

mean        mean, least and greatest
direction   of a wind: the mean vector; with the speed of the same sensor where there is one, else of length 1
counter     a number that only rises (rain, a flow meter's total): by how much it rose
none        no aggregate: a wind sector is told by the direction
"""

from collections.abc import Mapping
from typing import NamedTuple

from gateway.process.periods import HOUR, MINUTE
from gateway.process.stage import Named, Series
from gateway.process.validity import RULE_OF, RULES, Rule

MEAN, DIRECTION, COUNTER, NONE = "mean", "direction", "counter", "none"
FORMS = (MEAN, DIRECTION, COUNTER, NONE)

# Unless the site file says otherwise; all others: mean. A rain gauge counts up (SL/T 651 draft, 5.2.1 table 5).
FORM_OF = {"wind_direction": DIRECTION, "wind_sector": NONE, "rain": COUNTER, "volume": COUNTER}

# A mean has so many digits more than its readings that their sum can be had back from it: the error of 1/2 in the last
# one, times the count, stays below 1/2 as long as the count is below 10**digits. A minute has 600 readings at most, an
# hour 3600.
_DIGITS = {MINUTE: 3}
_MORE_DIGITS = 4
COMPONENT = 3  # digits of a vector's components beyond those of the speed; ours
_UNIT_VECTOR = 6  # decimals of a component where there is no speed; ours


def digits(level: str) -> int:
    return _DIGITS.get(level, _MORE_DIGITS)


class Wanted(NamedTuple):
    """What is known of a channel: `period_s` between its readings, and how late they may come."""

    form: str
    rule: Rule
    period_s: int = 1
    late_ms: int = 0


def wanted(
    quantity: str, period_s: int = 1, late_ms: int = 0, form: str | None = None, rule: str | None = None
) -> Wanted:
    """By the quantity's name; what is given goes before it."""
    name = rule or RULE_OF.get(quantity, "generic")
    return Wanted(form or FORM_OF.get(quantity, MEAN), RULES[name], period_s, late_ms)


class Shape(NamedTuple):
    """A channel of a collected row, at `place` in it with its `own_decimals`, and its cells in each derived one, from
    `at` on. `decimals` are of what is summed up; `speed`: the place of the speed that belongs to a direction, None:
    there is none."""

    name: str
    unit: str
    decimals: int
    place: int
    at: int
    wanted: Wanted
    is_sliding: bool
    own_decimals: int
    speed: int | None = None
    speed_decimals: int = 0


_CELLS = {MEAN: ("", ":min", ":max", ":count"), DIRECTION: ("", ":east", ":north", ":count"),
          COUNTER: ("", ":first", ":last", ":count")}  # fmt: skip
WIDTH = 4  # of each of them
COUNT = 3  # the place of :count among them


def shapes(series: Series, known: Mapping[str, Wanted]) -> tuple[Shape, ...]:
    """Those of a collected series; what it has from before the site file was changed is known by its name only."""
    found: list[Shape] = []
    places = {name: place for place, (name, _, _) in enumerate(series.channels)}
    for place, (name, unit, decimals) in enumerate(series.channels):
        sensor, _, quantity = name.rpartition(".")
        want = known.get(name) or wanted(quantity)
        if want.form == NONE:
            continue
        own, speed_decimals = decimals, 0
        speed = places.get(f"{sensor}.wind_speed") if want.form == DIRECTION else None
        if want.form == DIRECTION:
            unit, decimals = "", _UNIT_VECTOR
        if speed is not None:
            _, unit, speed_decimals = series.channels[speed]
            decimals = speed_decimals + COMPONENT
        at = WIDTH * len(found)
        found.append(Shape(name, unit, decimals, place, at, want, quantity == "ozone", own, speed, speed_decimals))
    return tuple(found)


def named(shape: Shape, level: str) -> list[Named]:
    """The channels of its cells at that level."""
    names = [shape.name + suffix for suffix in _CELLS[shape.wanted.form]]
    fine = shape.decimals + digits(level)
    if shape.wanted.form == MEAN:
        # of a day and longer, least and greatest are means of hours
        ends = shape.decimals if level in (MINUTE, HOUR) else fine
        cells = [(shape.unit, fine), (shape.unit, ends), (shape.unit, ends), ("", 0)]
    elif shape.wanted.form == DIRECTION:
        cells = [("deg", 1), (shape.unit, fine), (shape.unit, fine), ("", 0)]
    else:
        cells = [(shape.unit, shape.decimals)] * 3 + [("", 0)]
    return [(name, *cell) for name, cell in zip(names, cells, strict=True)]
