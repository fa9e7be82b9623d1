"""Knows what belongs together: a collected series, its derived ones, and which channel is where; reckons nothing."""

from collections.abc import Mapping
from typing import NamedTuple

from gateway.process import forms
from gateway.process.forms import WIDTH, Shape, Wanted
from gateway.process.periods import DAY, EIGHT_HOURS, HOUR, HOUR_MS, MINUTE
from gateway.process.stage import Series

MDA8 = ":mda8"  # O3: the greatest mean of 8 hours of a day
_SLOTS = 12  # of an hour that is summed up from readings: 5 minutes each, as they go into 45 minutes; ours


class Unit(NamedTuple):
    """`base`: the level that is summed up from readings. `late_ms`: how long after a period its readings may come."""

    base: str
    shapes: tuple[Shape, ...]
    sliding: tuple[Shape, ...]
    late_ms: int
    series: Mapping[str, Series]  # by level


class Units:
    """Finds the unit of a series; the same one each time."""

    def __init__(self, known: Mapping[str, Wanted], levels: tuple[str, ...], minute_ms: int) -> None:
        self._known = known
        self._levels = levels
        self._minute_ms = minute_ms
        self._met: dict[Series, Unit | None] = {}
        self._derived: dict[Series, Unit] = {}
        self._with: dict[tuple[str, str, int, str], list[Unit]] = {}  # who has that channel

    def of(self, collected: Series) -> Unit | None:
        if collected not in self._met:
            found = self._met[collected] = unit(collected, self._known, self._levels, self._minute_ms)
            if found is not None:
                self._derived |= dict.fromkeys(found.series.values(), found)
                for shape in found.shapes:
                    self._with.setdefault(key(shape), []).append(found)
        return self._met[collected]

    def kin(self, unit: Unit) -> list[Unit]:
        """Others that have a channel of it: the list of channels of its sensor or node was once another."""
        others = [one for shape in unit.shapes for one in self._with.get(key(shape), ()) if one is not unit]
        return [one for place, one in enumerate(others) if all(one is not other for other in others[:place])]

    def made(self, derived: Series) -> Unit | None:
        """None: of no collected series that was met."""
        return self._derived.get(derived)


def key(shape: Shape) -> tuple[str, str, int, str]:
    """What makes a channel's cells the same in two units."""
    return shape.name, shape.unit, shape.decimals, shape.wanted.form


def unit(collected: Series, known: Mapping[str, Wanted], levels: tuple[str, ...], minute_ms: int) -> Unit | None:
    """None: nothing of this series is wanted. A channel that is read less often than every minute has no minutes."""
    shapes = forms.shapes(collected, known)
    if not shapes:
        return None
    period_ms = 1000 * min(shape.wanted.period_s for shape in shapes)
    base = MINUTE if MINUTE in levels and period_ms < minute_ms else HOUR
    sliding = tuple(shape for shape in shapes if shape.is_sliding)
    series = {}
    for level in levels:
        if level == EIGHT_HOURS:
            channels = [channel for shape in sliding for channel in forms.named(shape, level)]
        else:
            channels = [channel for shape in shapes for channel in forms.named(shape, level)]
        if level == DAY:
            channels += [(shape.name + MDA8, *forms.named(shape, HOUR)[0][1:]) for shape in sliding]
        if level == HOUR == base:
            channels += [(f"{shape.name}:slots", "", 0) for shape in shapes]
        if channels and (level != MINUTE or base == MINUTE):
            series[level] = Series(level, tuple(channels))
    return Unit(base, shapes, sliding, max(shape.wanted.late_ms for shape in shapes), series)


def slots(shape: Shape, length_ms: int) -> int:
    """In how many parts a period is looked at: no more than there are readings."""
    readings = max(1, length_ms // (1000 * shape.wanted.period_s))
    return min(readings, _SLOTS) if length_ms >= HOUR_MS else 1


def at_channel(shape: Shape) -> slice:
    """Its cells in a row of a minute, an hour, a day or more."""
    return slice(shape.at, shape.at + WIDTH)
