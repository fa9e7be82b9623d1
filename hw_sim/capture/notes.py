"""Knows the files that the gateway's capture writes (gateway/capture.py), line by line; knows no protocol in them."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

_Count = Annotated[int, Meta(ge=0, le=1 << 53)]


class _Line(Struct):
    t: _Count
    line: str
    direction: Literal["open", "out", "in", "waited", "lost"]
    us: _Count | None = None
    hex: str = ""


class Note(NamedTuple):
    """One thing that happened on a line. `us` counts microseconds and never jumps within a run of the gateway."""

    unix_ms: int
    us: int
    line: str
    direction: str
    data: bytes


class Notes(NamedTuple):
    """A whole file. `damaged`: number and beginning of each line that is none."""

    notes: Sequence[Note]
    damaged: tuple[tuple[int, str], ...]


def read(path: Path) -> Notes:
    """OSError: the file can't be read. A file is looked at several times: it is kept as long as it does not change."""
    state = path.stat()
    return _read(path.resolve(), state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _read(path: Path, _changed_ns: int, _bytes: int) -> Notes:
    notes = []
    damaged = []
    decoder = msgspec.json.Decoder(_Line)
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            said = decoder.decode(line)
            us = said.t * 1000 if said.us is None else said.us
            notes.append(Note(said.t, us, said.line, said.direction, bytes.fromhex(said.hex)))
        except (msgspec.DecodeError, ValueError):
            damaged.append((number, beginning(line)))
    return Notes(notes, tuple(damaged))


def beginning(line: bytes) -> str:
    """Enough of a line to find it again."""
    return line.decode("utf-8", "backslashreplace").strip()


def names(notes: Notes) -> list[str]:
    """The lines it is about."""
    return sorted({note.line for note in notes.notes})


def of_line(notes: Notes, line: str) -> Iterator[Note]:
    return (note for note in notes.notes if note.line == line)
