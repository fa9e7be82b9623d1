"""Knows an update: its archive, its manifest, and the bodies of ASK and PART; knows no flash, no link and no compiler.

An archive is the same bytes in a file of the gateway and in a slot of a node:

    "WTU1" | length of the manifest u16 | manifest | seal, 32 bytes | the parts, one behind the other

The seal is HMAC-SHA256 (RFC 2104) over all that stands before it, with the update key of one node; zeros in a file,
which is the same for every node of a target. Manifest:

    number u32 | flags u8 | target | count u16 | each part: path | start u32 | length u32 | SHA-256, 32 bytes

A text is its length u8 and ASCII. `start` counts from the first part; parts follow each other without a gap. An ASK is
number u32 | offset u32 | count u8, a PART number u32 | offset u32 | bytes; no bytes: the gateway has no such update.
"""

import hashlib
import struct

from protocols.checks import hmac_sha256, same_bytes
from protocols.errors import AuthError, FrameError, RangeError
from protocols.record import Record

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from collections.abc import Iterator

MAGIC = b"WTU1"
HEAD_BYTES = 6
SEAL_BYTES = 32
KEY_BYTES = 32
LOWERS = 1  # in a manifest's flags: may replace a higher number, too
ENTRY = "firmware/main.mpy"  # what a boot imports
_FRONT = ">IB"
_PLACE = ">II32s"
_PLACE_BYTES = 40
MAX_PATH = 45  # so that a path's length is no character of a path: find() needs no walk
_LETTERS = b"abcdefghijklmnopqrstuvwxyz0123456789_/."
_ASK = ">IIB"
ASK_BYTES = 9
PART_HEAD_BYTES = 8
MOST_BYTES = 255  # that one ASK can want


class Part(Record):
    """A file of the application: where its bytes are, from the first part's on, and their SHA-256."""

    def __init__(self, path: str, start: int, length: int, digest: bytes) -> None:
        self.path = path
        self.start = start
        self.length = length
        self.digest = digest


class Manifest(Record):
    """What an update is: its `number`, the kind of board it is for, its parts; whether it `lowers`."""

    def __init__(self, number: int, target: str, parts: "tuple[Part, ...]", lowers: bool = False) -> None:
        self.number = number
        self.target = target
        self.parts = tuple(parts)
        self.lowers = lowers


def encode(manifest: Manifest) -> bytes:
    """RangeError: what decode() would refuse."""
    out = bytearray(struct.pack(_FRONT, manifest.number & 0xFFFFFFFF, LOWERS if manifest.lowers else 0))
    _put_text(out, manifest.target)
    out += struct.pack(">H", len(manifest.parts))
    for part in manifest.parts:
        _put_text(out, part.path)
        out += struct.pack(_PLACE, part.start, part.length, part.digest)
    plain = bytes(out)
    try:
        if decode(plain) != manifest:
            raise RangeError("manifest: a field too large")
    except FrameError as error:
        raise RangeError(str(error))
    return plain


def decode(plain: bytes) -> Manifest:
    """FrameError: not whole, or not in every letter as encode() writes it."""
    number, flags, target, _ = _front(plain)
    parts = tuple([Part(path, start, length, digest) for path, start, length, digest in walk(plain)])
    return Manifest(number, target, parts, bool(flags & LOWERS))


def walk(plain: bytes) -> "Iterator[tuple[str, int, int, bytes]]":
    """(path, start, length, SHA-256) of part after part, with little memory; FrameError as decode()."""
    number, flags, target, count = _front(plain)
    if not number or flags & ~LOWERS or not count:
        raise FrameError("manifest: number %d, flags %d, %d parts" % (number, flags, count))
    at, end, before = 8 + len(target), 0, ""
    has_entry = False
    for _ in range(count):
        path = _text(plain, at, MAX_PATH)
        at += 1 + len(path) + _PLACE_BYTES
        if at > len(plain):
            raise FrameError("manifest ends too early")
        start, length, digest = struct.unpack(_PLACE, plain[at - _PLACE_BYTES : at])
        if path <= before or start != end or not length or not _is_path(path):
            raise FrameError("manifest: part %r at %d" % (path, start))
        before, end = path, start + length
        has_entry = has_entry or path == ENTRY
        yield path, start, length, digest
    if at != len(plain) or not has_entry:
        raise FrameError("manifest: %d bytes too many, or no %s" % (len(plain) - at, ENTRY))


def front(plain: bytes) -> "tuple[int, bool, str]":
    """(number, whether it lowers, target) of a sound manifest."""
    number, flags, target, _ = _front(plain)
    return number, bool(flags & LOWERS), target


def _front(plain: bytes) -> "tuple[int, int, str, int]":
    if len(plain) < 8:
        raise FrameError("manifest of %d bytes" % len(plain))
    number, flags = struct.unpack(_FRONT, plain[:5])
    target = _text(plain, 5, 16)
    at = 6 + len(target)
    if at + 2 > len(plain):
        raise FrameError("manifest ends too early")
    return number, flags, target, plain[at] << 8 | plain[at + 1]


def _text(plain: bytes, at: int, most: int) -> str:
    text = plain[at + 1 : at + 1 + plain[at]] if at < len(plain) else b""
    if not 1 <= len(text) <= most or len(text) != plain[at] or any(letter not in _LETTERS for letter in text):
        raise FrameError("manifest: no text at %d" % at)
    return text.decode()


def _put_text(out: bytearray, text: str) -> None:
    out.append(len(text) & 0xFF)
    out += text.encode()


def _is_path(path: str) -> bool:
    """Below a package, and nowhere else."""
    names = path.split("/")
    return path.endswith(".mpy") and len(names) > 1 and all(name and name[0] != "." for name in names)


def find(plain: bytes, path: str) -> "tuple[int, int, bytes] | None":
    """(start, length, SHA-256) of one part of a sound manifest."""
    name = path.encode()
    at = plain.find(bytes((len(name),)) + name) if 1 <= len(name) <= MAX_PATH else -1
    if at < 0:
        return None
    at += 1 + len(name)
    found: tuple[int, int, bytes] = struct.unpack(_PLACE, plain[at : at + _PLACE_BYTES])
    return found


# --- archives ---------------------------------------------------------------------------------------------------------


def head(manifest: bytes) -> bytes:
    """What stands before the seal."""
    if len(manifest) > 0xFFFF:
        raise RangeError("manifest of %d bytes" % len(manifest))
    return MAGIC + struct.pack(">H", len(manifest)) + manifest


def manifest_bytes(front: bytes) -> int:
    """The manifest's length, by an archive's first HEAD_BYTES. FrameError: no archive."""
    if len(front) < HEAD_BYTES or front[:4] != MAGIC:
        raise FrameError("no archive")
    return front[4] << 8 | front[5]


def seal(key: bytes, manifest: bytes) -> bytes:
    return hmac_sha256(key, head(manifest))


def check(key: bytes, manifest: bytes, tag: bytes) -> None:
    """AuthError unless the seal fits."""
    if not same_bytes(seal(key, manifest), tag):
        raise AuthError("wrong seal")


def fingerprint(manifest: bytes) -> bytes:
    """Eight bytes by which a node's notes know what a slot must hold."""
    return hashlib.sha256(manifest).digest()[:8]


# --- bodies -----------------------------------------------------------------------------------------------------------


def encode_ask(number: int, offset: int, count: int) -> bytes:
    return struct.pack(_ASK, number, offset, count)


def decode_ask(body: bytes) -> "tuple[int, int, int]":
    """(number, offset, count). FrameError."""
    if len(body) != ASK_BYTES or not body[-1]:
        raise FrameError("ask of %d bytes" % len(body))
    number, offset, count = struct.unpack(_ASK, body)
    return number, offset, count


def encode_part(number: int, offset: int, data: bytes) -> bytes:
    return struct.pack(">II", number, offset) + data


def decode_part(body: bytes) -> "tuple[int, int, bytes]":
    """(number, offset, bytes). FrameError."""
    if len(body) < PART_HEAD_BYTES:
        raise FrameError("part of %d bytes" % len(body))
    number, offset = struct.unpack(">II", body[:PART_HEAD_BYTES])
    return number, offset, body[PART_HEAD_BYTES:]
