"""A station's readings are judged on their way to the disk, and what failed is in no mean and raises no alarm."""

import json
import math
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.judging import judge
from gateway.process.quality.judge import Judge, Part, Plan, Window
from gateway.process.quality.limits import Limits
from gateway.process.stage import Row, Series
from gateway.store.rows import Cell
from gateway.uplink import sparkplug_payload, sparkplug_tags
from protocols import quality, worth
from protocols.batch import NodeRecord
from protocols.hj212 import marks
from tests.gateway import doubles
from tests.gateway.derived import HOUR_MS, MIDNIGHT_MS, Ground

PH = Series("sensor river", (("river.ph", "pH", 2), ("river.temperature", "degC", 2)))
LIMITS = Limits(fail=(0.0, 14.0), spike_suspect=0.1, spike_fail=1.0, gap_ms=300_000, flat_suspect_ms=1_800_000,
                flat_tolerance=0.005)  # fmt: skip
MINUTE = 60_000

SONDE = (
    doubles.RIVER
    + """
[aggregate]
levels = ["hour", "day"]
[[sensor]]
id = "river"
profile = "yosemitech_y4000"
bus = "river"
unit_id = 1
period_s = 60
quantities = ["ph", "temperature", "dissolved_oxygen", "turbidity", "conductivity"]
"""
)
CALM: list[Cell] = [(900, 0), (1000, 0), (30, 0), (820, 0), (650, 0)]  # as the profile has them: see _order


def _judged(readings: list[tuple[int, int | None]], one: Judge | None = None) -> dict[int, int]:
    """Flags of each reading by its minute, as they are in the end."""
    one = one or Judge(Plan({"river.ph": LIMITS}))
    found: dict[int, int] = {}
    for minute, value in readings:
        flags = quality.NO_REPLY if value is None else 0
        cells, told = one.judge(PH, minute * MINUTE, [(value, flags), (None, 0)])
        found[minute] = cells[0][1]
        assert cells[1] == (None, 0)
        for row in told:
            assert row.series == PH.restated and row.series.original == PH
            found[row.unix_ms // MINUTE] = row.cells[0][1]
    return found


def test_a_spike_is_told_of_the_reading_before_in_a_row_of_its_own() -> None:
    one = Judge(Plan({"river.ph": LIMITS}))
    for minute in range(5):
        one.judge(PH, minute * MINUTE, [(800, 0), (None, 0)])
    jumped, told = one.judge(PH, 5 * MINUTE, [(1000, 0), (None, 0)])
    assert jumped[0] == (1000, worth.AWAITED) and told == []
    back, told = one.judge(PH, 6 * MINUTE, [(800, 0), (None, 0)])
    assert back[0] == (800, worth.AWAITED)  # down again by as much: were the next one up there, this would be the spike
    assert told == [Row(PH.restated, 5 * MINUTE, ((1000, worth.AWAITED | worth.SPIKE | worth.FAIL), (None, 0)))]


def test_what_jumped_and_stayed_is_restated_as_good() -> None:
    assert _judged([(0, 800), (1, 800), (2, 1000), (3, 1000)])[2] == worth.AWAITED


def test_what_jumped_and_was_followed_by_no_answer_is_restated_too() -> None:
    assert _judged([(0, 800), (1, 800), (2, 1000), (3, None), (4, 800)])[2] == worth.AWAITED
    one = Judge(Plan({"river.ph": LIMITS}))
    _judged([(0, 800), (1, 800), (2, 1000)], one)
    assert [row.unix_ms for row in one.judge(PH, 3 * MINUTE, [(None, quality.NO_REPLY), (None, 0)])[1]] == [2 * MINUTE]


def test_a_late_reading_decides_nothing_and_a_channel_that_was_not_due_neither() -> None:
    one = Judge(Plan({"river.ph": LIMITS}))
    _judged([(0, 800), (10, 800), (11, 1000)], one)
    assert one.judge(PH, 5 * MINUTE, [(800, 0), (None, 0)]) == (((800, 0), (None, 0)), [])
    assert one.judge(PH, 12 * MINUTE, [(None, 0), (700, 0)])[1] == []
    assert len(one.judge(PH, 13 * MINUTE, [(800, 0), (None, 0)])[1]) == 1


def test_a_row_whose_time_is_a_guess_is_held_against_its_range_alone() -> None:
    one = Judge(Plan({"river.ph": LIMITS}))
    assert one.judge(PH, 0, [(1500, 0), (None, 0)], is_dated=False)[0][0] == (1500, worth.GROSS | worth.FAIL)
    _judged([(0, 800), (1, 800)], one)
    assert one.judge(PH, 2 * MINUTE, [(1000, 0), (None, 0)], is_dated=False) == (((1000, 0), (None, 0)), [])


def test_who_works_at_a_sensor_marks_what_it_reads_by_command_and_by_plan() -> None:
    window = Window("river", "calibration", 10 * MINUTE, 20 * MINUTE)
    one = Judge(Plan({"river.ph": LIMITS}, windows=(window,), settle_ms={"river": 90_000}))
    one.serve("river", "maintenance", 2 * MINUTE, 5 * MINUTE)
    told = [one.services(minute * MINUTE) for minute in (1, 2, 7, 10, 20)]
    assert told == [
        {}, {"river": ("maintenance", 7 * MINUTE)}, {}, {"river": ("calibration", 20 * MINUTE)}, {},
    ]  # fmt: skip
    found = _judged([(minute, 800) for minute in range(22)], one)
    assert [minute for minute in found if found[minute] & worth.MAINTENANCE] == [2, 3, 4, 5, 6]
    assert [minute for minute in found if found[minute] & quality.WARM_UP] == [7, 8]
    assert [minute for minute in found if found[minute] & worth.CALIBRATION] == list(range(10, 20))
    one.serve("river", "maintenance", 30 * MINUTE)
    one.serve("river", None, 31 * MINUTE)
    assert [flags & worth.MAINTENANCE for flags in _judged([(30, 800), (31, 800)], one).values()] == [
        worth.MAINTENANCE, 0,
    ]  # fmt: skip


def test_a_transaction_that_failed_leaves_no_trace_in_the_memory() -> None:
    story = [(minute, 800 + 7 * (minute % 3)) for minute in range(8)]
    one, other = Judge(Plan({"river.ph": LIMITS})), Judge(Plan({"river.ph": LIMITS}))
    _judged(story, one)
    _judged(story, other)
    one.begin()
    _judged([(8, 1300), (9, 100)], one)
    one.undo()
    rest = [(8, 1000), (9, 800), (10, 800)]
    assert _judged(rest, one) == _judged(rest, other)


def _order(ground: Ground, **changed: Cell) -> list[Cell]:
    """A calm moment of the sonde, in the order of its profile."""
    calm = {"dissolved_oxygen": (900, 0), "turbidity": (30, 0), "conductivity": (650, 0), "ph": (820, 0),
            "temperature": (1000, 0)}  # fmt: skip
    decimals = {channel.quantity: channel.decimals for channel in ground.site.channels}
    cells = {name: (value * 10 ** decimals[name] // 100, flags) for name, (value, flags) in calm.items()} | changed
    return [cells[channel.quantity] for channel in ground.site.channels]


def _hour(ground: Ground) -> tuple[int | None, int | None, int | None, int]:
    """Of the pH of the first hour: mean, greatest, count, quality of the mean."""
    made = ground.made("hour")[0]
    values = [made.values[f"river.ph{suffix}"] for suffix in ("", ":max", ":count")]
    return values[0], values[1], values[2], made.quality["river.ph"]


def _wet(*parts: str) -> str:
    """The calm sonde needs no other tests here."""
    off = [f'[[quality]]\nchannel = "river.{name}"\noff = ["all"]\n' for name in
           ("temperature", "dissolved_oxygen", "turbidity", "conductivity")]  # fmt: skip
    flat = '[[quality]]\nchannel = "river.ph"\noff = ["flat"]\n'
    return SONDE + "".join(off) + flat + "".join(parts)


@pytest.mark.parametrize("minute", [0, 30, 59])
def test_a_failed_reading_and_a_spike_are_in_no_mean_wherever_they_are(tmp_path: Path, minute: int) -> None:
    ground = Ground(tmp_path, _wet(), is_judged=True)
    decimals = next(channel.decimals for channel in ground.site.channels if channel.quantity == "ph")
    high = 10 * 10**decimals
    for at in range(-2, 63):
        value = high if at == minute else 1500 * 10**decimals // 100 if at == 20 else 820 * 10**decimals // 100
        ground.poll("river", MIDNIGHT_MS + HOUR_MS + at * MINUTE, *_order(ground, ph=(value, 0)))
        ground.at(MIDNIGHT_MS + HOUR_MS + at * MINUTE + 1000)
    ground.at(MIDNIGHT_MS + 3 * HOUR_MS)
    made = next(one for one in ground.made("hour") if one.unix_ms == MIDNIGHT_MS + HOUR_MS)
    assert made.values["river.ph:count"] == 58
    assert made.values["river.ph:max"] == made.values["river.ph:min"] == 820 * 10**decimals // 100
    assert made.quality["river.ph:count"] & worth.FAIL and made.quality["river.ph"] == 0
    assert ground.rows("sensor river") != []


def test_flags_are_with_the_cells_on_disk_and_the_number_is_as_it_was(tmp_path: Path) -> None:
    ground = Ground(tmp_path, _wet(), is_judged=True)
    ground.poll("river", MIDNIGHT_MS, *_order(ground, ph=(1390, quality.RANGE)))
    ground.at(MIDNIGHT_MS + 1000)
    (_, names, cells, flags), *_ = ground.rows("sensor river")
    place = names.index("river.ph")
    assert flags is not None
    assert (json.loads(cells)[place], json.loads(flags)[place]) == (1390, quality.RANGE | worth.GROSS | worth.FAIL)


def test_ice_and_a_probe_in_the_air_are_told_by_the_moment(tmp_path: Path) -> None:
    ground = Ground(tmp_path, SONDE, is_judged=True)
    one = judge(ground.site)
    series = Series("sensor river", tuple((c.name, c.unit, c.decimals) for c in ground.site.channels))
    names = [channel.quantity for channel in ground.site.channels]
    cells, _ = one.judge(series, 0, _order(ground, temperature=(0, 0)))
    marked = {name: flags for name, (_, flags) in zip(names, cells, strict=True) if flags}
    assert marked == {"turbidity": worth.ICE | worth.SUSPECT}
    cells, _ = one.judge(series, MINUTE, _order(ground, conductivity=(0, 0)))
    dry = {name for name, (_, flags) in zip(names, cells, strict=True) if flags & worth.DRY}
    assert dry == set(names) - {"conductivity"}  # which has failed by its own range


NODE = doubles.NODE.replace("keller_acculevel", "yosemitech_y4000").replace('id = "level"', 'id = "river"')


def test_a_nodes_batches_that_come_late_and_out_of_order_get_the_same_flags_in_the_end(tmp_path: Path) -> None:
    """What is compared is compared in the order of arrival; a late batch gets range tests alone."""
    ground = Ground(tmp_path, NODE, "[aggregate]\n", is_judged=True)
    width = len(ground.site.channels)
    place = next(at for at, channel in enumerate(ground.site.channels) if channel.quantity == "ph")
    unit = 10 ** ground.site.channels[place].decimals

    def record(number: int, minute: int, ph: int) -> NodeRecord:
        cells: list[Cell] = [(None, 0)] * width
        cells[place] = ph * unit, 0
        return NodeRecord(number, MIDNIGHT_MS // 1000 + 60 * minute, tuple(cells))

    ground.clock.unix = MIDNIGHT_MS + HOUR_MS
    ground.batch([record(10, 30, 8), record(11, 31, 8), record(12, 32, 11)])
    ground.batch([record(1, 1, 8), record(2, 2, 13), record(3, 3, 13)])
    ground.batch([record(13, 33, 8)])
    ground.batch([record(13, 33, 8)])  # once more
    found = [(unix_ms, json.loads(flags) if flags else [0] * width) for unix_ms, _, _, flags in ground.rows("node 17")]
    assert len(found) == 7
    by_minute = {(unix_ms - MIDNIGHT_MS) // MINUTE: flags[place] for unix_ms, flags in found}
    assert by_minute[2] & worth.FAIL and by_minute[32] & worth.AWAITED
    ((at_ms, _, _, restated),) = ground.rows("quality node 17")
    assert (at_ms - MIDNIGHT_MS) // MINUTE == 32 and json.loads(restated or "")[place] & worth.SPIKE


VALUES = st.one_of(st.none(), st.integers(700, 900), st.sampled_from([0, 1500, 800, 800, 800]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 90), VALUES), max_size=40), st.integers(0, 40))
def test_a_start_anywhere_changes_no_flag(story: list[tuple[int, int | None]], cut: int) -> None:
    whole = Judge(Plan({"river.ph": LIMITS}))
    first = Judge(Plan({"river.ph": LIMITS}))
    expected = [_judged([reading], whole) for reading in story]
    found = [_judged([reading], first) for reading in story[:cut]]
    again = Judge(Plan({"river.ph": LIMITS}), json.loads(json.dumps(first.state())))
    assert found + [_judged([reading], again) for reading in story[cut:]] == expected


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.integers(-(10**4), 10**14), st.one_of(st.none(), st.integers(-(10**12), 10**12)), st.integers(0, 127)
        ),
        max_size=30,
    )
)
def test_no_input_breaks_it_and_no_number_is_changed(rows: list[tuple[int, int | None, int]]) -> None:
    one = Judge(Plan({"river.ph": LIMITS, "river.temperature": LIMITS}))
    for unix_ms, value, flags in rows:
        cells, told = one.judge(PH, unix_ms, [(value, flags), (value, 0)], is_dated=unix_ms % 3 > 0)
        for (found, after), before in zip(cells, (flags, 0), strict=True):
            assert found == value and after & before == before
        assert all(math.isfinite(row.unix_ms) for row in told)


@pytest.mark.parametrize("keeps", [False, True])
def test_a_kill_between_two_commits_has_the_tests_go_on_from_what_is_on_disk(tmp_path: Path, keeps: bool) -> None:
    """A stuck probe is known after 3 hours, through eight kills, whether its rows are in the database or beside it."""
    ground = Ground(tmp_path, SONDE, '[[quality]]\nchannel = "river.ph"\nflat_suspect = 3\n', is_judged=True)
    for minute in range(240):
        turbid = (30 + minute % 7, 0)
        ground.clock.stepped_ms = 0
        ground.poll("river", MIDNIGHT_MS + minute * MINUTE, *_order(ground, turbidity=turbid))
        ground.clock.unix = MIDNIGHT_MS + minute * MINUTE + 1000
        (ground.store.keep if keeps else ground.store.commit)()
        if minute % 30 == 4:
            ground.kill()
    ground.store.commit()
    flags = [json.loads(found)[_places(ground)["ph"]] if found else 0 for _, _, _, found in ground.rows("sensor river")]
    stuck = [minute for minute, flag in enumerate(flags) if flag & worth.FLAT]
    assert stuck == list(range(180, 240)) and all(b - a == 1 for a, b in pairwise(stuck))


def _places(ground: Ground) -> dict[str, int]:
    return {channel.quantity: place for place, channel in enumerate(ground.site.channels)}


@pytest.mark.parametrize(
    ("flags", "hj212", "sparkplug"),
    [
        (0, "N", sparkplug_payload.GOOD),
        (worth.SPIKE | worth.SUSPECT, "N", sparkplug_payload.GOOD),
        (worth.GAP, "N", sparkplug_payload.GOOD),
        (worth.AWAITED, "N", sparkplug_payload.GOOD),
        (worth.FLAT | worth.FAIL, "D", sparkplug_payload.BAD),
        (worth.GROSS | worth.FAIL | quality.RANGE, "T", sparkplug_payload.BAD),
        (worth.MAINTENANCE | worth.GROSS | worth.FAIL, "M", sparkplug_payload.BAD),
        (worth.CALIBRATION, "C", sparkplug_payload.BAD),
        (quality.NO_REPLY, "B", sparkplug_payload.BAD),
    ],
)
def test_every_platform_sees_the_flags_in_its_own_words(flags: int, hj212: str, sparkplug: int) -> None:
    assert marks.mark(flags) == hj212
    assert sparkplug_tags.quality_of(8.1, flags) == sparkplug


def test_a_failed_thermometer_speaks_of_its_own_sensor_alone() -> None:
    """Two sondes of one place; the first one's thermometer says what no water has."""
    first = Series("sensor a", (("a.temperature", "degC", 1), ("a.conductivity", "uS/cm", 0)))
    second = Series("sensor b", (("b.conductivity", "uS/cm", 0),))
    parts = {
        "a.temperature": Part("temperature"),
        "a.conductivity": Part("conductivity"),
        "b.conductivity": Part("conductivity", speaks=False),
    }
    one = Judge(Plan({"a.temperature": Limits(fail=(-5.0, 45.0))}, parts))
    cells, _ = one.judge(first, MINUTE, [(-9990, 0), (310, 0)])
    assert cells[1] == (310, worth.CONTRADICTS | worth.SUSPECT)
    assert one.judge(second, MINUTE, [(310, 0)])[0] == ((310, 0),)
