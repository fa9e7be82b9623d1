"""Faults of a simulated platform as they stand on the command line."""

import pytest

from hw_sim.platforms import hj212, sl651
from hw_sim.platforms.faults import Injection


def test_a_fault_begins_and_ends_when_it_should() -> None:
    faults = hj212.Faults()
    injection = Injection(faults, ["cut_next=2", "silent@10-20", "late_s=1.5@15"])
    seen = []
    for now_s in (0, 9.9, 10, 15, 20, 99):
        injection.step(now_s)
        seen.append((faults.cut_next, faults.silent, faults.late_s))
    assert seen == [(2, False, 0), (2, False, 0), (2, True, 0), (2, True, 1.5), (2, False, 1.5), (2, False, 1.5)]
    assert type(faults.cut_next) is int and type(faults.silent) is bool


@pytest.mark.parametrize("text", ["nothing", "silent=x", "late_s=1@x", "cut_next@5-y", ""])
def test_a_fault_that_is_none_is_told_with_those_that_are(text: str) -> None:
    with pytest.raises(SystemExit) as told:
        Injection(sl651.Faults(), [text])
    assert "nak_next" in str(told.value)
