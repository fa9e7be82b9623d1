"""Tests of one channel: as QARTOD's reference flags them, whatever comes in, and across a restart."""

import json
import math
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ioos_qc import qartod

from gateway.process.quality.channel import ChannelQuality
from gateway.process.quality.limit_table import ROWS, Channel, limits
from gateway.process.quality.limits import Limits, Season
from gateway.process.quality.neighbours import Spike, gap, rate
from gateway.process.quality.points import Climatology, gross_range
from gateway.process.quality.windows import Attenuated, FlatLine, attenuation
from protocols import quality, worth

CASES = json.loads((Path(__file__).parents[1] / "vectors" / "qartod.json").read_text("utf-8"))["qartod"]["cases"]
MINUTE = 60_000


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def _spikes(values: list[float | None], by: str, suspect: float, fail: float) -> list[int]:
    """Every value's flag; the last one has no neighbour and stays "not evaluated"."""
    test = Spike(by, suspect, fail)
    flags = {}
    for place, value in enumerate(values):
        judged = test.step(place * MINUTE, value)
        if judged is not None:
            flags[judged[0] // MINUTE] = judged[1]
    last = worth.QARTOD_MISSING if values[-1] is None else worth.QARTOD_NOT_EVALUATED
    return [flags.get(place, last) for place in range(len(values))]


def _gross(args: dict[str, Any]) -> list[int]:
    spans = tuple(args["fail_span"]), tuple(args["suspect_span"])
    return [worth.QARTOD_MISSING if one is None else gross_range(one, *spans) for one in args["inp"]]


def _flat(args: dict[str, Any]) -> list[int]:
    test = FlatLine(1000 * args["suspect_threshold"], 1000 * args["fail_threshold"], args["tolerance"])
    return [test.step(_ms(at), value) for at, value in zip(args["tinp"], args["inp"], strict=True)]


def _attenuated(args: dict[str, Any]) -> list[int]:
    """The vector's test is over the whole series: a window that has just seen all of it."""
    assert args["check_type"] == "range"
    whole_ms = _ms(args["tinp"][-1]) - _ms(args["tinp"][0])
    test = Attenuated("range", whole_ms + 1, None, None)
    for at, value in zip(args["tinp"], args["inp"], strict=True):
        test.step(_ms(at), value)
    size = max(args["inp"]) - min(args["inp"])
    return [attenuation(size, args["suspect_threshold"], args["fail_threshold"])] * len(args["inp"])


def _spike_case(args: dict[str, Any]) -> list[int]:
    return _spikes(args["inp"], args.get("method", "average"), args["suspect_threshold"], args["fail_threshold"])


def _syntax(args: dict[str, Any]) -> list[int]:
    """Rows reach the gateway as numbers; the vector is told by the definition alone, as nothing of ours splits text."""
    return [1 if len(row.split(args["delimiter"])) == args["nchar"] else 4 for row in args["inp"]]


HOW = {
    "gross_range_test": _gross,
    "spike_test": _spike_case,
    "flat_line_test": _flat,
    "attenuated_signal_test": _attenuated,
    "syntax_test": _syntax,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["test"][:30])
def test_every_vector_gets_the_flags_of_the_reference(case: dict[str, Any]) -> None:
    assert HOW[case["test"].split()[0]](case["args"]) == case["flags"]


def _series(seed: int, missing: float = 0.0) -> list[float | None]:
    random = np.random.default_rng(seed)
    walk = np.round(np.cumsum(random.normal(0, 0.3, 400)) + 10, 2)
    walk[100:160] = walk[100]  # stuck
    walk[random.integers(170, 400, 8)] += 7  # spikes
    return [None if random.random() < missing else float(value) for value in walk]


def _array(values: list[float | None]) -> np.ndarray:
    return np.array([math.nan if value is None else value for value in values])


TIMES = np.datetime64("2026-01-01T00:00:00") + np.arange(400) * np.timedelta64(600, "s")


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("by", ["average", "differential"])
def test_spikes_are_those_of_ioos_qc(seed: int, by: str) -> None:
    values = _series(seed, missing=0.05)
    theirs = qartod.spike_test(_array(values), 0.5, 2.0, method=by)
    assert _spikes(values, by, 0.5, 2.0) == [int(flag) for flag in theirs]


@pytest.mark.parametrize("seed", range(8))
def test_rates_are_those_of_ioos_qc(seed: int) -> None:
    values = [value for value in _series(seed) if value is not None]
    theirs = qartod.rate_of_change_test(np.array(values), TIMES, 0.001, fail_threshold=0.005)
    ours = [1, *(rate(600_000, b - a, 0.001, 0.005) for a, b in pairwise(values))]
    assert ours == [int(flag) for flag in theirs]


@pytest.mark.parametrize("seed", range(8))
def test_flat_lines_are_those_of_ioos_qc_where_readings_are_regular(seed: int) -> None:
    values = [value for value in _series(seed) if value is not None]
    theirs = qartod.flat_line_test(np.array(values), TIMES, 6000, 18_000, tolerance=0.05)
    test = FlatLine(6_000_000, 18_000_000, 0.05)
    ours = [test.step(place * 600_000, value) for place, value in enumerate(values)]
    assert ours == [int(flag) for flag in theirs]
    assert {1, 3, 4} == set(ours)


@pytest.mark.parametrize("by", ["std", "range"])
@pytest.mark.parametrize("seed", range(4))
def test_attenuation_is_that_of_ioos_qc_once_the_window_is_full(seed: int, by: str) -> None:
    values = [value for value in _series(seed) if value is not None]
    theirs = qartod.attenuated_signal_test(np.array(values), TIMES, 0.4, 0.01, test_period=12_000, check_type=by)
    test = Attenuated(by, 12_000_000, 0.4, 0.01)
    ours = [test.step(place * 600_000, value) for place, value in enumerate(values)]
    assert ours[:20] == [2] * 20
    assert ours[20:] == [int(flag) for flag in theirs[20:]]
    assert 4 in ours and (3 in ours or by == "range")


def test_a_season_may_pass_the_end_of_the_year_and_a_month_without_one_is_not_judged() -> None:
    test = Climatology((Season(11, 2, (-1.0, 4.0), (-2.0, 8.0)), Season(6, 8, (5.0, 18.0))))
    found = [test.step(_ms(f"2026-{month:02}-15T12:00:00"), 6.0) for month in (1, 2, 3, 6, 12)]
    assert found == [3, 3, 2, 1, 3]
    assert test.step(_ms("2026-12-01T00:00:00"), 9.0) == 4


def test_a_month_begins_when_it_does_at_the_station() -> None:
    seasons = (Season(2, 2, (0.0, 1.0)),)
    before_china_midnight = _ms("2026-01-31T15:59:59")
    assert Climatology(seasons, 8 * 3_600_000).step(before_china_midnight, 5.0) == 2
    assert Climatology(seasons, 8 * 3_600_000).step(before_china_midnight + 1000, 5.0) == 3


def test_a_gap_is_a_step_longer_than_its_limit() -> None:
    assert [gap(step, 7_200_000) for step in (600_000, 7_200_000, 7_200_001)] == [1, 1, 4]


# ------------------------------------------------------------------------------------------------- the whole channel

SONDE = Channel("water", "temperature", "degC", 2, -5.0, 50.0, 900)
ALL = limits(SONDE)._replace(
    seasons=(Season(1, 12, (0.0, 20.0)),), attenuated_ms=6 * 3_600_000, attenuated_suspect=0.02, attenuated_by="std"
)


def _told(channel: ChannelQuality, readings: list[tuple[int, float | None, int]]) -> dict[int, int]:
    found: dict[int, int] = {}
    for unix_ms, value, flags in readings:
        for at, added in channel.step(unix_ms, value, flags):
            found[at] = found.get(at, 0) | added
    return found


def test_a_spike_is_told_of_the_reading_before_and_neighbours_stay_clean_of_it() -> None:
    values = [5.0, 5.1, 9.0, 5.1, 5.0]
    found = _told(ChannelQuality(Limits(spike_suspect=0.4, spike_fail=2.0)), [(n, v, 0) for n, v in enumerate(values)])
    assert found == {2: worth.SPIKE | worth.FAIL}


def test_a_sentinel_fails_and_makes_nothing_of_its_neighbours() -> None:
    values = [5.0, 5.1, -9999.0, 5.1, 5.0]
    found = _told(ChannelQuality(ALL), [(n * 900_000, v, 0) for n, v in enumerate(values)])
    assert found == {2 * 900_000: worth.GROSS | worth.CLIMATE | worth.FAIL | worth.SUSPECT}


@pytest.mark.parametrize("nothing", [None, math.nan, math.inf, -math.inf])
def test_what_is_no_number_gets_no_flag_and_makes_none(nothing: float | None) -> None:
    values = [5.0, 5.1, nothing, 5.1, 5.0]
    assert _told(ChannelQuality(ALL), [(n * 900_000, v, 0) for n, v in enumerate(values)]) == {}


def test_nothing_is_compared_across_a_hole() -> None:
    channel = ChannelQuality(limits(SONDE))
    found = _told(channel, [(0, 5.0, 0), (900_000, 5.0, 0), (90_000_000, 19.0, 0), (90_900_000, 5.0, 0)])
    assert found == {90_000_000: worth.GAP, 90_900_000: worth.RATE | worth.SUSPECT}


def test_two_equal_readings_a_day_apart_are_no_flat_line() -> None:
    readings = [(0, 5.0, 0), (900_000, 5.0, 0), (1_800_000, 5.0, 0), (90_000_000, 5.0, 0)]
    assert _told(ChannelQuality(limits(SONDE)), readings) == {90_000_000: worth.GAP}


@pytest.mark.parametrize("state", [quality.WARM_UP, worth.MAINTENANCE, worth.CALIBRATION])
def test_what_was_measured_in_other_hands_is_not_evaluated(state: int) -> None:
    found = _told(ChannelQuality(ALL), [(0, 5.0, 0), (900_000, 99.0, state), (1_800_000, 5.0, 0)])
    assert found == {}
    assert worth.qartod(state) == worth.QARTOD_NOT_EVALUATED


def test_a_value_out_of_the_sensors_range_fails_even_where_the_site_allows_more() -> None:
    assert ChannelQuality(Limits()).step(0, 60.0, quality.RANGE) == ((0, worth.GROSS | worth.FAIL),)


def test_a_guessed_time_keeps_a_reading_from_all_but_its_range() -> None:
    channel = ChannelQuality(ALL)
    channel.step(0, 5.0)
    assert channel.step(900_000, 19.0, quality.CLOCK) == ()
    assert channel.step(900_000, 99.0, quality.CLOCK) == ((900_000, worth.GROSS | worth.FAIL),)


def test_a_clock_that_was_set_back_is_taken_over_after_three_readings() -> None:
    channel = ChannelQuality(Limits(rate_suspect_per_s=0.001))
    channel.step(10**12, 5.0)  # years ahead
    found = _told(channel, [(1000 * n, 50.0 * n, 0) for n in range(1, 7)])
    assert found == {1000 * n: worth.RATE | worth.SUSPECT for n in (4, 5, 6)}


READING = st.tuples(
    st.integers(-(10**13), 10**13) | st.integers(0, 50).map(lambda n: n * 900_000),
    st.none() | st.floats() | st.sampled_from([5.0, 5.01, 5.5, -9999.0, 9.0]),
    st.sampled_from([0, 1, 2, 4, 8, 16, worth.MAINTENANCE, worth.FAIL, 24]),
)
KNOWN = sum(bit for bit, _ in worth._NAMES)


@settings(max_examples=150, deadline=None)
@given(st.lists(READING, max_size=60))
def test_no_stream_makes_it_stumble_and_it_only_adds_flags_that_have_names(
    readings: list[tuple[int, float | None, int]],
) -> None:
    channel = ChannelQuality(ALL)
    seen: set[int] = set()
    for unix_ms, value, flags in readings:
        seen.add(unix_ms)
        for at, added in channel.step(unix_ms, value, flags):
            assert at in seen and added > 0 and added & ~KNOWN == 0
        json.dumps(channel.state())


@settings(max_examples=80, deadline=None)
@given(st.lists(READING, min_size=2, max_size=40), st.data())
def test_a_restart_anywhere_changes_no_flag(readings: list[tuple[int, float | None, int]], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(readings) - 1))
    whole = ChannelQuality(ALL)
    expected = [whole.step(*reading) for reading in readings]
    first = ChannelQuality(ALL)
    found = [first.step(*reading) for reading in readings[:cut]]
    second = ChannelQuality(ALL, state=json.loads(json.dumps(first.state())))
    assert found + [second.step(*reading) for reading in readings[cut:]] == expected


def test_memory_stays_the_same_over_a_year_of_readings_each_ten_seconds() -> None:
    channel = ChannelQuality(ALL)
    sizes = []
    for n in range(200_000):
        channel.step(10_000 * n, 5 + 3 * math.sin(n / 500) + (n * 7919 % 13) / 50)
        if n % 20_000 == 19_999:
            sizes.append(len(json.dumps(channel.state())))
    assert max(sizes) < 15_000 and max(sizes[2:]) < 2 * min(sizes[2:])


# --------------------------------------------------------------------------------------------------- limits and flags


def test_a_unit_is_converted_and_one_that_is_not_known_leaves_range_and_gap() -> None:
    ours = limits(Channel("water", "conductivity", "mS/cm", 4, 0.001, 200.0, 600))
    assert ours.spike_suspect == 0.01 and ours.fail == (0.001, 200.0) and ours.gap_ms == 3_000_000
    odd = limits(Channel("water", "conductivity", "S/ft", 4, 0.0, 9.0, 600))
    assert odd == Limits(fail=(0.0, 9.0), flat_tolerance=0.00005, gap_ms=3_000_000)


def test_one_thermometer_of_a_string_has_the_limits_of_its_quantity() -> None:
    sixth = limits(Channel("soil", "soil_temperature_6", "degC", 1, -40.0, 80.0, 900))
    assert sixth == limits(Channel("soil", "soil_temperature", "degC", 1, -40.0, 80.0, 900))
    assert sixth.spike_suspect == 3.0
    assert limits(Channel("air", "pm2_5", "ug/m3", 0, 0.0, 1000.0, 60)).spike_suspect == 300.0


def test_a_site_overrides_by_name_and_none_ends_a_test() -> None:
    ours = limits(SONDE, {"spike_suspect": 3.0, "flat_suspect_ms": None})
    assert (ours.spike_suspect, ours.flat_suspect_ms, ours.flat_fail_ms) == (3.0, None, 24 * 3_600_000)


@pytest.mark.parametrize("key", ROWS, ids=str)
def test_every_row_of_the_table_is_in_order(key: tuple[str, str]) -> None:
    row = ROWS[key]
    if row.fail is not None and row.suspect is not None:
        assert row.fail[0] <= row.suspect[0] < row.suspect[1] <= row.fail[1]
    for suspect, fail in (row.spike, row.rate_per_h, row.flat_h):
        assert fail is None or (suspect is not None and suspect < fail)
    assert row.suspect is None or row.suspect[0] < row.suspect[1]


def test_qartods_one_number_follows_from_the_worst_flag() -> None:
    cases = {
        0: 1,
        quality.CLOCK | worth.GAP: 1,
        worth.RATE | worth.SUSPECT: 3,
        worth.RATE | worth.SUSPECT | worth.SPIKE | worth.FAIL: 4,
        quality.RANGE: 4,
        worth.MAINTENANCE | worth.FAIL: 2,
        quality.NO_REPLY | worth.MAINTENANCE: 9,
    }
    assert {flags: worth.qartod(flags) for flags in cases} == cases
    assert [worth.is_usable(flags) for flags in cases] == [True, True, True, False, False, False, False]


def test_the_gateways_flags_leave_a_nodes_eight_bits_alone_and_have_one_bit_each() -> None:
    bits = [bit for bit, _ in worth._NAMES]
    assert len(set(bits)) == len(bits) and all(bit.bit_count() == 1 for bit in bits)
    nodes = (quality.NO_REPLY, quality.INVALID, quality.RANGE, quality.WARM_UP, quality.CLOCK)
    assert {bit for bit in bits if bit <= 0xFF} == set(nodes)
    assert worth.names(quality.RANGE | worth.SPIKE | worth.FAIL) == ["range", "spike", "fail"]


def test_a_flicker_of_the_last_digits_is_not_too_fast_however_often_a_sensor_is_polled() -> None:
    for name, unit, decimals, flicker in (
        ("ph", "pH", 2, 3),
        ("level", "mm", 0, 2),
        ("dissolved_oxygen", "mg/L", 2, 9),
    ):
        one = limits(Channel("water", name, unit, decimals, None, None, 1))
        test = ChannelQuality(one)
        base = {"ph": 8.2, "level": 700.0, "dissolved_oxygen": 9.0}[name]
        told = [test.step(1000 * second, base + second * 7 % 2 * flicker * 10**-decimals) for second in range(600)]
        assert not any(told), name
    slow = limits(Channel("water", "ph", "pH", 2, None, None, 900))
    assert slow.rate_suspect_per_s == pytest.approx(0.8 / 3600)
