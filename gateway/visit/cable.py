"""Knows how a technician's command comes to the one board on the cable, and asks a person; knows not what for."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.messages import Phrase, say
from gateway.visit import plugged, prompt
from gateway.visit.failure import VisitFailed
from gateway.visit.material import Wanted
from gateway.visit.plugged import Computer, Plugged
from gateway.visit.prompt import Prompt
from gateway.visit.scan_command import agreed

WAIT_S = 60.0  # for somebody to switch a supply off and on; ours


def add(parser: argparse.ArgumentParser) -> None:
    """Options that every command for a board has."""
    parser.add_argument("--port", metavar="PORT", help=say("help.board_port"))
    parser.add_argument("--wait", dest="wait_s", type=float, default=WAIT_S, metavar="S", help=say("help.board_wait"))
    parser.add_argument("--yes", action="store_true", help=say("help.yes_board"))


def add_material(parser: argparse.ArgumentParser) -> None:
    """Options that say where a visit's things come from."""
    parser.add_argument("--site", type=Path, metavar="site.toml", help=say("help.visit_site"))
    parser.add_argument("--bundle", type=Path, metavar="visit.zip", help=say("help.bundle"))
    parser.add_argument("--passphrase-file", type=Path, metavar="FILE", help=say("help.passphrase_file"))


def wanted(args: argparse.Namespace) -> Wanted:
    return Wanted(args.site, args.bundle, args.passphrase_file)


@contextmanager
def at_prompt(args: argparse.Namespace, computer: Plugged | None = None) -> Iterator[Prompt]:
    """The prompt of the one board. VisitFailed: there is none, or more than one, or it does not answer."""
    found = plugged.only(plugged.awaited(computer or Computer(), args.port, args.wait_s))
    print(say("flash.port", port=found))
    session = prompt.entered(found.device, args.wait_s, lambda: print(say("prompt.trying"), flush=True))
    try:
        yield session
    finally:
        session.close()


def agree(args: argparse.Namespace, question: str) -> None:
    """VisitFailed: a person says no, or nobody is there."""
    if args.yes or agreed(question):
        return
    advice = Phrase("visit.say_yes") if not sys.stdin.isatty() else Phrase("visit.nothing_more")
    raise VisitFailed(Phrase("visit.nothing_done"), advice)
