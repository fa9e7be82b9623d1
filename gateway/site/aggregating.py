"""Knows the [aggregate] table of a site file, its form and what is wrong with it; aggregates nothing."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.faults import Fault, Tree, doubled, nearest, quoted
from gateway.process.load import KG_PER_M3, M3_PER_HOUR
from gateway.site.fields import Name, Text
from gateway.site.library import Library
from gateway.site.tables import channel_names, column, rows, units


class Load(Struct, frozen=True, kw_only=True):
    """A concentration times a flow, in kg."""

    name: Name
    concentration: Text
    flow: Text


class Aggregate(Struct, frozen=True, kw_only=True, rename={"loads": "load"}):
    """What is made of readings (docs/aggregates.md): the length of a "minute" (0: none), which levels, how long after a
    period's end its rows are awaited, local time less UTC. `channels`: None: all; `forms` and `rules`: by channel,
    where they are not those of its quantity (gateway/process/forms.py, validity.py)."""

    minute_s: Literal[0, 60, 600] = 600  # HJ 212-2017 annex D: a period of 10 minutes
    levels: Annotated[tuple[Literal["hour", "8h", "day", "month", "year"], ...], Meta(min_length=1)] = (
        "hour",
        "8h",
        "day",
        "month",
        "year",
    )
    grace_s: Annotated[int, Meta(ge=0, le=3600, extra={"unit": "s"})] = 20  # ours: longer than a commit waits
    zone_h: Annotated[float, Meta(ge=-12, le=14, extra={"unit": "h"})] = 8.0  # China
    channels: tuple[Text, ...] | None = None
    forms: dict[Text, Literal["mean", "direction", "counter", "none"]] = {}
    rules: dict[Text, Literal["gas", "particles", "tsp", "flue_gas", "generic"]] = {}
    loads: tuple[Load, ...] = ()


def aggregate_faults(site: Tree, library: Library) -> Iterator[Fault]:
    """Its channels are there, and its levels lack none that another is made of."""
    table = site.get("aggregate") or {}
    loads = rows(table, "load", "aggregate")
    yield from doubled(column(loads, "name"))
    known = channel_names(site, library)
    if known is None:
        return
    named = [(f"aggregate.channels[{index}]", name) for index, name in enumerate(table.get("channels") or ())]
    named += [(f'aggregate.{key}."{name}"', name) for key in ("forms", "rules") for name in table.get(key) or ()]
    named += [*column(loads, "concentration"), *column(loads, "flow")]
    for path, name in named:
        if name is not None and name not in known:
            yield Fault(path, "fault.no_such_channel", nearest(name, known), found=quoted(name))
    known_units = units(site, library)
    for key, scales in (("concentration", KG_PER_M3), ("flow", M3_PER_HOUR)):
        for path, name in column(loads, key):
            if known_units.get(name, next(iter(scales))) not in scales:
                yield Fault(path, "fault.load_unit", found=quoted(known_units[name]), known=", ".join(scales))
    levels = table.get("levels") or ("hour", "day")
    for level, below in (("8h", "hour"), ("day", "hour"), ("month", "day"), ("year", "day")):
        if level in levels and below not in levels and None not in levels:
            yield Fault("aggregate.levels", "fault.level_without", level=quoted(level), below=quoted(below))
