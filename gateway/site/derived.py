"""Knows the names under which rules ask for what is made of a site's readings; makes none.

`source/channel`, as in docs/alarms.md. What stands behind a colon (`:max`, `:mda8`, `:direction`) is not looked at.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway.process.finding.kinds import KINDS
from gateway.process.finding.rows import Finding, series_of
from gateway.process.finding.spans import SPANS
from gateway.process.judgement import AIR, WATER, air_channels, longer_channels, water_channels
from gateway.process.periods import DAY, HOUR, LEVELS, MINUTE, MONTH, YEAR
from gateway.process.quality.correction import CORRECTED
from gateway.process.trend.rows import TREND
from gateway.site.assessing import Assess


def derived(site: Mapping[str, Any], channels: Iterable[str]) -> set[str]:
    """Of the sound part of a site file, whose own channels are `channels`."""
    return set(_derived(site, channels))


def _derived(site: Mapping[str, Any], channels: Iterable[str]) -> Iterator[str]:
    table = site.get("aggregate")
    if table is None:
        if not any(uplink.get("type") == "hj212" for uplink in site.get("uplink", ())):
            return  # nothing is made of anything
        table = {}
    levels = (*(table.get("levels") or LEVELS), *([MINUTE] if table.get("minute_s", 600) else []))
    for channel in channels:
        yield from (f"{level}/{channel}" for level in levels)
    for load in table.get("load", ()):
        yield from (f"{level}/{load.get('name')}" for level in levels if level in (HOUR, DAY, MONTH, YEAR))
    for table in site.get("finding", ()):
        by = table.get("by")
        if by in KINDS or by in SPANS:
            finding = Finding(table.get("name") or "", by, {}, {})
            for level in KINDS[by].levels if by in KINDS else SPANS[by].levels:
                yield from (f"{level}/{name}" for name, _, _ in series_of(finding, level).channels)
    assess = site.get("assess")
    if assess is not None:
        factors = assess.get("factors") or Assess().factors
        for level in (HOUR, DAY):
            yield from (f"{AIR}_{level}/{name}" for name, _, _ in air_channels(level))
            yield from (f"{WATER}_{level}/{name}" for name, _, _ in water_channels(True, factors))
        for level in (MONTH, YEAR):
            yield from (f"{AIR}_{level}/{name}" for name, _, _ in longer_channels(level))
    yield from (f"{TREND}/{trend.get('channel')}" for trend in site.get("trend", ()))
    yield from (f"{CORRECTED}/{one.get('channel')}" for one in site.get("calibration", ()))
