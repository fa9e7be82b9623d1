"""Knows what people have said of alarms, and keeps it in a file beside the store; knows not why there are alarms.

It stands in for the gateway's own verbs, which a later piece brings: `Notes` in alarms.py is all that is asked for.
"""

import logging
from collections.abc import Collection
from pathlib import Path

import msgspec

from gateway.web.alarms import ACKNOWLEDGED, SHELVED, Note
from gateway.whole_file import whole_file

log = logging.getLogger(__name__)


class NoteFile:
    """A note ends with its alarm; that of a shelved one with its time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._standing: set[str] = set()
        try:
            self._notes = msgspec.json.decode(path.read_bytes(), type=dict[str, Note])
        except (OSError, msgspec.MsgspecError):  # none yet, or not whole: what was acknowledged is asked once more
            self._notes = {}

    @property
    def keys(self) -> Collection[str]:
        """Of the alarms of which something was said."""
        return self._notes.keys()

    def of(self, key: str) -> Note | None:
        return self._notes.get(key)

    def keep_to(self, standing: Collection[str], now_ms: int) -> None:
        """These are the alarms now: what was said of others is over."""
        self._standing = set(standing)
        kept = {
            key: note
            for key, note in self._notes.items()
            if (now_ms < note.until_ms if note.until_ms is not None else key in self._standing)
        }
        if kept != self._notes:
            self._put(kept)

    def acknowledge(self, key: str, who: str, now_ms: int) -> bool:
        return key in self._standing and self._put({**self._notes, key: Note(ACKNOWLEDGED, who, now_ms)})

    def shelve(self, key: str, who: str, now_ms: int, until_ms: int) -> bool:
        return key in self._standing and self._put({**self._notes, key: Note(SHELVED, who, now_ms, until_ms)})

    def unshelve(self, key: str) -> bool:
        return key in self._notes and self._put({one: note for one, note in self._notes.items() if one != key})

    def _put(self, notes: dict[str, Note]) -> bool:
        """In memory whatever the disk says: who stands there has said it."""
        self._notes = notes
        try:
            with whole_file(self._path) as beside:
                beside.write_bytes(msgspec.json.encode(notes))
        except OSError as error:
            log.warning("what was said of alarms is not kept: %s", error)
        return True
