"""Knows how fast the world turns: a month of the bench station, and bytes on one bus; knows no other load."""

import time
from collections.abc import Callable

from hw_sim import scenario
from hw_sim.bench import Figure, figure
from hw_sim.bus.byte_wire import byte_level_tx_per_s
from hw_sim.run import run

_DAYS = 30
_MONTH_S = 120.0  # the most that a month may take of one core
_BYTE_LEVEL = 1000.0  # the fewest transactions a second


def measure(progress: Callable[[str], None]) -> dict[str, Figure]:
    """Processor seconds of this process, which does nothing else: eight sensors each minute, three nodes each quarter
    of an hour, physics, SQLite, platform and judge."""
    progress(f"{_DAYS} days of the bench station in spring")
    story = scenario.load(scenario.find("spring-flood"))
    began_s = time.process_time()
    outcome = run(story, "spring-flood", 1, _DAYS)
    month_s = time.process_time() - began_s
    if outcome.failures:
        raise SystemExit("\n".join(outcome.failures))
    assert outcome.verdict is not None
    progress("bytes on one bus")
    return {
        "month_seconds": figure(month_s, "s", f"the most it may take, {_MONTH_S:g} s", _MONTH_S),
        "readings_per_processor_s": figure(outcome.verdict.delivered / month_s, "1/s", "real time",
                                           outcome.verdict.delivered / (_DAYS * 86_400)),
        "byte_level_tx_per_s": figure(byte_level_tx_per_s(), "1/s", f"the fewest there may be, {_BYTE_LEVEL:g}",
                                      _BYTE_LEVEL),
    }  # fmt: skip
