"""Knows which readings a sensor can give where it is now: in water, in air; knows no bus, no store.

A limit is wide: it finds a probe in the wrong medium, a wrong unit, a wrong model, not a bad calibration.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gateway.messages import Phrase, quantity_text, unit_text
from gateway.process.water.oxygen import pressure_at, saturation_mgl
from protocols import quality

WATER, AIR, UNKNOWN = "water", "air", "unknown"
MEDIA = (WATER, AIR, UNKNOWN)
NEEDED = 3  # readings: one may be chance, of three all the same is not

# (medium, quantity): low, high, in the unit named. Water: rivers and lakes of the plateau and its outfalls with room on
# both sides. Conductivity in air: 10 to 17 uS/cm of a wet cell (hw_sim/recordings, Franklin Basin 2014, code 7). All
# others ours.
_LIMITS: Mapping[tuple[str, str], tuple[float, float, str]] = {
    (WATER, "temperature"): (-0.5, 40.0, "degC"),
    (WATER, "conductivity"): (0.02, 60.0, "mS/cm"),
    (WATER, "ph"): (4.0, 10.5, "pH"),
    (WATER, "oxygen_saturation"): (0.5, 200.0, "%"),
    (WATER, "level"): (0.005, 200.0, "m"),
    (WATER, "depth"): (0.005, 200.0, "m"),
    (WATER, "pressure"): (0.0005, 20.0, "bar"),
    (AIR, "temperature"): (-55.0, 50.0, "degC"),
    (AIR, "conductivity"): (-0.001, 0.05, "mS/cm"),
    (AIR, "oxygen_saturation"): (85.0, 115.0, "%"),
    (AIR, "humidity"): (2.0, 100.0, "%"),
    (AIR, "wind_speed"): (0.0, 60.0, "m/s"),
    (AIR, "ozone"): (0.0, 600.0, "ug/m3"),
}
_SCALES = {("uS/cm", "mS/cm"): 0.001, ("mV", "V"): 0.001, ("cm", "m"): 0.01, ("mm", "m"): 0.001, ("hPa", "bar"): 0.001}
_AIR_PRESSURE_SHARE = 0.06  # weather, and a station's altitude that is known to 100 m; ours
_OVER_SATURATED = 2.0  # algae at noon; ours
_AIR_SATURATED = (0.85, 1.15)  # of a probe in moist air; ours
_SEA_LEVEL_SHARE = 0.08  # nearer than this to what a probe set for sea level tells in air; ours


class Reading(NamedTuple):
    value: float | None
    quality: int


class Channel(NamedTuple):
    """Of which the readings are; `low` and `high` bound the model's measuring range."""

    quantity: str
    unit: str
    low: float | None
    high: float | None


class Problem(NamedTuple):
    seen: Phrase
    advice: Phrase


def problem(
    channel: Channel, readings: Sequence[Reading], medium: str, altitude_m: float, water_c: float | None = None
) -> Problem | None:
    """The first thing that is wrong with a channel's readings. `water_c`: what the same probe takes for the
    temperature."""
    of = len(readings)
    for flag, key in _FLAGS:
        count = sum(1 for reading in readings if reading.quality & flag)
        if count:
            return Problem(_about(channel, key, count, of), Phrase(f"commission.{key}_advice"))
    values = [reading.value for reading in readings if reading.value is not None]
    if len(values) < NEEDED:
        return Problem(
            Phrase("commission.too_few", quantity=_name(channel), count=len(values), needed=NEEDED),
            Phrase("commission.too_few_advice"),
        )
    for value in values:
        if not _between(value, channel.low, channel.high):
            return Problem(_told(channel, value, channel.low, channel.high), Phrase("commission.out_of_range_advice"))
    return _in_place(channel, values, medium, altitude_m, water_c)


def _in_place(
    channel: Channel, values: Sequence[float], medium: str, altitude_m: float, water_c: float | None
) -> Problem | None:
    low, high = limits(channel, medium, altitude_m, water_c)
    for value in values:
        if _between(value, low, high):
            continue
        if channel.quantity == "oxygen_saturation" and medium == AIR:
            sea = 100 * pressure_at(altitude_m) / pressure_at(0.0)
            if abs(value / sea - 1) < _SEA_LEVEL_SHARE:
                return Problem(
                    Phrase("commission.sea_level", value=f"{value:g}", altitude=f"{altitude_m:g}"),
                    Phrase("commission.sea_level_advice"),
                )
        return Problem(_told(channel, value, low, high), Phrase(f"commission.implausible_{medium}"))
    return None


def limits(
    channel: Channel, medium: str, altitude_m: float, water_c: float | None
) -> tuple[float | None, float | None]:
    """What a channel may tell in its place, in its unit; None: no bound."""
    quantity = channel.quantity
    hpa = pressure_at(altitude_m)
    if quantity == "air_pressure" and channel.unit == "hPa":
        return hpa * (1 - _AIR_PRESSURE_SHARE), hpa * (1 + _AIR_PRESSURE_SHARE)
    if quantity == "dissolved_oxygen" and channel.unit == "mg/L":
        full = saturation_mgl(water_c, hpa)
        if full is None or medium == UNKNOWN:
            return None, None
        least, most = (0.0, _OVER_SATURATED) if medium == WATER else _AIR_SATURATED
        return least * full, most * full
    low, high, unit = _LIMITS.get((medium, quantity), (None, None, channel.unit))
    if low is None or high is None or unit == channel.unit:
        return low, high
    scale = _SCALES.get((channel.unit, unit))
    return (None, None) if scale is None else (low / scale, high / scale)


_FLAGS = ((quality.NO_REPLY, "no_reply"), (quality.INVALID, "invalid"), (quality.WARM_UP, "warm_up"))


def all_zero(readings: Mapping[str, Sequence[Reading]]) -> bool:
    """A device that was never started, or has no probe in it, tells zeros only."""
    values = [reading.value for of in readings.values() for reading in of if reading.value is not None]
    return len(readings) > 1 and len(values) > NEEDED and not any(values)


def _about(channel: Channel, key: str, count: int, of: int) -> Phrase:
    return Phrase(f"commission.{key}", quantity=_name(channel), count=count, of=of)


def _told(channel: Channel, value: float, low: float | None, high: float | None) -> Phrase:
    span = f"{'-' if low is None else f'{low:.4g}'} .. {'-' if high is None else f'{high:.4g}'}"
    return Phrase(
        "commission.outside", quantity=_name(channel), value=f"{value:g} {unit_text(channel.unit)}".rstrip(), span=span
    )


def _name(channel: Channel) -> "Phrase":
    return Named(channel.quantity)


class Named(Phrase):
    """A quantity by its name in the language that is asked for."""

    __slots__ = ()

    def __init__(self, quantity: str) -> None:
        super().__init__("list.comma", quantity=quantity)

    def text(self, lang: str | None = None) -> str:
        return quantity_text(str(self.values["quantity"]), lang)


def _between(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)
