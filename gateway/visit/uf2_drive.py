"""Knows how an image is given to a board that shows itself as a drive, and how it is seen that it took it."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

from gateway.messages import Phrase
from gateway.visit.failure import VisitFailed
from gateway.visit.image import Image
from gateway.visit.plugged import Drive, Plugged, board_of
from gateway.visit.progress import Progress

_CHUNK = 64 * 512
APPEAR_S = 20.0  # for a drive to be mounted, for a port to come back: a slow desktop takes some seconds; ours
_LOOK_S = 0.1

Thing = TypeVar("Thing")


def give(drive: Drive, image: Image, shown: Progress, what: str, wait_s: float = APPEAR_S) -> None:
    """Copies it and waits until the board has taken it: then the drive is gone. VisitFailed."""
    done = 0
    try:
        with (drive.folder / "watertower.uf2").open("wb") as file:
            for done in range(0, len(image.content), _CHUNK):
                shown.at(done, len(image.content), what)
                file.write(image.content[done : done + _CHUNK])
                file.flush()
                os.fsync(file.fileno())
                if done + _CHUNK < len(image.content) and board_of(drive.folder) is None:
                    raise OSError
    except OSError:
        # A board restarts as soon as it has the last block: the copy may end in an error and be whole.
        if done + _CHUNK < len(image.content) or board_of(drive.folder) is not None:
            share = 100 * done // len(image.content)
            raise VisitFailed(Phrase("flash.unplugged", percent=share), Phrase("uf2.hold_bootsel")) from None
    shown.at(1, 1, what)
    if not appears(lambda: board_of(drive.folder) is None or None, wait_s):
        raise VisitFailed(Phrase("uf2.ignored", folder=drive.folder), Phrase("uf2.other_image"))


def awaited(plugged: Plugged, chip: str, wait_s: float = APPEAR_S) -> Drive:
    """The drive of the board that was sent into its loader. VisitFailed: it does not come, or there are two."""

    def one() -> Drive | None:
        found = [drive for drive in plugged.drives() if drive.chip == chip]
        return found[0] if len(found) == 1 else None

    drive = appears(one, wait_s)
    if drive is None:
        names = ", ".join(str(found.folder) for found in plugged.drives())
        raise VisitFailed(Phrase("uf2.no_drive", chip=chip, found=names or "-"), Phrase("uf2.mount"))
    return drive


def appears(look: Callable[[], Thing | None], wait_s: float) -> Thing | None:
    """What `look` finds within the time, or within APPEAR_S."""
    end_s = time.monotonic() + min(wait_s, APPEAR_S)
    while (found := look()) is None and time.monotonic() < end_s:
        time.sleep(_LOOK_S)
    return found
