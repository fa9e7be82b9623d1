"""Knows which stages the rows of a site go through, and in what order; knows no store and no row.

raw row -> quality flags added -> aggregates -> indices -> alarms
"""

from collections.abc import Callable, Iterable, Sequence

from gateway.process.aggregate import Aggregates
from gateway.process.forms import Wanted, wanted
from gateway.process.load import Load, Loads
from gateway.process.longer import Longer
from gateway.process.periods import HOUR_MS, MINUTE, Calendar
from gateway.process.stage import Past, Series, Stage
from gateway.process.unit import Units
from gateway.site.config import Aggregate, Channel, Site

Stages = Callable[[Past, Iterable[Series]], Sequence[Stage]]

_LEVELS = ("hour", "8h", "day", "month", "year")  # each after what it is made of


def stages(site: Site) -> Stages | None:
    """What makes the stages of a site, in their order; None: it wants none."""
    table = site.aggregates
    if table is None:
        return None

    def make(past: Past, series: Iterable[Series]) -> Sequence[Stage]:
        return _aggregates(site, table, past, series)

    return make


def _aggregates(site: Site, table: Aggregate, past: Past, series: Iterable[Series]) -> list[Stage]:
    calendar = Calendar(round(table.zone_h * HOUR_MS), 1000 * (table.minute_s or 600))
    levels = tuple(level for level in _LEVELS if level in table.levels)
    units = Units(known(site, table), ((MINUTE, *levels) if table.minute_s else levels), 1000 * table.minute_s)
    for one in series:
        if one.is_collected:
            units.of(one)
    grace_ms = 1000 * table.grace_s
    loads = [Load(load.name, load.concentration, load.flow) for load in table.loads]
    return [
        Aggregates(past, units, calendar, grace_ms),
        *(Longer(level, past, units, calendar, grace_ms) for level in levels),
        *([Loads(past, loads, calendar, grace_ms)] if loads else []),
    ]


def known(site: Site, table: Aggregate) -> dict[str, Wanted]:
    """By channel: its form and rule, how often it is read, and how late its readings may come."""
    periods = {
        f"{sensor.id}.{register.name}": period_s
        for sensor in (*site.sensors, *(sensor for node in site.nodes for sensor in node.sensors))
        for period_s, registers in site.groups(sensor)
        for register in registers
    }
    reports_ms = {node.id: 1000 * node.report_s for node in site.nodes}
    return {channel.name: _wanted(channel, table, periods, reports_ms) for channel in site.channels}


def _wanted(channel: Channel, table: Aggregate, periods: dict[str, int], reports_ms: dict[int, int]) -> Wanted:
    name = channel.name
    form = table.forms.get(name)
    if table.channels is not None and name not in table.channels:
        form = "none"
    late_ms = 0 if channel.node is None else reports_ms[channel.node]
    return wanted(channel.quantity, periods[name], late_ms, form, table.rules.get(name))
