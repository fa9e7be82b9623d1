"""Knows what is the own of ESP32, S3 and C3: the journal's partition, pads in light sleep; the rest is in chip.py.

Compiled and type-checked only, never run on silicon.

The journal needs a data partition `journal` (at least three sectors of 4096 bytes, not encrypted) in the partition
table: stock images have none. A carrier board pulls the modem's RX up: the UART's TX pad is not held in light sleep,
because taking it back as a GPIO would cut it off from the UART.
"""

from esp32 import Partition

from firmware.board import Board
from firmware.boards import chip
from firmware.boards.chip import ChipBoard
from firmware.config import ConfigError

_LABEL = "journal"
_SIZE, _ENCRYPTED = 3, 5  # fields of Partition.info() (micropython: ports/esp32/esp32_partition.c)
_PAGE_BYTES = 1  # esp_partition_write() takes any number (same source); in an encrypted partition multiples of 16


class Esp32Board(ChipBoard):
    """Light sleep leaves a GPIO floating (esp-idf issue 12351, on an S3), so that a rail would fail in the middle of a
    warm-up: rails and directions are held meanwhile. ticks_ms() goes on, by an RC clock of the 5 % class
    (esp-idf issue 7284)."""

    def _nap(self, duration_ms: int) -> None:
        self._hold(True)
        super()._nap(duration_ms)
        self._hold(False)

    def _hold(self, on: bool) -> None:
        for number in self._outputs:
            self._outputs[number].init(hold=on)  # type: ignore[call-arg]  # ports/esp32/machine_pin.c; not in the stubs


def open_board() -> Board:
    """The board, from board.json. ConfigError says what doesn't fit."""
    plan = chip.read_layout()
    if plan.journal is not None:
        raise ConfigError("board.json: journal: not on an ESP32, which keeps it in the partition %r" % _LABEL)
    return Esp32Board(plan, _partition(), _PAGE_BYTES)


def _partition() -> Partition:
    found = Partition.find(Partition.TYPE_DATA, label=_LABEL)
    if not found:
        raise ConfigError("partition table: no data partition %r" % _LABEL)
    partition: Partition = found[0]
    info = partition.info()
    if info[_ENCRYPTED]:
        raise ConfigError("partition table: %r is encrypted" % _LABEL)
    if info[_SIZE] < 3 * 4096:
        raise ConfigError("partition table: %r has %d bytes" % (_LABEL, info[_SIZE]))
    return partition
