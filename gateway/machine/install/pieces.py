"""Knows which files make a machine a gateway, and what stands in them; writes none.

Nothing here is asked of the machine: what must be known of it is an argument.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gateway.machine import usb
from gateway.machine.install.unit_word import written
from gateway.site.config import Site

STATE = "/var/lib/watertower"
USER = "watertower"
GATEWAY, PAGE = "watertower.service", "watertower-web.service"
CHIPS = ("ds3231", "ds1307", "pcf8523", "pcf8563", "rv3028", "none")  # overlays/README: i2c-rtc; none: no clock chip
UNITS = "/etc/systemd/system"
_PROGRAM = "/opt/watertower/.venv/bin/watertower"  # in the units' templates
_OURS = re.compile(r"# watertower: begin\n.*?# watertower: end\n", re.DOTALL)


class Piece(NamedTuple):
    """A file: its text, or where it points as a link. `why` is a key of [install]. `is_part`: only what stands between
    our two marks is ours."""

    path: str
    text: str | None
    why: str
    link: str | None = None
    mode: int = 0o644
    is_part: bool = False


class Machine(NamedTuple):
    """Where the program is, what the units' templates say (by name), which boot file there is (None: no Raspberry Pi),
    the chip that keeps the time."""

    prefix: str
    units: Mapping[str, str]
    boot_file: str | None
    chip: str


def pieces(site: Site, machine: Machine) -> list[Piece]:
    """All of them, in the order in which they are put there."""
    return [
        Piece("/usr/local/bin/watertower", None, "command", link=f"{machine.prefix}/bin/watertower"),
        Piece("/etc/sysusers.d/watertower.conf", _users(site, machine), "user"),
        *_units(site, machine),
        *([rules] if (rules := _rules(site)) is not None else []),
        Piece("/etc/systemd/journald.conf.d/watertower.conf", _JOURNAL, "journal"),
        Piece("/etc/systemd/system.conf.d/watertower.conf", _WATCHDOG, "watchdog"),
        *_clock(machine),
        *_consoles(site),
    ]


# --- users and units ---


def _users(site: Site, machine: Machine) -> str:
    lines = [f'u {USER} - "watertower gateway" {STATE}', f"m {USER} dialout"]
    if site.rails:
        lines.append(f"m {USER} gpio")
    if PAGE in machine.units:
        lines += [f'u {USER}-web - "watertower status page" {STATE}-web', f"m {USER}-web {USER}"]
    return "\n".join(lines) + "\n"


def _units(site: Site, machine: Machine) -> Iterator[Piece]:
    for name, text in machine.units.items():
        made = text.replace(_PROGRAM, written(f"{machine.prefix}/bin/watertower"))
        made = re.sub(r"^WorkingDirectory=.*$", f"WorkingDirectory={STATE}", made, flags=re.M)
        if name == GATEWAY and site.rails:
            made = made.replace("SupplementaryGroups=dialout", "SupplementaryGroups=dialout gpio")
        yield Piece(f"{UNITS}/{name}", made, "unit")
        yield Piece(f"{UNITS}/multi-user.target.wants/{name}", None, "enabled", link=f"{UNITS}/{name}")


# --- ports ---


def ports(site: Site) -> dict[str, str]:
    """The serial ports of the gateway, by what they are for."""
    found = {} if site.radio is None else {"radio": site.radio.port}
    return found | {bus.id: bus.port for bus in site.buses if bus.port is not None}


def _rules(site: Site) -> Piece | None:
    """A name for each adapter, /dev/watertower/river, and ModemManager kept away: it talks to what it does not know."""
    lines = []
    for name, port in ports(site).items():
        form = usb.FORM.match(port)
        if form is None:
            continue
        if form["place"] is not None:
            match = f'KERNELS=="{form["place"]}"'
        else:
            match = f'ATTRS{{idVendor}}=="{form["vid"].lower()}", ATTRS{{idProduct}}=="{form["pid"].lower()}"'
            match += f', ATTRS{{serial}}=="{form["serial"]}"' if form["serial"] is not None else ""
        lines.append(
            f'SUBSYSTEM=="tty", {match}, SYMLINK+="watertower/{name}", GROUP="dialout", MODE="0660", '
            'ENV{ID_MM_DEVICE_IGNORE}="1"'
        )
    if not lines:
        return None
    return Piece("/etc/udev/rules.d/70-watertower.rules", "\n".join(lines) + "\n", "ports")


def unnamed(site: Site) -> dict[str, str]:
    """Ports that the site file calls by a name that the next start may give to another adapter."""
    return {name: port for name, port in ports(site).items() if re.match(r"/dev/tty(USB|ACM)\d", port)}


def _consoles(site: Site) -> Iterator[Piece]:
    """A login on the line of a bus answers its devices."""
    for port in ports(site).values():
        found = re.fullmatch(r"/dev/(tty(?:AMA|S)\d+|serial\d)", port)
        if found is not None:
            yield Piece(f"{UNITS}/serial-getty@{found[1]}.service", None, "console", link="/dev/null")


# --- the machine ---

# Ours: weeks of a gateway's journal, and a card that is not worn by it. journald.conf(5).
_JOURNAL = """[Journal]
Storage=persistent
SystemMaxUse=64M
SystemMaxFileSize=8M
RuntimeMaxUse=16M
MaxRetentionSec=3month
SyncIntervalSec=5m
"""
# A kernel that hangs is reset by the chip; the Pi's counts 15 s at most (bcm2835_wdt).
_WATCHDOG = """[Manager]
RuntimeWatchdogSec=14
RebootWatchdogSec=2min
"""


def _clock(machine: Machine) -> Iterator[Piece]:
    """A clock chip on I2C, and no program that takes an old file for the time."""
    if machine.boot_file is None or machine.chip == "none":
        return
    text = f"dtparam=i2c_arm=on\ndtoverlay=i2c-rtc,{machine.chip}\n"
    yield Piece(machine.boot_file, text, "clock", is_part=True)
    yield Piece(f"{UNITS}/fake-hwclock.service", None, "fake_clock", link="/dev/null")


def with_part(before: str, part: str | None) -> str:
    """A file of somebody else's with our part at its end; None: without it."""
    rest = _OURS.sub("", before)
    if part is None:
        return rest
    gap = "" if not rest or rest.endswith("\n") else "\n"
    return f"{rest}{gap}# watertower: begin\n[all]\n{part}# watertower: end\n"
