"""Knows what is the own of ESP32, S3 and C3: the journal's partition, pads in light sleep; the rest is in chip.py.

Compiled and type-checked only, never run on silicon.

The journal needs a data partition `journal` (at least three sectors of 4096 bytes, not encrypted) in the partition
table, updates need `slot_a`, `slot_b` and `notes`: stock images have none, firmware/boot/esp32/partitions.csv has all.
A carrier board pulls the modem's RX up: the UART's TX pad is not held in light sleep,
because taking it back as a GPIO would cut it off from the UART.
"""

import machine
from esp32 import Partition

from firmware.board import Board
from firmware.boards import chip
from firmware.boards.chip import ChipBoard
from firmware.boards.nor import BlockFlash
from firmware.config import ConfigError

_LABEL = "journal"
_WANTED = b"WT\x01"  # in RTC memory: firmware/boot/esp32/port.py, start.WOKE
_SIZE, _ENCRYPTED = 3, 5  # fields of Partition.info() (micropython: ports/esp32/esp32_partition.c)
_PAGE_BYTES = 1  # esp_partition_write() takes any number (same source); in an encrypted partition multiples of 16


class Esp32Board(ChipBoard):
    """Light sleep leaves a GPIO floating (esp-idf issue 12351, on an S3), so that a rail would fail in the middle of a
    warm-up: rails and directions are held meanwhile. ticks_ms() goes on, by an RC clock of the 5 % class
    (esp-idf issue 7284)."""

    target = "esp32"

    def _nap(self, duration_ms: int) -> None:
        self._hold(True)
        super()._nap(duration_ms)
        self._hold(False)

    def _adc_mv(self, pin: int) -> int:
        return int(machine.ADC(machine.Pin(pin), atten=machine.ADC.ATTN_11DB).read_uv() // 1000)

    def _forget_end(self) -> None:
        machine.RTC().memory(_WANTED)

    def _hold(self, on: bool) -> None:
        for number in self._outputs:
            self._outputs[number].init(hold=on)  # type: ignore[call-arg]  # ports/esp32/machine_pin.c; not in the stubs


def open_board() -> Board:
    """The board, from board.json. ConfigError says what doesn't fit."""
    plan = chip.read_layout()
    for name in plan.regions:
        raise ConfigError("board.json: %s: not on an ESP32, which keeps it in the partition %r" % (name, name))
    journal = _partition(_LABEL, 3)
    if journal is None:
        raise ConfigError("partition table: no data partition %r" % _LABEL)
    board = Esp32Board(plan, journal, _PAGE_BYTES)
    found = []
    for label in ("settings", "notes", "slot_a", "slot_b"):
        partition = _partition(label, 2)
        found.append(None if partition is None else BlockFlash(partition, _PAGE_BYTES, board.alive))
    board.settings, board.notes = found[0], found[1]
    if found[2] is not None and found[3] is not None:
        board.slots = (found[2], found[3])
    return board


def _partition(label: str, sectors: int) -> Partition | None:
    """None: there is none. ConfigError: it can't be used."""
    found = Partition.find(Partition.TYPE_DATA, label=label)
    if not found:
        return None
    partition: Partition = found[0]
    info = partition.info()
    if info[_ENCRYPTED]:
        raise ConfigError("partition table: %r is encrypted" % label)
    if info[_SIZE] < sectors * 4096:
        raise ConfigError("partition table: %r has %d bytes" % (label, info[_SIZE]))
    return partition
