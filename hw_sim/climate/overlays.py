"""Knows the events that a scenario lays on the truth, as data, and the outline of each in time; knows no climate.

`at_s` counts from the world's beginning, `lasts_s` is the event's own length; what follows from it may last longer.
"""

from typing import Annotated, Literal

import numpy as np
from msgspec import Meta, Struct

from hw_sim.climate.grid import HOUR_S, Array

Seconds = Annotated[float, Meta(ge=0, le=3.2e9, extra={"unit": "s"})]
Concentration = Annotated[float, Meta(ge=0, le=1e6, extra={"unit": "mg/L"})]


class Overlay(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What every event has."""

    at_s: Seconds
    lasts_s: Annotated[float, Meta(ge=60, le=3.2e7, extra={"unit": "s"})]


class SpringFlood(Overlay, frozen=True, kw_only=True, tag="spring_flood"):
    """A warm spell over fresh snow: the catchment gets `snow_mm` of water as snow, then days `warmer_k` warmer."""

    warmer_k: Annotated[float, Meta(ge=0, le=25, extra={"unit": "K"})] = 8.0
    snow_mm: Annotated[float, Meta(ge=0, le=1000, extra={"unit": "mm"})] = 60.0
    lasts_s: Annotated[float, Meta(ge=60, le=3.2e7, extra={"unit": "s"})] = 5 * 86400.0


class Storm(Overlay, frozen=True, kw_only=True, tag="storm"):
    """Rain, or snow where the air is cold enough, with wind, cloud and a dip of the barometer."""

    precipitation_mm: Annotated[float, Meta(ge=0, le=500, extra={"unit": "mm"})] = 30.0
    wind_m_s: Annotated[float, Meta(ge=0, le=50, extra={"unit": "m/s"})] = 8.0
    pressure_hpa: Annotated[float, Meta(ge=0, le=50, extra={"unit": "hPa"})] = 4.0
    lasts_s: Annotated[float, Meta(ge=60, le=3.2e7, extra={"unit": "s"})] = 4 * HOUR_S


class ColdWave(Overlay, frozen=True, kw_only=True, tag="cold_wave"):
    """Colder by `drop_k`; with `lowest_c`, by as much as it takes for the coldest moment to be that cold."""

    drop_k: Annotated[float, Meta(ge=0, le=50, extra={"unit": "K"})] = 15.0
    lowest_c: Annotated[float, Meta(ge=-70, le=20, extra={"unit": "degC"})] | None = None
    lasts_s: Annotated[float, Meta(ge=60, le=3.2e7, extra={"unit": "s"})] = 7 * 86400.0


class DustStorm(Overlay, frozen=True, kw_only=True, tag="dust_storm"):
    """Dust, wind, and a dimmed sun."""

    pm10_ug_m3: Annotated[float, Meta(ge=0, le=20_000, extra={"unit": "ug/m3"})] = 1500.0
    wind_m_s: Annotated[float, Meta(ge=0, le=50, extra={"unit": "m/s"})] = 9.0
    lasts_s: Annotated[float, Meta(ge=60, le=3.2e7, extra={"unit": "s"})] = 8 * HOUR_S


class OzoneDay(Overlay, frozen=True, kw_only=True, tag="ozone_day"):
    """A half sine of ozone from late morning to evening; nitrogen dioxide is used up under it."""

    ozone_ug_m3: Annotated[float, Meta(ge=0, le=2000, extra={"unit": "ug/m3"})] = 110.0
    lasts_s: Annotated[float, Meta(ge=60, le=3.2e7, extra={"unit": "s"})] = 9 * HOUR_S


class GasLeak(Overlay, frozen=True, kw_only=True, tag="gas_leak"):
    """A steady leak at the ground, `distance_m` away in the direction `bearing_deg` (None: upwind when it begins)."""

    gas: Literal["sulfur_dioxide", "nitrogen_dioxide", "carbon_monoxide"] = "sulfur_dioxide"
    rate_g_s: Annotated[float, Meta(ge=0, le=1e6)] = 30.0
    distance_m: Annotated[float, Meta(ge=20, le=20_000, extra={"unit": "m"})] = 500.0
    bearing_deg: Annotated[float, Meta(ge=0, le=360, extra={"unit": "deg"})] | None = None
    lasts_s: Annotated[float, Meta(ge=60, le=3.2e7, extra={"unit": "s"})] = 3 * HOUR_S


class Slug(Overlay, frozen=True, kw_only=True, tag="slug"):
    """Waste let into the river at the outfall: its flow, and how far it is above the river's own water.

    `immediate_demand` takes its oxygen at once, `slow_demand` by decay under way.
    """

    flow_m3_s: Annotated[float, Meta(ge=0, le=100)] = 0.3
    ammonium_mg_l: Concentration = 45.0
    cod_mg_l: Concentration = 900.0
    immediate_demand_mg_l: Concentration = 40.0
    slow_demand_mg_l: Concentration = 400.0
    conductivity_ms_cm: Annotated[float, Meta(ge=0, le=200, extra={"unit": "mS/cm"})] = 3.0
    turbidity_ntu: Annotated[float, Meta(ge=0, le=1e5, extra={"unit": "NTU"})] = 250.0
    lasts_s: Annotated[float, Meta(ge=60, le=3.2e7, extra={"unit": "s"})] = 2 * HOUR_S


class HeldBack(Overlay, frozen=True, kw_only=True, tag="held_back"):
    """A gate above the first station holds a part of the river back."""

    held_percent: Annotated[float, Meta(ge=0, le=99, extra={"unit": "%"})] = 80.0
    lasts_s: Annotated[float, Meta(ge=60, le=3.2e7, extra={"unit": "s"})] = 4 * HOUR_S


class TreatmentFails(Overlay, frozen=True, kw_only=True, tag="treatment_fails"):
    """A works' treatment takes less of its load: a scrubber without lime, a filter with a hole, a dead blower."""

    lost_percent: Annotated[float, Meta(ge=0, le=100, extra={"unit": "%"})] = 40.0
    lasts_s: Annotated[float, Meta(ge=60, le=3.2e7, extra={"unit": "s"})] = 2 * HOUR_S


class SnowOnPanel(Overlay, frozen=True, kw_only=True, tag="snow_on_panel"):
    """Snow that stays on the panel for `lasts_s`, whatever the sun does."""

    cover_percent: Annotated[float, Meta(ge=0, le=100, extra={"unit": "%"})] = 100.0
    lasts_s: Annotated[float, Meta(ge=60, le=3.2e7, extra={"unit": "s"})] = 2 * 86400.0


AnyOverlay = (
    SpringFlood | Storm | ColdWave | DustStorm | OzoneDay | GasLeak | Slug | HeldBack | TreatmentFails | SnowOnPanel
)


def smooth_step(x: Array) -> Array:
    """0 below 0, 1 above 1, and 3x^2 - 2x^3 between."""
    held = np.clip(x, 0.0, 1.0)
    step: Array = held * held * (3.0 - 2.0 * held)
    return step


def outline(event: Overlay, t_s: Array, rise: float, fall: float) -> Array:
    """0..1 over the event: it comes within the first `rise` of its length and goes within the last `fall`."""
    part = (t_s - event.at_s) / event.lasts_s
    shape: Array = smooth_step(part / rise) * (1.0 - smooth_step((part - (1.0 - fall)) / fall))
    return shape


def half_sine(event: Overlay, t_s: Array) -> Array:
    """0..1..0 over the event; its mean is 2/pi."""
    part = np.clip((t_s - event.at_s) / event.lasts_s, 0.0, 1.0)
    shape: Array = np.sin(np.pi * part)
    return shape


def during(event: Overlay, t_s: Array) -> Array:
    """1 while it lasts, else 0."""
    inside: Array = ((t_s >= event.at_s) & (t_s < event.at_s + event.lasts_s)).astype(np.float64)
    return inside
