"""Knows which stages the rows of a site go through, and in what order; knows no store and no row.

raw row, with its flags (gateway/judging.py) -> aggregates -> findings, loads, indices -> corrected hours, trends
-> alarms
"""

from collections.abc import Callable, Iterable, Sequence

from gateway.process.aggregate import Aggregates
from gateway.process.air.editions import EDITIONS
from gateway.process.alarm.rows import AlarmRows, Board
from gateway.process.finding.rows import Findings
from gateway.process.forms import Wanted, wanted
from gateway.process.indices import Indices
from gateway.process.items import ITEM_OF
from gateway.process.judgement import Judged
from gateway.process.load import Load, Loads
from gateway.process.longer import Longer
from gateway.process.periods import HOUR_MS, MINUTE, Calendar
from gateway.process.quality.correction import Corrections
from gateway.process.quality.drift import Deployment
from gateway.process.stage import Past, Series, Stage
from gateway.process.trend.rows import Trends
from gateway.process.trend.rows import Wanted as TrendWanted
from gateway.process.unit import Units
from gateway.process.water.oxygen import pressure_at
from gateway.site.assessing import Assess
from gateway.site.config import Aggregate, Channel, Site
from gateway.site.finding import finding_of
from gateway.site.limits import deployment
from gateway.site.rules import rule_of

Stages = Callable[[Past, Iterable[Series]], Sequence[Stage]]

_LEVELS = ("hour", "8h", "day", "month", "year")  # each after what it is made of


def stages(site: Site, board: Board) -> Stages | None:
    """What makes the stages of a site, in their order; None: it wants none."""
    table = site.aggregates
    if table is None and not board.rules:
        return None

    def make(past: Past, series: Iterable[Series]) -> Sequence[Stage]:
        made: list[Stage] = [] if table is None else _aggregates(site, table, past, series)
        return [*made, *([AlarmRows(board, calendar(table or Aggregate()))] if board.rules else [])]

    return make


def board(site: Site) -> Board:
    """Where the alarms of a site stand."""
    ids = {node.name: node.id for node in site.nodes}
    return Board([rule_of(table, ids) for table in site.rules])


def calendar(table: Aggregate) -> Calendar:
    return Calendar(round(table.zone_h * HOUR_MS), 1000 * (table.minute_s or 600))


def _aggregates(site: Site, table: Aggregate, past: Past, every: Iterable[Series]) -> list[Stage]:
    series = tuple(every)
    periods = calendar(table)
    levels = tuple(level for level in _LEVELS if level in table.levels)
    units = Units(known(site, table), ((MINUTE, *levels) if table.minute_s else levels), 1000 * table.minute_s)
    for one in series:
        if one.is_collected:
            units.of(one)
    grace_ms = 1000 * table.grace_s
    trends = [TrendWanted(one.channel, one.by, one.days, one.limit) for one in site.trends]
    loads = [Load(load.name, load.concentration, load.flow) for load in table.loads]
    return [
        Aggregates(past, units, periods, grace_ms),
        *(Longer(level, past, units, periods, grace_ms) for level in levels),
        *([Findings(past, [*map(finding_of, site.findings)], periods, grace_ms)] if site.findings else []),
        *([Loads(past, loads, periods, grace_ms, levels)] if loads else []),
        *([] if site.assess is None else [Indices(past, judged(site, site.assess), periods, grace_ms, levels)]),
        *([Corrections(past, deployments(site), series)] if site.calibrations else []),
        *([Trends(past, trends, periods)] if trends else []),
    ]


def deployments(site: Site) -> dict[str, list[Deployment]]:
    found: dict[str, list[Deployment]] = {}
    for table in site.calibrations:
        found.setdefault(table.channel, []).append(deployment(table))
    return found


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


def channel_items(site: Site) -> dict[str, str]:
    """Channel -> item of a standard. The temperature beside a dissolved oxygen is the water's, any other the air's; of
    two channels of one item the first counts."""
    named = {} if site.assess is None else site.assess.channels
    oxygen = {channel.sensor for channel in site.channels if channel.quantity == "dissolved_oxygen"}
    found: dict[str, str] = {}
    for channel in site.channels:
        item = named.get(channel.name) or ITEM_OF.get(channel.quantity)
        if item is None and channel.quantity == "temperature":
            item = "water_c" if channel.sensor in oxygen else "air_c"
        if item is not None and item not in found.values():
            found[channel.name] = item
    return found


def judged(site: Site, table: Assess) -> Judged:
    items = channel_items(site)
    periods = [one.period_s for name, one in known(site, Aggregate()).items() if items.get(name) in table.factors]
    return Judged(
        items, None if table.hj633 is None else EDITIONS[table.hj633], table.waived, table.gases == "actual",
        table.water, table.target, table.factors, table.needed, pressure_at(site.station.altitude_m),
        min(24, 86_400 // max(periods, default=1)) or 1, table.air_grade,
    )  # fmt: skip
