"""Air by HJ 633 and GB 3095: vectors, published figures, and what must hold of any input."""

import json
import math
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.process.air import attainment, emission, index, limits, local, reference
from gateway.process.air.editions import EDITIONS, HJ633_2012, HJ633_2026, LEVELS, POLLUTANTS, edition_on
from gateway.process.enough import ENOUGH, NOT_ENOUGH, PARTIAL

_VECTORS = Path(__file__).parents[2] / "vectors"
VECTORS = json.loads((_VECTORS / "air_quality.json").read_text("utf-8"))
PUBLISHED = json.loads((_VECTORS / "published_figures.json").read_text("utf-8"))["air"]
WORDS = {
    "二氧化硫": "SO2", "二氧化氮": "NO2", "一氧化碳": "CO", "臭氧1小时": "O3", "颗粒物(PM10)": "PM10",
    "细颗粒物(PM2.5)": "PM2.5",
}  # fmt: skip
CLEAN = dict.fromkeys(HJ633_2026.day, 1)

anything = st.one_of(
    st.none(),
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(-(10**30), 10**30),
    st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 1e300, -1e300, 5e-324]),
)
editions = st.sampled_from([HJ633_2012, HJ633_2026])
concentrations = st.decimals(0, 10_000, places=2)


# --- HJ 633 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", VECTORS["aqi"], ids=lambda case: f"{case['standard']}-{case['item']}-{case['c']}")
def test_the_index_of_one_pollutant_is_that_of_the_vector(case: dict) -> None:
    assert index.iaqi(EDITIONS[case["standard"]], case["item"], case["c"]) == case["iaqi"]


def test_the_tables_are_those_of_the_vectors() -> None:
    for name, edition in EDITIONS.items():
        assert {item: list(points) for item, points in edition.points.items()} == VECTORS["aqi_tables"][name]


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row["station"])
def test_a_published_hour_is_reproduced(row: dict) -> None:
    found = index.hour(HJ633_2012, row["values"])
    assert found.aqi == row["aqi"]
    assert set(found.primary) == {WORDS[word] for word in row["primary"].split(",") if word}
    assert found.level is not None and LEVELS[found.level - 1][2] == row["level"]


def test_what_goes_beyond_a_short_column_follows_its_edition() -> None:
    assert index.iaqi(HJ633_2026, "SO2_1h", 801) == 200
    assert index.iaqi(HJ633_2026, "O3_8h", 801) == 300
    assert index.iaqi(HJ633_2012, "SO2_1h", 801) is None
    assert index.iaqi(HJ633_2012, "PM2.5_1h", 501) == 500
    clean = dict.fromkeys(HJ633_2012.hour, 1)
    assert index.hour(HJ633_2012, {**clean, "SO2_1h": 900, "SO2_24h": 475}).aqi == 150
    assert index.hour(HJ633_2012, {**clean, "SO2_1h": 900}).missing == ("SO2",)
    assert index.day(HJ633_2012, {**clean, **CLEAN, "O3_8h": 900, "O3_1h": 1000}).aqi == 400


def test_halves_are_rounded_to_even_and_only_in_2026() -> None:
    assert [index.iaqi(HJ633_2026, "PM2.5_24h", c) for c in (60.5, 61.5)] == [100, 102]
    assert index.iaqi(HJ633_2026, "CO_24h", 2.15) == index.iaqi(HJ633_2026, "CO_24h", 2.2) == 55
    assert index.iaqi(HJ633_2012, "PM2.5_24h", 75.1) == 101
    assert index.iaqi(HJ633_2026, "PM2.5_24h", -0.5) == 0 and index.iaqi(HJ633_2026, "PM2.5_24h", -0.6) is None


def test_all_that_share_the_top_are_primary_and_none_is_in_good_air() -> None:
    both = index.day(HJ633_2026, {**CLEAN, "PM10_24h": 120, "PM2.5_24h": 60})
    assert (both.aqi, both.primary, both.level, both.state) == (100, ("PM10", "PM2.5"), 2, ENOUGH)
    assert index.day(HJ633_2026, {**CLEAN, "PM2.5_24h": 35}).primary == ()


def test_with_a_gap_an_index_stands_only_above_100_in_2026() -> None:
    gap = {**CLEAN, "NO2_24h": None}
    assert index.day(HJ633_2026, {**gap, "PM10_24h": 120}).aqi is None
    polluted = index.day(HJ633_2026, {**gap, "PM10_24h": 121})
    assert (polluted.state, polluted.aqi, polluted.missing) == (PARTIAL, 101, ("NO2",))
    hidden = index.day(HJ633_2026, {**gap, "PM10_24h": 120})
    assert (hidden.state, hidden.each["PM10"], hidden.level, hidden.primary) == (NOT_ENOUGH, 100, None, ())
    assert index.day(HJ633_2026, gap, waived=("NO2",)).state == ENOUGH
    # 2012 has no rule: days as in 2026, hours as the national feed
    assert index.day(HJ633_2012, gap).aqi is None
    assert index.hour(HJ633_2012, {"O3_1h": 80}).state == PARTIAL


def test_the_edition_goes_by_the_day() -> None:
    assert edition_on(date(2026, 2, 28)) is HJ633_2012
    assert edition_on(date(2026, 3, 1)) is HJ633_2026


@given(editions, st.dictionaries(st.sampled_from([*HJ633_2012.hour, *HJ633_2012.day]), anything))
def test_nothing_measured_makes_an_index_of_2026_without_all_six(edition, values) -> None:
    for found in (index.hour(edition, values), index.day(edition, values)):
        assert (found.aqi is None) == (found.state == NOT_ENOUGH)
        assert set(found.each) | set(found.missing) == set(POLLUTANTS)
        if found.missing and edition is HJ633_2026:
            assert found.aqi is None or found.aqi > 100
        if not found.each:
            assert found.aqi is None


@given(editions, st.sampled_from(sorted(HJ633_2012.points)), concentrations, concentrations)
def test_more_of_a_pollutant_is_never_a_better_index(edition, item, one, other) -> None:
    less, more = sorted((one, other))
    low, high = index.iaqi(edition, item, less), index.iaqi(edition, item, more)
    assert low is None or high is None or low <= high
    assert high is not None or more > edition.points[item][-1]


@given(editions, st.sampled_from(sorted(HJ633_2012.points)), concentrations)
def test_an_index_is_the_formula_rounded_up(edition, item, c) -> None:
    points, scale = edition.points[item], (0, 50, 100, 150, 200, 300, 400, 500)
    shown = round(c, 1 if item.startswith("CO") else 0) if edition.rounds else c
    if shown <= points[-1]:
        place = next(i for i in range(1, len(points)) if shown <= points[i])
        high, low = points[place], points[place - 1]
        exactly = (scale[place] - scale[place - 1]) * (Decimal(shown) - low) / (high - low) + scale[place - 1]
        assert index.iaqi(edition, item, c) == math.ceil(exactly)


# --- GB 3095 ----------------------------------------------------------------------------------------------------------


def test_limits_are_those_of_the_vectors() -> None:
    old, new = VECTORS["gb3095_2012"], VECTORS["gb3095_2026"]["ug/m3 (CO mg/m3)"]
    for pollutant in POLLUTANTS:
        for period, both in old[pollutant].items():
            item = f"{pollutant}_{'8h' if period == 'mda8' else period}"
            assert [limits.limit(item, grade, date(2020, 1, 1)) for grade in (1, 2)] == both
        for period, four in new[pollutant].items():
            item = f"{pollutant}_{'8h' if period == 'mda8' else period}"
            days = (date(2026, 3, 1), date(2026, 3, 1), date(2031, 1, 1), date(2031, 1, 1))
            assert [limits.limit(item, g, d) for g, d in zip((1, 2, 1, 2), days, strict=True)] == four


def test_a_limit_changes_with_the_day_and_holds_when_reached() -> None:
    assert limits.over("PM2.5_24h", 60, 2, date(2026, 3, 1)) is None
    assert limits.over("PM2.5_24h", 66, 2, date(2026, 2, 28)) is None
    found = limits.over("PM2.5_24h", 66, 2, date(2030, 12, 31))
    assert found is not None and found.limit == 60 and math.isclose(found.times, 0.1)
    assert limits.limit("PM2.5_24h", 2, date(2031, 1, 1)) == 50
    assert limits.limit("PM10_1h", 2, date(2031, 1, 1)) is None


@given(anything)
def test_rubbish_is_over_no_limit_unless_it_is_a_value(value) -> None:
    found = limits.over("O3_1h", value, 2, date(2026, 5, 1))
    assert found is None or value > 200


# --- reference states, emissions --------------------------------------------------------------------------------------


def test_gases_are_brought_to_the_reference_state_and_particles_are_not() -> None:
    for case in VECTORS["gas_reference"]["examples"]:
        assert round(reference.factor(case["P_hPa"], case["T_K"] - 273.15), 4) == case["factor"]
    assert math.isclose(reference.to_reference("SO2", 100, 616.4, -10), 145.09, rel_tol=1e-4)
    assert reference.to_reference("PM10", 100, 616.4, -10) == 100
    assert reference.to_reference("SO2", 100, None, -10) is None


def test_mole_fractions_become_masses_of_the_vectors() -> None:
    for gas, mass in VECTORS["gas_reference"]["ug_m3_per_ppb"].items():
        assert abs(reference.mass_of(gas, 1) - mass) < 1e-4
        assert math.isclose(reference.fraction_of(gas, reference.mass_of(gas, 410.5)), 410.5)
    assert abs(reference.litres_per_mole(reference.AMBIENT) - 24.4654) < 1e-4
    assert reference.state_on(date(2018, 8, 31)) is reference.BEFORE_2018


def test_a_background_station_reports_dry_air() -> None:
    water = reference.water_fraction(10, 100, 616.4)
    assert water is not None and abs(water - 0.01992) < 1e-4  # 12.27 hPa over water at 10 degC (WMO-No. 8)
    assert math.isclose(reference.dry_fraction(410, water), 410 / (1 - water))
    assert abs(reference.uncompensated(250, 616.4) - 410.95) < 0.1


def test_a_stack_is_reckoned_dry_at_standard_state_and_reference_oxygen() -> None:
    # 100 mg/m3 wet at 120 degC, 1013.25 hPa, 10 % water, 9 % O2: x 393.15/273.15 / 0.9 = 159.92; x (21-6)/(21-9)
    found = emission.emission(100, 120, 1013.25, 10, 9, 6.0, 10_000)
    assert abs(found.dry - 159.92) < 0.01 and abs(found.reduced - 199.90) < 0.01 and abs(found.kg_per_h - 1.0) < 1e-9
    assert emission.emission(100, 120, 1013.25, 10, 21, 6.0).reduced is None
    assert emission.emission(100, 120, 1013.25, None, 9, 6.0) == (None, None, None)
    assert emission.at_oxygen(50, 6, 6) == 50


@given(anything, anything, anything, anything, anything)
def test_rubbish_never_breaks_a_conversion(a, b, c, d, e) -> None:
    found = emission.emission(a, b, c, d, e, 6.0, a)
    assert all(part is None or math.isfinite(part) for part in found)
    for value in (
        reference.to_reference("O3", a, b, c),
        reference.mass_of("CO2", a),
        reference.dry_fraction(a, b),
        reference.water_fraction(a, b, c),
        reference.uncompensated(a, b),
        local.fume_at_reference(a, b, c),
        local.removal_percent(a, b),
    ):
        assert value is None or math.isfinite(value)


# --- days, dust and fume ----------------------------------------------------------------------------------------------


def test_the_share_of_good_days_counts_valid_days_only() -> None:
    found = attainment.good_days([50, 100, 101, None])
    assert (found.good, found.valid, found.percent) == (2, 3, 66.7)
    days = [((date(2026, 1, 1) + timedelta(day)).month, 50) for day in range(365)]
    assert attainment.good_days_of_year(days).percent == 100.0
    assert attainment.good_days_of_year([*days[:324], *((month, None) for month, _ in days[324:])]).percent is None
    assert attainment.good_days_of_year([(month, aqi) for month, aqi in days for _ in range(1)]).percent == 100.0
    assert attainment.good_days_of_year(days[::2]).percent is None
    assert attainment.good_days_of_year([(month, None if month == 1 else aqi) for month, aqi in days]).percent is None
    assert attainment.good_days([]).state == NOT_ENOUGH


def test_dust_may_pass_its_limit_as_often_as_its_standard_says() -> None:
    hebei = local.DUST["hebei"]
    means, around = [0.2, 0.2, 0.1, None], [0.1, 0.1, 0.1, 0.1]
    assert local.judged(hebei, means, around) == (ENOUGH, 2, 3, True)
    assert local.judged(hebei, [0.3] * 3, [0.1] * 3).kept is False
    assert local.judged(local.FUME, [None, math.nan]) == (NOT_ENOUGH, 0, 0, None)
    assert local.fume_at_reference(1.5, 8000, 2) == 3.0
    assert local.removal_percent(8, 2) == 75


def test_an_hour_is_not_called_good_by_what_is_left_beside_sulfur_beyond_its_column() -> None:
    rest = {"NO2_1h": 20, "CO_1h": 0.4, "O3_1h": 80, "PM10_1h": 40, "PM2.5_1h": 20}
    assert index.hour(HJ633_2012, {**rest, "SO2_1h": 801}).aqi is None
    assert index.hour(HJ633_2012, {**rest, "SO2_1h": 801, "SO2_24h": 801}).aqi == 201  # its day stands for it
    assert index.hour(HJ633_2012, {**rest, "SO2_1h": 801, "O3_1h": 801}).aqi == 301
    assert index.hour(HJ633_2026, {**rest, "SO2_1h": 801}).aqi == 200
