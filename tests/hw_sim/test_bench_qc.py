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


def test_ice_on_the_probes_is_found_by_the_waters_temperature() -> None:
    columns = qc.read("franklinbasin")
    whole = qc._together(qc.score(columns, qc.judged(columns)).values())
    assert whole.recall("5") > 0.85
    assert whole.recall("10") == 0.0  # an offset or slow drift is nothing that one channel alone shows
