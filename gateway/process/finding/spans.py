"""Knows the findings that are made of many hours or days together, and what each gives; knows no row and no site file.

A base flow kept, dust over its limit in a day, a dose rate beside its month, the frost and the active layer of a year.
A year of frost is cut where nothing freezes: its freezing index is of the winter that ends in it, from 1 July of the
year before.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from gateway.process.air import local
from gateway.process.finding.kinds import DEPTH, Found
from gateway.process.flow.release import release
from gateway.process.ground import dose, frost
from gateway.process.periods import DAY, HOUR, MONTH, YEAR

_DUST_HOURS = 18  # of a day must be known for "kept"; ours, as of any quantity without a clause of its own
_SUMMER_DAYS = 184  # from 1 July to 31 December
_BACKGROUND_DAYS = 30  # ours: long enough for a mean, short enough to follow snow and soil moisture
_RAIN_HOURS = 3  # washed-out radon's daughters live half an hour: ours
DUST = {name: one for name, one in local.DUST.items() if one.minutes == 60}  # what hours can be held against

Column = Sequence[Decimal | None]


class Stretch(NamedTuple):
    """Input -> its values of each hour or day in order, None where there is none. `base`: m3/s of that month."""

    columns: Mapping[str, Column]
    base: float
    limit: str


class Span(NamedTuple):
    """`inputs`, `needs`, `outputs` as those of a Kind. Made of the rows of `below`; `levels`: what it is made for;
    `days_before`: how much earlier than its period the values begin."""

    inputs: Mapping[str, str | None]
    needs: tuple[str, ...]
    outputs: tuple[tuple[str, str, int], ...]
    below: str
    levels: tuple[str, ...]
    reckon: Callable[[Stretch], Found]
    days_before: int = 0


def _base_flow(stretch: Stretch) -> Found:
    found = release((value, stretch.base) for value in stretch.columns["flow"])
    if found.percent is None:
        return None, None, None, found.judged
    return found.percent, found.longest, found.shortfall_m3s, found.judged


def _dust(stretch: Stretch) -> Found:
    limit = DUST[stretch.limit]
    found = local.judged(limit, stretch.columns["dust"], stretch.columns.get("background", ()))
    if found.kept and found.of < _DUST_HOURS:
        return None, found.passed, found.of  # too few hours to say that it was kept; enough to say that it was not
    return None if found.kept is None else int(found.kept), found.passed, found.of


def _dose(stretch: Stretch) -> Found:
    *before, last = stretch.columns["dose_rate"]
    rain = stretch.columns.get("rain", ())[-_RAIN_HOURS:]
    quiet = dose.background(before)
    found = dose.dose(last, quiet, any(value for value in rain))
    is_unknown = found.level is None or not rain or (None in rain and not any(rain))
    return found.level, found.sigmas, quiet.mean, None if is_unknown else int(found.rain)


def _frost(stretch: Stretch) -> Found:
    days = stretch.columns["celsius"]
    winter, year = days[:-_SUMMER_DAYS], days[_SUMMER_DAYS:]
    freezing, thawing = frost.frost_index(winter, len(winter)), frost.frost_index(year, len(year))
    return freezing.freezing, thawing.thawing, freezing.days, thawing.days


def _active_layer(stretch: Stretch) -> Found:
    depths = [float(name) for name in stretch.columns]
    rows = zip(*stretch.columns.values(), strict=True)
    found = frost.active_layer(frost.thaw(zip(depths, row, strict=True)) for row in rows)
    return found.cm, None if found.cm is None else int(found.is_least), found.days


SPANS: dict[str, Span] = {
    "base_flow": Span(
        {"flow": "m3/s"}, ("flow",),
        (("kept", "%", 1), ("longest", "h", 0), ("shortfall", "m3/s", 4), ("hours", "", 0)),
        HOUR, (DAY, MONTH), _base_flow,
    ),
    "dust": Span(
        {"dust": "mg/m3", "background": "mg/m3"}, ("dust",), (("kept", "1", 0), ("passed", "", 0), ("hours", "", 0)),
        HOUR, (DAY,), _dust,
    ),
    "dose_background": Span(
        {"dose_rate": None, "rain": "mm"}, ("dose_rate",),
        (("level", "1", 0), ("sigmas", "1", 2), ("background", "", 3), ("by_rain", "1", 0)),
        HOUR, (HOUR,), _dose, _BACKGROUND_DAYS,
    ),
    "frost": Span(
        {"celsius": "degC"}, ("celsius",),
        (("freezing", "degC d", 1), ("thawing", "degC d", 1), ("freezing_days", "", 0), ("thawing_days", "", 0)),
        DAY, (YEAR,), _frost, _SUMMER_DAYS,
    ),
    "active_layer": Span(
        {DEPTH: "degC"}, (), (("depth", "cm", 1), ("is_least", "1", 0), ("days", "", 0)), DAY, (YEAR,), _active_layer
    ),
}  # fmt: skip
