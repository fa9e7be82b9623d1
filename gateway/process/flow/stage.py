"""Knows how high a river stands against its marks; knows no gauge.

The marks (设防, 警戒, 保证水位) belong to a section and stand in its site file; the classes of a flood by its return
period are those of GB/T 22482-2008, from memory.
"""

from typing import NamedTuple

from gateway.process.number import Number, exact, real

NORMAL, FORTIFY, WARNING, GUARANTEE = range(4)
NAMES = ("normal", "above the fortify mark", "above the warning mark", "above the guarantee mark")
NAMES_ZH = ("正常", "超设防水位", "超警戒水位", "超保证水位")

# (return period in years from which, name, zh); GB/T 22482-2008, from memory
FLOODS = ((50, "extraordinary", "特大洪水"), (20, "large", "大洪水"), (5, "medium", "中洪水"), (0, "small", "小洪水"))


class Marks(NamedTuple):
    """m, on the gauge's own datum; a section need not have all."""

    fortify_m: float | None = None
    warning_m: float | None = None
    guarantee_m: float | None = None


class Stage(NamedTuple):
    """`above_m`: over the highest mark that it passed; below all: 0."""

    level: int | None
    above_m: float


def stage(level_m: Number | None, marks: Marks) -> Stage:
    """A mark is passed when it is reached."""
    value = real(level_m)
    if value is None:
        return Stage(None, 0.0)
    for level in (GUARANTEE, WARNING, FORTIFY):
        mark = marks[level - 1]
        if mark is not None and value >= mark:
            return Stage(level, value - mark)
    return Stage(NORMAL, 0.0)


def flood(return_period_years: Number | None) -> str | None:
    years = exact(return_period_years)
    if years is None or years < 0:
        return None
    return next(name for least, name, _ in FLOODS if years >= least)


def rise_m_per_h(earlier_m: Number | None, later_m: Number | None, between_ms: float) -> float | None:
    """How fast it rises: what warns before a mark does."""
    before, after = real(earlier_m), real(later_m)
    if before is None or after is None or between_ms <= 0:
        return None
    return (after - before) / (between_ms / 3_600_000)
