"""The bench of quality tests on records that a technician has labelled: what it may say must stay true."""

import pytest

from hw_sim.bench import qc


@pytest.mark.parametrize("part", qc.PARTS)
def test_the_tests_of_single_channels_find_what_ioos_qc_finds_and_accuse_less(part: str) -> None:
    columns = qc.read(part)
    ours = qc._together(qc.score(columns, qc.judged(columns, with_cross=False)).values())
    theirs = qc._together(qc.score(columns, qc.by_ioos_qc(columns)).values())
    assert ours.precision > max(0.95, theirs.precision)
    assert ours.all_recall > 0.99 * theirs.all_recall
    assert ours.recall("") < 0.001


def test_channels_beside_each_other_find_ice_and_a_sonde_out_of_the_water_but_no_drift() -> None:
    columns = qc.read("franklinbasin")
    whole = qc._together(qc.score(columns, qc.judged(columns)).values())
    assert whole.recall("5") > 0.85 and whole.recall("7") > 0.85
    assert whole.recall("10") < 0.001  # an offset or slow drift is nothing that one channel alone shows
    assert whole.precision > 0.75


def test_a_dead_sonde_in_august_is_no_ice() -> None:
    columns = qc.read("mainstreet")
    score = qc.score(columns, qc.judged(columns))
    assert score["stage"].precision > 0.7 and qc._together(score.values()).precision > 0.9
