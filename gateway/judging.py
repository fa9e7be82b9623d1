"""Knows what the tests of a site's readings need: limits, and which channels stand beside each other; tests nothing."""

from gateway.pipeline import known
from gateway.process.quality import cross
from gateway.process.quality.judge import Judge, Part, Plan, Window
from gateway.process.quality.limit_table import Channel as Tested
from gateway.process.quality.limit_table import factor, limits
from gateway.process.quality.limits import Limits
from gateway.process.water.oxygen import pressure_at
from gateway.site.config import Aggregate, Channel, Site
from gateway.site.limits import moment_ms, own_limits

_IN_WATER = ("ph", "orp", "ammonium", "chlorophyll")  # what is accused by others, in whatever unit
# (kind of the profile, quantity) -> quantity of the checks; a kind that is not here has its own quantity's name
_QUANTITY = {
    ("water", "pressure"): "water_pressure",
    ("air", "temperature"): "air_temperature",
    ("weather", "temperature"): "air_temperature",
}
_LATEST_MS = 3_600_000  # that an air's temperature and pressure count as of the moment; ours


def judge(site: Site) -> Judge:
    """All tests of a site."""
    tested: dict[str, Limits] = {}
    parts: dict[str, Part] = {}
    own = {table.channel: own_limits(table) for table in site.quality}
    kinds, settle_ms = {}, {}
    for sensor in (*site.sensors, *(sensor for node in site.nodes for sensor in node.sensors)):
        profile = site.profile(sensor)
        kinds[sensor.id], settle_ms[sensor.id] = profile.kind, profile.warm_up_ms + profile.settle_ms
    periods = {name: wanted.period_s for name, wanted in known(site, Aggregate()).items()}
    met: set[tuple[object, str]] = set()
    for channel in site.channels:
        kind, period_s = kinds[channel.sensor], periods[channel.name]
        form = Tested(kind, channel.quantity, channel.unit, channel.decimals, channel.low, channel.high, period_s)
        tested[channel.name] = limits(form, own.get(channel.name))
        part = _part(channel, kind, period_s)
        if part is not None:
            place = (part.where, part.quantity)
            parts[channel.name] = part._replace(speaks=place not in met)
            met.add(place)
    checks = site.checks
    return Judge(
        Plan(
            tested,
            parts,
            cross.Place(
                pressure_at(site.station.altitude_m),
                checks.level_offset_mm,
                checks.level_tolerance_mm,
                checks.dry_below_us_cm,
            ),
            tuple(check for name, check in cross.BY_NAME.items() if name not in checks.off),
            tuple(Window(one.sensor, one.state, moment_ms(one.start), moment_ms(one.end)) for one in site.services),
            settle_ms,
            round((Aggregate() if site.aggregate is None else site.aggregate).zone_h * 3_600_000),
        )
    )


def _part(channel: Channel, kind: str, period_s: int) -> Part | None:
    """None: no check asks for it."""
    quantity = _QUANTITY.get((kind, channel.quantity), channel.quantity)
    if kind == "ground" or (quantity not in cross.UNITS and quantity not in _IN_WATER):
        return None
    wanted = cross.UNITS.get(quantity)
    found = 1.0 if wanted is None else factor(channel.unit, wanted)
    if found is None:
        return None
    fresh_ms = _LATEST_MS if quantity.startswith("air_") else max(60_000, 2000 * period_s)
    return Part(quantity, found, channel.node, fresh_ms=fresh_ms)
