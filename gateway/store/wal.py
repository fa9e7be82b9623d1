"""Knows what a write-ahead log of SQLite holds (sqlite.org/fileformat2.html, section 4), even damaged; knows no table.

Each frame's checksum goes on from that of the frame before, as it is written there. So of a log with one damaged frame
all others can still be checked, which SQLite does not do: it ends at the first that does not fit.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

_HEADER, _FRAME = 32, 24
_MAGIC = 0x377F0682  # and 1: checksums over big-endian words


class Frame(NamedTuple):
    """A page as one commit left it. `size`: pages of the whole file after it, 0 where its commit goes on."""

    number: int
    page: int
    size: int
    content: bytes
    is_sound: bool


def frames(log: bytes, page_bytes: int) -> Iterator[Frame]:
    """Those that belong to the log's present use; older ones behind them do not."""
    if len(log) < _HEADER + _FRAME + page_bytes:
        return
    order = ">" if int.from_bytes(log[:4], "big") == _MAGIC | 1 else "<"
    known = struct.unpack_from(">II", log, 24)
    salt = log[16:24] if _checksum(log[:24], (0, 0), order) == known else None
    for number, at in enumerate(range(_HEADER, len(log) - _FRAME - page_bytes + 1, _FRAME + page_bytes), 1):
        head, content = log[at : at + _FRAME], log[at + _FRAME : at + _FRAME + page_bytes]
        page, size = struct.unpack_from(">II", head)
        said = struct.unpack_from(">II", head, 16)
        is_sound = salt in (None, head[8:16]) and _checksum(head[:8] + content, known, order) == said
        known = said
        if is_sound:
            salt = head[8:16]  # of a damaged header the first frame that fits tells it
        if salt in (None, head[8:16]):
            yield Frame(number, page, size, content, is_sound)


def commits_behind(log: bytes, page_bytes: int, last_frame: int) -> int:
    """How many commits lie whole behind what SQLite takes for the end: the power may have cut one short, never two."""
    step, order = _FRAME + page_bytes, ">" if int.from_bytes(log[:4], "big") == _MAGIC | 1 else "<"
    behind = range(_HEADER + last_frame * step, len(log) - step, step)
    is_header_sound = len(log) < _HEADER or _checksum(log[:24], (0, 0), order) == struct.unpack_from(">II", log, 24)
    if is_header_sound and not any(log[at + 8 : at + 16] == log[16:24] for at in behind):
        return 0  # the normal case
    return sum(frame.is_sound and frame.size > 0 for frame in frames(log, page_bytes) if frame.number > last_frame)


def applied(content: bytearray, log: bytes, page_bytes: int) -> int:
    """Puts the sound pages of the log into the file that it belongs to, up to the last commit; how many were not."""
    found = list(frames(log, page_bytes))
    ends = [index for index, frame in enumerate(found) if frame.is_sound and frame.size]
    if not ends:
        return len(found)
    found = found[: ends[-1] + 1]
    for frame in found:
        if frame.is_sound and 0 < frame.page <= found[-1].size:
            end = frame.page * page_bytes
            content.extend(bytes(max(end - len(content), 0)))
            content[end - page_bytes : end] = frame.content
    return sum(not frame.is_sound for frame in found)


def _checksum(data: bytes, start: tuple[int, ...], order: str) -> tuple[int, int]:
    first, second = start
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for index in range(0, len(words), 2):
        first = (first + words[index] + second) & 0xFFFFFFFF
        second = (second + words[index + 1] + first) & 0xFFFFFFFF
    return first, second
