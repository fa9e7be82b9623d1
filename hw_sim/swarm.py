"""Knows how many seeds of many scenarios are tried, and how a failure is shrunk; knows no single run.

Each run gets a random subset of its scenario's happenings, so that faults meet in ever new company.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

from hw_sim import scenario
from hw_sim.judge.expect import Judged
from hw_sim.run import Outcome, run
from hw_sim.scenario import Scenario
from hw_sim.streams import Streams
from hw_sim.timeline import plan

_DAY_S = 86_400.0


class Task(NamedTuple):
    """One run of a swarm."""

    path: Path
    seed: int
    days: float


class Failure(NamedTuple):
    """A run that was not accepted, with the smallest set of happenings that still is not."""

    outcome: Outcome
    only: tuple[int, ...]

    @property
    def replay(self) -> str:
        """The command that shows it again."""
        only = ",".join(map(str, self.only)) or "none"
        name, seed, days = self.outcome.name, self.outcome.seed, self.outcome.days
        return f"watertower sim replay {name} --seed {seed} --days {days:g} --only {only}"


class Attempt(NamedTuple):
    """A run that has ended: what was said of its alarms and flags, and its failure, if it was one."""

    name: str
    judged: Judged
    failure: Failure | None = None


def subset(story: Scenario, seed: int, days: float) -> tuple[int, ...]:
    """Which happenings of the plan a swarm's run keeps: each with the same chance, drawn anew for each seed."""
    streams = Streams(seed)
    stream = streams["swarm"]
    share = stream.uniform(0.2, 1.0)
    return tuple(one.number for one in plan(story.faults, streams, days * _DAY_S) if stream.chance(share))


def attempt(task: Task) -> Attempt:
    """One run; shrunk, if it is not accepted."""
    story = scenario.load(task.path)
    only = subset(story, task.seed, task.days)
    outcome = run(story, task.path.stem, task.seed, task.days, only)
    if not outcome.failures:
        return Attempt(task.path.stem, outcome.judged)
    least = shrink(only, lambda some: bool(run(story, "", task.seed, task.days, some).failures))
    return Attempt(task.path.stem, outcome.judged, Failure(outcome, least))


def shrink(numbers: Sequence[int], fails: Callable[[tuple[int, ...]], bool]) -> tuple[int, ...]:
    """Leaves out what is not needed for the failure: all, then halves, then one by one (after Zeller's delta
    debugging)."""
    kept = () if fails(()) else tuple(numbers)
    size = max(len(kept) // 2, 1)
    while kept:
        start = 0
        while start < len(kept):
            smaller = kept[:start] + kept[start + size :]
            if fails(smaller):
                kept = smaller
            else:
                start += size
        if size == 1:
            break
        size //= 2
    return kept


def spread(paths: Sequence[Path], seeds: int, days: float, first_seed: int = 1) -> list[Task]:
    """So many seeds over all scenarios."""
    return [Task(paths[i % len(paths)], first_seed + i, days) for i in range(seeds)]


def each(paths: Sequence[Path], seeds: int, first_seed: int = 1) -> list[Task]:
    """So many seeds of every scenario, which lasts as long as it says."""
    days = {path: scenario.load(path).days for path in paths}
    return [Task(path, first_seed + i, days[path]) for i in range(seeds) for path in paths]


def swarm(tasks: Sequence[Task]) -> Iterator[tuple[int, Attempt]]:
    """(runs done, the last one) as each run ends."""
    with ProcessPoolExecutor(max_workers=os.cpu_count(), initializer=logging.disable) as pool:
        pending = [pool.submit(attempt, task) for task in tasks]
        for done, future in enumerate(as_completed(pending), start=1):
            yield done, future.result()
