"""Knows how an image looks from outside, around no program at all: what a simulated board is given where no real image
is at hand; knows no board."""

import hashlib
import random
import struct

_PAGE = 256
_SEAL = b"pretended"
UF2_FAMILIES = {"RP2040": 0xE48BFF56, "RP2350": 0xE48BFF59}  # microsoft/uf2: utils/uf2families.json
ESP_IDS = {"ESP32": 0, "ESP32-S3": 9, "ESP32-C3": 5}  # espressif/esptool: IMAGE_CHIP_ID
_OWN = {"rp2": b"firmware/boot/rp2/port.py", "esp32": b"firmware/boot/esp32/port.py"}  # as firmware/boot's manifests do


def image(chip: str, own: bool = True, kib: int = 300, seed: int = 1) -> bytes:
    """An image for this chip; `own`: as if built with a manifest of firmware/boot."""
    filling = random.Random(seed).randbytes(64) * (16 * kib)
    if chip in UF2_FAMILIES:
        return uf2((_OWN["rp2"] if own else b"") + filling, UF2_FAMILIES[chip])
    return esp(ESP_IDS[chip], (_OWN["esp32"] if own else b"") + filling)


def uf2(content: bytes, family: int, start: int = 0x10000000) -> bytes:
    """Blocks of one page each, as picotool makes them (microsoft/uf2: README.md)."""
    pages = [content[at : at + _PAGE].ljust(_PAGE, b"\0") for at in range(0, len(content), _PAGE)]
    blocks = []
    for number, page in enumerate(pages):
        head = (0x0A324655, 0x9E5D5157, 0x2000, start + _PAGE * number, _PAGE, number, len(pages), family)
        blocks.append(struct.pack("<8I", *head) + page.ljust(476, b"\0") + struct.pack("<I", 0x0AB16F30))
    return b"".join(blocks)


def starts(flash: bytes | bytearray) -> bool:
    """Whether a pretended application is whole in an ESP32's flash: a real bootloader knows by a digest, too."""
    at = 0x10000 + len(_SEAL)
    length = int.from_bytes(flash[at : at + 4], "big")
    content = flash[at + 36 : at + 36 + length]
    return flash[0x10000:at] == _SEAL and hashlib.sha256(content).digest() == flash[at + 4 : at + 36]


def esp(chip_id: int, content: bytes = b"") -> bytes:
    """Bootloader, partition table, application (esp-idf: docs/en/api-reference/system/app_image_format.rst)."""
    offset = 0x1000 if chip_id == 0 else 0
    seal = _SEAL + len(content).to_bytes(4, "big") + hashlib.sha256(content).digest()
    whole = bytearray(b"\xff" * (0x10000 - offset) + seal + content)
    whole[:24] = b"\xe9\x01\x02\x20" + bytes(8) + struct.pack("<H", chip_id) + bytes(10)
    whole[0x8000 - offset : 0x8000 - offset + 2] = b"\xaa\x50"
    return bytes(whole)
