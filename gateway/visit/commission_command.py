"""Knows `watertower commission STATION|NODE`: its options, what it writes down, what it prints; knows no check."""

import argparse
import asyncio
import hashlib
import json
import os
import re
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gateway.machine.lines import LineLost
from gateway.messages import Phrase, language, of_file, say
from gateway.site import config
from gateway.site.config import Node, NodeBus, Site
from gateway.store.lives import fingerprint
from gateway.visit import site_file
from gateway.visit.asking import SerialSettings
from gateway.visit.commission import certificate, finding, page
from gateway.visit.commission.certificate import Bound
from gateway.visit.commission.course import Course
from gateway.visit.commission.finding import STEPS
from gateway.visit.commission.hands import Machine, Ports, SocketGateway, Technician
from gateway.visit.commission.notes import Notes
from gateway.visit.commission.plausible import MEDIA
from gateway.visit.commission.power_cut import Before
from gateway.visit.commission.visit import Visit
from gateway.visit.failure import VisitFailed
from gateway.whole_file import whole_file

_PATIENCE_S = 3600.0


def add(parser: argparse.ArgumentParser) -> None:
    site = site_file.usual()
    parser.add_argument("target", nargs="?", metavar="STATION|NODE", help=say("help.commission_target"))
    parser.add_argument("--site", type=Path, default=site, metavar="site.toml", help=say("help.commission_site"))
    parser.add_argument("--check", type=Path, metavar="FILE", help=say("help.commission_check"))
    parser.add_argument("--public-key", type=_key, metavar="HEX", help=say("help.public_key"))
    parser.add_argument("--skip", action="append", choices=STEPS, default=[], help=say("help.commission_skip"))
    parser.add_argument("--in", dest="media", action="append", type=_medium, default=[], metavar="SENSOR=water|air",
                        help=say("help.commission_in"))  # fmt: skip
    parser.add_argument(
        "--port", action="append", type=_pair, default=[], metavar="BUS=PORT", help=say("help.commission_port")
    )
    parser.add_argument("--serial", action="append", type=_pair, default=[], metavar="NAME=NUMBER",
                        help=say("help.commission_serial"))  # fmt: skip
    parser.add_argument("--volts", type=_volts, metavar="REST,LOAD", help=say("help.commission_volts"))
    parser.add_argument("--technician", default="", metavar="NAME", help=say("help.commission_technician"))
    parser.add_argument("--wait", type=float, default=_PATIENCE_S, metavar="SECONDS", help=say("help.commission_wait"))
    parser.add_argument("-o", dest="out", type=Path, metavar="FILE", help=say("help.commission_out"))
    parser.add_argument("--yes", action="store_true", help=say("help.commission_yes"))
    parser.add_argument("--json", action="store_true", help=say("help.commission_json"))


def run(args: argparse.Namespace) -> int:
    """0: nothing failed; 1: something did; 2: the command or the site file is wrong."""
    if args.check is not None:
        return _check(args.check, args.public_key)
    site = config.load(args.site)
    node = _target(site, args.target)
    # asyncio's own would only mark the task, and a question at the terminal would wait on
    signal.signal(signal.SIGINT, lambda number, frame: signal.default_int_handler(number, frame))
    try:
        return asyncio.run(_commission(args, site, node))
    except KeyboardInterrupt:
        print(say("commission.broken_off"), file=sys.stderr)
        return 1
    except LineLost as error:
        raise VisitFailed(Phrase("commission.no_port", reason=error), Phrase("commission.no_port_advice")) from error


def _target(site: Site, target: str | None) -> Node | None:
    if target is None or target == site.station.id:
        return None
    for node in site.nodes:
        if target in (node.name, str(node.id)):
            return node
    names = (site.station.id, *(node.name for node in site.nodes))
    raise VisitFailed(Phrase("commission.unknown_target", target=target), Phrase("commission.targets", names=names))


async def _commission(args: argparse.Namespace, site: Site, node: Node | None) -> int:
    gateway = SocketGateway(Path(site.control.socket))
    is_asked = not args.yes and not args.json and sys.stdin.isatty()
    ports = dict(args.port)
    if node is None and await gateway.status() is None:  # then its ports are free
        ports = {bus.id: bus.port for bus in site.buses if bus.port is not None} | ports
    lines: Sequence[config.Bus | NodeBus] = site.buses if node is None else node.buses
    settings = {bus.id: SerialSettings(bus.baud, bus.parity, bus.stop_bits) for bus in lines}
    if unknown := sorted(ports.keys() - settings.keys()):
        raise VisitFailed(
            Phrase("commission.unknown_bus", bus=unknown[0]), Phrase("commission.targets", names=tuple(settings))
        )
    direct = Ports(site, settings, ports)
    visit = Visit(
        site, node, gateway, Technician(is_asked), Machine(), asyncio.sleep,
        direct=direct.ask if ports else None, direct_buses=direct.buses, media=dict(args.media), volts=args.volts,
        serials=dict(args.serial), patience_s=args.wait,
    )  # fmt: skip
    out = args.out or site.folder / f"certificate-{visit.target}.html"
    _able(Path(site.store.key), out)
    notes = Notes(out.with_suffix(".part.json"))
    devices: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []

    def note(before: Before) -> None:
        notes.write(visit, course.findings, devices, before)

    course = Course(visit, args.skip, note)
    known = notes.read(visit)
    if known is None:
        await course.run()
        devices += [one.plain() for one in await _bound(visit, course)]
    else:
        visit.person.tell(Phrase("commission.goes_on", path=notes.path))
        visit.begun_ms, visit.first_seq, visit.since_ms = known.begun_ms, known.first_seq, known.since_ms
        devices += known.devices
        steps += known.findings
    await course.cut(None if known is None else known.before)
    steps += [one.plain() for one in course.findings]
    made = _write(args, site, visit, devices, steps, out)
    notes.forget()
    _show(made, out, args.json)
    is_proof = any(step["verdict"] == finding.PASSED for step in made["steps"])
    return 1 if made["verdict"] == finding.FAILED or not is_proof else 0


def _able(key: Path, out: Path) -> None:
    """VisitFailed: half an hour later there would be no certificate."""
    for path, mode in ((key, os.R_OK), (out.parent, os.W_OK)):
        if path.exists() and not os.access(path, mode):
            raise VisitFailed(Phrase("commission.not_signed", reason=path), Phrase("commission.as_root_advice"))


async def _bound(visit: Visit, course: Course) -> list[Bound]:
    """The devices that the certificate is about, with their serial numbers: read, told, or asked for."""
    found = []
    serials = {device.sensor.id: device.serial for device in course.devices}
    if visit.node is not None:
        number, source = await _told(visit, visit.node.name)
        key = fingerprint(visit.node.secret)
        found.append(Bound(visit.node.name, f"node {visit.node.id}", None, number or key, source if number else "key"))
    else:
        machine, source = _machine(), "read"
        found.append(Bound(visit.target, "gateway", None, machine, source if machine else "none"))
    for sensor in visit.sensors:
        read = serials.get(sensor.id)
        number, source = (read, "read") if read else await _told(visit, sensor.id)
        found.append(Bound(sensor.id, sensor.profile, sensor.unit_id, number, source))
    return found


async def _told(visit: Visit, name: str) -> tuple[str | None, str]:
    number = visit.serials.get(name) or await visit.person.write(Phrase("commission.ask_serial", name=name))
    return (number, "told") if number else (None, "none")


def _machine() -> str | None:
    """The board's own number; a PC has none, and nobody may know its machine-id."""
    try:
        return Path("/proc/device-tree/serial-number").read_text("ascii").strip("\0\n ") or None
    except (OSError, UnicodeError):
        return None


def _write(
    args: argparse.Namespace,
    site: Site,
    visit: Visit,
    devices: list[dict[str, Any]],
    steps: list[dict[str, Any]],
    out: Path,
) -> dict[str, Any]:
    station = {
        name: getattr(site.station, name) for name in ("id", "name", "name_zh", "latitude", "longitude", "altitude_m")
    }
    digest = hashlib.sha256(args.site.read_bytes()).hexdigest()
    plain = certificate.plain(
        station, visit.target, visit.begun_ms, visit.time.unix_ms(), args.technician, digest, devices, steps, _version()
    )
    try:
        made = certificate.signed(plain, Path(site.store.key))
        for path, text in ((out, page.render(made)), (out.with_suffix(".json"), json.dumps(made, ensure_ascii=False))):
            with whole_file(path) as beside:
                beside.write_text(text, "utf-8")
    except OSError as error:
        raise VisitFailed(
            Phrase("commission.not_signed", reason=of_file(error)), Phrase("commission.as_root_advice")
        ) from error
    return made


def _version() -> str:
    try:
        return version("watertower")
    except PackageNotFoundError:
        return "-"


def _show(made: dict[str, Any], out: Path, as_json: bool) -> None:
    if as_json:
        print(json.dumps(made, ensure_ascii=False))
        return
    lang = language()
    for step in made["steps"]:
        mark = say(f"commission.mark_{step['verdict']}")
        print(f"{mark}  {say('commission.step_' + step['step'])} · {step['subject']}: {step['seen'][lang]}")
        if step["advice"] is not None:
            print(f"    → {step['advice'][lang]}")
    print(say(f"commission.verdict_{made['verdict']}"))
    print(say("commission.written", path=out, also=out.with_suffix(".json")))


def _check(path: Path, public: bytes | None) -> int:
    """Whether a certificate is what a station signed."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        print(say("verify.unreadable", path=path, reason=error), file=sys.stderr)
        return 2
    wrong = certificate.differs(text, public)
    if wrong is not None:
        print(say(f"commission.check_{wrong}", path=path))
        return 1
    made = certificate.read(text)
    assert made is not None
    print(say("commission.check_sound", station=made["station"]["id"], target=made["target"], ended=made["ended"],
              verdict=say(f"commission.verdict_{made['verdict']}"), public=made["public"]))  # fmt: skip
    return 0


def _key(text: str) -> bytes:
    if re.fullmatch(r"[0-9A-Fa-f]{64}", text) is None:
        raise argparse.ArgumentTypeError(say("verify.not_hex"))
    return bytes.fromhex(text)


def _medium(text: str) -> tuple[str, str]:
    name, medium = _pair(text)
    if medium not in MEDIA:
        raise argparse.ArgumentTypeError(say("commission.bad_medium", found=medium))
    return name, medium


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals or not value:
        raise argparse.ArgumentTypeError(say("commission.bad_pair", found=text))
    return name, value


def _volts(text: str) -> tuple[float, float]:
    rest, _, load = text.partition(",")
    try:
        return float(rest), float(load)
    except ValueError:
        raise argparse.ArgumentTypeError(say("commission.bad_volts", found=text)) from None
