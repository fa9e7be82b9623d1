"""Knows how the memory of the tests stands on disk, with the seq up to which it has seen rows; tests nothing."""

import json
import zlib
from collections.abc import Sequence
from typing import Any

KEY = "quality"
Lives = dict[tuple[int | None, int | None], int]  # (node, its life) -> the highest record that was here


def written(seq: int, state: dict[str, Any], lives: Sequence[tuple[int, int, int]]) -> bytes:
    return zlib.compress(json.dumps([seq, state, lives], separators=(",", ":")).encode())


def read(noted: object, last_seq: int) -> tuple[int, dict[str, Any], Lives]:
    """(rows up to which it knows, what it knew, which records were there). What cannot be read or is of another store
    is nothing: then the tests begin anew with what comes."""
    if not isinstance(noted, bytes):
        return last_seq, {}, {}
    try:
        seq, state, lives = json.loads(zlib.decompress(noted))
        known: Lives = {(int(node), int(life)): int(have) for node, life, have in lives}
        return (int(seq), dict(state), known) if seq <= last_seq else (last_seq, {}, {})
    except (ValueError, TypeError, zlib.error):
        return last_seq, {}, {}
