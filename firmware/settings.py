"""Knows how a node's slice and its keys are kept twice in raw flash; knows not what is in them.

Each half of the region holds one copy, from its first sector on:

    "WS01" | generation u32 | bytes u32 | SHA-256 over generation, bytes and content | content

store() writes the worse copy first and the other when that is whole: a power cut in any operation leaves the old
settings or the new ones. Of two whole copies the higher generation counts.
"""

import struct
from hashlib import sha256

from firmware.board import Flash
from firmware.config import ConfigError
from protocols.errors import RangeError

_MAGIC = b"WS01"
_HEAD_BYTES = 44
_PIECE = 256  # a page: what is programmed, and read for checking, at once


def load(flash: Flash) -> bytes:
    """The newest whole copy. ConfigError: none is whole, the node must be provisioned again."""
    copies = _copies(flash)
    generation, length = max(copies)
    if not generation:
        raise ConfigError("settings: no whole copy: provision the node again")
    good = copies.index((generation, length))
    return flash.read(_start(flash, good) + _HEAD_BYTES, length)


def mend(flash: Flash, data: bytes) -> str:
    """Makes both copies whole, for which the voltage must be safe. What is in the way of it: a node goes on with what
    it has loaded."""
    try:
        store(flash, data)
    except (OSError, RangeError) as error:
        return str(error)
    return ""


def store(flash: Flash, data: bytes) -> None:
    """Keeps `data` from now on. RangeError: longer than half of the region. OSError: the flash is worn out."""
    if not 1 <= len(data) <= most_bytes(flash):
        raise RangeError("settings of %d bytes" % len(data))
    copies = _copies(flash)
    newest = max(copies)
    worse = copies.index(min(copies))
    if newest[0] and load(flash) == data:
        if copies[0] != copies[1]:
            _write(flash, worse, newest[0], data)
        return
    for copy in (worse, 1 - worse):
        _write(flash, copy, newest[0] + 1, data)


def most_bytes(flash: Flash) -> int:
    """How long settings can be."""
    return flash.sectors // 2 * flash.sector_bytes - _HEAD_BYTES


def _start(flash: Flash, copy: int) -> int:
    return copy * (flash.sectors // 2) * flash.sector_bytes


def _copies(flash: Flash) -> list[tuple[int, int]]:
    """(generation, bytes) of both; (0, 0) of one that is not whole."""
    return [_check(flash, 0), _check(flash, 1)]


def _check(flash: Flash, copy: int) -> tuple[int, int]:
    start = _start(flash, copy)
    head = flash.read(start, _HEAD_BYTES)
    magic, generation, length = struct.unpack(">4sII", head[:12])
    if magic != _MAGIC or not 1 <= length <= most_bytes(flash):
        return 0, 0
    digest = sha256(head[4:12])
    at = start + _HEAD_BYTES
    end = at + length
    while at < end:
        count = min(_PIECE, end - at)
        digest.update(flash.read(at, count))
        at += count
    return (generation, length) if digest.digest() == head[12:] else (0, 0)


def _write(flash: Flash, copy: int, generation: int, data: bytes) -> None:
    """Content first, head last. OSError: it does not read back."""
    start = _start(flash, copy)
    first = start // flash.sector_bytes
    for sector in range(first, first - -(_HEAD_BYTES + len(data)) // flash.sector_bytes):
        flash.erase(sector)
    at = _HEAD_BYTES
    while at < _HEAD_BYTES + len(data):
        end = min(at // _PIECE * _PIECE + _PIECE, _HEAD_BYTES + len(data))
        flash.write(start + at, data[at - _HEAD_BYTES : end - _HEAD_BYTES])
        at = end
    head = struct.pack(">II", generation, len(data))
    flash.write(start, _MAGIC + head + sha256(head + data).digest())
    if _check(flash, copy) != (generation, len(data)):
        raise OSError("settings: the flash does not keep them")
