"""kill -9 at random moments under load, on a link that breaks in every way, as scripts/bench gateway does it 200 times;
power cuts of the store at any write, as it does 10,000 times."""

import asyncio
from pathlib import Path

from hw_sim.bench.gateway_cuts import Cuts, power_cuts
from hw_sim.bench.gateway_kills import kills


def test_twenty_kills_lose_repeat_and_falsify_nothing(tmp_path: Path) -> None:
    found = asyncio.run(kills(tmp_path / "kills", 20, 2, print))
    print(found)
    assert (found.lost, found.duplicates, found.wrong, found.unannounced) == (0, 0, 0, 0)
    # the run was one: readings were given, some of them cut, and not most of them
    assert found.kills == 20 and found.served > 1500
    assert 0 < found.cut < found.served * 0.6


def test_five_hundred_power_cuts_break_no_promise(tmp_path: Path) -> None:
    assert power_cuts(tmp_path, 500) == Cuts(cuts=500)
