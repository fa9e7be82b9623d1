"""Knows a slot's archive as files to import from, read-only; knows no note and no link.

A file is checked against its SHA-256 each time it is opened: what has rotted is an error, not code. Nothing is kept in
memory but the manifest.
"""

import hashlib
import io

from protocols import update
from protocols.errors import FrameError

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from collections.abc import Iterator

    from firmware.board import Flash

_FOLDER, _FILE = 0x4000, 0x8000  # S_IFDIR, S_IFREG
_ENOENT, _EIO, _EROFS = 2, 5, 30
_CHUNK = 256
_CLOSE, _BUFFER_SIZE = 4, 11  # ioctl requests of a stream (micropython: py/stream.h)


def open_slot(flash: "Flash", fingerprint: bytes) -> "SlotFiles | None":
    """The files of a slot; None where it does not hold the archive with this fingerprint."""
    try:
        count = update.manifest_bytes(flash.read(0, update.HEAD_BYTES))
        if update.HEAD_BYTES + count > flash.sectors * flash.sector_bytes:
            return None
        manifest = flash.read(update.HEAD_BYTES, count)
    except FrameError:
        return None
    return SlotFiles(flash, manifest) if update.fingerprint(manifest) == fingerprint else None


def is_sound(flash: "Flash", at: int, length: int, digest: bytes) -> bool:
    """Reads a part back, in chunks."""
    found = hashlib.sha256()
    end = at + length
    while at < end:
        count = min(_CHUNK, end - at)
        found.update(flash.read(at, count))
        at += count
    return bool(found.digest() == digest)


class SlotFiles:
    """What MicroPython's vfs.mount() takes (docs/library/vfs.rst): enough to import from."""

    def __init__(self, flash: "Flash", manifest: bytes) -> None:
        self._flash = flash
        self._manifest = manifest
        self._start = update.HEAD_BYTES + len(manifest) + update.SEAL_BYTES

    def mount(self, readonly: bool, mkfs: bool) -> None:
        if mkfs:
            raise OSError(_EROFS)

    def umount(self) -> None:
        pass

    def stat(self, path: str) -> "tuple[int, ...]":
        path = path.strip("/")
        part = update.find(self._manifest, path)
        if part is not None:
            return (_FILE, 0, 0, 0, 0, 0, part[1], 0, 0, 0)
        if path and not self._is_folder(path):
            raise OSError(_ENOENT)
        return (_FOLDER, 0, 0, 0, 0, 0, 0, 0, 0, 0)

    def _is_folder(self, path: str) -> bool:
        """Whether a part's path begins with it: the byte before is that path's length, which is no letter."""
        name = path.encode() + b"/"
        at = self._manifest.find(name)
        while at > 0:
            if self._manifest[at - 1] <= update.MAX_PATH:
                return True
            at = self._manifest.find(name, at + 1)
        return False

    def ilistdir(self, path: str) -> "Iterator[tuple[str, int, int]]":
        inside = path.strip("/") + "/" if path.strip("/") else ""
        before = ""
        for name, _, _, _ in update.walk(self._manifest):
            if name.startswith(inside):
                name, slash, _ = name[len(inside) :].partition("/")
                if name != before:
                    yield name, _FOLDER if slash else _FILE, 0
                before = name

    def open(self, path: str, mode: str) -> "SlotFile":
        part = update.find(self._manifest, path.strip("/"))
        if part is None:
            raise OSError(_ENOENT)
        if "w" in mode or "a" in mode or "+" in mode:
            raise OSError(_EROFS)
        start, length, digest = part
        if not is_sound(self._flash, self._start + start, length, digest):
            raise OSError(_EIO)
        return SlotFile(self._flash, self._start + start, length)


class SlotFile(io.IOBase):
    """One part, read from flash as it is asked for."""

    def __init__(self, flash: "Flash", at: int, length: int) -> None:
        self._flash = flash
        self._at = at
        self._end = at + length

    def readinto(self, into: bytearray) -> int:
        count = min(len(into), self._end - self._at)
        into[:count] = self._flash.read(self._at, count)
        self._at += count
        return count

    def ioctl(self, request: int, argument: int) -> int:
        if request == _BUFFER_SIZE:
            return _CHUNK
        return 0 if request == _CLOSE else -1
