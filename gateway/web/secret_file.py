"""Knows how a file appears that only its owner may read; knows not what is secret in it."""

import os
from pathlib import Path


def keep(path: Path, content: bytes) -> None:
    """It is there whole or not at all, and never with more than its owner's rights."""
    beside = path.with_name(path.name + ".part")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
