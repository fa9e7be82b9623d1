"""Knows what is the own of RP2040 and RP2350: the journal's place in the flash storage; the rest is in chip.py.

Compiled and type-checked only, never run on silicon.

Light sleep costs 0.99 mA on a Pico (micropython PR 8832): for years on a battery an external timer gates the supply.
ticks_ms() goes on in it, by the crystal (ports/rp2/modmachine.c keeps the timer's clock). A GPIO keeps its level.

The journal lies in the same flash storage as the file system, so board.json gives its place, from the storage's start,
and the file system must have been made smaller. The stock _boot.py always mounts the whole storage, and formats it when
that fails, which a smaller file system makes it do: it needs a _boot.py of its own.
"""

import os

from rp2 import Flash

from firmware.board import Board
from firmware.boards import chip
from firmware.boards.chip import ChipBoard
from firmware.config import ConfigError

_PAGE_BYTES = 256  # FLASH_PAGE_SIZE: flash_range_program() takes whole pages (pico-sdk: hardware/flash.h)


def open_board() -> Board:
    """The board, from board.json. ConfigError says what doesn't fit."""
    plan = chip.read_layout()
    if plan.journal is None:
        raise ConfigError("board.json: journal: missing")
    start, size = plan.journal
    if start < _file_system_bytes():
        raise ConfigError("board.json: journal.start: %d lies in the file system" % start)
    try:
        region = Flash(start=start, len=size)
    except ValueError:  # ports/rp2/rp2_flash.c
        raise ConfigError("board.json: journal: %d bytes at %d don't fit the flash storage" % (size, start))
    return ChipBoard(plan, region, _PAGE_BYTES)


def _file_system_bytes() -> int:
    """How much of the storage the mounted file system takes, from its start."""
    status = os.statvfs("/")
    return int(status[1] * status[2])  # f_frsize, f_blocks (micropython: docs/library/os.rst)
