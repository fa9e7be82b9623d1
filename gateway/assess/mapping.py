"""Knows which column of somebody's CSV is what, and which channel of a site is what; reads no data.

`--site` names one of two: the site file of a station (its own exports), or a small file like those in columns/.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from gateway.faults import Fault, SiteError, nearest, read, walk
from gateway.pipeline import channel_items
from gateway.site import config
from gateway.site.assessing import ITEMS, Assess, Item
from gateway.site.config import Node, Sensor, Site

_SHIPPED = Path(__file__).parent / "columns"
Text = Annotated[str, Meta(min_length=1)]


class Published(Struct, frozen=True, kw_only=True):
    """Columns of what somebody made of these numbers: AQI or class, and of air the primary pollutants and the level."""

    result: Text
    primary: Text | None = None
    level: Text | None = None
    separator: Text = ","


class Columns(Struct, frozen=True, kw_only=True):
    """`time`: ISO 8601, local where it says no zone; `stamp`: which end of its period it is. `place`: the columns
    that name the place (left out: it is one), `label`: columns for people. `scale`: what a column is multiplied with.
    `lake_where`: a row with something in this column is of a lake. `words`: published word -> ours."""

    subject: Literal["air", "water"]
    title: Text
    source: Text
    time: Text
    stamp: Literal["start", "end"] = "start"
    period_s: Annotated[int, Meta(ge=1, le=86400, extra={"unit": "s"})] = 3600
    place: tuple[Text, ...] = ()
    label: tuple[Text, ...] = ()
    values: dict[Item, Text]
    scale: dict[Item, float] = {}
    none: tuple[float, ...] = ()
    lake_where: Text | None = None
    published: Published | None = None
    words: dict[Text, str] = {}
    altitude_m: float | None = None
    assess: Assess = Assess()


class Channel(NamedTuple):
    """What a channel of our own export is, its unit, and how often it promised to be read."""

    item: str
    unit: str
    period_s: int


class Plan(NamedTuple):
    """What to look for in the file, and by what to judge it. `columns` or `channels` is there."""

    title: str
    assess: Assess
    altitude_m: float | None
    columns: Columns | None
    channels: Mapping[str, Channel]


def plan(path: Path) -> Plan:
    """SiteError: it is neither a sound site file nor a sound file of columns."""
    shipped = _SHIPPED / f"{path.name}.toml"
    if not path.exists() and path.parent == Path() and shipped.exists():
        path = shipped
    tree = read(path)
    if "station" in tree or "values" not in tree:
        return of_site(config.load(path))
    _, faults = walk(tree, Columns)
    for table in ("values", "scale"):
        given = tree.get(table)
        names = given if isinstance(given, dict) else {}
        faults += [
            Fault(f"{table}.{name}", "fault.unknown_key", nearest(name, ITEMS)) for name in names if name not in ITEMS
        ]
    if faults:
        raise SiteError(faults)
    columns = msgspec.convert(tree, Columns)
    return Plan(columns.title, columns.assess, columns.altitude_m, columns, {})


def of_site(site: Site) -> Plan:
    periods: dict[str, int] = {}
    places: list[tuple[Sensor, Node | None]] = [(sensor, None) for sensor in site.sensors]
    places += [(sensor, node) for node in site.nodes for sensor in node.sensors]
    for sensor, node in places:
        for period_s, registers in site.groups(sensor):
            periods |= {channel.name: period_s for channel in site.channels_of(sensor, node, registers)}
    items = channel_items(site)
    return Plan(
        site.station.name,
        site.assess or Assess(),
        site.station.altitude_m,
        None,
        {c.name: Channel(items[c.name], c.unit, periods[c.name]) for c in site.channels if c.name in items},
    )
