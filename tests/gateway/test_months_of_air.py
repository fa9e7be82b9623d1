"""Good days of a month and a year, ozone's greatest 8 hours of a day, oxygen that the altitude limits: as rows."""

from decimal import Decimal
from pathlib import Path

import pytest

from gateway.process.air.editions import POLLUTANTS
from gateway.process.air.evaluation import percentile
from gateway.process.indices import Indices
from gateway.process.judgement import Judged
from gateway.process.periods import DAY, DAY_MS, HOUR, HOUR_MS, MONTH, YEAR, Calendar
from gateway.process.stage import Row, Series
from gateway.process.water.oxygen import pressure_at
from protocols import quality
from tests.gateway import doubles
from tests.gateway.derived import MIDNIGHT_MS, Ground
from tests.gateway.test_load import HandPast

FEW = (None, quality.FEW)
PM2_5 = Series(HOUR, (("dust.pm2_5", "ug/m3", 0),))
WAIVED = ("SO2", "NO2", "CO", "O3", "PM10")


class Station:
    """An Indices and the rows it was shown, by a dict."""

    def __init__(self, items: dict[str, str], altitude_m: float = 4000, target: int = 2) -> None:
        self.past = HandPast()
        judged = Judged(
            items, None, WAIVED, False, "river", target, ("DO",), ("DO",), pressure_at(altitude_m), water_hours=24
        )
        self.stage = Indices(self.past, judged, Calendar(), 0, (DAY, MONTH, YEAR))

    def hour(self, series: Series, unix_ms: int, *values: int | None) -> None:
        row = Row(series, unix_ms, tuple((value, 0 if value is not None else quality.FEW) for value in values))
        self.past.rows[series, unix_ms] = row
        self.stage.step(row)

    def ticked(self, unix_ms: int) -> list[Row]:
        found = []
        for row in self.stage.tick(unix_ms):
            self.past.rows[row.series, row.unix_ms] = row
            found.append(row)
        return found


def of(rows: list[Row], source: str) -> list[Row]:
    return [row for row in rows if row.series.source == source]


def test_a_month_and_a_year_have_their_share_of_good_days() -> None:
    station, calendar = Station({"dust.pm2_5": "PM2.5"}), Calendar()
    year_ms = calendar.start(YEAR, MIDNIGHT_MS)
    for day in range(365):
        if (
            26 <= day < 36
        ):  # of January 26 days, of February 23, which are both one or two too few, for the year as well
            continue
        for hour in range(24):
            bad = day % 10 == 0  # 200 ug/m3 are heavily polluted
            station.hour(PM2_5, year_ms + day * DAY_MS + hour * HOUR_MS, 200 if bad else 20)
    rows = station.ticked(year_ms + 365 * DAY_MS)
    months = [row.cells[:3] for row in of(rows, "air_month")]
    assert months[0] == (FEW, (23, 0), (26, 0)) and months[1] == (FEW, (21, 0), (23, 0))
    assert months[2] == ((903, 0), (28, 0), (31, 0))  # 60, 70 and 80 are bad: 28 of 31 are 90.3 %
    (year,) = of(rows, "air_year")
    assert (year.unix_ms, year.cells[:3]) == (year_ms, (FEW, (319, 0), (355, 0)))
    for hour in range(24):  # a day comes late
        station.hour(PM2_5, year_ms + 26 * DAY_MS + hour * HOUR_MS, 20)
    late = station.ticked(year_ms + 366 * DAY_MS)
    assert of(late, "air_month")[0].cells[:3] == ((889, 0), (24, 0), (27, 0))
    assert of(late, "air_year")[0].cells[:3] == (FEW, (320, 0), (356, 0))
    for day in (34, 35):  # and two of February
        for hour in range(24):
            station.hour(PM2_5, year_ms + day * DAY_MS + hour * HOUR_MS, 20)
    (whole,) = of(station.ticked(year_ms + 367 * DAY_MS), "air_year")
    # a tenth of the days at 200 ug/m3: the mean passes 35 and the 95th percentile of the days 75, PM2.5 is bit 5
    assert whole.cells[:3] == ((899, 0), (322, 0), (358, 0)) and whole.cells[-1][0] == 1 << POLLUTANTS.index("PM2.5")


def test_a_year_whose_mean_is_kept_may_have_too_many_bad_days() -> None:
    station, calendar = Station({"dust.pm2_5": "PM2.5"}), Calendar()
    year_ms = calendar.start(YEAR, MIDNIGHT_MS)
    for day in range(365):
        for hour in range(24):
            station.hour(PM2_5, year_ms + day * DAY_MS + hour * HOUR_MS, 90 if day % 10 == 0 else 15)
    (year,) = of(station.ticked(year_ms + 365 * DAY_MS), "air_year")
    assert named(year)["air.pm2_5"] == 230 and named(year)["air.over_limit"] == 1 << POLLUTANTS.index("PM2.5")


SONDE = Series(HOUR, (("s.do", "mg/L", 2), ("s.percent", "%", 1), ("s.temperature", "degC", 1)))
SONDE_ITEMS = {"s.do": "DO", "s.percent": "DO_percent", "s.temperature": "water_c"}


def named(row: Row) -> dict[str, int | None]:
    return {name: value for (name, _, _), (value, _) in zip(row.series.channels, row.cells, strict=True)}


def test_water_says_that_the_altitude_limits_its_oxygen() -> None:
    station = Station(SONDE_ITEMS)
    # 20 degC at 4,000 m hold 5.45 mg/L; class II wants 6. This sonde's 54.9 % are of 1 atm
    station.hour(SONDE, MIDNIGHT_MS, 500, 550, 200)
    station.hour(SONDE, MIDNIGHT_MS + HOUR_MS, 500, 917, 200)  # and this one's of the station's own air
    station.hour(SONDE, MIDNIGHT_MS + 2 * HOUR_MS, 500, 700, 200)  # 70 % are of neither
    station.hour(SONDE, MIDNIGHT_MS + 3 * HOUR_MS, 900, 950, 50)  # cold water holds 7.7: nothing is limited
    station.hour(SONDE, MIDNIGHT_MS + 4 * HOUR_MS, 900, 700, None)
    found = [named(row) for row in of(station.ticked(MIDNIGHT_MS + 5 * HOUR_MS), "water_hour")]
    assert [one["water.by_altitude"] for one in found] == [1, 1, 1, 0, None]
    assert [one["water.sonde_is_of_1atm"] for one in found] == [1, 0, None, None, None]
    assert found[0]["water.sonde_saturation"] == pytest.approx(917, abs=10)
    assert found[1]["water.sonde_saturation"] == 917 and found[0]["water.class"] == 1


def test_at_the_sea_oxygen_is_limited_by_no_altitude() -> None:
    station = Station(SONDE_ITEMS, altitude_m=0)
    station.hour(SONDE, MIDNIGHT_MS, 500, 550, 200)
    (row,) = of(station.ticked(MIDNIGHT_MS + HOUR_MS), "water_hour")
    assert (named(row)["water.by_altitude"], named(row)["water.class"]) == (0, 3)


OZONE = doubles.sensor("roof", 3, period_s=600, profile="gas_o3")
RULE = """
[[rule]]
id = "ozone"
level = "yellow"
when = "{when}"
"""


@pytest.mark.parametrize("when", ["day/roof.ozone:mda8 > 160", "air_day/air.o3_mda8 > 160"])
def test_a_rule_may_ask_for_ozones_greatest_8_hours_of_a_day(tmp_path: Path, when: str) -> None:
    waived = '[assess]\nwaived = ["SO2", "NO2", "CO", "PM10", "PM2.5"]\n'
    ground = Ground(tmp_path, doubles.RIVER, OZONE, "[aggregate]\nminute_s = 0\n", waived, RULE.format(when=when))
    for hour in range(48):
        value = 1700 if 34 <= hour < 42 else 800  # 170 ug/m3 from 10:00 to 18:00 of the second day
        for minute in range(0, 60, 10):
            ground.poll("roof", MIDNIGHT_MS + HOUR_MS * hour + 60_000 * minute, (value, 0))
        ground.at(MIDNIGHT_MS + HOUR_MS * (hour + 1) + 20_000)
    assert [made.values["air.o3_mda8"] for made in ground.made("air_day")] == [800, 1700]
    (alarm,) = ground.made("alarm")
    assert alarm.values["alarm.ozone.value"] is not None and alarm.unix_ms >= MIDNIGHT_MS + DAY_MS


def test_water_says_by_how_many_times_a_factor_misses_the_target() -> None:
    station = Station({"a.nh3n": "NH3N", "a.ph": "pH"})
    series = Series(HOUR, (("a.nh3n", "mg/L", 2), ("a.ph", "1", 1)))
    station.stage = Indices(
        station.past,
        Judged({"a.nh3n": "NH3N", "a.ph": "pH"}, None, WAIVED, False, "river", 2, ("pH", "NH3N"), None, 600.0, 24),
        Calendar(),
        0,
    )
    for hour, ammonia in enumerate((125, 50, None)):  # class II ends at 0.5 mg/L
        station.hour(series, MIDNIGHT_MS + hour * HOUR_MS, ammonia, 78)
    found = [named(row) for row in of(station.ticked(MIDNIGHT_MS + 3 * HOUR_MS), "water_hour")]
    assert [one["water.times_nh3n"] for one in found] == [150, 0, None]
    assert "water.times_ph" not in found[0]


def test_a_year_has_its_means_and_is_held_against_the_yearly_limits() -> None:
    """HJ 663's figures; GB 3095-2026 until 2030 has 30 ug/m3 of PM2.5 a year in grade 2."""
    station, calendar = Station({"dust.pm2_5": "PM2.5"}), Calendar()
    year_ms = calendar.start(YEAR, MIDNIGHT_MS)
    for day in range(365):
        for hour in range(24):
            station.hour(PM2_5, year_ms + day * DAY_MS + hour * HOUR_MS, 20 if day % 2 else 41)
    rows = station.ticked(year_ms + 365 * DAY_MS)
    (year,) = of(rows, "air_year")
    assert named(year)["air.pm2_5"] == 310 and named(year)["air.over_limit"] == 32  # 30.53 has no decimals: 31
    assert named(of(rows, "air_month")[0])["air.pm2_5"] == 310 and named(year)["air.pm10"] is None
    assert named(of(rows, "air_day")[0])["air.pm2_5"] == 410


def test_a_year_without_two_days_more_than_a_month_may_lack_has_no_mean() -> None:
    station, calendar = Station({"dust.pm2_5": "PM2.5"}), Calendar()
    year_ms = calendar.start(YEAR, MIDNIGHT_MS)
    for day in range(5, 365):  # 26 days of January: GB 3095-2026, table 4 asks for 27 of each month
        for hour in range(24):
            station.hour(PM2_5, year_ms + day * DAY_MS + hour * HOUR_MS, 20)
    year = named(of(station.ticked(year_ms + 365 * DAY_MS), "air_year")[0])
    assert year["air.pm2_5"] is None and year["air.good_percent"] is None


def test_a_percentile_lies_between_two_days() -> None:
    assert percentile([Decimal(value) for value in range(100, 0, -1)], Decimal("0.9")) == Decimal("90.1")
    assert percentile([Decimal(7)], Decimal("0.95")) == 7


def test_gases_are_rows_at_the_reference_state_by_the_stations_own_air() -> None:
    """616.4 hPa and -10 degC: 1.4509 (facts computed apart); without a temperature there is no number."""
    series = Series(
        HOUR, (("roof.ozone", "ug/m3", 1), ("met.p", "hPa", 1), ("met.t", "degC", 1), ("d.pm10", "ug/m3", 0))
    )
    items = {"roof.ozone": "O3", "met.p": "hpa", "met.t": "air_c", "d.pm10": "PM10"}
    station = Station(items)
    judged = Judged(items, None, ("SO2",), True, "river", 2, ("DO",), None, 600.0, 24)
    station.stage = Indices(station.past, judged, Calendar(), 0)
    station.hour(series, MIDNIGHT_MS, 1000, 6164, -100, 60)
    station.hour(series, MIDNIGHT_MS + HOUR_MS, 1000, 6164, None, 60)
    found = [named(row) for row in of(station.ticked(MIDNIGHT_MS + 2 * HOUR_MS), "air_hour")]
    assert [(one["air.o3"], one["air.pm10"]) for one in found] == [(1451, 600), (None, 600)]
    in_ppb = Series(HOUR, (("roof.ozone", "ppb", 0), *series.channels[1:]))  # of the molecules: no altitude is in it
    station.hour(in_ppb, MIDNIGHT_MS + 2 * HOUR_MS, 50, 6164, -100, 60)
    assert named(of(station.ticked(MIDNIGHT_MS + 3 * HOUR_MS), "air_hour")[0])["air.o3"] == 981


def test_a_day_in_which_the_list_of_channels_changed_is_one_day() -> None:
    """Twelve hours stand in one series, twelve in another; what comes late of the old one costs the new one nothing."""
    station = Station({"dust.pm2_5": "PM2.5"})
    wider = Series(HOUR, (("dust.pm10", "ug/m3", 0), ("dust.pm2_5", "ug/m3", 0)))
    for hour in range(24):
        unix_ms = MIDNIGHT_MS + hour * HOUR_MS
        if hour < 12:
            station.hour(PM2_5, unix_ms, 20)
        else:
            station.hour(wider, unix_ms, 50, 30)
    (day,) = of(station.ticked(MIDNIGHT_MS + DAY_MS), "air_day")
    assert named(day)["air.pm2_5"] == 250
    station.hour(PM2_5, MIDNIGHT_MS + 3 * HOUR_MS, 44)
    (day,) = of(station.ticked(MIDNIGHT_MS + DAY_MS), "air_day")
    assert named(day)["air.pm2_5"] == 260
