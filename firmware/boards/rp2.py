"""Knows what is the own of RP2040 and RP2350: the journal's place in the flash storage; the rest is in chip.py.

Compiled and type-checked only, never run on silicon.

Light sleep costs 0.99 mA on a Pico (micropython PR 8832): for years on a battery an external timer gates the supply.
ticks_ms() goes on in it, by the crystal (ports/rp2/modmachine.c keeps the timer's clock). A GPIO keeps its level.

The regions lie in the same flash storage as the file system, so board.json gives their places, from the storage's
start, and the file system must have been made smaller. MicroPython's _boot.py always mounts the whole storage, and
formats it when that fails, which a smaller file system makes it do: firmware/boot/rp2/_boot.py takes its place.
"""

import os

import machine
from rp2 import Flash

from firmware.board import Board
from firmware.boards import chip
from firmware.boards.chip import ChipBoard
from firmware.boards.nor import BlockFlash
from firmware.config import ConfigError

_PAGE_BYTES = 256  # FLASH_PAGE_SIZE: flash_range_program() takes whole pages (pico-sdk: hardware/flash.h)


# The watchdog's SCRATCH0, by which firmware/boot/rp2/port.py knows how a boot ended: RP2040 data sheet 4.7.6, RP2350
# data sheet 12.9.7. It was wanted: 1, start.WOKE.
_SCRATCH = 0x400D800C if "RP2350" in os.uname().machine else 0x4005800C
_WANTED = 0x57540001


class Rp2Board(ChipBoard):
    """Its ADC has no calibration: some per cent off."""

    target = "rp2"

    def temperature_dc(self) -> int | None:
        """The clock's, else the chip's own, next to the battery on most carriers: RP2040 data sheet 4.9.5; some degrees
        off."""
        dc = super().temperature_dc()
        if dc is not None:
            return dc
        uv = machine.ADC(4).read_u16() * 3_300_000 // 0xFFFF
        return 270 - (uv - 706_000) * 10 // 1721

    def _forget_end(self) -> None:
        machine.mem32[_SCRATCH] = _WANTED


def open_board() -> Board:
    """The board, from board.json. ConfigError says what doesn't fit."""
    plan = chip.read_layout()
    if plan.journal is None:
        raise ConfigError("board.json: journal: missing")
    occupied = _file_system_bytes()
    for name in plan.regions:
        if plan.regions[name][0] < occupied:
            raise ConfigError("board.json: %s.start: %d lies in the file system" % (name, plan.regions[name][0]))
    board = Rp2Board(plan, _region("journal", plan.journal), _PAGE_BYTES)
    found = {}
    for name in plan.regions:
        found[name] = BlockFlash(_region(name, plan.regions[name]), _PAGE_BYTES, board.alive)
    board.settings = found.get("settings")
    board.notes = found.get("notes")
    if "slot_a" in found and "slot_b" in found:
        board.slots = (found["slot_a"], found["slot_b"])
    return board


def _region(name: str, region: tuple[int, int]) -> Flash:
    try:
        return Flash(start=region[0], len=region[1])
    except ValueError:  # ports/rp2/rp2_flash.c
        raise ConfigError("board.json: %s: %d bytes at %d don't fit the flash storage" % (name, region[1], region[0]))


def _file_system_bytes() -> int:
    """How much of the storage the mounted file system takes, from its start; nothing where none is."""
    try:
        status = os.statvfs("/")
    except OSError:
        return 0
    return int(status[1] * status[2])  # f_frsize, f_blocks (micropython: docs/library/os.rst)
