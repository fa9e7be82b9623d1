"""Knows `watertower sim ...`: its options, and how outcomes are shown; knows nothing of how a world lives."""

import argparse
import logging
import sys
from pathlib import Path

from gateway import option_values
from gateway.faults import SiteError, check_text
from gateway.messages import language, say
from gateway.site import config
from hw_sim import fleet, report, scenario, swarm
from hw_sim.capture import author
from hw_sim.desk import bench
from hw_sim.faults.clocks import ClockDrift
from hw_sim.judge import tally
from hw_sim.node.interpreter import NoMicroPython
from hw_sim.node.runtime import Fit
from hw_sim.pico.board import on_pico
from hw_sim.pico.chip import NoEmulator
from hw_sim.pico.image import BadImage
from hw_sim.platforms import hj212_server, sl651_server
from hw_sim.run import Outcome, run

_DAY_S = 86_400.0


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser) -> None:
    """Adds the sub-commands of `sim`."""
    one = argparse.ArgumentParser(add_help=False, parents=[shared])
    one.add_argument("scenario", help=say("help.scenario"))
    one.add_argument("--seed", type=int, default=1, help=say("help.seed"))
    span = one.add_mutually_exclusive_group()
    span.add_argument("--days", type=option_values.days, help=say("help.days"))
    span.add_argument("--for", dest="seconds", type=option_values.span_s, metavar="SECONDS", help=say("help.for"))
    one.add_argument("--report", type=Path, metavar="FILE.html", help=say("help.report"))
    one.add_argument("--board", choices=["rp2040"], help=say("help.board"))
    one.add_argument("--uf2", type=Path, metavar="FILE.uf2", help=say("help.uf2"))
    one.add_argument("--node", metavar="NAME", help=say("help.board_node"))

    live = commands.add_parser("run", parents=[one], help=say("help.sim_run"))
    live.add_argument("--real-time", action="store_true", help=say("help.real_time"))
    live.set_defaults(sim=_run, only=None)
    again = commands.add_parser("replay", parents=[one], help=say("help.sim_replay"))
    again.add_argument("--only", type=option_values.numbers, required=True, metavar="1,4", help=say("help.only"))
    again.set_defaults(sim=_run, real_time=False)
    many = commands.add_parser("swarm", parents=[shared], help=say("help.sim_swarm"))
    many.add_argument("scenarios", nargs="+", help=say("help.scenarios"))
    many.add_argument("--seeds", type=option_values.count, default=20, help=say("help.seeds"))
    many.add_argument("--first-seed", type=int, default=1, help=say("help.first_seed"))
    many.add_argument("--days", type=option_values.days, help=say("help.days"))
    many.set_defaults(sim=_swarm)
    names = commands.add_parser("list", parents=[shared], help=say("help.sim_list"))
    names.set_defaults(sim=_list)
    kinds = commands.add_parser("platform", parents=[shared], help=say("help.sim_platform"))
    platforms = kinds.add_subparsers(required=True, metavar=say("help.command"))
    sl651_server.add(platforms, shared)
    hj212_server.add(platforms, shared)
    fleet.add(commands, shared)
    bench.add(commands, shared)
    field = commands.add_parser("capture", parents=[shared], help=say("help.sim_capture"))
    field.add_argument("site", type=Path, metavar="site.toml", help=say("help.site"))
    field.add_argument("files", type=Path, nargs="+", metavar="FILE", help=say("help.captures"))
    field.add_argument("-o", "--out", type=Path, required=True, metavar="SCENARIO.toml", help=say("help.out"))
    field.add_argument("--skip-damaged", action="store_true", help=say("help.skip_damaged"))
    field.set_defaults(sim=_capture)


def main(args: argparse.Namespace) -> int:
    """0: accepted; 1: not accepted, or it could not run; 2: the scenario file is wrong."""
    logging.disable()  # a simulated gateway's log is not this command's
    try:
        return int(args.sim(args))
    except (NoMicroPython, NoEmulator, BadImage) as error:
        print(error, file=sys.stderr)
        return 1
    except SiteError as error:
        print("\n".join(check_text(error, getattr(args, "scenario", "scenario"))), file=sys.stderr)
        return 2


def _run(args: argparse.Namespace) -> int:
    story = scenario.load(scenario.find(args.scenario))
    days = args.days if args.seconds is None else args.seconds / _DAY_S
    boards = _boards(args, story)
    if args.real_time:
        if boards:
            raise NoEmulator(say("pico.virtual_only"))
        return _real_time(args, story, story.days if days is None else days)
    outcome = run(story, args.scenario, args.seed, days, args.only, args.report is not None, boards)
    _report(args, outcome)
    _show(outcome)
    return 1 if outcome.failures else 0


def _boards(args: argparse.Namespace, story: scenario.Scenario) -> dict[str, Fit]:
    """The node that runs on an emulated board, the site's first if none is named. NoEmulator says what is missing."""
    if args.board is None:
        return {}
    if args.uf2 is None:
        raise NoEmulator(say("pico.no_image"))
    nodes = [node.name for node in config.load(story.site_path).nodes]
    name = args.node or nodes[0]
    if name not in nodes:
        raise NoEmulator(say("pico.no_node", node=name, site=story.site, nodes=", ".join(nodes)))
    if any(isinstance(fault, ClockDrift) and fault.node == name for fault in story.faults):
        raise NoEmulator(say("pico.no_drift", node=name))
    return {name: on_pico(args.uf2)}


def _real_time(args: argparse.Namespace, story: scenario.Scenario, days: float) -> int:
    from rich.console import Console  # only here: brokers and screens are not needed in virtual time

    from hw_sim import real_time
    from hw_sim.station import StationFailed

    settings = real_time.Settings(seed=args.seed, span_s=days * _DAY_S, record=args.report is not None)
    try:
        outcome = real_time.run(story, args.scenario, settings, Console(), lambda text: print(text, flush=True))
    except StationFailed as error:
        print(error, file=sys.stderr)
        return 1
    _report(args, outcome)
    _show_end(outcome)
    return 1 if outcome.failures else 0


def _report(args: argparse.Namespace, outcome: Outcome) -> None:
    if args.report is not None and outcome.history is not None:
        args.report.write_text(report.render(outcome.history, language()), "utf-8")
        print(say("sim.report", path=args.report))


def _show(outcome: Outcome) -> None:
    for happening in outcome.happenings:
        at = f"{happening.at_s / 86_400:8.3f} d"
        lasts = "" if happening.lasts_s is None else f"{happening.lasts_s / 3_600:8.2f} h"
        print(f"{happening.number:4} {at} {lasts:>10}  {happening.kind} {happening.detail}")
    _show_end(outcome)


def _show_end(outcome: Outcome) -> None:
    if outcome.verdict is not None:
        print(say("demo.verdict", **outcome.verdict._asdict()))
    if outcome.judged.alarms:
        print("\n".join(tally.lines([(outcome.name, outcome.judged)])))
    if outcome.digest:  # real time has none: no two runs are alike
        print(f"hash: {outcome.digest}")
    print("judge: ok" if not outcome.failures else "judge: " + "\n       ".join(outcome.failures))


def _swarm(args: argparse.Namespace) -> int:
    groups = {"all": scenario.shipped, "sites": scenario.of_systems}
    names = [name for one in args.scenarios for name in (groups[one]() if one in groups else [one])]
    paths = [scenario.find(name) for name in names]
    for path in paths:
        scenario.load(path)  # faults of a file are told once, before the work begins
    is_whole = args.days is None and {*names} <= {
        *scenario.of_systems()
    }  # what must happen there needs all of its time
    tasks = (
        swarm.each(paths, args.seeds, args.first_seed)
        if is_whole
        else swarm.spread(paths, args.seeds, args.days or 1.0, args.first_seed)
    )
    failures = 0
    attempts: list[swarm.Attempt] = []
    for done, attempt in swarm.swarm(tasks):
        attempts.append(attempt)
        if attempt.failure is not None:
            failures += 1
            print("\n".join(attempt.failure.outcome.failures))
            print(attempt.failure.replay, flush=True)
        if sys.stderr.isatty() or done % 20 == 0:
            print(say("sim.progress", done=done, seeds=len(tasks), failures=failures), file=sys.stderr)
    if is_whole:
        print("\n".join(tally.lines([(one.name, one.judged) for one in attempts])))
    print(say("sim.swarm_end", seeds=len(tasks), failures=failures))
    return 1 if failures else 0


def _capture(args: argparse.Namespace) -> int:
    try:
        site = config.load(args.site)
    except SiteError as error:
        raise SiteError([fault if fault.file else fault.in_file(str(args.site)) for fault in error.faults]) from None
    args.out.write_text(author.compose(site, args.site, args.files, args.out, args.skip_damaged), "utf-8")
    story = scenario.load(args.out)
    captured = story.captured(site).samples
    print(say("sim.captured", path=args.out, start=story.start, days=f"{story.days:.3f}", channels=len(captured)))
    rest = [channel.name for channel in site.channels if channel.name not in captured]
    if rest:
        print(say("sim.not_captured", channels=", ".join(rest)))
    return 0


def _list(args: argparse.Namespace) -> int:
    for name in ["demo", *scenario.shipped(), *scenario.of_systems()]:
        story = scenario.load(scenario.find(name))
        title = story.title_zh if language() == "zh" and story.title_zh else story.title
        print(f"{name:24} {title}")
    return 0
