"""Knows what keeps a serial port from its gateway: not there, not allowed, somebody else on it; opens none."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from gateway.machine import usb
from gateway.machine.doctor.complaint import Complaint, look, wrong
from gateway.machine.doctor.eyes import Eyes, Process
from gateway.machine.install.pieces import USER, ports
from gateway.messages import Phrase
from gateway.site.config import Site


def complaints(site: Site, eyes: Eyes) -> Iterator[Complaint]:
    for name, port in ports(site).items():
        try:
            device = Path(usb.find(port, eyes.ports())) if usb.is_identity(port) else Path(port)
        except usb.NoSuchPort as error:
            yield wrong("ports", name, Phrase("doctor.no_port", reason=error), Phrase("doctor.no_port_advice"))
            continue
        yield from _of_port(name, port, device, eyes)
    if ports(site) and eyes.runs("ModemManager") and eyes.text("/etc/udev/rules.d/70-watertower.rules") is None:
        yield look("ports", "ModemManager", Phrase("doctor.modem_manager"), Phrase("doctor.modem_manager_advice"))


def _of_port(name: str, port: str, device: Path, eyes: Eyes) -> Iterator[Complaint]:
    try:
        state = device.stat()
    except OSError as error:
        there = tuple(one.device for one in eyes.ports()) or ("-",)
        seen = Phrase("doctor.missing_port", port=port, reason=error, there=there)
        yield wrong("ports", name, seen, Phrase("doctor.no_port_advice"))
        return
    if not stat.S_ISCHR(state.st_mode):
        yield wrong("ports", name, Phrase("doctor.no_device", port=port), Phrase("doctor.no_device_advice"))
        return
    if not os.access(device, os.R_OK | os.W_OK):
        seen = Phrase("doctor.no_right", port=device, group=_group(state.st_gid))
        yield wrong("ports", name, seen, Phrase("doctor.no_right_advice", group=_group(state.st_gid), user=USER))
    others = eyes.holders(device)
    gateways = [one for one in others if one.is_gateway]
    strangers = [one for one in others if not one.is_gateway]
    if len(gateways) > 1:
        seen = Phrase("doctor.two_gateways", port=device, pids=tuple(one.pid for one in gateways))
        yield wrong("ports", name, seen, Phrase("doctor.two_gateways_advice"))
    if strangers:
        seen = Phrase("doctor.shared_port" if gateways else "doctor.busy_port", port=device, who=_who(strangers))
        yield wrong("ports", name, seen, Phrase("doctor.busy_port_advice", who=_who(strangers)))
    if port.startswith(("/dev/ttyUSB", "/dev/ttyACM")):
        yield look("ports", name, Phrase("doctor.unnamed", port=port), Phrase("doctor.unnamed_advice", port=port))


def _who(processes: list[Process]) -> tuple[str, ...]:
    return tuple(f"{one.name} ({one.pid})" for one in processes)


def _group(number: int) -> str:
    import grp

    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
