"""Knows what a gateway has committed to its store, seen from beside it; knows no truth to compare with."""

import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path

_COMMITTED = """
SELECT row.seq, json_extract(channel.value, '$[0]'), row.unix_ms, cell.value,
       coalesce(json_extract(row.quality, '$[' || cell.key || ']'), 0) FROM row
JOIN series ON series.id = row.series JOIN json_each(row.cells) AS cell
JOIN json_each(series.channels) AS channel ON channel.key = cell.key
WHERE row.seq > ?
"""


class Witness:
    """Reads the store beside the gateway: what is committed there, and nothing that is only in the gateway's memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seq = 0
        self.stored: dict[str, list[tuple[int, int, int]]] = defaultdict(list)  # channel -> (Unix ms, value, quality)
        self.failed: dict[str, list[int]] = defaultdict(list)  # channel -> Unix ms of a question without a good answer
        self.readings = 0

    def look(self) -> None:
        """Takes in what has been committed since the last look."""
        if not self._path.exists():
            return
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as db:
            try:
                rows = db.execute(_COMMITTED, (self._seq,)).fetchall()
            except sqlite3.OperationalError:  # the gateway has not made its tables yet
                return
        for seq, channel, unix_ms, value, flags in rows:
            self._seq = max(self._seq, seq)
            if value is not None:
                self.stored[channel].append((unix_ms, value, flags))
                self.readings += 1
            elif flags:
                self.failed[channel].append(unix_ms)
