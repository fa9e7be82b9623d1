"""Knows how readings leave a station's store, in the order of seq; knows no format and no way to change them.

What is a reading is what the view `sample` of store.sql says.
"""

import json
import sqlite3
from collections.abc import Iterator

from gateway.beside import ends, rows
from gateway.export.reading import Channels, Progress, Reading, Sample, Wish, readings_of, sample
from gateway.store.rows import sound

_PART = 2000  # rows read at once: some 100 kB, and a few milliseconds during which the WAL can't be emptied; ours


def readings(
    db: sqlite3.Connection, wish: Wish, progress: Progress = lambda done, of: None, part: int = _PART
) -> Iterator[Reading]:
    """What is in the store at the first step, in the order of seq; `progress` is told how many rows of how many are
    done. Each part is a read of its own: what is deleted meanwhile is left out."""
    first, last = ends(db)
    known = series(db)
    corrections = dict(db.execute("SELECT id, correction_ms FROM boot"))
    for start in range(first, last + 1, part):
        end = min(start + part - 1, last)
        for row in sound(rows(db, start, end), corrections):
            source, channels = known[row.series]
            if wish.has(row.unix_ms, source):
                yield from readings_of(row.seq, row.unix_ms, source, channels, row.cells, row.quality, wish.channels)
        progress(end - first + 1, last - first + 1)


def samples(
    db: sqlite3.Connection, wish: Wish, progress: Progress = lambda done, of: None, part: int = _PART
) -> Iterator[Sample]:
    """The same as people read it."""
    return map(sample, readings(db, wish, progress, part))


def series(db: sqlite3.Connection) -> dict[int, tuple[str, Channels]]:
    """(source, channels) of each."""
    found = db.execute("SELECT id, source, channels FROM series")
    return {id: (source, [(name, unit, places) for name, unit, places in json.loads(channels)])
            for id, source, channels in found}  # fmt: skip
