"""Knows a boot's hardware on RP2040 and RP2350: why it came, slots and notes in the flash storage, the strap.

Compiled and type-checked only, never run on silicon.

Each reset but a power-on goes through the watchdog here (micropython: ports/rp2/modmachine.c, machine.reset() too), so
what tells them apart is a word in a scratch register of the watchdog, which keeps it until the power goes.
"""

import os
import time

import machine
from rp2 import Flash

from firmware.boards import layout
from firmware.boards.nor import BlockFlash
from firmware.boot import start
from firmware.boot.rp2 import carrier

_PAGE_BYTES = 256  # pico-sdk: hardware/flash.h
# SCRATCH0: RP2040 data sheet 4.7.6, RP2350 data sheet 12.9.7. The boot ROM and the SDK use 4 to 7.
_SCRATCH = 0x400D800C if "RP2350" in os.uname().machine else 0x4005800C
_WORD = 0x57540000  # "WT", and how the boot ended
_NAP_MS = 4000


class Rp2Port(start.Port):
    def __init__(self) -> None:
        plan = layout.parse(carrier.BOARD)
        self._strap = None if plan.strap is None else machine.Pin(plan.strap, machine.Pin.IN, machine.Pin.PULL_UP)
        self.gated = plan.gated
        regions = plan.regions
        if "slot_a" in regions and "slot_b" in regions and "notes" in regions:
            self.slots = (_flash(regions["slot_a"]), _flash(regions["slot_b"]))
            self.notes = _flash(regions["notes"])

    def last(self) -> int:
        word = machine.mem32[_SCRATCH]
        if machine.reset_cause() != machine.WDT_RESET:  # power came, or the RUN pin: a brown-out never counts
            return start.FRESH
        return word - _WORD if _WORD <= word <= _WORD + start.RAISED else start.WOKE

    def mark(self, end: int) -> None:
        machine.mem32[_SCRATCH] = _WORD + end

    def strap(self) -> bool:
        return self._strap is not None and not self._strap()

    def pause_ms(self, duration_ms: int) -> None:
        time.sleep_ms(duration_ms)

    def sleep_ms(self, duration_ms: int) -> None:
        while duration_ms > 0:
            machine.lightsleep(min(duration_ms, _NAP_MS))
            duration_ms -= _NAP_MS

    def reset(self) -> None:
        machine.reset()


def _flash(region: tuple[int, int]) -> BlockFlash:
    return BlockFlash(Flash(start=region[0], len=region[1]), _PAGE_BYTES, _unwatched)


def _unwatched() -> None:
    """No watchdog runs yet."""
