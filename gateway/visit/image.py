"""Knows what an interpreter image says of itself: for which chip, where it goes, whether it would format; writes none.

Two forms: UF2 for RP2040 and RP2350 (microsoft/uf2: README.md), and Espressif's application image, which MicroPython's
build merges with bootloader and partition table into one `firmware.bin` (esp-idf: docs/en/api-reference/system/
app_image_format.rst).
"""

import hashlib
import struct
from typing import NamedTuple

from gateway.messages import Phrase
from gateway.visit.failure import VisitFailed

UF2_BLOCK = 512
_UF2_START, _UF2_SECOND, _UF2_END = 0x0A324655, 0x9E5D5157, 0x0AB16F30
_UF2_NOT_FLASH, _UF2_HAS_FAMILY = 0x00000001, 0x00002000
UF2_PAYLOAD = 32, 476
# microsoft/uf2: utils/uf2families.json. The last one only tells the RP2350 to mark a block bad (errata E10).
FAMILIES = {0xE48BFF56: "RP2040", 0xE48BFF59: "RP2350", 0xE48BFF5A: "RP2350", 0xE48BFF5B: "RP2350"}
_FAMILY_ABSOLUTE = 0xE48BFF57
XIP_BASE = 0x10000000  # where flash appears: RP2040 datasheet 2.2, RP2350 datasheet 2.2

_ESP_MAGIC = 0xE9
_ESP_CHIP_AT = 12  # chip_id u16, of the extended header
# espressif/esptool: esptool/targets, IMAGE_CHIP_ID and BOOTLOADER_FLASH_OFFSET
ESP_CHIPS = {
    0: ("ESP32", 0x1000),
    2: ("ESP32-S2", 0x1000),
    5: ("ESP32-C3", 0x0),
    9: ("ESP32-S3", 0x0),
    12: ("ESP32-C2", 0x0),
    13: ("ESP32-C6", 0x0),
}
_TABLE_AT = 0x8000  # where an Espressif partition table lies in flash, and how one of its entries begins
_TABLE_MAGIC = b"\xaa\x50"

TARGETS = {"RP2040": "rp2", "RP2350": "rp2"}  # the others are "esp32": a node's `board` in the site file
_OWN = {"rp2": b"firmware/boot/rp2/port.py", "esp32": b"firmware/boot/esp32/port.py"}


class Run(NamedTuple):
    """Bytes that lie in one piece, `address` as in flash."""

    address: int
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


class Image(NamedTuple):
    """`chip`: "RP2040", "ESP32-S3" .. `own`: built with firmware/boot/manifest_*.py, so that it never formats."""

    name: str
    chip: str
    content: bytes
    runs: tuple[Run, ...]
    own: bool

    @property
    def target(self) -> str:
        return target_of(self.chip)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def target_of(chip: str) -> str:
    """Which kind of board a chip is in the site file."""
    return TARGETS.get(chip, "esp32")


def read(name: str, content: bytes) -> Image:
    """What the file is. VisitFailed: no image that we know."""
    if content[:4] == struct.pack("<I", _UF2_START):
        chip, runs = _uf2(name, content)
    elif content[:1] == bytes((_ESP_MAGIC,)):
        chip, runs = _esp(name, content)
    else:
        raise VisitFailed(Phrase("image.unknown", name=name), Phrase("image.which"))
    own = any(_OWN[target_of(chip)] in run.content for run in runs)
    return Image(name, chip, content, runs, own)


def _uf2(name: str, content: bytes) -> tuple[str, tuple[Run, ...]]:
    damaged = VisitFailed(Phrase("image.damaged", name=name), Phrase("image.again"))
    if not content or len(content) % UF2_BLOCK:
        raise damaged
    chips: set[str] = set()
    blocks: dict[int, bytes] = {}
    told = -1
    for at in range(0, len(content), UF2_BLOCK):
        block = content[at : at + UF2_BLOCK]
        start, second, flags, address, count, number, total, family = struct.unpack_from("<8I", block)
        if (start, second) != (_UF2_START, _UF2_SECOND) or struct.unpack_from("<I", block, 508) != (_UF2_END,):
            raise damaged
        if flags & _UF2_NOT_FLASH or family == _FAMILY_ABSOLUTE:
            continue
        if count > UF2_PAYLOAD[1] or not flags & _UF2_HAS_FAMILY or number >= total:
            raise damaged
        told = max(told, total)
        chips.add(FAMILIES.get(family, f"{family:08x}"))
        blocks[address] = block[UF2_PAYLOAD[0] : UF2_PAYLOAD[0] + count]
    if len(blocks) != told:
        raise damaged
    if len(chips) != 1 or not chips <= set(FAMILIES.values()):
        found = ", ".join(sorted(chips))
        raise VisitFailed(Phrase("image.other_family", name=name, found=found), Phrase("image.which"))
    return chips.pop(), _joined(blocks)


def _joined(blocks: dict[int, bytes]) -> tuple[Run, ...]:
    runs: list[tuple[int, list[bytes], int]] = []
    for address in sorted(blocks):
        piece = blocks[address]
        if runs and runs[-1][2] == address:
            start, pieces, _ = runs.pop()
            runs.append((start, [*pieces, piece], address + len(piece)))
        else:
            runs.append((address, [piece], address + len(piece)))
    return tuple(Run(start, b"".join(pieces)) for start, pieces, _ in runs)


def _esp(name: str, content: bytes) -> tuple[str, tuple[Run, ...]]:
    if len(content) < 24:
        raise VisitFailed(Phrase("image.damaged", name=name), Phrase("image.again"))
    (chip_id,) = struct.unpack_from("<H", content, _ESP_CHIP_AT)
    if chip_id not in ESP_CHIPS:
        raise VisitFailed(Phrase("image.other_family", name=name, found=chip_id), Phrase("image.which"))
    chip, offset = ESP_CHIPS[chip_id]
    table = _TABLE_AT - offset
    if content[table : table + 2] != _TABLE_MAGIC:  # an application alone, which does not start without the rest
        raise VisitFailed(Phrase("image.no_table", name=name), Phrase("image.merged"))
    return chip, (Run(offset, content),)
