"""Knows `watertower doctor`: its options, the order of what it looks at, what it prints; judges nothing itself.

Exit status: 0 nothing is wrong, 1 something is, 2 the site file is (the machine was looked at all the same).
"""

import argparse
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from gateway.faults import SiteError
from gateway.machine.doctor import belongings, machine, network, ports
from gateway.machine.doctor.complaint import LOOK, TOPICS, WRONG, Complaint
from gateway.machine.doctor.eyes import Eyes
from gateway.messages import LANGUAGES, language, say
from gateway.site import config
from gateway.site.config import Site
from gateway.visit import site_file


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("site", nargs="?", type=Path, metavar="site.toml", help=say("help.doctor_site"))
    parser.add_argument("--offline", action="store_true", help=say("help.doctor_offline"))
    parser.add_argument("--json", action="store_true", help=say("help.doctor_json"))


def run(args: argparse.Namespace) -> int:
    path = args.site or site_file.usual()
    found = diagnosis(path, Eyes(), args.offline)
    if args.json:
        print(json.dumps([one.plain() for one in found], ensure_ascii=False))
    else:
        _show(found)
    if any(one.topic == "site" for one in found):
        return 2
    return 1 if any(one.severity == WRONG for one in found) else 0


def diagnosis(path: Path, eyes: Eyes, offline: bool = False) -> list[Complaint]:
    """All complaints, in the order of their topics."""
    site, found = _site(path)
    looks: list[Callable[[], Iterable[Complaint]]] = [
        lambda: machine.power(eyes),
        lambda: machine.service(eyes),
        lambda: machine.clock_here(time.time_ns() // 1_000_000, eyes),
    ]
    if site is not None:
        sound = site
        looks += [
            lambda: ports.complaints(sound, eyes),
            lambda: machine.disk(sound, eyes),
            lambda: belongings.store(sound),
            lambda: belongings.keys(sound, path),
        ]
        if not offline:
            looks.append(lambda: network.complaints(sound))
    for one in looks:
        found += one()
    return sorted(found, key=lambda one: (TOPICS.index(one.topic), one.severity == LOOK))


def _site(path: Path) -> tuple[Site | None, list[Complaint]]:
    try:
        return config.load(path), []
    except SiteError as error:
        advice = {lang: say("doctor.site_advice", lang, path=path) for lang in LANGUAGES}
        return None, [
            Complaint("site", fault.file or str(path), WRONG, {lang: fault.text(lang) for lang in LANGUAGES}, advice)
            for fault in error.faults
        ]


def _show(found: list[Complaint]) -> None:
    lang = language()
    for one in found:
        mark = say(f"doctor.{one.severity}")
        print(f"{mark}  {say(f'doctor.topic_{one.topic}')} · {one.subject}: {one.seen[lang]}")
        print(f"    → {one.advice[lang]}")
    if not any(one.severity == WRONG for one in found):
        print(say("doctor.well"))
