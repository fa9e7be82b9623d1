"""Knows how a new application goes into a node's free slot over the cable; knows no radio and no terminal.

The node's own code takes it (firmware/update.py): it asks for piece after piece, judges the seal, reads back, notes the
trial. So a broken cable costs nothing but the rest, and what is wrong is refused as over the radio.
"""

from binascii import hexlify, unhexlify

from gateway import updates
from gateway.messages import Phrase
from gateway.visit import board_code
from gateway.visit.failure import VisitFailed
from gateway.visit.identity import Identity
from gateway.visit.material import NodeMaterial
from gateway.visit.progress import Progress
from gateway.visit.prompt import BoardRaised, Prompt, PromptLost
from protocols import command, update

_MOST = update.PART_HEAD_BYTES + update.MOST_BYTES


def refuse(found: Identity, wanted: NodeMaterial) -> None:
    """VisitFailed: this board is not that node, or takes no updates."""
    if found.node != wanted.id:
        raise VisitFailed(
            Phrase("update.other_node", node=wanted.name, found=found.name or "-"), Phrase("update.which")
        )
    if wanted.update_key is None:
        raise VisitFailed(Phrase("update.no_key", node=wanted.name), Phrase("update.give_key"))
    if found.slots != 2:
        raise VisitFailed(Phrase("update.no_slots"), Phrase("provision.flash_first"))


def send(prompt: Prompt, wanted: NodeMaterial, archive: bytes, number: int, shown: Progress, what: str) -> bool:
    """Whether it is on trial now; False: it runs and is confirmed already. VisitFailed."""
    assert wanted.update_key is not None
    sealed = updates.sealed(archive, wanted.update_key)
    done = 0
    try:
        told = prompt.tell(board_code.UPDATE_BEGIN.format(number=number, most=_MOST))
        while told["ask"] is not None:
            _, offset, count = update.decode_ask(unhexlify(told["ask"]))
            done = offset
            shown.at(offset, len(sealed), what)
            part = update.encode_part(number, offset, sealed[offset : offset + count])
            told = prompt.tell(board_code.UPDATE_STEP.format(body=hexlify(part).decode()))
    except (PromptLost, BoardRaised):
        percent = 100 * done // len(sealed)
        raise VisitFailed(Phrase("flash.unplugged", percent=percent), Phrase("flash.plug_again")) from None
    if told["refused"] or told["state"] == command.REFUSED:
        why = told["refused"] or f"update {number} was rolled back"
        raise VisitFailed(Phrase("update.refused", reason=why), Phrase("update.make_anew"))
    shown.at(1, 1, what)
    return bool(told["ready"])
