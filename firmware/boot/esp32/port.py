"""Knows a boot's hardware on ESP32, S3 and C3: why it came, slots and notes in partitions, the strap.

Compiled and type-checked only, never run on silicon.
"""

import os
import time

import machine
from esp32 import Partition

from firmware.boards import layout
from firmware.boards.nor import BlockFlash
from firmware.boot import start
from firmware.boot.esp32 import carrier

# The reset cause as the chip keeps it; machine.reset_cause() calls a brown-out a watchdog (micropython:
# ports/esp32/modmachine.c). RTC_CNTL_RESET_STATE_REG, low six bits: DR_REG_RTCCNTL_BASE + 0x34 or 0x38 (esp-idf:
# components/soc/<chip>/include/soc/reg_base.h or soc.h, rtc_cntl_reg.h). Causes: the same place, reset_reasons.h,
# SYS_BROWN_OUT and, where there is one, CORE_PWR_GLITCH. Other chips: not told apart.
_RESET_STATE = (("ESP32S3", 0x60008038), ("ESP32C3", 0x60008038), ("ESP32", 0x3FF48034))
_SUPPLY = (0x0F, 0x17)
_MARK = b"WT"  # in RTC memory, before how the boot ended


class Esp32Port(start.Port):
    def __init__(self) -> None:
        plan = layout.parse(carrier.BOARD)
        self._strap = None if plan.strap is None else machine.Pin(plan.strap, machine.Pin.IN, machine.Pin.PULL_UP)
        self.gated = plan.gated
        regions = [Partition.find(Partition.TYPE_DATA, label=label) for label in ("slot_a", "slot_b", "notes")]
        if all(regions):
            flashes = [BlockFlash(found[0], 1, _unwatched) for found in regions]
            self.slots = (flashes[0], flashes[1])
            self.notes = flashes[2]

    def last(self) -> int:
        cause = machine.reset_cause()
        if cause == machine.PWRON_RESET or _was_supply():
            return start.FRESH
        if cause == machine.DEEPSLEEP_RESET:
            return start.WOKE
        kept = machine.RTC().memory()
        return kept[2] if len(kept) == 3 and kept[:2] == _MARK else start.WOKE

    def mark(self, end: int) -> None:
        machine.RTC().memory(_MARK + bytes((end,)))

    def strap(self) -> bool:
        return self._strap is not None and not self._strap()

    def pause_ms(self, duration_ms: int) -> None:
        time.sleep_ms(duration_ms)

    def sleep_ms(self, duration_ms: int) -> None:
        machine.lightsleep(duration_ms)

    def reset(self) -> None:
        machine.reset()


def _was_supply() -> bool:
    chip = os.uname().machine
    for name, register in _RESET_STATE:
        if name in chip:
            return bool(machine.mem32[register] & 0x3F in _SUPPLY)
    return False


def _unwatched() -> None:
    """No watchdog runs yet."""
