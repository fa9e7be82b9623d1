"""Knows what may ail the machine under a gateway: its power, its time, its disk, its services; changes nothing."""

import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from gateway.machine.doctor.complaint import Complaint, look, wrong
from gateway.machine.doctor.eyes import Eyes
from gateway.machine.install.pieces import GATEWAY, PAGE, UNITS
from gateway.machine.install.unit_word import first
from gateway.machine.machine_clock import agrees_with_chip, is_synchronised
from gateway.messages import Phrase
from gateway.ports import is_plausible
from gateway.site.config import Site

_LITTLE = 512 << 20  # bytes; ours
_WORN = 8  # of 11 tenths of its life: JESD84-B51, DEVICE_LIFE_TIME_EST
_MUCH_A_DAY = 2 << 30  # bytes written: with 300 cycles and tenfold amplification 32 GB last 15 months; ours
_DAY_S = 86_400

# Bits of `vcgencmd get_throttled` (raspberrypi.com, os.html): now, and since the start.
_THROTTLED = ((0x1, "undervoltage_now", wrong), (0x4, "throttled_now", look), (0x8, "hot_now", look),
              (0x10000, "undervoltage_was", wrong), (0x80000, "hot_was", look))  # fmt: skip


def power(eyes: Eyes) -> Iterator[Complaint]:
    said = eyes.said(["vcgencmd", "get_throttled"])
    found = re.fullmatch(r"throttled=(0x[0-9a-fA-F]+)", said or "")
    if found is None:
        return
    yield from throttled(int(found[1], 16))


def throttled(bits: int) -> Iterator[Complaint]:
    for bit, key, how in _THROTTLED:
        if bits & bit:
            kind = key.rpartition("_")[0]
            yield how("power", "-", Phrase(f"doctor.{key}"), Phrase(f"doctor.{kind}_advice"))
            if kind == "undervoltage":
                return


def service(eyes: Eyes) -> Iterator[Complaint]:
    """The gateway's unit; that of the page only where it is there."""
    for name in (GATEWAY, PAGE):
        if not eyes.at(f"{UNITS}/{name}").exists():
            if name == GATEWAY:
                yield wrong("service", name, Phrase("doctor.no_unit"), Phrase("doctor.no_unit_advice"))
            continue
        if not eyes.at(f"{UNITS}/multi-user.target.wants/{name}").is_symlink():
            yield wrong("service", name, Phrase("doctor.not_enabled"), Phrase("doctor.not_enabled_advice", unit=name))
        state = eyes.said(["systemctl", "is-active", name])
        if state is not None and state not in ("active", "activating", ""):
            seen = Phrase("doctor.not_active", state=state)
            yield wrong("service", name, seen, Phrase("doctor.not_active_advice", unit=name))
        command = re.search(r"^ExecStart=(.+)", eyes.text(f"{UNITS}/{name}") or "", re.M)
        program = None if command is None else first(command[1])
        if program is not None and not os.access(eyes.at(program), os.X_OK):
            seen = Phrase("doctor.no_program", program=program)
            yield wrong("service", name, seen, Phrase("doctor.no_program_advice"))


def clock(unix_ms: int, is_set: bool, has_chip: bool, chip_agrees: bool) -> Iterator[Complaint]:
    """`is_set`: by NTP, PTP or GPS; `has_chip`: there is a clock chip."""
    now = f"{datetime.fromtimestamp(unix_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    if not is_plausible(unix_ms):
        yield wrong("clock", "-", Phrase("doctor.no_time", now=now), Phrase("doctor.clock_advice"))
    elif not is_set and has_chip and not chip_agrees:
        yield wrong("clock", "-", Phrase("doctor.chip_differs", now=now), Phrase("doctor.chip_differs_advice"))
    elif not is_set and not has_chip:
        yield wrong("clock", "-", Phrase("doctor.untrusted", now=now), Phrase("doctor.clock_advice"))
    elif not has_chip:
        yield look("clock", "-", Phrase("doctor.no_chip"), Phrase("doctor.no_chip_advice"))


def clock_here(unix_ms: int, eyes: Eyes) -> Iterator[Complaint]:
    chip = eyes.at("/sys/class/rtc/rtc0/since_epoch")
    return clock(unix_ms, is_synchronised(), chip.exists(), agrees_with_chip(unix_ms, chip))


# --- disk ---


def disk(site: Site, eyes: Eyes) -> Iterator[Complaint]:
    folder = Path(site.store.path).parent
    try:
        left = shutil.disk_usage(folder).free
    except PermissionError as error:
        yield look("disk", str(folder), Phrase("doctor.no_access", reason=error), Phrase("doctor.as_root_advice"))
        return
    except OSError:
        yield wrong("disk", str(folder), Phrase("doctor.no_folder"), Phrase("doctor.no_folder_advice"))
        return
    reserve = site.store.disk_reserve_mib << 20
    if left <= reserve:
        seen = Phrase("doctor.disk_full", mib=left >> 20, reserve=reserve >> 20)
        yield wrong("disk", str(folder), seen, Phrase("doctor.disk_full_advice"))
    elif left < reserve + _LITTLE:
        yield look("disk", str(folder), Phrase("doctor.disk_low", mib=left >> 20), Phrase("doctor.disk_full_advice"))
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        yield wrong("disk", str(folder), Phrase("doctor.read_only"), Phrase("doctor.read_only_advice"))
    yield from wear(eyes)


def wear(eyes: Eyes) -> Iterator[Complaint]:
    """What cards say of their own age, and how much is written to them."""
    for path in sorted(eyes.at("/sys/fs/ext4").glob("*/errors_count")):
        count = path.read_text().strip()
        if count not in ("0", ""):
            seen = Phrase("doctor.disk_errors", count=count)
            yield wrong("disk", path.parent.name, seen, Phrase("doctor.read_only_advice"))
    for path in sorted(eyes.at("/sys/block").glob("mmcblk*")):
        age = path / "device" / "life_time"  # two estimates in tenths, of eMMC and some SD cards
        if age.exists():
            tenths = max((int(one, 16) for one in age.read_text().split()), default=0)
            if tenths >= _WORN:
                seen = Phrase("doctor.worn", percent=min(10 * tenths, 100))
                yield look("disk", path.name, seen, Phrase("doctor.worn_advice"))
        yield from _writes(path, eyes)


def _writes(path: Path, eyes: Eyes) -> Iterator[Complaint]:
    """Sectors written since the start: Documentation/block/stat.rst, field 7, of 512 bytes."""
    up = eyes.text("/proc/uptime")
    try:
        written = int((path / "stat").read_text().split()[6]) * 512
        up_s = float((up or "").split()[0])
    except (OSError, ValueError, IndexError):
        return
    a_day = written * _DAY_S / max(up_s, 1.0)
    if up_s > _DAY_S and a_day > _MUCH_A_DAY:
        seen = Phrase("doctor.writes", gib=f"{a_day / (1 << 30):.1f}")
        yield look("disk", path.name, seen, Phrase("doctor.writes_advice"))
