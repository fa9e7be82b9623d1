"""Knows `watertower flash [NODE]`: its options, what it asks and prints; knows not how a board is written."""

import argparse
from pathlib import Path

from gateway.messages import Phrase, say
from gateway.visit import cable, flashing, identity, material, progress
from gateway.visit.esp import FAST_BAUD
from gateway.visit.failure import VisitFailed
from gateway.visit.image import Image
from gateway.visit.plugged import Computer

_SLOW_BAUD = 115_200


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("node", metavar="NODE", nargs="?", help=say("help.flash_node"))
    parser.add_argument("--image", type=Path, metavar="FILE", help=say("help.flash_image"))
    parser.add_argument("--slow", action="store_true", help=say("help.slow"))
    cable.add_material(parser)
    cable.add(parser)


def run(args: argparse.Namespace) -> int:
    """0: written and read back. VisitFailed."""
    images, target = _material(args)
    computer = Computer()
    board = flashing.find(computer, args.port, args.wait_s, print)
    try:
        if board.identity is not None:
            print(identity.text(board.identity))
            _fits(args, board.identity.target, target)
        elif board.drive is not None:
            print(say("flash.waits", drive=board.drive))
            _fits(args, "rp2", target)
        talk = flashing.Talk(print, lambda question: cable.agree(args, question), progress.shown, args.wait_s)
        now = flashing.flash(board, computer, images, talk, _SLOW_BAUD if args.slow else FAST_BAUD)
    finally:
        if board.prompt is not None:
            board.prompt.close()
    print(say("flash.done", unique=now.unique))
    print(identity.text(now))
    return 0


def _material(args: argparse.Namespace) -> tuple[tuple[Image, ...], str | None]:
    """The images there are, and which kind of board is meant; None: any."""
    if args.node is None and args.image is not None:
        return (material.read_image(args.image),), None
    if args.node is None and args.bundle is None and (lying := material.lying_images()):
        return lying, None
    source = material.find(cable.wanted(args))
    target = None if args.node is None else source.target(args.node)
    images = source.images() if args.image is None else (material.read_image(args.image),)
    if target is not None:
        images = tuple(image for image in images if image.target == target)
    return images, target


def _fits(args: argparse.Namespace, found: str, target: str | None) -> None:
    if target not in (None, found):
        raise VisitFailed(
            Phrase("provision.other_target", node=args.node, wanted=target, found=found),
            Phrase("provision.other_board"),
        )
