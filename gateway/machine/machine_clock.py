"""Knows what Linux says of its own time: whether it is synchronised, what a clock chip has, which boot it is; knows no
store.
"""

import ctypes
import time
from pathlib import Path

_UNSYNCHRONISED = 0x0040  # STA_UNSYNC, linux/timex.h
_ERROR = 5  # TIME_ERROR, what adjtimex returns while the clock is not synchronised
_STATUS_AT = 5 * ctypes.sizeof(ctypes.c_long)  # struct timex: modes (padded), offset, freq, maxerror, esterror, status
_TIMEX_BYTES = 512  # more than the structure has on any machine
_CHIP_S = 5  # how far a clock chip, which counts whole seconds, may be from the time that was taken from it; ours

_CHIP = Path("/sys/class/rtc/rtc0/since_epoch")
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def is_synchronised() -> bool:
    """Whether NTP, PTP or GPS disciplines the machine's clock now. A clock set by hand is not (the kernel forgets its
    synchronisation with each setting), nor one that a machine without a clock chip has restored from a file."""
    status = ctypes.create_string_buffer(_TIMEX_BYTES)
    try:
        state = ctypes.CDLL(None).adjtimex(status)  # modes 0: only asks
    except (AttributeError, OSError):
        return False
    flags = ctypes.c_int.from_buffer(status, _STATUS_AT).value
    return state not in (-1, _ERROR) and not flags & _UNSYNCHRONISED


def agrees_with_chip(unix_ms: int, chip: Path = _CHIP) -> bool:
    """Whether there is a clock chip that runs without the machine's power, and has this time."""
    try:
        chip_s = int(chip.read_text())
    except (OSError, ValueError):
        return False
    return abs(chip_s - unix_ms // 1000) <= _CHIP_S


def boot_id() -> str:
    """Another text after each start of the machine."""
    try:
        return _BOOT.read_text().strip()
    except OSError:  # no Linux: each boot began at another time
        return f"about {round((time.time() - time.monotonic()) / 600)}"
