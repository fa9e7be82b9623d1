"""Knows how the memory of the tests stands on disk, with the seq up to which it has seen rows; tests nothing."""

import json
import zlib
from typing import Any

KEY = "quality"


def written(seq: int, state: dict[str, Any]) -> bytes:
    return zlib.compress(json.dumps([seq, state], separators=(",", ":")).encode())


def read(noted: object, last_seq: int) -> tuple[int, dict[str, Any]]:
    """(rows up to which it knows, what it knew). What cannot be read or is of another store is nothing: then the tests
    begin anew with what comes."""
    if not isinstance(noted, bytes):
        return last_seq, {}
    try:
        seq, state = json.loads(zlib.decompress(noted))
        return (int(seq), dict(state)) if seq <= last_seq else (last_seq, {})
    except (ValueError, TypeError, zlib.error):
        return last_seq, {}
