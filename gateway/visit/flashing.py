"""Knows in which order a board is found out, asked, written, awaited and read back; knows no option and no terminal.

Each run begins with what the board is now: at its prompt, waiting as a drive, silent in a loader. So after whatever
ended a run, the next one goes on.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

from gateway.messages import Phrase, say
from gateway.visit import board_code, esp, identity, plugged, prompt, uf2_drive
from gateway.visit.failure import VisitFailed
from gateway.visit.identity import Identity
from gateway.visit.image import XIP_BASE, Image
from gateway.visit.plugged import Drive, Plugged, Port
from gateway.visit.progress import Progress
from gateway.visit.prompt import BoardRaised, Prompt, PromptLost

_BLANK_S = 1.2  # a board that runs answers Ctrl-C at once; ours


class Board(NamedTuple):
    """The one board. `prompt`: it runs MicroPython and tells `identity`; `drive`: it waits for a UF2; neither: it is
    asked by esptool. `chip` None: not known yet."""

    port: Port | None
    drive: Drive | None
    prompt: Prompt | None = None
    identity: Identity | None = None

    @property
    def chip(self) -> str | None:
        if self.drive is not None:
            return self.drive.chip
        return None if self.identity is None else self.identity.chip


class Talk(NamedTuple):
    """How a run tells a person what happens, and asks."""

    say: Callable[[str], None]
    agree: Callable[[str], None]  # VisitFailed: no
    shown: Callable[[], AbstractContextManager[Progress]]  # only while something is written: a bar and a question clash
    wait_s: float  # for a board to come back


def find(computer: Plugged, wanted: str | None, wait_s: float, tell: Callable[[str], None]) -> Board:
    """The one board there is. VisitFailed: none, or two, or its port is in use."""
    drives = computer.drives() if wanted is None else []
    ports = plugged.awaited(computer, wanted, 0.0 if drives else wait_s)
    if drives and all(port.kind == "converter" for port in ports):
        ports = []  # a board that waits as a drive tells more than a converter
    if len(drives) + len(ports) > 1:
        names = "\n  ".join(str(one) for one in (*drives, *ports))
        count = len(drives) + len(ports)
        raise VisitFailed(Phrase("flash.two_boards", count=count, names=names), Phrase("flash.unplug_others"))
    if drives:
        return Board(None, drives[0])
    port = plugged.only(ports)
    tell(say("flash.port", port=port))
    if port.kind == "micropython":
        session: Prompt | None = prompt.entered(port.device, wait_s, lambda: tell(say("prompt.trying")))
    else:
        session = _maybe(port.device)
    if session is None:
        return Board(port, None)
    try:
        return Board(port, None, session, identity.asked(session))
    except (PromptLost, BoardRaised) as error:
        session.close()
        raise VisitFailed(Phrase("provision.unasked", reason=error), Phrase("provision.once_more")) from None


def _maybe(device: str) -> Prompt | None:
    """A board without MicroPython is silent, and that is no fault."""
    try:
        return prompt.entered(device, 0.0, patience_s=_BLANK_S)
    except VisitFailed as failure:
        if failure.what.key == "prompt.silent":
            return None
        raise


def chosen(images: tuple[Image, ...], chip: str) -> Image:
    """The image for this chip. VisitFailed: there is none, or more than one: nobody guesses which."""
    found = {image.sha256: image for image in images if image.chip == chip}
    if not found:
        names = ", ".join(f"{image.name} ({image.chip})" for image in images) or "-"
        raise VisitFailed(Phrase("flash.no_image", chip=chip, names=names), Phrase("flash.bring_image"))
    if len(found) > 1:
        names = ", ".join(image.name for image in found.values())
        raise VisitFailed(Phrase("flash.two_images", chip=chip, names=names), Phrase("flash.name_image"))
    return next(iter(found.values()))


def flash(board: Board, computer: Plugged, images: tuple[Image, ...], talk: Talk, baud: int) -> Identity:
    """Writes the board and reads it back; what it tells of itself then. VisitFailed."""
    if board.chip is not None and board.chip.startswith("RP"):
        return _by_drive(board, computer, images, talk)
    assert board.port is not None
    image = None if board.chip is None else chosen(images, board.chip)
    if image is not None:
        _ask(board, image, talk)
    if board.prompt is not None:
        board.prompt.close()
    with esp.loader(board.port.device, baud) as loader:
        try:
            talk.say(say("flash.chip", chip=loader.name, unique=loader.mac))
            if image is None or image.chip != loader.name:
                image = chosen(images, loader.name)
                _ask(board, image, talk)
            with talk.shown() as shown:
                written = loader.write(image, shown, say("flash.writing", name=image.name))
        finally:
            loader.restart()
    talk.say(say("flash.written", kib=written // 1024, of=len(image.content) // 1024))
    return _returned(board, computer, image, talk, loader.mac)


def _by_drive(board: Board, computer: Plugged, images: tuple[Image, ...], talk: Talk) -> Identity:
    assert board.chip is not None
    talk.say(say("flash.chip", chip=board.chip, unique=board.identity.unique if board.identity else "-"))
    image = chosen(images, board.chip)
    _ask(board, image, talk)
    drive = board.drive
    if drive is None:
        assert board.prompt is not None
        board.prompt.leave(board_code.TO_LOADER)
        drive = uf2_drive.awaited(computer, board.chip, talk.wait_s)
    with talk.shown() as shown:
        uf2_drive.give(drive, image, shown, say("flash.writing", name=image.name), talk.wait_s)
    talk.say(say("flash.written", kib=len(image.content) // 2048, of=len(image.content) // 2048))
    return _returned(board, computer, image, talk, board.identity.unique if board.identity else None)


def _ask(board: Board, image: Image, talk: Talk) -> None:
    if not image.own:
        talk.say(say("image.stock", name=image.name, chip=image.chip))
        talk.agree(say("flash.sure_stock"))
    elif board.identity is not None and board.identity.node is not None:
        talk.agree(say("flash.sure", node=board.identity.name))


def _returned(board: Board, computer: Plugged, image: Image, talk: Talk, unique: str | None) -> Identity:
    """The board again, under whatever name its port has now: by the chip's number if it shows it on USB."""

    def come() -> Port | None:
        ports = computer.ports()
        same = [port for port in ports if unique and port.serial and port.serial.lower() == unique.lower()]
        if not same and board.port is not None:
            same = [port for port in ports if port.device == board.port.device or board.port.serial == port.serial]
        if not same and board.port is None:
            same = [port for port in ports if port.kind == "micropython"]
        named = [Port(board.port.device)] if board.port is not None and board.port.vid is None else []
        found = same or named
        return found[0] if len(found) == 1 else None

    talk.say(say("flash.returning"))
    port = uf2_drive.appears(come, talk.wait_s)
    if port is None:
        raise VisitFailed(Phrase("flash.not_back"), Phrase("flash.look_again"))
    session = prompt.entered(port.device, talk.wait_s, lambda: talk.say(say("prompt.trying")))
    try:
        found = identity.asked(session)
        _prove(session, found, image)
        session.restart()
        return found
    except (PromptLost, BoardRaised) as error:
        raise VisitFailed(Phrase("flash.not_proved", reason=error), Phrase("flash.look_again")) from None
    finally:
        session.close()


def _prove(session: Prompt, found: Identity, image: Image) -> None:
    """VisitFailed: what runs is not what was given."""
    if found.chip != image.chip or found.is_ours != image.own:
        raise VisitFailed(Phrase("flash.other_runs", machine=found.machine), Phrase("flash.look_again"))
    if image.target != "rp2":
        return  # the chip's own loader has reckoned its MD5
    for run in image.runs:
        if run.address < XIP_BASE:
            continue
        told = session.tell(board_code.READ_BACK.format(start=run.address, length=len(run.content)))
        if told["sha256"] != run.sha256:
            raise VisitFailed(Phrase("esp.not_kept"), Phrase("uf2.hold_bootsel"))
