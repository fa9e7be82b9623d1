"""Knows how the alarms and flags of many runs are counted together and shown; judges nothing."""

from collections import defaultdict
from collections.abc import Sequence

from gateway.messages import say
from hw_sim.judge.alarms import per_month
from hw_sim.judge.expect import Judged


def lines(runs: Sequence[tuple[str, Judged]]) -> list[str]:
    """A line for each scenario: (its name, what a run of it said)."""
    by_name: dict[str, list[Judged]] = defaultdict(list)
    for name, judged in runs:
        by_name[name].append(judged)
    return [_line(name, ones) for name, ones in sorted(by_name.items())]


def _line(name: str, runs: Sequence[Judged]) -> str:
    alarms = [one for judged in runs for one in judged.alarms]
    delays_s = sorted(delay_s for one in alarms for delay_s in one.delays_s)
    false = sum(len(one.false) for one in alarms)
    flags = [judged.flags for judged in runs if judged.flags is not None]
    clean = sum(one.clean for one in flags)
    falsely = sum(sum(one.false.values()) for one in flags)
    return say(
        "sim.tally",
        name=f"{name:24}",
        raised=len(delays_s),
        middle=f"{delays_s[len(delays_s) // 2] / 60:.0f}" if delays_s else "-",
        most=f"{delays_s[-1] / 60:.0f}" if delays_s else "-",
        missed=sum(len(one.missed) + len(one.late) for one in alarms),
        false=f"{per_month(false, sum(one.span_s for one in runs) or 1.0):.1f}",
        found=sum(sum(one.found.values()) for one in flags),
        labels=sum(sum(one.labels.values()) for one in flags),
        share=f"{100 * falsely / clean:.2f}" if clean else "-",
    )
