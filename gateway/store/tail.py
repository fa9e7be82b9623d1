"""Knows the newest rows while they are on disk and not yet in the database: a file of checked lines; knows no table.

For a few rows a commit of SQLite writes whole pages of its log, and the kernel those of the index over the log: some
15 kB each ten seconds. A line here costs the page it lies on. A row that is in both is the same row by its seq.
"""

import json
import os
import zlib
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from gateway.store.rows import Stored


def path_of(store: Path) -> Path:
    return store.with_name(store.name + "-tail")


def read(store: Path) -> list[Stored]:
    """The rows of the tail of that store, by seq; what is torn or damaged is left out. Who reads the database too reads
    it after this: a row moves from here to there, never back. OSError: it can't be read."""
    try:
        lines = path_of(store).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return [Stored(*columns) for line in lines if _is_sound(line) for columns in json.loads(line[9:])]


def _is_sound(line: bytes) -> bool:
    return len(line) > 9 and line[:8] == _check(line[9:])


def _check(text: bytes) -> bytes:
    return b"%08x" % zlib.crc32(text)


class LineFile:
    """A file that is only added to and emptied. A simulated disk stands behind the same verbs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def add(self, data: bytes) -> None:
        """On disk when this returns. OSError: nobody knows."""
        if self._file is None:
            self._file = _opened(self.path)
        if os.write(self._file, data) != len(data):
            raise OSError("the disk took a part of the line")
        os.fdatasync(self._file)

    def empty(self) -> None:
        os.truncate(self.path, 0)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


class Tail:
    """Of the store at that path; its gateway alone writes it. `rows`: what is in it and not yet in the database."""

    def __init__(self, store: Path, file: Callable[[Path], LineFile] = LineFile) -> None:
        self._store = store
        self._file = file(path_of(store))
        self.rows: list[Stored] = []
        self._doubtful: set[Stored] = set()  # may be in the file, and wait in memory all the same

    def load(self, last_seq: int, series: Collection[int], boots: Collection[int]) -> None:
        """What the database, which reaches to `last_seq`, does not have yet. Rows of a series or boot that it does not
        know were written beside another one. OSError: it can't be read."""
        found = read(self._store)
        known = [row for row in found if row.seq > last_seq and row.series in series and row.boot in boots]
        self.rows = [row for row in known if row not in self._doubtful]

    def append(self, rows: Sequence[Stored]) -> None:
        """They are on disk when this returns. OSError: nobody knows, and they count as not there."""
        text = json.dumps(rows, separators=(",", ":"), ensure_ascii=False).encode()
        # a line of its own, whatever a full disk left of the last one, and whatever a power cut makes of the next
        try:
            self._file.add(b"\n%s %s\n" % (_check(text), text))
        except OSError:
            self._doubtful.update(rows)
            raise
        self.rows += rows

    def clear(self) -> None:
        """All of it is in the database. Where a power cut brings it back, load() knows the rows by their seq."""
        if self.rows or self._doubtful:
            self.rows = []
            self._file.empty()
            self._doubtful.clear()

    def close(self) -> None:
        self._file.close()


def _opened(path: Path) -> int:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # its name lasts as well
    finally:
        os.close(folder)
    return file
