"""Knows how rows lie in the pages of an SQLite file (sqlite.org/fileformat2.html, section 1.6); knows no table.

What a damaged tree no longer leads to can still be found so, page by page. Whoever asks must be able to tell a true row
from rubbish: here by its checksum.
"""

from collections.abc import Iterator

_LEAF = 0x0D  # of a table
_MOST_LOCAL = 35  # bytes that a page keeps less than its size, of a row that goes on elsewhere


def rows(content: bytes, page_bytes: int, columns: int) -> Iterator[tuple[int, list[object]]]:
    """(rowid, columns) of everything in the file that looks like a row of so many columns and lies on one page."""
    for start in range(0, len(content) - page_bytes + 1, page_bytes):
        page = content[start : start + page_bytes]
        if page[0] != _LEAF:
            continue
        count = int.from_bytes(page[3:5], "big")
        for place in range(8, min(8 + 2 * count, page_bytes - 1), 2):
            try:
                found = _cell(page, int.from_bytes(page[place : place + 2], "big"), columns)
            except (IndexError, ValueError):
                continue
            if found is not None:
                yield found


def _cell(page: bytes, at: int, columns: int) -> tuple[int, list[object]] | None:
    size, at = _varint(page, at)
    rowid, at = _varint(page, at)
    if size > len(page) - _MOST_LOCAL or at + size > len(page):
        return None
    head, place = _varint(page, at)
    kinds, end, body = list[int](), at + head, at + head
    while place < end:
        kind, place = _varint(page, place)
        kinds.append(kind)
    if len(kinds) != columns:
        return None
    values: list[object] = []
    for kind in kinds:
        value, body = _value(page, body, kind)
        values.append(value)
    return rowid, values


def _value(page: bytes, at: int, kind: int) -> tuple[object, int]:
    if kind == 0:
        return None, at
    if kind in (8, 9):
        return kind - 8, at
    if kind <= 6:
        end = at + (0, 1, 2, 3, 4, 6, 8)[kind]
        return int.from_bytes(page[at:end], "big", signed=True), end
    if kind < 12:
        raise ValueError("no row of ours has this")
    end = at + (kind - 12) // 2
    return (page[at:end].decode("utf-8", "replace") if kind % 2 else page[at:end]), end


def _varint(page: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(8):
        byte = page[at + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + index + 1
    return value << 8 | page[at + 8], at + 9
