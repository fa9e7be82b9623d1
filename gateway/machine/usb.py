"""Knows how a serial port is found by what it is or where it is plugged in; opens none.

"usb:VID:PID" and "usb:VID:PID:SERIAL" name an adapter, "usb-at:1-1.2" the socket it is in (as /dev/serial/by-path and
the kernel's log have it). What Linux calls it today, /dev/ttyUSB0 or 1, depends on who was first.
"""

import re
from collections.abc import Callable, Iterable
from typing import Protocol

from gateway.messages import Phrase

FORM = re.compile(
    r"usb:(?P<vid>[0-9a-f]{4}):(?P<pid>[0-9a-f]{4})(:(?P<serial>\S+))?\Z|usb-at:(?P<place>[0-9][0-9.:-]*)\Z", re.I
)


class Port(Protocol):
    """One serial port of this machine, as pyserial's list_ports has it."""

    device: str
    vid: int | None
    pid: int | None
    serial_number: str | None
    location: str | None


Ports = Callable[[], Iterable[Port]]


class NoSuchPort(Exception):
    """None is the one that is meant, or more than one; `phrase` names those there are."""

    def __init__(self, phrase: Phrase) -> None:
        super().__init__(phrase.text("en"))
        self.phrase = phrase


def is_identity(name: str) -> bool:
    """Whether a port of the site file says what it is, not what it is called."""
    return name.lower().startswith(("usb:", "usb-at:"))


def find(name: str, ports: Iterable[Port]) -> str:
    """The device that `name` is today."""
    form = FORM.match(name)
    if form is None:
        raise NoSuchPort(Phrase("usb.no_form", name=name))
    plugged = [port for port in ports if port.vid is not None]
    found = [port for port in plugged if _fits(form, port)]
    if len(found) == 1:
        return found[0].device
    seen = tuple(_seen(port) for port in found or plugged)
    if found:
        raise NoSuchPort(Phrase("usb.several", name=name, seen=seen))
    raise NoSuchPort(Phrase("usb.other", name=name, seen=seen) if seen else Phrase("usb.none", name=name))


def _fits(form: "re.Match[str]", port: Port) -> bool:
    place, serial = form["place"], form["serial"]
    if place is not None:
        at = port.location or ""
        return at == place or at.startswith(f"{place}:")  # "1-1.2:1.0": the interface of a device that has several
    if (port.vid, port.pid) != (int(form["vid"], 16), int(form["pid"], 16)):
        return False
    return serial is None or serial.lower() == (port.serial_number or "").lower()


def _seen(port: Port) -> Phrase:
    serial = f":{port.serial_number}" if port.serial_number else ""
    identity = f"usb:{port.vid or 0:04x}:{port.pid or 0:04x}{serial}"
    return Phrase("usb.seen", device=port.device, identity=identity, place=f"usb-at:{port.location or '?'}")
