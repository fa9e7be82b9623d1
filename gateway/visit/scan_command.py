"""Knows `watertower scan PORT`: its options, its port, what it prints; knows no order of a search."""

import argparse
import asyncio
import contextlib
import errno
import sys
import time
from collections.abc import Sequence

from serial.tools import list_ports

from gateway.machine import usb
from gateway.machine.lines import LineLost, serial_opener
from gateway.messages import Phrase, say
from gateway.site.library import Library, serial_text
from gateway.visit import address, progress, proposal
from gateway.visit.asking import Asker, Line, SerialSettings
from gateway.visit.failure import VisitFailed
from gateway.visit.scan import WAIT_MS, Scan, plan
from protocols.profile import Profile


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("port", metavar="PORT", help=say("help.scan_port"))
    parser.add_argument("--thorough", action="store_true", help=say("help.thorough"))
    parser.add_argument("--wait-ms", type=int, default=WAIT_MS, metavar="MS", help=say("help.wait_ms"))
    parser.add_argument("--units", type=_units, metavar="1-40", help=say("help.units"))
    parser.add_argument("--serial", type=_serial, metavar="9600,N", help=say("help.serial"))
    parser.add_argument("--set-address", type=int, nargs=2, metavar=("OLD", "NEW"), help=say("help.set_address"))
    parser.add_argument("--yes", action="store_true", help=say("help.yes"))


def run(args: argparse.Namespace) -> int:
    """0: everything there was told; 1: not; 2: the command is wrong."""
    profiles = Library().all()
    try:
        if args.set_address is not None:
            return asyncio.run(_set_address(args, profiles))
        return _scan(args, profiles)
    except LineLost as error:
        is_refused = isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EACCES
        advice = Phrase("prompt.group") if is_refused else Phrase("scan.ports", ports=_ports())
        raise VisitFailed(Phrase("scan.no_port", port=args.port, reason=error), advice) from error


def _scan(args: argparse.Namespace, profiles: Sequence[Profile]) -> int:
    wanted = plan(profiles, args.thorough)
    if args.units is not None:
        wanted = wanted._replace(unit_ids=args.units)
    if args.serial is not None:
        wanted = wanted._replace(settings=(args.serial,))
    with progress.shown() as shown:
        scan = Scan(lambda settings: _open(args.port, settings), profiles, _now_ms, shown, args.wait_ms)
        with contextlib.suppress(KeyboardInterrupt):  # what was found so far is shown
            asyncio.run(scan.run(wanted))
    findings = scan.findings()
    print(proposal.text(findings))
    lines = proposal.site_lines(findings, _identity(args.port))
    if lines:
        print("\n" + say("scan.site_lines") + "\n\n" + lines)
    return 0 if proposal.is_clean(findings) else 1


async def _set_address(args: argparse.Namespace, profiles: Sequence[Profile]) -> int:
    old, new = args.set_address
    settings = args.serial or await _settings_of(args, profiles, old)
    line = await _open(args.port, settings)
    try:
        asker = Asker(line, settings, _now_ms, max(args.wait_ms, 300))
        fit = await address.able(asker, settings, profiles, old, new)
        print(say("address.about", model=fit.profile.model, serial=serial_text(*settings), old=old, new=new))
        if not args.yes and not agreed(say("address.sure")):
            print(say("visit.nothing_done" if sys.stdin.isatty() else "visit.asked_nobody"), file=sys.stderr)
            return 1
        await address.change(asker, profiles, fit, old, new)
    finally:
        line.close()
    print(say("address.done", old=old, new=new))
    return 0


async def _settings_of(args: argparse.Namespace, profiles: Sequence[Profile], unit_id: int) -> SerialSettings:
    """At which settings that unit answers. VisitFailed: at none."""
    with progress.shown() as shown:
        scan = Scan(lambda settings: _open(args.port, settings), (), _now_ms, shown, args.wait_ms)
        for settings in plan(profiles, args.thorough).settings:
            line = await _open(args.port, settings)
            try:
                asker = Asker(line, settings, _now_ms, args.wait_ms)
                is_there, is_garbled = await scan.probe(asker, unit_id, plan(profiles).openers)
            finally:
                line.close()
            if is_garbled:
                raise VisitFailed(Phrase("address.garbled", unit_id=unit_id), Phrase("address.two_devices"))
            if is_there:
                return settings
    raise VisitFailed(Phrase("address.nobody", unit_id=unit_id), Phrase("address.scan_first"))


def agreed(question: str) -> bool:
    """A person's yes, in either language. No person: no."""
    if not sys.stdin.isatty():
        return False
    return input(question + " ").strip().lower() in ("y", "yes", "是")


async def _open(port: str, settings: SerialSettings) -> Line:
    return await serial_opener(port, *settings)()


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _identity(port: str) -> str:
    """The port by what it is, so that the site file holds after the next power cut."""
    if usb.is_identity(port):
        return port
    found = [one for one in list_ports.comports() if one.device == port and one.vid is not None]
    if not found:
        return port
    serial = f":{found[0].serial_number}" if found[0].serial_number else ""
    return f"usb:{found[0].vid:04x}:{found[0].pid:04x}{serial}"


def _ports() -> str:
    return ", ".join(port.device for port in list_ports.comports()) or "-"


def _units(text: str) -> tuple[int, ...]:
    first, _, last = text.partition("-")
    if not first.isdecimal() or not (last or first).isdecimal() or not 1 <= int(first) <= int(last or first) <= 247:
        raise argparse.ArgumentTypeError(say("scan.bad_units", found=text))
    return tuple(range(int(first), int(last or first) + 1))


def _serial(text: str) -> SerialSettings:
    baud, _, parity = text.partition(",")
    if not baud.isdecimal() or not 300 <= int(baud) <= 1_000_000 or parity.upper() not in ("", "N", "E", "O"):
        raise argparse.ArgumentTypeError(say("scan.bad_serial", found=text))
    return SerialSettings(int(baud), parity.upper() or "N")
