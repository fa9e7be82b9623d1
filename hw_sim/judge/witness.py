"""Knows what a gateway has committed to its store, seen from beside it; knows no truth to compare with."""

import json
import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import msgspec

from protocols.quality import CLOCK

_SERIES = "SELECT id, channels FROM series"
_COMMITTED = (
    "SELECT seq, series, unix_ms, trusted, boot, cells, quality FROM row WHERE seq > ? AND node IS NOT 0 ORDER BY seq"
)
_BOOTS = "SELECT id, correction_ms FROM boot"
_CONFIRMED = "SELECT uplink, seq FROM position"
_cells = msgspec.json.Decoder(list[int | None])
_flags = msgspec.json.Decoder(list[int])


class Witness:
    """Reads the store beside the gateway: what is committed there, and nothing that is only in the gateway's memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.last_seq = 0
        self.stored: dict[str, list[tuple[int, int, int, int]]] = defaultdict(list)  # channel -> as a platform has it
        self.failed: dict[str, list[int]] = defaultdict(list)  # channel -> Unix ms of a question without a good answer
        self.confirmed: dict[str, int] = {}  # uplink -> seq up to which its receiver has everything
        self.readings = 0
        self.dated = False  # whether what was stored before has changed, since somebody set it back
        self._boots: dict[int, int | None] = {}
        self._guessed: set[int] = set()  # boots with rows whose time was a guess

    def look(self) -> None:
        """Takes in what has been committed since the last look."""
        if not self._path.exists():
            return
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as db:
            try:
                series = {id: [name for name, _, _ in json.loads(channels)] for id, channels in db.execute(_SERIES)}
                self._boots = dict(db.execute(_BOOTS))
                if any(self._boots[boot] is not None for boot in self._guessed):
                    self._begin_again()
                rows = db.execute(_COMMITTED, (self.last_seq,)).fetchall()
                self.confirmed = dict(db.execute(_CONFIRMED))
            except sqlite3.OperationalError:  # the gateway has not made its tables yet
                return
        for seq, number, unix_ms, trusted, boot, cells, quality in rows:
            values = _cells.decode(cells)
            flags = [0] * len(values) if quality is None else _flags.decode(quality)
            if not trusted:
                correction_ms = self._boots[boot]
                if correction_ms is None:
                    self._guessed.add(boot)
                    flags = [
                        flag | CLOCK if flag or value is not None else 0
                        for value, flag in zip(values, flags, strict=True)
                    ]
                unix_ms += correction_ms or 0
            for channel, value, flag in zip(series[number], values, flags, strict=True):
                if value is not None:
                    self.stored[channel].append((unix_ms, value, flag, seq))
                    self.readings += 1
                elif flag:
                    self.failed[channel].append(unix_ms)
            self.last_seq = seq

    def _begin_again(self) -> None:
        """Guessed times have become known ones."""
        self.last_seq = self.readings = 0
        self.stored.clear()
        self.failed.clear()
        self._guessed.clear()
        self.dated = True
