"""Knows how a commissioning reads what the station has stored: rows, frames, commands; writes nothing, asks nobody."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gateway.beside import ends, reading, rows
from gateway.messages import unit_text
from gateway.store.rows import DERIVED, sound, whole
from gateway.visit.commission.plausible import Reading
from protocols import batch_reading, link
from protocols.command import TOLD
from protocols.errors import FrameError

_MOST_ROWS = 50_000  # that are compared before and after a power cut: seconds on a Raspberry Pi; ours
_MOST_FRAMES = 500
_MOST_MARKED = 2000  # rows that are looked through for a marked one
_PART = 2000  # rows read at once; ours


class Heard(NamedTuple):
    """A frame of a node that carried something. `first` and `last`: records of a batch; `is_brief`: a first try."""

    unix_ms: int
    counter: int
    first: int | None
    last: int | None
    is_brief: bool = False


class Rows(NamedTuple):
    """What the store held at a moment: the digest of the rows from `first` to `last`, `held` of them."""

    first: int
    last: int
    held: int
    digest: str


class Marked(NamedTuple):
    """A row by which delivery is proven."""

    seq: int
    unix_ms: int
    text: str


class Record:
    """The store of a running gateway, read beside it. StoreError: it can't be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: dict[object, tuple[int, dict[str, list[Reading]]]] = {}  # readings() so far, and up to which row

    def last_seq(self) -> int:
        with reading(self.path) as db:
            return ends(db)[1]

    def readings(self, sources: Sequence[str], after_seq: int, since_ms: int) -> Mapping[str, list[Reading]]:
        """Of the channels of "sensor level" or "node 17", oldest first: rows that came after `after_seq` and were
        measured since then."""
        key = tuple(sources), after_seq, since_ms
        last, found = self._read.get(key, (after_seq, {}))
        with reading(self.path) as db:
            series = _series(db)
            corrections = dict(db.execute("SELECT id, correction_ms FROM boot"))
            columns = rows(db, last + 1, ends(db)[1])
        for row in sound(columns, corrections):
            last = max(last, row.seq)
            source, channels = series[row.series]
            if source not in sources or row.unix_ms < since_ms:
                continue
            flags = row.quality or (0,) * len(row.cells)
            for (name, _, decimals), cell, flag in zip(channels, row.cells, flags, strict=False):
                if cell is not None or flag:
                    value = None if cell is None else cell / 10**decimals
                    found.setdefault(name, []).append(Reading(value, flag))
        self._read[key] = last, found
        return found

    def marked(self, source: str | None, after_seq: int) -> Marked | None:
        """The newest row of a source (None: of anybody who measures), as a person can find it again."""
        with reading(self.path) as db:
            series, last = _series(db), ends(db)[1]
            newest = rows(db, max(after_seq, last - _MOST_MARKED) + 1, last)
        for row in reversed(list(whole(newest))):
            whose, channels = series[row.series]
            if row.node == DERIVED or source not in (None, whose):
                continue
            shown = [
                f"{name} {value / 10**decimals:.{decimals}f} {unit_text(unit)}".rstrip()
                for (name, unit, decimals), value in zip(channels, json.loads(row.cells), strict=False)
                if value is not None
            ]
            return Marked(row.seq, row.unix_ms, shown[0] if shown else "-")
        return None

    def heard(self, node: int, since_ms: int) -> list[Heard]:
        """A node's frames, oldest first. A frame that carried nothing to keep (a greeting) is not among them."""
        with reading(self.path) as db:
            rows = db.execute(
                "SELECT unix_ms, schema, raw FROM frame WHERE node = ? AND unix_ms >= ? ORDER BY id", (node, since_ms)
            ).fetchall()
        return [_heard(*row) for row in rows]

    def ages_ms(self, node: int, after_seq: int) -> list[int]:
        """How old the newest record of each batch was when it came; rows before `after_seq` are of others."""
        with reading(self.path) as db:
            times = dict(
                db.execute("SELECT record, unix_ms FROM row WHERE node = ? AND seq > ?", (node, after_seq)).fetchall()
            )
        return [
            heard.unix_ms - times[heard.last] for heard in self.heard(node, 0)[-_MOST_FRAMES:] if heard.last in times
        ]

    def node(self, node: int) -> tuple[int, int]:
        """(highest frame counter, number of its life)."""
        with reading(self.path) as db:
            found = db.execute("SELECT counter, life FROM node WHERE id = ?", (node,)).fetchone()
        return (0, 0) if found is None else (int(found[0]), int(found[1]))

    def command(self, id: int) -> tuple[int | None, int | None, int | None]:
        """(sent, done, result) of a command to a node."""
        with reading(self.path) as db:
            found = db.execute("SELECT sent, done, result FROM command WHERE id = ?", (id,)).fetchone()
        return (None, None, None) if found is None else tuple(found)

    def told_mv(self, id: int) -> int | None:
        """What a node answered to the question for its battery; None: it does not tell, or not yet."""
        with reading(self.path) as db:
            found = db.execute(
                "SELECT argument * result FROM command WHERE id = ? AND result >= ?", (id, TOLD)
            ).fetchone()
        return None if found is None else int(found[0])

    def records(self, node: int, life: int) -> list[int]:
        """The numbers of a node's records that are rows."""
        with reading(self.path) as db:
            return [
                number
                for (number,) in db.execute(
                    "SELECT record FROM row WHERE node = ? AND life = ? ORDER BY record DESC LIMIT ?",
                    (node, life, _MOST_ROWS),
                )
            ][::-1]

    def rows(self, first: int | None = None, last: int | None = None) -> Rows:
        """What it holds now, the newest; or the same rows again."""
        with reading(self.path) as db:
            if last is None or first is None:
                last = ends(db)[1]
                first = max(last - _MOST_ROWS, 0) + 1
            digest, count = hashlib.sha256(), 0
            for begin in range(first, last + 1, _PART):
                for row in rows(db, begin, min(begin + _PART - 1, last)):
                    digest.update(f"{row[0]} {row[-1]}\n".encode())
                    count += 1
        return Rows(first, last, count, digest.hexdigest())

    def is_sound(self) -> str | None:
        """What SQLite finds wrong with the file; None: nothing."""
        with reading(self.path) as db:
            (said,) = db.execute("PRAGMA quick_check(1)").fetchone()
        return None if said == "ok" else str(said)

    def starts(self) -> int:
        """How often the gateway found that it had not been stopped cleanly."""
        with reading(self.path) as db:
            return int(db.execute("SELECT count(*) FROM event WHERE kind = 'gap'").fetchone()[0])


def _series(db: sqlite3.Connection) -> dict[int, tuple[str, list[tuple[str, str, int]]]]:
    """id -> whose it is, and its channels: name, unit, decimals."""
    return {
        id: (source, json.loads(channels))
        for id, source, channels in db.execute("SELECT id, source, channels FROM series")
    }


def _heard(unix_ms: int, schema: int, raw: bytes) -> Heard:
    first = last = None
    frame = link.parse(raw)
    if frame.kind & ~link.BRIEF == link.BATCH:
        body = schema.to_bytes(2, "big") + frame.body if frame.kind & link.BRIEF else frame.body
        try:
            numbers = batch_reading.numbers_of(body)
            first, last = numbers[0], numbers[-1]
        except FrameError:
            pass  # kept unread by the gateway, and told
    return Heard(unix_ms, frame.counter, first, last, bool(frame.kind & link.BRIEF))
