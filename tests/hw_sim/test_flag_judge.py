"""Flags are held against labelled faults: found, not found, and on readings that nothing was wrong with."""

from hw_sim.judge.flags import judge_flags
from hw_sim.ledger import Label
from hw_sim.platforms.platform import Delivered, Platform
from protocols import worth

SUSPECT = worth.FLAT | worth.SUSPECT


def readings(*values: tuple[int, int, int]) -> list[Delivered]:
    """(minute, value, flags)"""
    return [Delivered(60_000 * minute, value, flags, seq) for seq, (minute, value, flags) in enumerate(values, 1)]


def is_true(channel: str, reading: Delivered) -> bool:
    return reading.value == 7


def test_a_fault_is_found_when_a_reading_in_it_or_just_after_it_is_flagged() -> None:
    rows = readings((0, 7, 0), (10, 5, 0), (20, 5, SUSPECT), (40, 7, 0), (60, 5, 0), (66, 7, SUSPECT))
    labels = {"a.x": [Label("sensor_stuck", 300_000, 1_800_000), Label("sensor_dry", 3_500_000, 4_000_000)]}
    found = judge_flags({"a.x": rows}, labels, is_true)
    assert found.labels == found.found == {"sensor_stuck": 1, "sensor_dry": 1}
    assert (found.readings, found.flagged, found.clean, found.false_share) == (3, 1, 2, 0.0)


def test_a_fault_that_changed_no_reading_is_none_and_one_without_a_flag_is_not_found() -> None:
    rows = readings((0, 7, 0), (10, 7, 0), (30, 5, 0))
    labels = {"a.x": [Label("sensor_resets", 540_000, 660_000), Label("sensor_stuck", 1_700_000, 1_900_000)]}
    found = judge_flags({"a.x": rows}, labels, is_true)
    assert found.labels == {"sensor_stuck": 1} and found.found == {}


def test_a_flag_far_from_every_fault_is_false_and_a_gap_is_no_blame() -> None:
    rows = readings((0, 7, SUSPECT), (10, 7, worth.GAP), (20, 7, 0), (30, 7, worth.FAIL))
    found = judge_flags({"a.x": rows}, {}, is_true)
    assert found.false == {"a.x": 2} and found.clean == 4 and found.false_share == 0.5


def test_what_is_found_out_later_replaces_the_flags_of_a_reading() -> None:
    platform = Platform()
    say = [
        ("series", b'{"series":1,"source":"sensor a","channels":[["a.x","mm",0]]}'),
        ("series", b'{"series":2,"source":"quality sensor a","channels":[["a.x","mm",0]]}'),
        ("data", b'{"first":1,"complete":2,"unix_ms":60000,"rows":[[1,0,[5],[%d]],[2,0,[5],[%d]]]}'
         % (worth.AWAITED, worth.AWAITED | worth.SPIKE | worth.FAIL)),
    ]  # fmt: skip
    for kind, payload in say:
        platform.take(f"watertower/here/{kind}", payload)
    (reading,) = platform.judged("a.x")
    assert reading.quality == worth.SPIKE | worth.FAIL and platform.delivered["a.x"][0].quality == worth.AWAITED
