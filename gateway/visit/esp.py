"""Knows how an image gets into an ESP32's flash and is proved there, with esptool as the library; knows no terminal.

Piece by piece: a piece that is there already, by the MD5 that the chip itself reckons, is not written again. So a
second run goes on where the first one ended, whatever ended it.
"""

import contextlib
import hashlib
import importlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import serial

from gateway.messages import Phrase
from gateway.visit.failure import VisitFailed
from gateway.visit.image import Image
from gateway.visit.progress import Progress
from gateway.visit.prompt import refuse_if_held

FAST_BAUD = 460_800  # every converter in plugged.KINDS can do it
_PIECE = 0x10000  # a block of flash: erased at once
_ATTEMPTS = 4  # each some 1.5 s, with every way of resetting the chip


def esptool() -> Any:
    """VisitFailed: it is not installed."""
    try:
        return importlib.import_module("esptool")
    except ModuleNotFoundError as error:
        raise VisitFailed(Phrase("visit.lacks", module=error.name), Phrase("visit.install_visit")) from None


@contextmanager
def loader(port: str, baud: int = FAST_BAUD) -> Iterator["Loader"]:
    """The chip at `port` in its loader. VisitFailed: nobody answers as a chip of Espressif's."""
    tool = esptool()
    refuse_if_held(port)
    chip = None
    try:
        with _quiet():
            chip = tool.detect_chip(port, connect_attempts=_ATTEMPTS)
            chip = tool.run_stub(chip)
            if baud != chip.ESP_ROM_BAUD:
                chip.change_baud(baud)
            tool.attach_flash(chip)
            chip.WRITE_FLASH_ATTEMPTS = 1  # a port that vanished may have another name next time
    except (tool.FatalError, OSError, serial.SerialException, EOFError):
        _close(chip)
        raise VisitFailed(Phrase("esp.silent", port=port), Phrase("esp.by_hand")) from None
    try:
        yield Loader(tool, chip)
    finally:
        _close(chip)


class Loader:
    """A chip that waits for an image."""

    def __init__(self, tool: Any, chip: Any) -> None:
        self._tool = tool
        self._chip = chip
        self.name = str(chip.CHIP_NAME)
        with _quiet():
            self.mac = "".join(f"{byte:02x}" for byte in chip.read_mac("BASE_MAC"))

    def write(self, image: Image, shown: Progress, what: str) -> int:
        """How many bytes had to be written. VisitFailed: it stopped at so many per cent, or does not read back."""
        (run,) = image.runs
        written = done = 0
        try:
            for done in range(0, len(run.content), _PIECE):
                shown.at(done, len(run.content), what)
                piece = run.content[done : done + _PIECE]
                if not self._is_there(run.address + done, piece):
                    with _quiet():
                        self._tool.write_flash(self._chip, [(run.address + done, piece)], no_progress=True)
                    written += len(piece)
            shown.at(1, 1, what)
            if not self._is_there(run.address, run.content):
                raise VisitFailed(Phrase("esp.not_kept"), Phrase("esp.worn"))
        except self._tool.FatalError as error:
            share = 100 * done // len(run.content)
            if "MD5" in str(error):
                raise VisitFailed(Phrase("esp.not_kept"), Phrase("esp.worn")) from None
            raise VisitFailed(Phrase("esp.fell_silent", percent=share), Phrase("esp.supply")) from None
        except (OSError, serial.SerialException):
            share = 100 * done // len(run.content)
            raise VisitFailed(Phrase("flash.unplugged", percent=share), Phrase("flash.plug_again")) from None
        return written

    def restart(self) -> None:
        """Into what was written. Where the converter has no reset line, a person must press it."""
        with contextlib.suppress(self._tool.FatalError, OSError), _quiet():
            self._tool.reset_chip(self._chip, "hard-reset")

    def _is_there(self, address: int, content: bytes) -> bool:
        with _quiet():
            return bool(self._chip.flash_md5sum(address, len(content)) == hashlib.md5(content).hexdigest())


@contextmanager
def _quiet() -> Iterator[None]:
    """esptool tells a person on the terminal; we tell it in two languages."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def _close(chip: Any) -> None:
    if chip is not None:
        with contextlib.suppress(OSError, serial.SerialException, AttributeError):
            chip._port.close()
