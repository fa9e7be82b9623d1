"""Knows how one scenario is lived through with one seed, and whether its end is accepted; knows no other run."""

import asyncio
import gc
import math
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from gateway.messages import say
from gateway.process.forms import FORM_OF, MEAN
from gateway.site.config import Site
from hw_sim.clock import run_virtual
from hw_sim.faults.base import seconds
from hw_sim.judge.expect import Judged, unaccepted, unmet
from hw_sim.judge.judging import judged as judged_of
from hw_sim.judge.limits import Meter, exceeded
from hw_sim.judge.periods import judge_periods
from hw_sim.judge.readings import Verdict
from hw_sim.node import interpreter
from hw_sim.node.runtime import Fit
from hw_sim.node.vm import in_vm
from hw_sim.report.history import History
from hw_sim.report.recorder import Recorder
from hw_sim.scenario import Accept, Scenario
from hw_sim.timeline import Happening, Player, chosen, plan
from hw_sim.virtual import VirtualStation

_DAY_S = 86_400.0
_PERIOD_S = 120.0  # for an hour that has ended to reach the platform
_LOOK_S = 1_800.0  # how often a run asks whether something has crashed, and what is used
_SHM = Path("/dev/shm")  # a simulated disk needs no real one: fsync there costs nothing


class Outcome(NamedTuple):
    """How a run ended. `failures`: why it is not accepted, a line each; empty is "judge: ok"."""

    name: str
    seed: int
    days: float
    verdict: Verdict | None
    digest: str
    failures: tuple[str, ...]
    happenings: tuple[Happening, ...]
    history: History | None = None
    judged: Judged = Judged()


def run(
    story: Scenario,
    name: str,
    seed: int,
    days: float | None = None,
    only: Collection[int] | None = None,
    record: bool = False,
    boards: Mapping[str, Fit] | None = None,
) -> Outcome:
    """Lives through a scenario in virtual time. `only`: the numbers of the happenings that shall happen (None: all);
    `record`: keep the course of things for a report; `boards`: nodes that run elsewhere than the scenario says."""
    folder = str(_SHM) if _SHM.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="watertower-sim-", dir=folder) as store:
        days = story.days if days is None else days
        outcome = run_virtual(_live(story, name, seed, days, only, record, boards or {}, Path(store)))
    gc.collect()  # a world is one great cycle, and a swarm lives through hundreds
    return outcome


async def _live(
    story: Scenario,
    name: str,
    seed: int,
    days: float,
    only: Collection[int] | None,
    record: bool,
    boards: Mapping[str, Fit],
    folder: Path,
) -> Outcome:
    guests = [node for node in story.micropython if node not in boards]
    runtimes = {**(dict.fromkeys(guests, in_vm(interpreter.find())) if guests else {}), **boards}
    station = VirtualStation(story, folder, seed, runtimes=runtimes, days=days)
    span_s = round(days * _DAY_S, 6)  # a virtual clock shows whole microseconds: a smaller rest would never pass
    happenings = chosen(plan(story.faults, station.world.streams, span_s), only)
    player = Player(happenings, station)
    recorder = Recorder(station, span_s) if record else None
    meter = Meter(station)
    verdict: Verdict | None = None
    told = Judged()
    failures: tuple[str, ...]
    try:
        while (left_s := span_s - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(min(left_s, _LOOK_S))
            station.check()
            player.check()
            meter.look()
            gc.freeze()  # what is remembered of the run so far is no garbage
        player.check()
        player.end_all()
        verdict = await station.finish(seconds(story.accept.drain))
        most_cut = len(station.kills_ms) * polled_in_a_commit_delay(station.site)
        failures = period_failures(station, span_s) + judged(
            verdict, story.accept, promised(station.site, span_s), most_cut
        )
        if days >= story.days and any(happening.kind == "update_offered" for happening in happenings):
            failures += outdated(station, story.accept.updates)  # a shorter run has no time for it
        failures += tuple(exceeded(meter.used(), story.accept, station.site, station.witness.readings))
        told = judged_of(station, story, happenings, span_s)
        accept = story.accept
        failures += tuple(unaccepted(told, accept.false_alarms_per_month, accept.flagged_share, accept.false_flags))
        if days >= story.days:
            failures += tuple(unmet(story.expects, told, station.platform, station.centres))
    except Exception as error:
        failures = (say("sim.crashed", error=repr(error)),)
    finally:
        gc.unfreeze()
    digest = station.platform.digest.hexdigest()
    history = recorder.history(name, seed, happenings, verdict, digest, failures) if recorder else None
    return Outcome(name, seed, days, verdict, digest, failures, tuple(happenings), history, told)


def period_failures(station: VirtualStation, span_s: float) -> tuple[str, ...]:
    """Which hours and days are not what the readings make them; none where the site wants none."""
    wanted = station.site.aggregates
    if wanted is None:
        return ()
    # by then they are on their way: the grace, and what a node or the disk still kept
    late_s = wanted.grace_s + max((node.report_s for node in station.site.nodes), default=0) + _PERIOD_S
    until_ms = station.begin_ms + round(1000 * (span_s - late_s))
    others = {
        channel.name
        for channel in station.site.channels
        if wanted.forms.get(channel.name, FORM_OF.get(channel.quantity, MEAN)) != MEAN
        or (wanted.channels is not None and channel.name not in wanted.channels)
    }
    found = judge_periods(station.platform, until_ms, round(wanted.zone_h * 3_600_000), frozenset(others))
    if found.sound:
        return ()
    first = " ".join(map(str, found.wrong[0]))
    return (say("sim.periods", false=found.false, missing=found.missing, judged=found.judged, first=first),)


def outdated(station: VirtualStation, wanted: Mapping[str, int]) -> tuple[str, ...]:
    """Which nodes do not run, confirmed, the update that they should."""
    found = {name: station.world.nodes[name].board.update for name in wanted}
    return tuple(
        say("sim.other_update", node=name, found=found[name], wanted=number)
        for name, number in wanted.items()
        if found[name] != number
    )


def promised(site: Site, span_s: float) -> int:
    """How many readings the periods of the site file promise in so long."""
    places = [*site.sensors, *(sensor for node in site.nodes for sensor in node.sensors)]
    groups = [group for sensor in places for group in site.groups(sensor)]
    return sum(int(span_s / period_s) * len(registers) for period_s, registers in groups)


def polled_in_a_commit_delay(site: Site) -> int:
    """How many readings a kill may cut: what is polled within one commit delay, and the poll under way."""
    delay_s = site.store.commit_delay_s
    groups = [group for sensor in site.sensors for group in site.groups(sensor)]
    return sum((1 + math.ceil(delay_s / period_s)) * len(registers) for period_s, registers in groups)


def judged(verdict: Verdict, accept: Accept, expected: int, most_cut: int) -> tuple[str, ...]:
    """What a scenario does not accept of its end."""
    failures = [
        say("sim.not_none", what=say(f"sim.{name}"), count=count)
        for name, count in verdict._asdict().items()
        if name in ("lost", "duplicates", "wrong_values", "wrong_times", "wrong_quality") and count
    ]
    if verdict.cut_at_kill > most_cut:
        failures.append(say("sim.cut", count=verdict.cut_at_kill, most=most_cut))
    if verdict.measured < accept.measured_share * expected:
        failures.append(say("sim.measured_little", count=verdict.measured, expected=expected))
    return tuple(failures)
