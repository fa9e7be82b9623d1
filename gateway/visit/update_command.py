"""Knows `watertower update NODE`: its options, which way it takes, what it prints; knows not how an update travels."""

import argparse
import re
from datetime import UTC, datetime

from gateway.messages import Phrase, say
from gateway.site import config
from gateway.visit import bundle_command, cable, cable_update, identity, material, progress, provisioning, radio_update
from gateway.visit.failure import VisitFailed
from gateway.visit.material import Material
from protocols import command, update
from protocols.errors import FrameError


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("node", metavar="NODE", help=say("help.visit_node"))
    parser.add_argument("--radio", action="store_true", help=say("help.radio"))
    parser.add_argument("--status", action="store_true", help=say("help.update_status"))
    cable.add_material(parser)
    cable.add(parser)


def run(args: argparse.Namespace) -> int:
    """0: on trial, left with the gateway, or confirmed already. VisitFailed."""
    if args.status:
        return _status(args)
    source = material.find(cable.wanted(args))
    number, archive = _newest(source, source.target(args.node))
    print(say("update.about", node=args.node, number=number, kib=len(archive) // 1024))
    if args.radio:
        left = radio_update.leave(config.load(material.site_path(args.site)), args.node, archive)
        print(say("update.left", node=args.node, number=left))
        return 0
    wanted = source.node(args.node)
    with cable.at_prompt(args) as prompt:
        found = provisioning.look(prompt)
        print(identity.text(found))
        cable_update.refuse(found, wanted)
        with progress.shown() as shown:
            is_trial = cable_update.send(prompt, wanted, archive, number, shown, say("update.sending", number=number))
        prompt.restart()
    print(say("update.on_trial" if is_trial else "update.runs", node=args.node, number=number))
    return 0


def _newest(source: Material, target: str) -> tuple[int, bytes]:
    """The bundle's, else one made of these sources."""
    found = [archive for name, archive in source.updates().items() if re.match(rf"{target}-\d+\.wtu\Z", name)]
    if not found:
        number = int(datetime.now(UTC).strftime("%y%m%d%H%M"))
        found = [bundle_command.application(target, number)]
    return max((_number(archive), archive) for archive in found)


def _number(archive: bytes) -> int:
    try:
        return update.front(archive[update.HEAD_BYTES : update.HEAD_BYTES + update.manifest_bytes(archive)])[0]
    except FrameError as error:
        raise VisitFailed(Phrase("update.refused", reason=error), Phrase("update.make_anew")) from None


def _status(args: argparse.Namespace) -> int:
    site = config.load(material.site_path(args.site))
    node = next((node for node in site.nodes if node.name == args.node), None)
    if node is None:
        names = ", ".join(node.name for node in site.nodes) or "-"
        raise VisitFailed(
            Phrase("bundle.no_node", name=args.site or material.SITE_NAME, node=args.node),
            Phrase("bundle.nodes", nodes=names),
        )
    course = radio_update.course(site, node.id)
    if course is None:
        print(say("update.not_offered", node=node.name))
        return 1
    print(say("update.course", node=node.name, number=course.number))
    if course.done_ms is None:
        print(say("update.is_offered" if course.sent_ms is None else "update.is_fetched"))
    else:
        print(say("update.is_done" if course.result == command.DONE else "update.is_refused"))
    return 0 if course.result in (None, command.DONE) else 1
