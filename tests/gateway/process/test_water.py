"""Water by GB 3838, GB/T 14848, TLI and oxygen at altitude: vectors, published figures, what holds of any input."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.process.enough import ENOUGH, NOT_ENOUGH, PARTIAL
from gateway.process.water import black_odor, groundwater, oxygen, source, tables, temperature, trophic
from gateway.process.water.grade import LAKE, RIVER, altitude, factor_class, grade

_VECTORS = Path(__file__).parents[2] / "vectors"
VECTORS = json.loads((_VECTORS / "water_quality.json").read_text("utf-8"))
PUBLISHED = json.loads((_VECTORS / "published_figures.json").read_text("utf-8"))["water"]
CLEAN = {"pH": 7.5, "DO": 9, "CODMn": 1, "NH3N": 0.05, "TP": 0.01}

anything = st.one_of(
    st.none(),
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(-(10**30), 10**30),
    st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 1e300]),
)
concentrations = st.decimals(0, 100_000, places=5)


# --- GB 3838 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", VECTORS["gb3838"], ids=lambda case: f"{case['factor']}-{case['value']}")
def test_a_factor_has_the_class_of_the_vector(case: dict) -> None:
    assert factor_class(case["factor"], case["value"]) == case["cls"]


def test_the_table_is_that_of_the_vectors() -> None:
    table = dict(VECTORS["gb3838_table"]["limits"])
    assert tuple(table.pop("pH")[0]) == tables.PH
    assert table == {name: list(limits) for name, limits in tables.LIMITS.items()}


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row["section"])
def test_a_published_class_is_reproduced(row: dict) -> None:
    found = grade(row["values"], row["kind"], needed=())
    assert found.cls is not None and tables.CLASS_NAMES_ZH[found.cls] == row["class"]


def test_the_worst_factor_decides_and_is_named_with_its_multiple() -> None:
    found = grade({**CLEAN, "NH3N": 1.5, "TP": 0.3, "CODMn": 5}, RIVER, target=2)
    assert (found.state, found.cls, found.limiting) == (ENOUGH, 4, ("NH3N", "TP"))
    assert [(one.factor, one.cls, round(one.times, 3)) for one in found.exceeding] == [
        ("NH3N", 4, 2.0),
        ("TP", 4, 2.0),
        ("CODMn", 3, 0.25),
    ]
    assert grade(CLEAN).limiting == ()


def test_acid_and_oxygen_exceed_without_a_multiple() -> None:
    found = grade({**CLEAN, "pH": 9.01, "DO": 4}, RIVER, target=3)
    assert found.cls == 6 and [(one.factor, one.times) for one in found.exceeding] == [("pH", None), ("DO", None)]


def test_a_lake_has_columns_of_its_own() -> None:
    assert grade({**CLEAN, "TP": 0.05}, RIVER).cls == 2
    assert grade({**CLEAN, "TP": 0.05}, LAKE).cls == 3
    assert grade({**CLEAN, "TN": 3}, LAKE, factors=(*tables.USUAL, "TN")).cls == 6


def test_without_a_needed_factor_there_is_no_class() -> None:
    gap = {**CLEAN, "TP": None, "NH3N": 1.2}
    found = grade(gap, target=3)
    assert (found.state, found.cls, found.missing) == (NOT_ENOUGH, None, ("TP",))
    assert found.exceeding[0].factor == "NH3N"  # and yet it is told
    assert grade(gap, needed=("NH3N",)).state == PARTIAL
    assert grade({}, needed=()).cls is None


def test_saturated_water_is_class_one_whatever_its_milligrams() -> None:
    assert factor_class("DO", 5.2, 95) == 1
    assert factor_class("DO", 5.2, 89.9) == 3
    assert factor_class("DO", None, 95) is None


@given(
    st.sampled_from([RIVER, LAKE]),
    st.dictionaries(st.sampled_from(tables.USUAL), anything),
    anything,
    st.sampled_from([None, 1, 3, 6]),
)
def test_rubbish_makes_no_class(kind, values, saturation, target) -> None:
    if target == 6:
        target = 5
    found = grade(values, kind, target, saturation)
    assert (found.cls is None) == (found.state == NOT_ENOUGH)
    assert found.cls is None or not found.missing
    for name in found.each:
        assert math.isfinite(values[name]) and values[name] >= -1e-12


@given(st.sampled_from(sorted(set(tables.LIMITS) - {"DO"})), concentrations, concentrations)
def test_more_of_a_pollutant_is_never_a_better_class(factor, one, other) -> None:
    less, more = sorted((one, other))
    assert factor_class(factor, less) <= factor_class(factor, more)


@given(st.floats(0, 30), st.floats(0, 30), st.floats(0, 150), st.floats(0, 150))
def test_less_oxygen_is_never_a_better_class(one, other, share, another) -> None:
    (less, more), (low, high) = sorted((one, other)), sorted((share, another))
    assert factor_class("DO", less, low) >= factor_class("DO", more, high)


@given(st.fixed_dictionaries(dict.fromkeys(("CODMn", "NH3N", "TP"), concentrations)), concentrations)
def test_a_class_never_improves_when_one_factor_worsens(values, more) -> None:
    before = {**values, "pH": 7, "DO": 8}
    after = {**before, "TP": values["TP"] + more}
    assert grade(before).cls <= grade(after).cls


def test_water_may_be_warmed_by_one_degree_and_cooled_by_two() -> None:
    assert [temperature.is_kept(here, 10) for here in (11, 11.1, 8, 7.9, None)] == [True, False, True, False, None]


# --- oxygen -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", VECTORS["do_saturation"], ids=lambda case: f"{case['alt_m']}m-{case['t_C']}C")
def test_saturation_is_that_of_the_vector_and_of_another_formula(case: dict) -> None:
    found = oxygen.saturation_mgl(case["t_C"], case["hPa"])
    assert abs(found - case["do_sat_mgL"]) <= 0.0005 + 1e-9
    assert math.isclose(found, case["garcia_benson_mgL"], rel_tol=5e-4)
    assert abs(oxygen.percent(case["sat90"], case["t_C"], case["hPa"]) - 90) < 0.01
    assert abs(oxygen.pressure_at(case["alt_m"]) - case["hPa"]) < 0.1


def test_a_sonde_that_reports_per_cent_of_one_atmosphere_is_recognised_and_converted() -> None:
    hpa = 616.4
    rows = [(do, oxygen.percent(do, t, 1013.25) * 1.002, t) for do, t in ((7.7, 5), (6.5, 10), (5.4, 18))]
    assert oxygen.refers_to(rows, hpa) == oxygen.SEA_LEVEL
    assert oxygen.refers_to([(do, oxygen.percent(do, t, hpa), t) for do, _, t in rows], hpa) == oxygen.LOCAL
    assert oxygen.refers_to(rows, 1010.0) == oxygen.UNDECIDED  # near the sea they are the same
    assert oxygen.refers_to([(8, 50, 10)], hpa) == oxygen.UNDECIDED
    # water saturated at 4,000 m and 5 degC: the sonde says 60.5 %
    full = oxygen.saturation_mgl(5, hpa)
    told = oxygen.percent(full, 5, 1013.25)
    assert round(told, 1) == 60.5 and math.isclose(oxygen.local_percent(told, 5, hpa), 100)


def test_water_is_limited_by_altitude_where_saturation_is_below_the_target() -> None:
    def at(celsius: float, hpa: float, target: int):
        return altitude(oxygen.saturation_mgl(celsius, hpa), oxygen.saturation_mgl(celsius, 1013.25), target)

    assert at(20, 616.4, 2) == (3, True)  # 5.45 mg/L at most, class II wants 6
    assert at(20, 616.4, 3) == (3, False)
    assert at(35, 1013.25, 1) == (2, False)  # warm, not high
    assert altitude(None, 9.0, 2) is None


@given(anything, anything, anything)
def test_rubbish_never_breaks_oxygen(a, b, c) -> None:
    for value in (oxygen.saturation_mgl(a, b), oxygen.percent(a, b, c), oxygen.local_percent(a, b, c)):
        assert value is None or math.isfinite(value)
    assert oxygen.refers_to([(a, b, c)], a) in (oxygen.LOCAL, oxygen.SEA_LEVEL, oxygen.UNDECIDED)


@given(st.floats(0, 40), st.floats(400, 1050), st.floats(400, 1050))
def test_thinner_air_holds_less_oxygen_in_water(celsius, one, other) -> None:
    low, high = sorted((one, other))
    assert oxygen.saturation_mgl(celsius, low) <= oxygen.saturation_mgl(celsius, high)


# --- sources, ground, black water, lakes ------------------------------------------------------------------------------


def test_a_source_needs_its_class_and_every_limit_of_table_two() -> None:
    both = {**CLEAN, "sulfate": 250, "chloride": 20, "NO3N": 10, "Fe": 0.3, "Mn": 0.1}
    assert source.source(both).meets is True
    bad = source.source({**both, "Mn": 0.2, "Fe": None})
    assert (bad.meets, bad.state, bad.over[0].factor, bad.missing) == (False, NOT_ENOUGH, "Mn", ("Fe",))
    assert math.isclose(bad.over[0].times, 1.0)
    assert source.source({**both, "Fe": None}).meets is None
    assert source.source({**both, "TP": 0.15}, target=source.FIRST_ZONE).meets is False


def _limits() -> list[tuple[str, str, str, str]]:
    return [(zh, *limit) for zh, row in VECTORS["gbt14848_2017"].items() for limit in row["limits"]]


@pytest.mark.parametrize("row", _limits(), ids="-".join)
def test_groundwater_has_the_class_of_the_vector(row: tuple[str, str, str, str]) -> None:
    zh, roman, how, limit = row
    cls = "ⅠⅡⅢⅣ".index(roman) + 1
    if how == "LessThanOrEqual":
        assert groundwater.factor_class(zh, float(limit)) <= cls
        assert groundwater.factor_class(zh, float(limit) * 1.01) > cls
    elif how == "TextMatch":
        assert groundwater.factor_class(zh, "无") == 1 and groundwater.factor_class(zh, "有") == 5
    elif how == "NotDetected":
        assert groundwater.factor_class(zh, 0) == 1 and groundwater.factor_class(zh, 0.01) == 2
    elif how == "GreaterThan":
        assert groundwater.factor_class(zh, float(limit) * 2) == 4
    else:
        low, high = map(float, limit.split("-"))
        assert groundwater.factor_class(zh, (low + high) / 2) == (1 if cls <= 3 else 4)


def test_the_acid_of_groundwater_keeps_to_its_edges() -> None:
    assert [groundwater.factor_class("pH", v) for v in (5.49, 5.5, 6.49, 6.5, 8.5, 8.51, 9, 9.01)] == [
        5, 4, 4, 1, 1, 4, 4, 5,
    ]  # fmt: skip
    assert len(groundwater.FACTORS) + 3 == len(VECTORS["gbt14848_2017"])


@given(st.dictionaries(st.sampled_from(["pH", "TDS", "CODMn", "NH3N", "铁"]), anything))
def test_rubbish_makes_no_class_of_groundwater(values) -> None:
    found = groundwater.groundwater(values)
    assert (found.cls is None) == (found.state == NOT_ENOUGH)
    assert found.cls is None or not found.missing


@given(st.sampled_from([f.name for f in groundwater.FACTORS]), concentrations, concentrations)
def test_more_in_groundwater_is_never_a_better_class(factor, one, other) -> None:
    less, more = sorted((one, other))
    assert groundwater.factor_class(factor, less) <= groundwater.factor_class(factor, more)


def test_a_lake_is_as_well_fed_as_the_example() -> None:
    example = VECTORS["tli"]["example"]
    found = trophic.trophic(example["input"])
    assert abs(found.tli - example["tli"]) < 0.001 and trophic.LEVELS[found.level - 1][1] == "mesotrophic"
    assert all(abs(found.parts[item] - part) < 0.001 for item, part in example["parts"].items())
    assert {item: row[0] for item, row in trophic.PARTS.items()} == VECTORS["tli"]["weights"]
    short = trophic.trophic({**example["input"], "SD": 0})
    assert (short.state, short.tli, short.missing) == (NOT_ENOUGH, None, ("SD",))
    assert [trophic.level(x) for x in (29.9, 30, 50, 50.1, 60.1, 70.1)] == [1, 2, 2, 3, 4, 5]


@given(st.dictionaries(st.sampled_from(sorted(trophic.PARTS)), anything))
def test_rubbish_makes_no_lake(values) -> None:
    found = trophic.trophic(values)
    assert (found.tli is None) == bool(found.missing)


def test_black_water_is_graded_by_its_worst_item() -> None:
    clear = {"transparency_cm": 60, "DO": 5, "ORP_mv": 200, "NH3N": 2}
    assert black_odor.sample(clear).level == black_odor.NONE
    assert black_odor.sample({**clear, "DO": 1.9}).level == black_odor.LIGHT
    heavy = black_odor.sample({"ORP_mv": -250, "NH3N": 16})
    assert (heavy.level, heavy.by) == (black_odor.HEAVY, ("ORP_mv", "NH3N"))
    assert black_odor.sample({**clear, "DO": None}).state == NOT_ENOUGH
    assert black_odor.sample({**clear, "transparency_cm": 9}, depth_cm=20).level == black_odor.NONE
    rows = [{**clear, "DO": 0.1}] * 6 + [clear] * 4
    assert black_odor.point(rows).level == black_odor.HEAVY
    assert black_odor.point(rows[1:]).level == black_odor.NONE
    assert black_odor.point([{**row, "NH3N": 16} if row["DO"] < 1 else row for row in rows[3:]]).level == 2
    assert black_odor.point([]).level is None


def test_what_is_black_by_less_than_all_items_says_so() -> None:
    assert black_odor.sample({"DO": 1.0})[:2] == ("partial", black_odor.LIGHT)
    assert black_odor.sample({"DO": 9.0})[:2] == ("not_enough_data", None)
