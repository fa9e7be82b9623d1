"""Knows how a large file appears whole under its name or not at all, power cut or not; knows no contents."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """The name to write under. Left without an error, the file is on disk and has the name `path`; else it is gone, and
    what `path` was before is still there."""
    beside = path.with_name(path.name + ".part")
    beside.unlink(missing_ok=True)  # what a kill has left
    try:
        yield beside
        sync(beside)
        os.replace(beside, path)
        sync(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """A file, or the names in a folder, are on disk when it returns."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
