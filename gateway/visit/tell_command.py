"""Knows `watertower tell SENSOR|NODE WHAT [VALUE]`: a command to a device, by the gateway that runs; knows no bus.

Exit status: 0 done, 1 not, or nobody knows, 2 there is no such device or command.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from gateway.control import call
from gateway.messages import Phrase, say
from gateway.site import config
from gateway.site.config import Site
from gateway.visit import site_file
from gateway.visit.failure import VisitFailed
from gateway.visit.scan_command import agreed

_OF_NODES = ("wipe", "report", "emergency")
_AT_WORK = ("maintenance", "calibration", "end")  # what a person does at a sensor (docs/quality.md)
_CERTAIN = ("done", "confirmed")
_SAID = (*_CERTAIN, "differs", "no_reply", "out_of_range", "no_bus")  # gateway/collect/writes.py


def add(parser: argparse.ArgumentParser) -> None:
    site = site_file.usual()
    parser.add_argument("device", metavar="SENSOR|NODE", help=say("help.tell_device"))
    parser.add_argument("what", metavar="WHAT", help=say("help.tell_what"))
    parser.add_argument("value", metavar="VALUE", type=float, nargs="?", help=say("help.tell_value"))
    parser.add_argument("--site", type=Path, default=site, metavar="site.toml", help=say("help.commission_site"))
    parser.add_argument("--yes", action="store_true", help=say("help.yes"))


def run(args: argparse.Namespace) -> int:
    site = config.load(args.site)
    command, argument = _order(site, args.device, args.what, args.value)
    shown = args.what if args.value is None else f"{args.what} {args.value:g}"
    if not args.yes and not agreed(say("tell.sure", device=args.device, what=shown)):
        print(say("visit.nothing_done" if sys.stdin.isatty() else "visit.asked_nobody"), file=sys.stderr)
        return 1
    try:
        answer = call.asked(Path(site.control.socket), command, argument)
    except call.NoGateway as error:
        raise VisitFailed(Phrase("tell.no_gateway", reason=error), Phrase("commission.no_gateway_advice")) from error
    return _told(answer)


def _order(site: Site, device: str, what: str, value: float | None) -> tuple[str, dict[str, object]]:
    if device in [node.name for node in site.nodes]:
        if what not in _OF_NODES:
            raise VisitFailed(Phrase("tell.unknown", what=what), Phrase("tell.known", names=_OF_NODES))
        seconds = {} if what == "wipe" else {"seconds": int(value or 0)}
        return what, {"node": device, **seconds}
    everywhere = [*site.sensors, *(sensor for node in site.nodes for sensor in node.sensors)]
    if what in _AT_WORK and device in [sensor.id for sensor in everywhere]:
        return "service", {"sensor": device, "state": what, **({} if value is None else {"minutes": int(value)})}
    for node in site.nodes:
        if device in [sensor.id for sensor in node.sensors]:
            known = Phrase("tell.of_node_advice", node=node.name, names=(*_OF_NODES, *_AT_WORK))
            raise VisitFailed(Phrase("tell.of_node", device=device, node=node.name, what=what), known)
    sensor = next((one for one in site.sensors if one.id == device), None)
    if sensor is None:
        names = (*(one.id for one in site.sensors), *(node.name for node in site.nodes))
        raise VisitFailed(Phrase("tell.nobody", device=device), Phrase("tell.known", names=names))
    writes = tuple(write.name for write in site.profile(sensor).writes)
    if what not in writes:
        raise VisitFailed(Phrase("tell.unknown", what=what), Phrase("tell.known", names=(*writes, *_AT_WORK)))
    return "write", {"sensor": device, "name": what, **({} if value is None else {"value": value})}


def _told(answer: dict[str, Any]) -> int:
    if answer.get("result") != "done":
        print(say("tell.refused", reason=answer.get("detail") or answer.get("reason", "-")), file=sys.stderr)
        return 1
    if "left" in answer:
        print(say("tell.left"))
        return 0
    outcome, told = str(answer.get("outcome", "done")), answer.get("told")
    if outcome not in _SAID:
        print(say("tell.refused", reason=answer.get("code") or outcome), file=sys.stderr)
        return 1
    print(say(f"tell.{outcome}", told="-" if told is None else f"{told:g}"))
    return 0 if outcome in _CERTAIN else 1
