"""Channels held against each other, drift between two calibrations, a sensor in somebody's hands."""

import csv
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hw_sim
from gateway.process.quality.cross import UNITS, Place, cross
from gateway.process.quality.drift import Deployment, Standard, corrected, fault
from gateway.process.quality.sensor_state import LONGEST_MS, SensorState
from gateway.process.water.oxygen import pressure_at
from protocols import quality, worth

PLACE = Place(pressure_hpa=pressure_at(4200.0))
RECORDINGS = Path(hw_sim.__path__[0]) / "recordings"
VECTORS = Path(__file__).parents[1] / "vectors"


def _flagged(**values: float | None) -> dict[str, int]:
    return {quantity: flags & ~worth.SUSPECT for quantity, flags in cross(_good(**values), PLACE).items()}


def _good(**values: float | None) -> dict[str, tuple[float | None, int]]:
    return {quantity: (value, 0) for quantity, value in values.items()}


CASES = (
    ({"temperature": 0.0, "air_temperature": -12.0, "turbidity": 4.0}, {"turbidity": worth.ICE}),
    ({"temperature": 0.0, "turbidity": 4.0}, {"turbidity": worth.ICE}),
    ({"temperature": 0.0, "air_temperature": 3.0, "turbidity": 4.0}, {}),
    ({"temperature": 1.0, "air_temperature": -12.0, "turbidity": 4.0}, {}),
    ({"temperature": 0.0, "conductivity": 300.0, "level": 400.0}, {"level": worth.ICE}),
    ({"temperature": 0.0, "conductivity": 0.0, "level": 400.0}, {"temperature": worth.DRY, "conductivity": worth.DRY}),
    (
        {"temperature": 0.0, "conductivity": 0.0, "air_temperature": -12.0, "level": 400.0},
        {"temperature": worth.DRY, "conductivity": worth.DRY, "level": worth.ICE},
    ),
    ({"conductivity": 0.4, "ph": 7.0}, {"conductivity": worth.DRY, "ph": worth.DRY}),
    ({"conductivity": 40.0, "ph": 7.0}, {}),
    ({"ph": 7.0}, {}),
    ({"pm2_5": 80.0, "pm10": 60.0}, {"pm2_5": worth.CONTRADICTS, "pm10": worth.CONTRADICTS}),
    ({"pm2_5": 62.0, "pm10": 60.0}, {}),
    ({"dissolved_oxygen": 15.0, "temperature": 12.0}, {"dissolved_oxygen": worth.CONTRADICTS}),
    ({"dissolved_oxygen": 15.0, "temperature": 12.0, "air_pressure": 1013.25}, {}),
    ({"level": 1500.0, "water_pressure": 14.7}, {}),
    ({"level": 1500.0, "water_pressure": 9.0}, {"level": worth.CONTRADICTS, "water_pressure": worth.CONTRADICTS}),
)


@pytest.mark.parametrize(("values", "expected"), CASES)
def test_what_channels_say_against_each_other(values: dict[str, float], expected: dict[str, int]) -> None:
    assert _flagged(**values) == expected


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (worth.FAIL, {"conductivity": worth.CONTRADICTS | worth.SUSPECT}),
        (quality.RANGE, {"conductivity": worth.CONTRADICTS | worth.SUSPECT}),
        (worth.SUSPECT, {}),
        (quality.NO_REPLY, {}),
        (worth.MAINTENANCE | worth.FAIL, {}),
    ],
)
def test_conductivity_is_as_good_as_its_thermometer(flags: int, expected: dict[str, int]) -> None:
    """What no water has says nothing of the conductivity at 25 degC; oxygen and pH have little to do with it."""
    readings = {"temperature": (-99.0, flags), "conductivity": (310.0, 0), "ph": (8.4, 0), "dissolved_oxygen": (9.0, 0)}
    assert cross(readings, PLACE) == expected


def test_a_failed_reading_accuses_nobody() -> None:
    readings = {
        "pm2_5": (900.0, worth.FAIL),
        "pm10": (60.0, 0),
        "conductivity": (0.0, quality.NO_REPLY),
        "ph": (7.0, 0),
    }
    assert cross(readings, PLACE) == {}


@given(st.dictionaries(st.sampled_from(sorted(UNITS)), st.tuples(st.none() | st.floats(), st.sampled_from([0, 1, 8]))))
def test_nothing_makes_a_check_stumble(readings: dict[str, tuple[float | None, int]]) -> None:
    assert all(flags & worth.SUSPECT and readings[one][0] is not None for one, flags in cross(readings, PLACE).items())


# ------------------------------------------------------------------------------------------------------------- drift


def test_two_points_bring_an_end_reading_of_each_standard_back_to_the_standard() -> None:
    one = Deployment(0, 1000, (Standard(7.0, 7.2), Standard(10.0, 9.9)))
    assert corrected(1000, 7.2, one) == pytest.approx(7.0) and corrected(1000, 9.9, one) == pytest.approx(10.0)
    assert corrected(0, 8.3, one) == pytest.approx(8.3)
    # half way: low end at 7.1, high end at 9.95; 8.0 is 0.9/2.85 of the way up
    assert corrected(500, 8.0, one) == pytest.approx(7.0 + 0.9 / 2.85 * 3.0)


def test_outside_its_deployment_or_with_standards_that_do_not_fit_nothing_is_corrected() -> None:
    one = Deployment(0, 1000, (Standard(7.0, 7.2), Standard(10.0, 9.9)))
    assert corrected(-1, 8.0, one) is None and corrected(1001, 8.0, one) is None
    turned = Deployment(0, 1000, (Standard(7.0, 9.9), Standard(10.0, 7.2)))
    assert corrected(500, 8.0, turned) is None and fault(turned) == "same"
    assert fault(Deployment(5, 5, (Standard(1, 1),))) == "time" and fault(Deployment(0, 5, ())) == "standards"


def test_one_standard_gives_the_correction_that_logan_rivers_technician_made() -> None:
    """Segments of Main Street in 2019 whose gap and ends are published with the record (PyHydroQC's calibrations)."""
    with (RECORDINGS / "water_lro_mainstreet_2019.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with (VECTORS / "water_lro_mainstreet_calibrations.csv").open(encoding="utf-8", newline="") as file:
        segments = [row for row in csv.DictReader(file) if row["end"] >= rows[0]["time_local"].replace("T", " ")]
    apart = []
    for segment in segments:
        start, end = (_minute_ms(segment[key]) for key in ("start", "end"))
        one = Deployment(start, end, (Standard(0.0, -float(segment["gap"])),))
        for row in rows:
            raw, true = row[segment["sensor"]], row[f"{segment['sensor']}_cor"]
            ours = corrected(_minute_ms(row["time_local"]), float(raw), one) if raw else None
            if ours is not None and not row[f"{segment['sensor']}_qual"]:
                apart.append(abs(ours - float(true)))
    assert len(apart) == 6201 and max(apart) < 0.005  # the record is rounded to 0.001


def _minute_ms(text: str) -> int:
    return int(datetime.fromisoformat(text.replace(" ", "T") + "+00:00").timestamp() * 1000)


# ------------------------------------------------------------------------------------------------------ sensor state


def test_a_sensor_in_somebodys_hands_says_so_and_settles_afterwards() -> None:
    sensor = SensorState(settle_ms=100)
    sensor.begin(1000, "maintenance")
    sensor.end(2000)
    found = [sensor.flags(at) for at in (999, 1000, 1999, 2000, 2099, 2100)]
    assert found == [0, worth.MAINTENANCE, worth.MAINTENANCE, quality.WARM_UP, quality.WARM_UP, 0]


def test_a_forgotten_maintenance_ends_by_itself_and_outlives_a_start() -> None:
    sensor = SensorState()
    sensor.begin(0, "calibration", for_ms=10**12)
    again = SensorState(state=sensor.state())
    assert again.flags(LONGEST_MS - 1) == worth.CALIBRATION and again.flags(LONGEST_MS) == 0
