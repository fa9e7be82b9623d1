"""Knows which column of somebody's CSV is what, and which channel of a site is what; reads no data.

`--site` names one of two: the site file of a station (its own exports), or a small file like those in columns/.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from gateway.faults import SiteError, read, walk
from gateway.site import config
from gateway.site.assessing import Assess, Item
from gateway.site.config import Node, Sensor, Site

_SHIPPED = Path(__file__).parent / "columns"
Text = Annotated[str, Meta(min_length=1)]

# What a quantity of a profile is. Of others the site file says it, under [assess.channels].
_ITEM_OF: dict[str, Item] = {
    "sulfur_dioxide": "SO2", "nitrogen_dioxide": "NO2", "carbon_monoxide": "CO", "ozone": "O3", "pm10": "PM10",
    "pm2_5": "PM2.5", "air_pressure": "hpa",
    "ph": "pH", "dissolved_oxygen": "DO", "oxygen_saturation": "DO_percent", "ammonium": "NH3N", "cod": "COD",
    "permanganate": "CODMn", "total_phosphorus": "TP", "total_nitrogen": "TN",
}  # fmt: skip


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

    item: Item
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
    oxygen = {channel.sensor for channel in site.channels if channel.quantity == "dissolved_oxygen"}
    found: dict[str, Channel] = {}
    taken: set[str] = set()
    for channel in site.channels:
        item = site.assess.channels.get(channel.name) or _ITEM_OF.get(channel.quantity)
        if item is None and channel.quantity == "temperature":
            item = "water_c" if channel.sensor in oxygen else "air_c"
        if item is not None and item not in taken:  # of two that measure the same the first one counts
            taken.add(item)
            found[channel.name] = Channel(item, channel.unit, periods[channel.name])
    return Plan(site.station.name, site.assess, site.station.altitude_m, None, found)
