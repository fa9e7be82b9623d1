"""Knows `watertower sim ...`: its options, and how outcomes are shown; knows nothing of how a world lives."""

import argparse
import logging
import sys
from pathlib import Path

from gateway.faults import SiteError, check_text
from gateway.messages import language, say
from hw_sim import report, scenario, swarm
from hw_sim.interpreter import NoMicroPython
from hw_sim.run import Outcome, run


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser) -> None:
    """Adds the sub-commands of `sim`."""
    one = argparse.ArgumentParser(add_help=False, parents=[shared])
    one.add_argument("scenario", help=say("help.scenario"))
    one.add_argument("--seed", type=int, default=1, help=say("help.seed"))
    one.add_argument("--days", type=float, help=say("help.days"))
    one.add_argument("--report", type=Path, metavar="FILE.html", help=say("help.report"))

    live = commands.add_parser("run", parents=[one], help=say("help.sim_run"))
    live.set_defaults(sim=_run, only=None)
    again = commands.add_parser("replay", parents=[one], help=say("help.sim_replay"))
    again.add_argument("--only", required=True, metavar="1,4", help=say("help.only"))
    again.set_defaults(sim=_run)
    many = commands.add_parser("swarm", parents=[shared], help=say("help.sim_swarm"))
    many.add_argument("scenarios", nargs="+", help=say("help.scenarios"))
    many.add_argument("--seeds", type=int, default=20, help=say("help.seeds"))
    many.add_argument("--first-seed", type=int, default=1, help=say("help.first_seed"))
    many.add_argument("--days", type=float, default=1.0, help=say("help.days"))
    many.set_defaults(sim=_swarm)
    names = commands.add_parser("list", parents=[shared], help=say("help.sim_list"))
    names.set_defaults(sim=_list)


def main(args: argparse.Namespace) -> int:
    """0: accepted; 1: not accepted, or it could not run; 2: the scenario file is wrong."""
    logging.disable()  # a simulated gateway's log is not this command's
    try:
        return int(args.sim(args))
    except NoMicroPython as error:
        print(error, file=sys.stderr)
        return 1
    except SiteError as error:
        print("\n".join(check_text(error, getattr(args, "scenario", "scenario"))), file=sys.stderr)
        return 2


def _run(args: argparse.Namespace) -> int:
    path = scenario.find(args.scenario)
    story = scenario.load(path)
    only = None if args.only is None else {int(number) for number in args.only.split(",") if number.strip().isdigit()}
    outcome = run(story, args.scenario, args.seed, args.days, only, record=args.report is not None)
    if args.report is not None and outcome.history is not None:
        args.report.write_text(report.render(outcome.history, language()), "utf-8")
        print(say("sim.report", path=args.report))
    _show(outcome)
    return 1 if outcome.failures else 0


def _show(outcome: Outcome) -> None:
    for happening in outcome.happenings:
        at = f"{happening.at_s / 86_400:8.3f} d"
        lasts = "" if happening.lasts_s is None else f"{happening.lasts_s / 3_600:8.2f} h"
        print(f"{happening.number:4} {at} {lasts:>10}  {happening.kind} {happening.detail}")
    if outcome.verdict is not None:
        print(say("demo.verdict", **outcome.verdict._asdict()))
    print(f"hash: {outcome.digest}")
    print("judge: ok" if not outcome.failures else "judge: " + "\n       ".join(outcome.failures))


def _swarm(args: argparse.Namespace) -> int:
    names = scenario.shipped() if args.scenarios == ["all"] else args.scenarios
    paths = [scenario.find(name) for name in names]
    for path in paths:
        scenario.load(path)  # faults of a file are told once, before the work begins
    failures = 0
    for done, failure in swarm.swarm(paths, args.seeds, args.days, args.first_seed):
        if failure is not None:
            failures += 1
            print("\n".join(failure.outcome.failures))
            print(failure.replay, flush=True)
        if sys.stderr.isatty() or done % 20 == 0:
            print(say("sim.progress", done=done, seeds=args.seeds, failures=failures), file=sys.stderr)
    print(say("sim.swarm_end", seeds=args.seeds, failures=failures))
    return 1 if failures else 0


def _list(args: argparse.Namespace) -> int:
    for name in ["demo", *scenario.shipped()]:
        story = scenario.load(scenario.find(name))
        title = story.title_zh if language() == "zh" and story.title_zh else story.title
        print(f"{name:24} {title}")
    return 0
