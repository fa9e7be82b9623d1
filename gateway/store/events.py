"""Knows how events get on disk, at once or as soon as there is a file; knows not what they mean."""

import json
from collections import deque

from gateway.machine.timekeeping import Timekeeper
from gateway.store import boots
from gateway.store.database import Database

_MOST_UNTOLD = 1000  # events that wait for a file


class Events:
    def __init__(self, database: Database, clock: Timekeeper) -> None:
        self._database = database
        self._clock = clock
        self._untold: deque[tuple[int, bool, str, str]] = deque(maxlen=_MOST_UNTOLD)

    def add(self, kind: str, detail: dict[str, object]) -> None:
        """Notes something that a person may want to know later."""
        text = json.dumps(detail, separators=(",", ":"), ensure_ascii=False)
        unix_ms, _, trusted = boots.stamp(self._clock)
        if self._database.is_open:
            self._insert(unix_ms, trusted, kind, text)
        else:
            self._untold.append((unix_ms, trusted, kind, text))

    def tell(self, shift_ms: int) -> None:
        """Puts those that waited into the file; by so much their time is moved if it was a guess."""
        for unix_ms, trusted, kind, text in self._untold:
            self._insert(unix_ms if trusted else unix_ms + shift_ms, trusted, kind, text)
        self._untold.clear()

    def last(self, count: int) -> list[tuple[int, str, str]]:
        """(Unix ms, kind, detail) of the newest, newest first."""
        query = "SELECT unix_ms, kind, detail FROM event ORDER BY id DESC LIMIT ?"
        return self._database.db.execute(query, (count,)).fetchall()

    def _insert(self, unix_ms: int, trusted: bool, kind: str, text: str) -> None:
        self._database.db.execute(
            "INSERT INTO event (unix_ms, boot, trusted, kind, detail) VALUES (?, ?, ?, ?, ?)",
            (unix_ms, self._clock.boot.number, trusted, kind, text),
        )
