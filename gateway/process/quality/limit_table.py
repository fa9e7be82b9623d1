"""Knows the limits that a quantity has where its site says nothing; makes the limits of one channel.

How they were found (docs/quality.md): FB is the part of Franklin Basin's record that its technician left unmarked
(hw_sim/recordings: a mountain river, five months, every 15 minutes); a limit of spike or rate is about twice the
largest that FB has. PHQ: PyHydroQC/parameters.py of AmberSJones/pyhydroqc, the outermost of its six sites. Where
nothing is named the number is ours. A place with salt lakes, geysers or floods needs its own: they are overridden by
name. Only what a river cannot do FAILs; what it does rarely is SUSPECT.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.process.quality.limits import Limits, Span

_HOUR_MS = 3_600_000
_ONE_OF_MANY = re.compile(r"_\d+\Z")  # soil_temperature_6: the sixth of a string
_GAP_PERIODS = 5  # ours: readings in a row that may be missing before the next one starts anew


class _Row(NamedTuple):
    unit: str
    suspect: Span | None = None
    fail: Span | None = None
    spike: tuple[float | None, float | None] = (None, None)  # suspect, fail
    rate_per_h: tuple[float | None, float | None] = (None, None)
    flat_h: tuple[float | None, float | None] = (None, None)


# (kind of the profile, quantity): its row. A kind that has no row of its own has that of "".
ROWS: dict[tuple[str, str], _Row] = {
    # FB -0.04..11.9, spike 0.18, rate 3.6, longest run 11.5 h; PHQ -2..28, 7.5 h
    ("water", "temperature"): _Row("degC", (-1.0, 30.0), (-2.0, 45.0), (0.4, 2.0), (8.0, None), (12.0, 24.0)),
    # FB 295..347, spike 4.5, rate 53, run 4 h; PHQ 120..2700, 7.5 h. Meltwater has less, and salt water is no fault.
    ("", "conductivity"): _Row("uS/cm", (5.0, 10_000.0), None, (10.0, 100.0), (120.0, None), (12.0, 24.0)),
    # FB 8.13..8.77, spike 0.02, rate 0.32, run 11.5 h; PHQ 7.2..9.5, 11.25 h; GB 3838-2002 table 1: 6..9
    ("", "ph"): _Row("pH", (6.0, 9.5), (2.0, 12.0), (0.1, 0.5), (0.8, None), (24.0, 48.0)),
    # FB 8.46..12.1, spike 0.32, rate 2.3, run 3.5 h; PHQ 2..15, 11.25 h
    ("", "dissolved_oxygen"): _Row("mg/L", (2.0, 15.0), (0.0, 25.0), (0.7, 3.0), (5.0, None), (12.0, 24.0)),
    ("", "oxygen_saturation"): _Row("%", (20.0, 200.0), (0.0, 500.0), (10.0, 50.0), (60.0, None), (12.0, 24.0)),
    # FB 0..46, spike 29, rate 178, run 45 min: floods and single grains are real, so nothing FAILs
    ("", "turbidity"): _Row("NTU", (0.0, 2000.0), None, (60.0, None), (400.0, None), (12.0, 24.0)),
    # FB spike 26 mm, rate 362 mm/h
    ("", "level"): _Row("mm", None, None, (60.0, None), (800.0, None), (24.0, None)),
    ("", "ammonium"): _Row("mg/L", (0.0, 50.0), None, (1.0, None), (4.0, None), (24.0, 48.0)),
    ("", "orp"): _Row("mV", (-500.0, 800.0), (-2000.0, 2000.0), (50.0, None), (300.0, None), (24.0, 48.0)),
    ("", "chlorophyll"): _Row("ug/L", (0.0, 400.0), None, (20.0, None), (100.0, None), (24.0, 48.0)),
    ("", "temperature"): _Row("degC", (-50.0, 45.0), (-60.0, 60.0), (5.0, None), (25.0, None), (12.0, 24.0)),
    ("", "humidity"): _Row("%", (2.0, 100.0), (0.0, 105.0), (20.0, None), (None, None), (None, None)),
    # the record lows and highs of inhabited places lie inside; 5,500 m have 505 hPa
    ("", "air_pressure"): _Row("hPa", (450.0, 1060.0), (300.0, 1100.0), (3.0, None), (10.0, None), (12.0, 24.0)),
    # sustained winds above 60 m/s are not known from the plateau; a frozen cup anemometer shows 0 for days
    ("", "wind_speed"): _Row("m/s", (0.0, 40.0), (0.0, 75.0), (None, None), (None, None), (12.0, 48.0)),
    ("", "wind_direction"): _Row("deg", None, (0.0, 360.0), (None, None), (None, None), (24.0, 48.0)),
    ("", "pm2_5"): _Row("ug/m3", (0.0, 1000.0), (0.0, 10_000.0), (300.0, None), (None, None), (6.0, 24.0)),
    ("", "pm10"): _Row("ug/m3", (0.0, 5000.0), (0.0, 50_000.0), (1000.0, None), (None, None), (6.0, 24.0)),
    ("", "soil_temperature"): _Row("degC", (-40.0, 50.0), (-50.0, 70.0), (3.0, None), (10.0, None), (None, None)),
    ("", "soil_moisture"): _Row("%", (0.0, 70.0), (0.0, 100.0), (10.0, None), (None, None), (None, None)),
}  # fmt: skip

# What one unit of the first is in the second.
_FACTORS = {
    ("mS/cm", "uS/cm"): 1000.0,
    ("m", "mm"): 1000.0,
    ("cm", "mm"): 10.0,
    ("kPa", "hPa"): 10.0,
    ("bar", "hPa"): 1000.0,
    ("hPa", "kPa"): 0.1,
    ("bar", "kPa"): 100.0,
    ("mbar", "kPa"): 0.1,
}


def factor(unit: str, wanted: str) -> float | None:
    """What a number of that unit is multiplied with to be in the wanted one; None: it cannot be."""
    return 1.0 if unit == wanted else _FACTORS.get((unit, wanted))


class Channel(NamedTuple):
    """What limits are made for. `low` and `high`: the sensor's measuring range."""

    kind: str
    quantity: str
    unit: str
    decimals: int
    low: float | None
    high: float | None
    period_s: int


def limits(channel: Channel, own: Mapping[str, Any] | None = None) -> Limits:
    """The limits of `channel`; `own` are fields of Limits that the site gives, None to have a test not made.

    A unit that the table does not know leaves the measuring range and the gap. A probe that is left alone by its range
    but not by nature is judged by the narrower of the two.
    """
    row = _row(channel.kind, channel.quantity) or _row(channel.kind, _ONE_OF_MANY.sub("", channel.quantity))
    scale = None if row is None else factor(channel.unit, row.unit)
    if row is None or scale is None:
        row, scale = _Row(channel.unit), 1.0
    found = Limits(
        fail=_narrower(_span(row.fail, scale), channel.low, channel.high),
        suspect=_span(row.suspect, scale),
        spike_suspect=_scaled(row.spike[0], scale),
        spike_fail=_scaled(row.spike[1], scale),
        rate_suspect_per_s=_rate(_scaled(row.rate_per_h[0], scale * 3600), _scaled(row.spike[0], scale), channel),
        rate_fail_per_s=_rate(_scaled(row.rate_per_h[1], scale * 3600), _scaled(row.spike[1], scale), channel),
        flat_suspect_ms=_hours(row.flat_h[0]),
        flat_fail_ms=_hours(row.flat_h[1]),
        flat_tolerance=0.5 * 10**-channel.decimals,
        gap_ms=_GAP_PERIODS * 1000 * channel.period_s,
    )
    return found._replace(**own) if own else found


def _row(kind: str, quantity: str) -> _Row | None:
    return ROWS.get((kind, quantity)) or ROWS.get(("", quantity))


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value / factor


def _rate(rate_per_s: float | None, spike: float | None, channel: Channel) -> float | None:
    """The rates are those of readings each 15 minutes. Noise does not become less where readings are closer: a step
    from one to the next that makes no spike, or of two of the last digit, is not too fast."""
    if rate_per_s is None:
        return None
    return max(rate_per_s, max(spike or 0.0, 2 * 10.0**-channel.decimals) / channel.period_s)


def _span(span: Span | None, factor: float) -> Span | None:
    return None if span is None else (span[0] / factor, span[1] / factor)


def _hours(hours: float | None) -> int | None:
    return None if hours is None else round(hours * _HOUR_MS)


def _narrower(span: Span | None, low: float | None, high: float | None) -> Span | None:
    lows = [end for end in (low, span and span[0]) if end is not None]
    highs = [end for end in (high, span and span[1]) if end is not None]
    if not lows and not highs:
        return None
    return max(lows, default=float("-inf")), min(highs, default=float("inf"))
