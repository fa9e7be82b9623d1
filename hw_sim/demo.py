"""Knows `watertower demo`: what it plays, and how its end is said; knows nothing of how a station lives."""

import argparse
import json
import sys

from rich.console import Console
from rich.text import Text

from gateway.faults import SiteError, check_text
from gateway.messages import say
from gateway.site import config
from hw_sim import real_time, scenario
from hw_sim.node.interpreter import NoMicroPython
from hw_sim.run import Outcome
from hw_sim.scenario import Scenario
from hw_sim.station import StationFailed


def main(args: argparse.Namespace) -> int:
    """0: everything measured has arrived right; 1: not, or it could not run; 2: the scenario file is wrong."""
    console = Console(stderr=args.json)
    settings = real_time.Settings(
        seed=args.seed,
        span_s=args.seconds,
        seconds_per_row=args.seconds_per_row,
        broker=args.broker,
        kills_s=tuple(args.kill_at),
        folder=args.folder,
    )
    try:
        story = scenario.load(scenario.find(args.scenario))
        outcome = real_time.run(story, args.scenario, settings, console, lambda text: print(text, file=sys.stderr))
    except (NoMicroPython, StationFailed) as error:
        print(error, file=sys.stderr)
        return 1
    except SiteError as error:
        print("\n".join(check_text(error, args.scenario)), file=sys.stderr)
        return 2
    return _sum_up(story, outcome, console, args.json)


def _sum_up(story: Scenario, outcome: Outcome, console: Console, as_json: bool) -> int:
    verdict = outcome.verdict
    assert verdict is not None
    is_right = not outcome.failures and verdict.delivered > 0
    style = "bold green" if is_right else "bold red"
    for text in (*outcome.failures, say("demo.verdict", **verdict._asdict())):
        console.print(Text(text, style=style), soft_wrap=True)
    if as_json:
        site = config.load(story.site_path)
        print(json.dumps({"nodes": len(site.nodes), "channels": len(site.channels), **verdict._asdict()}))
    return 0 if is_right else 1
