"""Knows what is plugged into this computer: serial ports by their USB identity, and drives of boards that wait for a
UF2 file; asks no board anything.

A bench of simulated boards (`watertower sim desk`) lists its own in a file beside the visit's other things; as long as
it runs they are found like real ones, and called simulated.
"""

import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from serial.tools import list_ports

from gateway.machine import usb
from gateway.messages import Phrase, say
from gateway.visit.failure import VisitFailed
from gateway.visit.material import FOLDERS

LISTING = "desk.json"  # of a simulated bench
INFO_FILE = "INFO_UF2.TXT"  # microsoft/uf2: README.md

# What a USB identity says. "micropython": a board whose prompt answers; "esp": the chip's own USB; "converter": a USB
# serial chip, behind which an ESP32 or an RS-485 bus may be. Numbers: raspberrypi/usb-pid, espressif/usb-pids and
# micropython (ports/*/mpconfigboard), the converters' data sheets.
KINDS = {
    (0x2E8A, 0x0005): "micropython",
    (0x303A, 0x4001): "micropython",
    (0x303A, 0x1001): "esp",
    (0x10C4, 0xEA60): "converter",  # CP2102
    (0x1A86, 0x7523): "converter",  # CH340
    (0x1A86, 0x55D3): "converter",  # CH343
    (0x1A86, 0x55D4): "converter",  # CH9102
    (0x0403, 0x6001): "converter",  # FT232
    (0x0403, 0x6015): "converter",  # FT231X
}
_RETURN_S = 3.0  # until a restarted board shows its port; ours
DRIVES = {"RPI-RP2": "RP2040", "RP2350": "RP2350"}  # Board-ID in INFO_UF2.TXT


class Port(NamedTuple):
    """A serial port. `serial`: the USB serial number, by which a board is found again under another name."""

    device: str
    vid: int | None = None
    pid: int | None = None
    serial: str | None = None
    description: str = ""
    simulated: bool = False

    @property
    def kind(self) -> str | None:
        """One of those of KINDS; None: no board that we know."""
        return None if self.vid is None or self.pid is None else KINDS.get((self.vid, self.pid))

    def __str__(self) -> str:
        usb = "" if self.vid is None else f" usb:{self.vid:04x}:{self.pid or 0:04x}"
        number = f":{self.serial}" if self.serial else ""
        words = f" {self.description}" if self.description and self.description != "n/a" else ""
        return f"{self.device}{usb}{number}{words}" + (say("flash.simulated") if self.simulated else "")


class Drive(NamedTuple):
    """A board that waits for a UF2 file. `chip`: as DRIVES says."""

    folder: Path
    chip: str
    simulated: bool = False

    def __str__(self) -> str:
        return f"{self.folder} {self.chip}" + (say("flash.simulated") if self.simulated else "")


class Plugged(Protocol):
    """What a command looks at, again and again: names change while a board restarts."""

    def ports(self) -> list[Port]: ...
    def drives(self) -> list[Drive]: ...


class Computer:
    """This computer, and simulated benches that run on it."""

    def ports(self) -> list[Port]:
        found = [
            Port(one.device, one.vid, one.pid, one.serial_number, one.description or "")
            for one in list_ports.comports()
        ]
        for listing in _listings():
            for row in listing["ports"]:
                found.append(Port(**row, simulated=True))
        return found

    def drives(self) -> list[Drive]:
        found = [Drive(folder, chip) for folder in _mounted() if (chip := board_of(folder)) is not None]
        for listing in _listings():
            places = [Path(place) for place in listing["drives"]]
            found += [Drive(place, chip, True) for place in places if (chip := board_of(place)) is not None]
        return found


def board_of(folder: Path) -> str | None:
    """Which chip waits behind a drive; None: it is another drive."""
    try:
        text = (folder / INFO_FILE).read_text("ascii", "replace")
    except OSError:
        return None
    rows = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    name = rows.get("Board-ID", "").strip()
    return DRIVES.get(name, name or None)


def _mounted() -> Iterable[Path]:
    if sys.platform == "win32":
        return [Path(f"{letter}:/") for letter in "DEFGHIJKLMNOPQRSTUVWXYZ"]
    if sys.platform == "darwin":
        return sorted(Path("/Volumes").glob("*"))
    try:
        rows = Path("/proc/self/mounts").read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    folders = [row.split()[1].encode().decode("unicode_escape") for row in rows if " vfat " in row]
    return [Path(folder) for folder in folders]


def _listings() -> Iterable[dict[str, Any]]:
    for folder in FOLDERS:
        try:
            listing = json.loads((folder / LISTING).read_text("utf-8"))
            os.kill(listing["pid"], 0)
        except (OSError, ValueError, KeyError):
            continue
        yield listing


def candidates(plugged: Plugged, wanted: str | None = None) -> list[Port]:
    """The ports that may be a board: the one that is named; else those whose USB identity is a board's, and only if
    there is none, those of converters."""
    ports = plugged.ports()
    if wanted is not None:
        named = [port for port in ports if port.device == wanted]
        return named or ([Port(wanted)] if Path(wanted).exists() else [])
    boards = [port for port in ports if port.kind in ("micropython", "esp")]
    return boards or [port for port in ports if port.kind == "converter"]


def awaited(plugged: Plugged, wanted: str | None, wait_s: float) -> list[Port]:
    """candidates(), given some time: a board that was just restarted comes back. `wanted` may be an identity, as in
    the site file. VisitFailed: the port that is named is not there."""
    if wanted is not None and usb.is_identity(wanted):
        try:
            wanted = usb.find(wanted, list_ports.comports())
        except usb.NoSuchPort as error:
            raise VisitFailed(error.phrase, Phrase("flash.other_port", names=_names(plugged))) from None
    end_s = time.monotonic() + min(wait_s, _RETURN_S)
    while not (found := candidates(plugged, wanted)) and time.monotonic() < end_s:
        time.sleep(0.1)
    if wanted is not None and not found:
        raise VisitFailed(Phrase("flash.no_port", port=wanted), Phrase("flash.other_port", names=_names(plugged)))
    return found


def _names(plugged: Plugged) -> tuple[str, ...]:
    return tuple(str(port) for port in plugged.ports()) or ("-",)


def only(found: list[Port]) -> Port:
    """VisitFailed: none, or more than one: nobody guesses which."""
    if not found:
        raise VisitFailed(Phrase("flash.no_board"), Phrase("flash.plug_in"))
    if len(found) > 1:
        names = "\n  ".join(str(port) for port in found)
        raise VisitFailed(Phrase("flash.two_boards", count=len(found), names=names), Phrase("flash.unplug_others"))
    return found[0]
