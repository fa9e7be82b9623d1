"""Knows how a board becomes a node: what must be asked first, what is sent, what proves it; knows no terminal."""

import hashlib
from binascii import hexlify

from gateway.messages import Phrase
from gateway.visit import board_code, identity
from gateway.visit.failure import VisitFailed
from gateway.visit.identity import Identity
from gateway.visit.material import NodeMaterial
from gateway.visit.progress import Progress
from gateway.visit.prompt import BoardRaised, Prompt, PromptLost

_PIECE = 512  # bytes of a slice in one literal: little beside a board's memory


def refuse(found: Identity, wanted: NodeMaterial) -> None:
    """VisitFailed: this board can't become that node."""
    if not found.is_ours:
        raise VisitFailed(Phrase("provision.no_firmware"), Phrase("provision.flash_first"))
    if found.target != wanted.target:
        raise VisitFailed(
            Phrase("provision.other_target", node=wanted.name, wanted=wanted.target, found=found.target),
            Phrase("provision.other_board"),
        )


def is_there(found: Identity, wanted: NodeMaterial) -> bool:
    """Whether the board is this node already, with exactly this slice."""
    return found.slice == hashlib.sha256(wanted.slice).hexdigest()


def provision(prompt: Prompt, found: Identity, wanted: NodeMaterial, shown: Progress, what: str) -> None:
    """Sends the slice, has it kept twice, and reads it back. VisitFailed."""
    erase = found.node is not None and found.node != wanted.id
    try:
        prompt.run(board_code.PROVISION_BEGIN)
        for at in range(0, len(wanted.slice), _PIECE):
            shown.at(at, len(wanted.slice), what)
            piece = hexlify(wanted.slice[at : at + _PIECE]).decode()
            prompt.run(board_code.PROVISION_PIECE.format(piece=piece))
        told = prompt.tell(board_code.PROVISION.format(erase=erase))
        shown.at(1, 1, what)
    except PromptLost:
        raise VisitFailed(Phrase("provision.lost"), Phrase("provision.once_more")) from None
    except BoardRaised as error:
        raise VisitFailed(Phrase("provision.refused", reason=error), Phrase("provision.same_version")) from None
    if (told["node"], told["slice"]) != (wanted.id, hashlib.sha256(wanted.slice).hexdigest()):
        raise VisitFailed(Phrase("provision.not_kept"), Phrase("provision.worn"))


def look(prompt: Prompt) -> Identity:
    """What the board is. VisitFailed: it went away."""
    try:
        return identity.asked(prompt)
    except (PromptLost, BoardRaised) as error:
        raise VisitFailed(Phrase("provision.unasked", reason=error), Phrase("provision.once_more")) from None
