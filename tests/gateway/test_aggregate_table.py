"""The site file's `[aggregate]` is checked, and stands for nothing where it is not written."""

from pathlib import Path

import pytest

from gateway.faults import SiteError
from gateway.pipeline import board, known, stages
from gateway.process.forms import COUNTER, NONE
from gateway.site.config import Site
from tests.gateway import doubles

LEVEL = doubles.sensor("level", 1)


def site(folder: Path, table: str) -> Site:
    return doubles.site(folder, doubles.RIVER, LEVEL, table)


def test_without_the_table_nothing_is_derived(tmp_path: Path) -> None:
    for text, is_wanted in (("", False), ("[aggregate]\n", True)):
        one = site(tmp_path, text)
        assert (stages(one, board(one)) is not None) == is_wanted


@pytest.mark.parametrize(
    ("table", "path"),
    [
        ('[aggregate]\nlevels = ["day"]\n', "aggregate.levels"),
        ('[aggregate]\nlevels = ["hour", "year"]\n', "aggregate.levels"),
        ('[aggregate]\nchannels = ["level.presure"]\n', "aggregate.channels[0]"),
        ('[aggregate.forms]\n"level.depth" = "counter"\n', 'aggregate.forms."level.depth"'),
        ('[aggregate.rules]\n"level.pressure" = "soot"\n', 'aggregate.rules."level.pressure"'),
        ("[aggregate]\nminute_s = 90\n", "aggregate.minute_s"),
        (
            '[[aggregate.load]]\nname = "salt"\nconcentration = "level.pressure"\nflow = "level.flow"\n',
            "aggregate.load[0].concentration aggregate.load[0].flow",
        ),
    ],
)
def test_a_fault_is_named_by_its_place(tmp_path: Path, table: str, path: str) -> None:
    with pytest.raises(SiteError) as error:
        site(tmp_path, table)
    assert [fault.path for fault in error.value.faults] == path.split(" ")


def test_the_site_file_goes_before_the_quantity(tmp_path: Path) -> None:
    table = '[aggregate]\nchannels = ["level.pressure"]\n[aggregate.forms]\n"level.pressure" = "counter"\n'
    found = site(tmp_path, table)
    assert found.aggregate is not None
    forms = {name: one.form for name, one in known(found, found.aggregate).items()}
    assert forms == {"level.pressure": COUNTER, "level.temperature": NONE}
