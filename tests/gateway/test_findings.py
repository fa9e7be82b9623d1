"""What hours and days mean by a standard, as rows beside them: from flow to frost."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.faults import SiteError, check_text
from gateway.process.finding.kinds import KINDS
from gateway.process.finding.rows import Finding, Findings, series_of
from gateway.process.finding.spans import SPANS
from gateway.process.flow.rating import Curve, Power
from gateway.process.periods import DAY, DAY_MS, HOUR, HOUR_MS, MONTH, YEAR, Calendar
from gateway.process.stage import Row, Series
from gateway.site.config import load
from gateway.site.finding import BYS, finding_of
from protocols import quality
from tests.gateway import doubles
from tests.gateway.derived import MIDNIGHT_MS, Ground
from tests.gateway.test_load import HandPast

CURVE = (Curve(((0.5, 0.0), (1.5, 10.0))),)
FEW = (None, quality.FEW)


class Place:
    """A stage and the rows it was shown, by a dict."""

    def __init__(self, *findings: Finding) -> None:
        self.past = HandPast()
        self.findings = findings
        self.stage = Findings(self.past, findings, Calendar(), 0)

    def shown(
        self, level: str, unix_ms: int, channel: str, unit: str, decimals: int, value: int | None, flags: int = 0
    ) -> None:
        row = Row(Series(level, ((channel, unit, decimals),)), unix_ms, ((value, flags),))
        self.past.rows[row.series, unix_ms] = row
        self.stage.step(row)

    def ticked(self, unix_ms: int) -> list[Row]:
        found = []
        for row in self.stage.tick(unix_ms):
            self.past.rows[row.series, row.unix_ms] = row
            found.append(row)
        return found


def test_a_stage_becomes_a_flow_and_the_flow_a_share_of_time_kept() -> None:
    place = Place(
        Finding("discharge", "rating", {"level": "gauge.level"}, {}, CURVE),
        Finding("ecology", "base_flow", {"flow": "discharge.flow"}, {}, (), (2.0,)),
    )
    for hour in range(24):
        level_mm = {3: 600, 4: 600, 10: 1600}.get(hour, 1000)  # 1, 1 m3/s; above the curve; 5 m3/s
        place.shown(HOUR, MIDNIGHT_MS + hour * HOUR_MS, "gauge.level", "mm", 0, level_mm)
    *hours, day = place.ticked(MIDNIGHT_MS + DAY_MS)
    assert [row.cells[0] for row in hours[2:5]] == [(50000, 0), (10000, 0), (10000, 0)]
    assert hours[10].cells == (FEW,)  # a curve says nothing above itself
    assert (day.series, day.unix_ms) == (series_of(place.findings[1], DAY), MIDNIGHT_MS)
    assert day.cells == ((913, 0), (2, 0), (10000, 0), (23, 0))  # 21 of 23; GB/T 8170: 91.30 %
    place.shown(HOUR, MIDNIGHT_MS + 3 * HOUR_MS, "gauge.level", "mm", 0, 1000)  # it came late and was other
    late, day, *_ = place.ticked(MIDNIGHT_MS + 2 * DAY_MS)
    assert (late.cells, day.cells) == (((50000, 0),), ((957, 0), (1, 0), (10000, 0), (23, 0)))
    assert place.ticked(MIDNIGHT_MS + 3 * DAY_MS) == []


def test_a_rating_holds_for_its_time_and_not_between() -> None:
    """One curve until 1:00, a measured power law from 2:00 on: between them there is a stage and no flow."""
    power = Curve(powers=(Power(0.5, 2.0, 5.0, 0.5, 2.0),), since_ms=MIDNIGHT_MS + 2 * HOUR_MS)
    old = CURVE[0]._replace(until_ms=MIDNIGHT_MS + HOUR_MS)
    place = Place(Finding("discharge", "rating", {"level": "gauge.level"}, {}, (old, power)))
    for hour in range(3):
        place.shown(HOUR, MIDNIGHT_MS + hour * HOUR_MS, "gauge.level", "mm", 0, 1000)
    assert [row.cells[0] for row in place.ticked(MIDNIGHT_MS + DAY_MS)] == [(50000, 0), FEW, (12500, 0)]


def test_a_month_of_flow_with_a_week_missing_has_no_share() -> None:
    place = Place(Finding("ecology", "base_flow", {"flow": "weir.flow"}, {}, (), (2.0,) * 12))
    start_ms = Calendar().start(MONTH, MIDNIGHT_MS)
    for hour in range(30 * 24):
        if hour >= 8 * 24:
            place.shown(HOUR, start_ms + hour * HOUR_MS, "weir.flow", "m3/s", 1, 20)
    *_, month = place.ticked(Calendar().end(MONTH, start_ms))
    assert (month.series.source, month.cells[0], month.cells[3]) == (MONTH, FEW, (22 * 24, 0))


DUST = Finding("fence", "dust", {"dust": "dust.tsp"}, {}, (), (), "shaanxi_earthworks")  # 0.8 mg/m3, never passed


@pytest.mark.parametrize(
    ("hours", "cells"),
    [
        (dict.fromkeys(range(24), 800), ((1, 0), (0, 0), (24, 0))),
        ({hour: 801 if hour == 5 else 100 for hour in range(24)}, ((0, 0), (1, 0), (24, 0))),
        (dict.fromkeys(range(17), 100), (FEW, (0, 0), (17, 0))),
        ({3: 900}, ((0, 0), (1, 0), (1, 0))),  # one hour is enough to have passed it
    ],
)
def test_a_day_of_dust_is_held_against_its_limit(hours: dict[int, int], cells: Any) -> None:
    place = Place(DUST)
    for hour, value in hours.items():
        place.shown(HOUR, MIDNIGHT_MS + hour * HOUR_MS, "dust.tsp", "ug/m3", 0, value)
    (row,) = place.ticked(MIDNIGHT_MS + DAY_MS)
    assert (row.series.source, row.unix_ms, row.cells) == (DAY, MIDNIGHT_MS, cells)


def year_of_ground(place: Place, channel: str, skipped: range = range(0)) -> int:
    """From 1 July 2025 on: -10 degC in the 212 days from October to April, +5 in the others."""
    calendar = Calendar()
    year_ms = calendar.start(YEAR, MIDNIGHT_MS)
    for day in range(-184, 365):
        unix_ms = year_ms + day * DAY_MS
        is_cold = calendar.month(unix_ms) in (10, 11, 12, 1, 2, 3, 4)
        if day not in skipped:
            place.shown(DAY, unix_ms, channel, "degC", 1, -100 if is_cold else 50)
    return year_ms


def test_a_year_has_its_frost_and_its_thaw() -> None:
    place = Place(Finding("surface", "frost", {"celsius": "ground.t0"}, {}))
    year_ms = year_of_ground(place, "ground.t0")
    rows = {row.unix_ms: row for row in place.ticked(year_ms + 365 * DAY_MS)}
    # the whole winter of 2025/26, 1 October to 30 April, and the thaw of 2026, May to September
    assert rows[year_ms].series.source == YEAR
    assert rows[year_ms].cells == ((21200, 0), (7650, 0), (365, 0), (365, 0))
    before = rows[Calendar().start(YEAR, year_ms - 1)]
    assert before.cells == (FEW, FEW, (0, 0), (184, 0))  # half a year is none
    assert place.ticked(year_ms + 366 * DAY_MS) == []


def test_a_year_with_two_months_missing_has_no_thaw_index_but_its_winter() -> None:
    place = Place(Finding("surface", "frost", {"celsius": "ground.t0"}, {}))
    year_ms = year_of_ground(place, "ground.t0", range(200, 260))
    rows = {row.unix_ms: row for row in place.ticked(year_ms + 365 * DAY_MS)}
    assert rows[year_ms].cells == ((21200, 0), FEW, (365, 0), (305, 0))


def test_the_active_layer_is_the_deepest_thaw_of_a_year() -> None:
    place = Place(Finding("active", "active_layer", {"0": "ground.t0", "100": "ground.t1"}, {}))
    year_ms = year_of_ground(place, "ground.t0")
    for day in range(365):
        deep = -50 if day != 240 else -10  # 0 degC lies at 50 cm, on one day at 83.3 cm
        place.shown(DAY, year_ms + day * DAY_MS, "ground.t1", "degC", 1, deep)
    row = next(row for row in place.ticked(year_ms + 365 * DAY_MS) if row.unix_ms == year_ms)
    assert row.cells == ((833, 0), (0, 0), (365, 0))


def test_a_dose_rate_is_held_against_the_month_before_and_rain_is_told() -> None:
    place = Place(Finding("rays", "dose_background", {"dose_rate": "d.rate", "rain": "g.rain"}, {}))

    def hour(number: int, rate: int, rain: int | None = 0) -> tuple[Any, ...]:
        unix_ms = MIDNIGHT_MS + number * HOUR_MS
        place.shown(HOUR, unix_ms, "d.rate", "nGy/h", 0, rate)
        place.shown(HOUR, unix_ms, "g.rain", "mm", 1, rain)
        return place.ticked(unix_ms + HOUR_MS)[-1].cells

    assert hour(0, 100) == (FEW, FEW, FEW, FEW)  # nobody knows what is usual here
    for number in range(1, 240):
        quiet = hour(number, 100 + 4 * (number % 2))
    assert quiet == (FEW, FEW, FEW, FEW)
    level, sigmas, background, by_rain = hour(240, 110)
    assert (level, background, by_rain) == ((1, 0), (101_983, 0), (0, 0)) and 400 < sigmas[0] < 403
    assert hour(241, 112, rain=5)[3] == (1, 0)  # radon comes down with the rain
    assert hour(242, 250, rain=5)[0] == (2, 0)
    assert [hour(number, 112, rain=None)[3] for number in (243, 244, 245)] == [(1, 0), (1, 0), FEW]  # nobody knows


def test_a_changed_list_of_channels_costs_a_year_nothing() -> None:
    """The string got a tenth thermometer in July: its days are two series, and one year."""
    place = Place(Finding("surface", "frost", {"celsius": "ground.t0"}, {}))
    year_ms = Calendar().start(YEAR, MIDNIGHT_MS)
    for day in range(-184, 365):
        channels = (("ground.t0", "degC", 1), *([("ground.t9", "degC", 1)] if day > 200 else []))
        row = Row(Series(DAY, channels), year_ms + day * DAY_MS, ((10, 0),) * len(channels))
        place.past.rows[row.series, row.unix_ms] = row
        place.stage.step(row)
    rows = {row.unix_ms: row for row in place.ticked(year_ms + 365 * DAY_MS)}
    assert rows[year_ms].cells == ((0, 0), (3650, 0), (365, 0), (365, 0))


# finding, readings (channel, unit, decimals, value), what it gives of an hour
SAID: list[tuple[Finding, list[tuple[str, str, int, int | None]], Any]] = [
    (
        Finding("flood", "flood_stage", {"level": "a"}, {"warning_m": 2.0, "guarantee_m": 3.0}),
        [("a", "mm", 0, 2000)],
        ((2, 0), (0, 0)),
    ),
    (
        Finding("well", "groundwater", {"NH3N": "a", "Pb": "b"}, {}),
        [("a", "mg/L", 2, 50), ("b", "ug/L", 0, 11)],
        ((4, 0),),
    ),
    (
        Finding("well", "groundwater", {"NH3N": "a", "Pb": "b"}, {}),
        [("a", "mg/L", 2, 50), ("b", "ug/L", 0, None)],
        (FEW,),
    ),
    (
        Finding("ditch", "black_odor", {"DO": "a", "ORP_mv": "b"}, {}),
        [("a", "mg/L", 1, 10), ("b", "mV", 0, -201)],
        ((2, 0),),
    ),
    (
        Finding("ditch", "black_odor", {"DO": "a", "ORP_mv": "b"}, {}),
        [("a", "mg/L", 1, 90), ("b", "mV", 0, 200)],
        (FEW,),
    ),
    (
        Finding("active", "thaw", {"0": "a", "50": "b", "100": "c"}, {}),
        [("a", "degC", 0, 8), ("b", "degC", 0, 2), ("c", "degC", 0, -2)],
        ((750, 0), (0, 0)),
    ),
    (
        Finding("soil", "layer", {"10": "a", "50": "b"}, {"top_cm": 10, "bottom_cm": 50}),
        [("a", "%", 1, 200), ("b", "%", 1, 250)],
        ((2250, 0), (900, 0)),
    ),
    (
        Finding("rays", "dose", {"dose_rate": "a"}, {"mean": 100, "deviation": 5}),
        [("a", "nGy/h", 0, 116)],
        ((1, 0), (320, 0)),
    ),
    (
        Finding("pond", "tailings", {"level": "a", "seepage": "b"}, {"level_m": 9, "crest_m": 12, "seepage_ls": 1}),
        [("a", "m", 1, 91), ("b", "L/s", 1, 11)],
        ((2, 0), (2900, 0)),
    ),
    (
        Finding("pond", "tailings", {"level": "a", "seepage": "b"}, {"level_m": 9, "seepage_ls": 1}),
        [("a", "m", 1, 80), ("b", "L/s", 1, None)],
        (FEW, FEW),
    ),
    (
        Finding(
            "boiler",
            "emission",
            {"concentration": "a", "celsius": "b", "hpa": "c", "moisture": "d", "oxygen": "e"},
            {"reference_oxygen": 9},
        ),
        [("a", "mg/m3", 0, 50), ("b", "degC", 2, 27315), ("c", "kPa", 4, 1013250), ("d", "%", 0, 0), ("e", "%", 0, 13)],
        ((100_000, 0), (150_000, 0), FEW),
    ),
    (
        Finding("notch", "weir", {"head": "a"}, {}),
        [("a", "mm", 0, 100)],
        ((4427, 0),),  # 1.4 x 0.1 ^ 2.5 m3/s
    ),
    (
        Finding("hood", "fume", {"fume": "a", "flow": "b", "before": "c"}, {"stoves": 3}),
        [("a", "mg/m3", 1, 15), ("b", "m3/h", 0, 9000), ("c", "mg/m3", 1, 60)],
        ((2250, 0), (0, 0), (750, 0)),  # 1.5 mg/m3 of 9000 m3/h are 2.25 of the 6000 that three stoves have
    ),
    (
        Finding("dry", "dry_gas", {"CO2": "a", "celsius": "b", "humidity": "c", "hpa": "d"}, {}),
        [("a", "ppm", 1, 4200), ("b", "degC", 0, 0), ("c", "%", 0, 0), ("d", "hPa", 1, 6164)],
        ((420_000, 0), (755_515, 0)),  # 420 ppm x 1.7988; the fourth decimal of that is rounded
    ),
    (
        Finding(
            "intake",
            "drinking_source",
            {name: name for name in ("pH", "DO", "sulfate", "chloride", "NO3N", "Fe", "Mn")},
            {"target": 2},
        ),
        [
            ("pH", "1", 1, 75),
            ("DO", "mg/L", 1, 80),
            ("sulfate", "mg/L", 0, 250),
            ("chloride", "mg/L", 0, 250),
            ("NO3N", "mg/L", 0, 10),
            ("Fe", "mg/L", 1, 3),
            ("Mn", "mg/L", 1, 1),
        ],
        ((1, 0), (1, 0)),
    ),
    (
        Finding("lake", "trophic", {"chla": "a", "TP": "b", "TN": "c", "SD": "d", "CODMn": "e"}, {}),
        [("a", "ug/L", 0, 5), ("b", "mg/L", 2, 3), ("c", "mg/L", 1, 6), ("d", "m", 0, 2), ("e", "mg/L", 1, 25)],
        ((381, 0), (2, 0)),  # the vector: 38.146
    ),
]


@pytest.mark.parametrize(("finding", "readings", "cells"), SAID, ids=[one[0].by for one in SAID])
def test_an_hour_says_what_it_means(
    finding: Finding, readings: list[tuple[str, str, int, int | None]], cells: Any
) -> None:
    place = Place(finding)
    for channel, unit, decimals, value in readings:
        place.shown(HOUR, MIDNIGHT_MS, channel, unit, decimals, value, 0 if value is not None else quality.FEW)
    (row,) = place.ticked(MIDNIGHT_MS + HOUR_MS)
    assert (row.series.source, row.unix_ms, row.cells) == (HOUR, MIDNIGHT_MS, cells)


GOOD_SOURCE = {"sulfate": Decimal(1), "chloride": Decimal(1), "NO3N": Decimal(1), "Fe": Decimal(0), "Mn": Decimal(0)}
MOUNTAIN = {"DO": Decimal("5.4"), "water_c": Decimal(20), "hpa": Decimal("616.4")}  # 99 % saturated: class I


@pytest.mark.parametrize(
    ("given", "numbers", "found"),
    [
        ({}, {}, (None, None)),  # nothing of table 1 was looked at
        ({"DO": Decimal("5.4")}, {"target": 2}, (0, 3)),
        (MOUNTAIN, {"target": 2}, (1, 1)),
        ({"DO": Decimal(8), "TP": Decimal("0.08")}, {}, (1, 2)),
        ({"DO": Decimal(8), "TP": Decimal("0.08")}, {"lake": 1}, (0, 4)),  # GB 3838, table 1: of lakes 0.05 is III
    ],
)
def test_a_source_of_drinking_water_needs_both_tables_as_they_are_for_its_water(
    given: dict[str, Decimal], numbers: dict[str, float], found: Any
) -> None:
    assert KINDS["drinking_source"].reckon(GOOD_SOURCE | given, numbers, Curve()) == found


def test_a_stack_on_a_mountain_has_no_number_without_the_pressure_of_the_air() -> None:
    gas: dict[str, Decimal | None] = {
        "concentration": Decimal(100), "celsius": Decimal(100), "static": Decimal(-1), "moisture": Decimal(5),
        "oxygen": Decimal(10),
    }  # fmt: skip
    assert KINDS["emission"].reckon(gas, {"reference_oxygen": 9}, Curve()) == (None, None, None)
    dry = KINDS["emission"].reckon(gas, {"reference_oxygen": 9, "air_hpa": 616.4}, Curve())[0]
    assert dry is not None and 236 < dry < 238


def test_an_hour_of_too_few_readings_means_nothing() -> None:
    place = Place(Finding("well", "groundwater", {"NH3N": "a"}, {}))
    place.shown(HOUR, MIDNIGHT_MS, "a", "mg/L", 2, 50, quality.FEW)
    assert [row.cells for row in place.ticked(MIDNIGHT_MS + HOUR_MS)] == [(FEW,)]


def test_rain_is_called_by_its_day() -> None:
    place = Place(Finding("rain", "rain", {"rain": "gauge.rain"}, {}))
    place.shown(HOUR, MIDNIGHT_MS, "gauge.rain", "mm", 1, 300)
    place.shown(DAY, MIDNIGHT_MS, "gauge.rain", "mm", 1, 500)
    assert [(row.series.source, row.cells) for row in place.ticked(MIDNIGHT_MS + DAY_MS)] == [(DAY, ((5, 0),))]  # storm


def test_the_site_file_knows_every_finding() -> None:
    assert sorted(BYS) == sorted([*KINDS, *SPANS])


GAUGE = doubles.sensor("gauge", 1, period_s=600, profile="hlk_ld8001h") + 'serial = "as_bus"\nquantities = ["level"]\n'
HOURLY = "[aggregate]\nminute_s = 0\ngrace_s = 20\n"
RATED = """[[finding]]
name = "discharge"
by = "rating"
channels = { level = "gauge.level" }
points = [[0.5, 0], [1.5, 10]]
[[finding]]
name = "ecology"
by = "base_flow"
channels = { flow = "discharge.flow" }
base_m3s = [2]
"""


def test_a_site_file_says_from_when_on_a_curve_holds(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    dated = """curve = [
    { to = "2026-05-01T00:00:00+08:00", points = [[0.5, 0], [1.5, 10]] },
    { from = "2026-05-01T00:00:00+08:00", powers = [[0.5, 2, 5, 0.5, 2]] },
]"""
    sound = doubles.STATION + doubles.RIVER + GAUGE + HOURLY + RATED.replace("points = [[0.5, 0], [1.5, 10]]", dated)
    path.write_text(sound, "utf-8")
    old, new = finding_of(load(path).findings[0]).curves
    assert old.until_ms == new.since_ms == 1_777_564_800_000 and new.powers == (Power(0.5, 2, 5, 0.5, 2),)


def test_a_station_says_it_while_the_backhaul_is_down(tmp_path: Path) -> None:
    ground = Ground(tmp_path, doubles.RIVER, GAUGE, HOURLY, RATED)
    for hour in range(24):
        for minute in range(0, 60, 10):
            ground.poll("gauge", MIDNIGHT_MS + HOUR_MS * hour + 60_000 * minute, (1000 if hour > 2 else 600, 0))
        ground.at(MIDNIGHT_MS + HOUR_MS * (hour + 1) + 20_000)
    flows = [made.values["discharge.flow"] for made in ground.made(HOUR) if "discharge.flow" in made.values]
    assert flows == [10000] * 3 + [50000] * 21
    (day,) = [made for made in ground.made(DAY) if "ecology.kept" in made.values]
    assert (day.values["ecology.kept"], day.values["ecology.longest"]) == (875, 3)  # 21 of 24


def test_a_kill_changes_no_finding(tmp_path: Path) -> None:
    def made(name: str, kills: tuple[int, ...]) -> list[tuple[int, dict[str, int | None]]]:
        (tmp_path / name).mkdir()
        ground = Ground(tmp_path / name, doubles.RIVER, GAUGE, HOURLY, RATED)
        for hour in range(25):
            ground.poll("gauge", MIDNIGHT_MS + HOUR_MS * hour, (1000 if hour > 2 else 600, 0))
            ground.at(MIDNIGHT_MS + HOUR_MS * (hour + 1) + 20_000)
            if hour in kills:
                ground.kill()
        return [(one.unix_ms, one.values) for level in (HOUR, DAY) for one in ground.made(level)]

    assert made("killed", (1, 2, 11, 23)) == made("whole", ())


FAULTS = [
    ("level =", "stage =", "finding[0].channels.\"stage\": rating is not made of 'stage'"),
    ('"gauge.level"', '"gauge.levl"', "there is no channel 'gauge.levl'; did you mean gauge.level?"),
    ("[1.5, 10]]", "[1.5, -1]]", "finding[0].points: this is no rating curve: does not rise at 1.5 m"),
    (
        "points = [[0.5, 0], [1.5, 10]]",
        'curve = [{ from = "2026-05-01T00:00:00+08:00", points = [[1, 2], [1, 3]] }]',
        "finding[0].curve[0].points: this is no rating curve: does not rise at 1 m",
    ),
    (
        "points = [[0.5, 0], [1.5, 10]]",
        'curve = [{ from = "2026-05-01T00:00:00+08:00", to = "2026-04-01T00:00:00+08:00", points = [[1, 2], [2, 3]] }]',
        "finding[0].curve[0].to: ",
    ),
    ("base_m3s = [2]", "base_m3s = [2, 3]", "finding[1].base_m3s: needs one number for all months, or twelve"),
    ('by = "rating"', 'by = "dose"', "finding[0].numbers: dose cannot be made without mean, deviation"),
    ('by = "rating"', 'by = "dust"\nlimit = "hebe"', "finding[0].limit: dust is held against one of these limits: "),
    ('by = "rating"', 'by = "rating"\nlimit = "hebei"', "finding[0].limit: rating is not made of limit"),
    ('by = "rating"', 'by = "rain"', "finding[0].channels: rain cannot be made without rain"),
    ("[aggregate]", "[ assess ]", "finding: is made of hours and days; add the table [aggregate]"),
    (
        HOURLY,
        HOURLY + '[assess]\nfactors = ["pH", "TN"]\n',
        "assess.factors: GB 3838-2002 has no limit of TN for rivers",
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), FAULTS)
def test_check_tells_what_a_finding_cannot_be_made_of(tmp_path: Path, old: str, new: str, expected: str) -> None:
    sound = doubles.STATION + doubles.RIVER + GAUGE + HOURLY + RATED
    path = tmp_path / "site.toml"
    path.write_text(sound, "utf-8")
    assert [table.name for table in load(path).findings] == ["discharge", "ecology"]
    path.write_text(sound.replace(old, new, 1).replace("[ assess ]\nminute_s = 0\ngrace_s = 20\n", ""), "utf-8")
    with pytest.raises(SiteError) as refused:
        load(path)
    assert any(expected in line for line in check_text(refused.value, "site.toml", "en"))


RULED = """[[rule]]
id = "low"
level = "yellow"
when = "{when}"
"""


@pytest.mark.parametrize(
    ("when", "found"),
    [
        ("hour/gauge.level:max > 1 and minute/gauge.level < 1", "minute/gauge.level"),  # minute_s = 0
        ("hour/gauge.levl > 1", "hour/gauge.levl"),
        ("day/discharge.flow > 1", "day/discharge.flow"),  # a curve is no straight line: it has hours alone
        ("month/ecology.kept < 90 and hour/ecology.kept < 1", "hour/ecology.kept"),
        ("water_hour/water.class > 3", "water_hour/water.class"),  # nothing says by what water is judged
    ],
)
def test_check_knows_what_a_rule_may_ask_of_hours_and_findings(tmp_path: Path, when: str, found: str) -> None:
    path = tmp_path / "site.toml"
    path.write_text(doubles.STATION + doubles.RIVER + GAUGE + HOURLY + RATED + RULED.format(when=when), "utf-8")
    with pytest.raises(SiteError) as refused:
        load(path)
    told = check_text(refused.value, "site.toml", "en")
    assert [line for line in told if "has no channel" in line and f"'{found}'" in line] and len(
        refused.value.faults
    ) == 1
