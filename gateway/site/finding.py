"""Knows what of a site file says which findings are made, and what is wrong with it; reckons none."""

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Annotated, Any, Literal, get_args

from msgspec import Meta, Struct

from gateway.faults import Fault, nearest, quoted
from gateway.process.finding.kinds import DEPTH, KINDS, scaled
from gateway.process.finding.rows import Finding, series_of
from gateway.process.finding.spans import DUST, SPANS
from gateway.process.flow.rating import Curve, Power, faults
from gateway.site.fields import Name, Text
from gateway.site.limits import Moment, moment_ms, order_faults

By = Literal[
    "active_layer", "base_flow", "black_odor", "dose", "dose_background", "drinking_source", "dry_gas", "dust",
    "emission", "flood_stage", "frost", "fume", "groundwater", "layer", "rain", "rating", "tailings", "thaw", "trophic",
    "weir",
]  # fmt: skip
BYS: tuple[str, ...] = get_args(By)
_BASE_FLOW, _DUST = "base_flow", "dust"


class CurveTable(Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """A rating measured anew: stage m and flow m3/s as `points`, or as `powers` (from m, to m, a, h0 m, b)."""

    start: Moment | None = None
    end: Moment | None = None
    points: tuple[tuple[float, float], ...] = ()
    powers: tuple[tuple[float, float, float, float, float], ...] = ()


class FindingTable(Struct, frozen=True, kw_only=True, rename={"curves": "curve"}):
    """What hours and days mean: `by` which function, of which `channels` (input -> channel), with which `numbers`.
    `points`: stage m and flow m3/s of a rating curve, `curves`: of several, with their times. `base_m3s`: one for all
    months, or twelve. `limit`: which one of dust (gateway/process/air/local.py)."""

    name: Name
    by: By
    channels: dict[Text, Text]
    numbers: dict[Text, float] = {}
    points: tuple[tuple[float, float], ...] = ()
    curves: tuple[CurveTable, ...] = ()
    base_m3s: tuple[Annotated[float, Meta(ge=0, le=1_000_000, extra={"unit": "m3/s"})], ...] = ()
    limit: Text = ""


def finding_of(table: FindingTable) -> Finding:
    curves = tuple(
        Curve(one.points, tuple(Power(*power) for power in one.powers), _ms(one.start, -inf), _ms(one.end, inf))
        for one in (CurveTable(points=table.points), *table.curves)
        if one.points or one.powers
    )
    return Finding(table.name, table.by, table.channels, table.numbers, curves, table.base_m3s, table.limit)


def _ms(moment: str | None, never: float) -> float:
    return never if moment is None else moment_ms(moment)


def finding_faults(
    rows: Sequence[tuple[str, Mapping[str, Any]]], names: Sequence[str], units: Mapping[str | None, str]
) -> Iterator[Fault]:
    """`names`: all channels of the station. A finding may be made of the hours of one above it."""
    known, unit_of = list(names), dict(units)
    for path, row in rows:
        by = row.get("by")
        if by not in BYS:
            continue  # told by its type
        kind = KINDS.get(by)
        inputs = SPANS[by].inputs if kind is None else kind.inputs
        channels = row.get("channels") or {}
        for name, channel in channels.items():
            place = f'{path}.channels."{name}"'
            if not (name in inputs or (DEPTH in inputs and _is_depth(name))):
                yield Fault(place, "fault.finding_input", nearest(name, inputs), found=quoted(name), by=by)
                continue
            wanted = inputs.get(name, inputs.get(DEPTH))
            if channel not in known:
                yield Fault(place, "fault.no_such_channel", nearest(channel, known), found=quoted(channel))
            elif channel in unit_of and scaled(unit_of[channel], wanted) is None:
                yield Fault(place, "fault.finding_unit", found=quoted(unit_of[channel]), wanted=wanted or "")
        needs = SPANS[by].needs if kind is None else kind.needs
        lacks = [name for name in needs if name not in channels] or ([] if channels else [next(iter(inputs))])
        if lacks:
            yield Fault(f"{path}.channels", "fault.finding_lacks", found=", ".join(lacks), by=by)
        numbers = row.get("numbers") or {}
        for name in numbers:
            allowed = () if kind is None else kind.numbers
            if name not in allowed:
                yield Fault(
                    f"{path}.numbers.{name}", "fault.finding_input", nearest(name, allowed), found=quoted(name), by=by
                )
        lacks = [name for name in (() if kind is None else kind.wants) if name not in numbers]
        if lacks:
            yield Fault(f"{path}.numbers", "fault.finding_lacks", found=", ".join(lacks), by=by)
        if by == "rating":
            yield from _curve_faults(path, row)
        limit = row.get("limit") or ""
        if by == _DUST and limit not in DUST:
            yield Fault(f"{path}.limit", "fault.finding_limit", nearest(limit, DUST), any=", ".join(DUST))
        elif by != _DUST and limit:
            yield Fault(f"{path}.limit", "fault.finding_input", found="limit", by=by)
        if by == _BASE_FLOW and len(row.get("base_m3s") or ()) not in (1, 12):
            yield Fault(f"{path}.base_m3s", "fault.finding_base")
        made = series_of(Finding(row.get("name") or "", by, {}, {}), "hour").channels
        known += [name for name, _, _ in made]
        unit_of |= {name: unit for name, unit, _ in made}


def _curve_faults(path: str, row: Mapping[str, Any]) -> Iterator[Fault]:
    rated = [(f"{path}.curve[{number}]", one) for number, one in enumerate(row.get("curve") or ())]
    if row.get("points") or not rated:
        rated.insert(0, (path, {"points": row.get("points")}))
    for place, one in rated:
        powers = tuple(Power(*power) for power in one.get("powers") or ())
        points = tuple((low, high) for low, high in one.get("points") or ())
        for text in faults(Curve(points, powers)):
            yield Fault(f"{place}.points", "fault.finding_curve", found=text)
        yield from order_faults(place, one)


def _is_depth(text: str) -> bool:
    try:
        return 0 <= float(text) <= 100_000
    except ValueError:
        return False
