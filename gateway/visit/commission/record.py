"""Knows how a commissioning reads what the station has stored: rows, frames, commands; writes nothing, asks nobody."""

import hashlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from gateway.visit.commission.plausible import Reading
from protocols import batch_reading, link
from protocols.errors import FrameError

_MOST_ROWS = 50_000  # that are compared before and after a power cut: seconds on a Raspberry Pi; ours
_MOST_FRAMES = 500


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
    """The store of a running gateway, read beside it. sqlite3.Error: it can't be read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10.0)) as db:
            yield db

    def last_seq(self) -> int:
        with self._open() as db:
            return int(db.execute("SELECT coalesce(max(seq), 0) FROM row").fetchone()[0])

    def readings(self, sources: Sequence[str], after_seq: int, since_ms: int) -> Mapping[str, list[Reading]]:
        """Of the channels of "sensor level" or "node 17", oldest first: rows that came after `after_seq` and were
        measured since then."""
        found: dict[str, list[Reading]] = defaultdict(list)
        marks = ", ".join("?" * len(sources))
        with self._open() as db:
            for channel, value, quality in db.execute(
                f"SELECT channel, value, quality FROM sample WHERE seq > ? AND source IN ({marks}) AND "
                "CAST(strftime('%s', time) AS INTEGER) * 1000 >= ? ORDER BY seq",
                (after_seq, *sources, since_ms - since_ms % 1000),
            ):
                found[channel].append(Reading(value, quality))
        return found

    def marked(self, source: str | None, after_seq: int) -> Marked | None:
        """The newest row of a source (None: of anybody), as a person can find it again."""
        with self._open() as db:
            found = db.execute(
                "SELECT row.seq, unix_ms, channels, cells FROM row JOIN series ON series.id = row.series "
                "WHERE row.seq > ? AND node IS NOT 0 AND (? IS NULL OR source = ?) ORDER BY row.seq DESC LIMIT 1",
                (after_seq, source, source),
            ).fetchone()
        if found is None:
            return None
        seq, unix_ms, channels, cells = found
        shown = [
            f"{name} {value / 10**decimals:g} {unit}".rstrip()
            for (name, unit, decimals), value in zip(json.loads(channels), json.loads(cells), strict=False)
            if value is not None
        ]
        return Marked(seq, unix_ms, shown[0] if shown else "-")

    def heard(self, node: int, since_ms: int) -> list[Heard]:
        """A node's frames, oldest first. A frame that carried nothing to keep (a greeting) is not among them."""
        with self._open() as db:
            rows = db.execute(
                "SELECT unix_ms, schema, raw FROM frame WHERE node = ? AND unix_ms >= ? ORDER BY id", (node, since_ms)
            ).fetchall()
        return [_heard(*row) for row in rows]

    def ages_ms(self, node: int, after_seq: int) -> list[int]:
        """How old the newest record of each batch was when it came; rows before `after_seq` are of others."""
        with self._open() as db:
            times = dict(
                db.execute("SELECT record, unix_ms FROM row WHERE node = ? AND seq > ?", (node, after_seq)).fetchall()
            )
        return [
            heard.unix_ms - times[heard.last] for heard in self.heard(node, 0)[-_MOST_FRAMES:] if heard.last in times
        ]

    def node(self, node: int) -> tuple[int, int]:
        """(highest frame counter, number of its life)."""
        with self._open() as db:
            found = db.execute("SELECT counter, life FROM node WHERE id = ?", (node,)).fetchone()
        return (0, 0) if found is None else (int(found[0]), int(found[1]))

    def command(self, id: int) -> tuple[int | None, int | None, int | None]:
        """(sent, done, result) of a command to a node."""
        with self._open() as db:
            found = db.execute("SELECT sent, done, result FROM command WHERE id = ?", (id,)).fetchone()
        return (None, None, None) if found is None else tuple(found)

    def records(self, node: int, life: int) -> list[int]:
        """The numbers of a node's records that are rows."""
        with self._open() as db:
            return [
                number
                for (number,) in db.execute(
                    "SELECT record FROM row WHERE node = ? AND life = ? ORDER BY record DESC LIMIT ?",
                    (node, life, _MOST_ROWS),
                )
            ][::-1]

    def rows(self, first: int | None = None, last: int | None = None) -> Rows:
        """What it holds now, the newest; or the same rows again."""
        with self._open() as db:
            if last is None or first is None:
                last = int(db.execute("SELECT coalesce(max(seq), 0) FROM row").fetchone()[0])
                first = max(last - _MOST_ROWS, 0) + 1
            digest, count = hashlib.sha256(), 0
            for row in db.execute("SELECT seq, crc FROM row WHERE seq >= ? AND seq <= ? ORDER BY seq", (first, last)):
                digest.update(b"%d %d\n" % row)
                count += 1
        return Rows(first, last, count, digest.hexdigest())

    def is_sound(self) -> str | None:
        """What SQLite finds wrong with the file; None: nothing."""
        with self._open() as db:
            (said,) = db.execute("PRAGMA quick_check(1)").fetchone()
        return None if said == "ok" else str(said)

    def starts(self) -> int:
        """How often the gateway found that it had not been stopped cleanly."""
        with self._open() as db:
            return int(db.execute("SELECT count(*) FROM event WHERE kind = 'gap'").fetchone()[0])


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
