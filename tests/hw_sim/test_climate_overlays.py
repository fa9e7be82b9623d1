"""Events laid on the truth: each does what it says, in a climate and added to a recording."""

from datetime import UTC, datetime
from typing import get_args

import msgspec
import numpy as np
import pytest

from hw_sim import signals
from hw_sim.climate import (
    AnyOverlay,
    Climate,
    ColdWave,
    DustStorm,
    GasLeak,
    OzoneDay,
    Place,
    Reach,
    Slug,
    SnowOnPanel,
    SpringFlood,
    Storm,
    UnknownSignal,
    overlay_curve,
    overlay_quantities,
)
from hw_sim.climate.grid import Array
from hw_sim.climate.plume import NEUTRAL, concentration, stability
from hw_sim.streams import Streams

BENCH = Place(latitude=33.0, longitude=97.0, altitude_m=4200.0)
DAY_S, HOUR_S = 86400.0, 3600.0


def climate(start: tuple[int, int], days: float, *overlays: AnyOverlay, seed: int = 1) -> Climate:
    begin = int(datetime(2025, *start, tzinfo=UTC).timestamp())
    return Climate(BENCH, begin, days, Streams(seed), overlays=overlays)


def change(start: tuple[int, int], event: AnyOverlay, name: str, days: float = 10.0) -> tuple[Array, Array]:
    """(times, what the event adds to a signal)."""
    with_it, without = climate(start, days, event), climate(start, days)
    return with_it.times_s, with_it.values(name) - without.values(name)


@pytest.mark.parametrize("seed", range(4))
def test_a_cold_wave_reaches_the_cold_that_it_is_told_to(seed: int) -> None:
    celsius = climate((1, 5), 10, ColdWave(at_s=2 * DAY_S, lowest_c=-38.0), seed=seed).values("air.temperature")
    assert celsius.min() == pytest.approx(-38.0, abs=0.01)


def test_a_cold_wave_without_an_aim_drops_by_its_number() -> None:
    times, kelvin = change((1, 5), ColdWave(at_s=2 * DAY_S, drop_k=12.0), "air.temperature")
    assert kelvin.min() == pytest.approx(-12.0)
    assert not kelvin[times < 2 * DAY_S].any() and not kelvin[times > 9 * DAY_S].any()


def test_a_warm_spell_over_snow_makes_a_flood() -> None:
    event = SpringFlood(at_s=5 * DAY_S)
    flooded, plain = climate((4, 20), 14, event), climate((4, 20), 14)
    before = flooded.times_s < 5 * DAY_S
    for name, factor in (("discharge", 4.0), ("level", 2.0), ("turbidity", 8.0)):
        crest = flooded.values(f"river.{name}")[~before].max()
        assert crest > factor * plain.values(f"river.{name}")[before].mean(), name
    thin = flooded.values("river.conductivity")[~before].min()
    assert thin < 0.75 * plain.values("river.conductivity")[before].mean()
    mild = climate((4, 20), 14, SpringFlood(at_s=5 * DAY_S, snow_mm=0.0))
    spell = slice(7 * 288, 10 * 288)
    colder = mild.values("river.temperature")[spell].mean() - flooded.values("river.temperature")[spell].mean()
    assert colder > 1.9  # by melt-water; 1.5 by mere depth
    crest_s = flooded.times_s[flooded.values("river.discharge").argmax()]
    assert 5.5 * DAY_S < crest_s < 11 * DAY_S


def test_a_storm_brings_its_millimetres_and_the_river_answers_later() -> None:
    event = Storm(at_s=2 * DAY_S, precipitation_mm=30.0)
    times, millimetres = change((7, 5), event, "air.rain", 5.0)
    assert millimetres[-1] == pytest.approx(30.0, rel=0.02)
    _, discharge = change((7, 5), event, "river.discharge", 5.0)
    assert discharge.max() > 10.0
    assert 2 * DAY_S + 2 * HOUR_S < times[discharge.argmax()] < 2 * DAY_S + 8 * HOUR_S
    assert climate((7, 5), 5, event).signal("sun.cloud")(2 * DAY_S + 2 * HOUR_S) > 99.0


def test_a_winter_storm_is_snow() -> None:
    stormy = climate((1, 10), 4, Storm(at_s=DAY_S, precipitation_mm=12.0))
    assert stormy.values("air.rain_rate").max() < 0.01
    assert stormy.values("air.snow_depth").max() > 80.0
    assert stormy.values("panel.snow").max() == 100.0


def test_a_dust_storm_fills_the_air_and_dims_the_sun() -> None:
    event = DustStorm(at_s=2 * DAY_S)
    stormy = climate((4, 10), 4, event)
    assert 1200 < stormy.values("air.pm10").max() < 2600
    assert (stormy.values("air.pm10") > stormy.values("air.pm2_5")).all()
    assert (stormy.values("air.pm2_5") >= stormy.values("air.pm1")).all()
    _, light = change((4, 10), event, "sun.irradiance", 4.0)
    assert light.min() < -50.0 and light.max() < 1e-9
    _, soiling = change((4, 10), event, "panel.soiling", 4.0)
    assert soiling[-1] > 0.1


def test_an_ozone_day_adds_its_peak() -> None:
    event = OzoneDay(at_s=DAY_S + 4 * HOUR_S, ozone_ug_m3=120.0)
    times, ozone = change((5, 10), event, "air.ozone", 3.0)
    assert ozone.max() == pytest.approx(120.0, rel=0.01)
    assert times[ozone.argmax()] == pytest.approx(DAY_S + 8.5 * HOUR_S, abs=301)


def test_a_leak_is_seen_while_it_lasts_and_in_the_unit_of_its_gas() -> None:
    sulfur = GasLeak(at_s=DAY_S, lasts_s=2 * HOUR_S, gas="sulfur_dioxide")
    times, seen = change((5, 5), sulfur, "air.sulfur_dioxide", 2.0)
    inside = (times >= DAY_S) & (times < DAY_S + 2 * HOUR_S)
    assert seen[inside].max() > 300.0
    assert not seen[~inside].any()
    carbon = GasLeak(at_s=DAY_S, lasts_s=2 * HOUR_S, gas="carbon_monoxide")
    _, milligrams = change((5, 5), carbon, "air.carbon_monoxide", 2.0)
    assert (milligrams * 1000.0).tolist() == pytest.approx(seen.tolist(), abs=1e-6)
    middle = DAY_S + HOUR_S
    laid = overlay_curve(sulfur, "sulfur_dioxide")(middle)
    assert 1000 * overlay_curve(carbon, "carbon_monoxide")(middle) == pytest.approx(laid, abs=0.01)
    assert laid > 300.0


def test_a_plume_is_gaussian_and_the_station_must_be_downwind() -> None:
    """Turner 1970: Q / (pi u sigma_y sigma_z) on the axis; Briggs, class D, 500 m: 39.04 m and 22.68 m."""
    t = np.array([0.0, 0.0, 0.0])
    event = GasLeak(at_s=0.0, rate_g_s=10.0, distance_m=500.0, bearing_deg=90.0)
    seen = concentration(event, t, np.full(3, 2.0), np.array([90.0, 97.0, 270.0]), np.full(3, float(NEUTRAL)))
    assert seen[0] == pytest.approx(10e6 / (np.pi * 2.0 * 39.04 * 22.68), rel=1e-3)
    assert 0.1 < seen[1] / seen[0] < 0.6
    assert seen[2] == 0.0


def test_pasquills_classes() -> None:
    sun, wind, cloud = (
        np.array([900.0, 500.0, 0.0, 0.0]),
        np.array([1.0, 6.0, 1.0, 8.0]),
        np.array([0.1, 0.1, 0.1, 0.1]),
    )
    assert stability(sun, wind, cloud).tolist() == [0.0, 3.0, 5.0, 3.0]


def test_a_slug_passes_the_stations_one_after_the_other() -> None:
    event = Slug(at_s=2 * DAY_S)
    spilled, plain = climate((10, 10), 5, event), climate((10, 10), 5)
    begins = []
    for station in ("outfall", "river", "downstream"):
        added = spilled.values(f"{station}.ammonium") - plain.values(f"{station}.ammonium")
        sagged = spilled.values(f"{station}.dissolved_oxygen") - plain.values(f"{station}.dissolved_oxygen")
        assert added.max() > 1.0 and sagged.min() < -0.5
        begins.append(float(spilled.times_s[int(np.argmax(added > 0.5 * added.max()))]))
    velocity = spilled.signal("river.velocity")(2 * DAY_S)
    for begin, distance in zip(begins, (100.0, 1500.0, 5000.0), strict=True):
        assert begin - 2 * DAY_S == pytest.approx(distance / velocity, rel=0.15, abs=600.0)
    assert np.array_equal(spilled.values("upstream.ammonium"), plain.values("upstream.ammonium"))
    assert spilled.values("river.oxygen_saturation").min() < plain.values("river.oxygen_saturation").min() - 5.0


def test_snow_stays_on_the_panel_as_long_as_it_is_told_to() -> None:
    snowed = climate((6, 10), 4, SnowOnPanel(at_s=DAY_S, lasts_s=DAY_S))
    inside = (snowed.times_s >= DAY_S) & (snowed.times_s < 2 * DAY_S)
    assert snowed.values("panel.output")[inside].max() == 0.0
    assert snowed.values("panel.output")[~inside].max() > 30.0


def test_a_slug_is_laid_on_a_recording() -> None:
    river = signals.replay("water_lro_franklinbasin_2014", "cond", 900.0, scale=0.001)
    event = Slug(at_s=DAY_S, lasts_s=2 * HOUR_S, conductivity_ms_cm=3.0, flow_m3_s=0.5)
    added = overlay_curve(event, "conductivity", Reach(2000.0, 4.5, 0.5, 15.0, 20.0))
    assert added(0.0) == added(DAY_S) == added(5 * DAY_S) == 0.0
    middle = DAY_S + HOUR_S + 2000 / 0.5
    assert added(middle) == pytest.approx(0.3, rel=0.01)
    assert river(middle) + added(middle) > river(middle) + 0.29


def test_a_curve_is_what_the_climate_adds() -> None:
    for event, quantity, name, start in (
        (ColdWave(at_s=2 * DAY_S), "temperature", "air.temperature", (1, 5)),
        (OzoneDay(at_s=2 * DAY_S), "ozone", "air.ozone", (6, 5)),
        (Storm(at_s=2 * DAY_S), "pressure", "air.pressure", (7, 5)),
    ):
        times, added = change(start, event, name, 10.0)
        curve = overlay_curve(event, quantity)
        assert [curve(float(t)) for t in times[::24]] == pytest.approx(added[::24].tolist(), abs=0.02), name


@pytest.mark.parametrize("kind", get_args(AnyOverlay))
def test_every_overlay_is_data_and_has_curves_that_begin_and_end_at_nothing(kind: type[AnyOverlay]) -> None:
    event = kind(at_s=3 * HOUR_S)
    assert msgspec.convert(msgspec.to_builtins(event), AnyOverlay) == event
    for quantity in overlay_quantities(event):
        curve = overlay_curve(event, quantity)
        assert curve(0.0) == curve(3 * HOUR_S) == curve(3e7) == 0.0, quantity
        step = (event.lasts_s + 2 * DAY_S) / 500
        assert any(curve(3 * HOUR_S + index * step) for index in range(500)), quantity


def test_a_quantity_that_an_event_leaves_alone_is_refused_with_those_it_changes() -> None:
    with pytest.raises(UnknownSignal) as caught:
        overlay_curve(Slug(at_s=0.0), "amonium")
    assert caught.value.near[0] == "ammonium"
    with pytest.raises(UnknownSignal):
        overlay_curve(SnowOnPanel(at_s=0.0), "temperature")


def test_limits_hold() -> None:
    for wrong in ({"drop_k": 80.0}, {"lasts_s": 1.0}, {"at_s": -5.0}, {"lowest_c": -100.0}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"kind": "cold_wave", "at_s": 0.0, **wrong}, ColdWave)
