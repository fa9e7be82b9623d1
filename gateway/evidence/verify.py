"""Knows whether a store is still what its gateway and its nodes once wrote: tags, rows, blocks, signatures; changes
nothing.

What each check is worth is in docs/evidence.md.
"""

import json
import sqlite3
import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from gateway.evidence import chain
from gateway.evidence.chain import Block
from gateway.evidence.notary import day_message, is_signed
from gateway.messages import say
from gateway.site.config import Site
from gateway.store.lives import fingerprint
from protocols import batch_reading, link
from protocols.batch import Batch
from protocols.errors import AuthError, FrameError

Keys = Mapping[int, bytes]  # by node


class Checked(NamedTuple):
    """How far a store is sound. `differs`: the first thing that is not, in words; None: all is."""

    differs: str | None
    blocks: int
    rows: int
    frames: int  # whose tag was right
    unchecked: int  # frames of nodes or keys that the site file does not have
    days: int
    open_rows: int  # committed since the last block: nothing vouches for them yet
    removed: int  # rows up to this one were removed, and an event says so
    damaged: int  # blocks that were no longer whole when the store was rescued, and an event says so


def main(site: Site, store: Path | None, public: bytes | None) -> int:
    """`watertower verify`: 0 sound, 1 not."""
    path = store or Path(site.store.path)
    keys = {node.id: node.secret for node in site.nodes}
    fingerprints = {node.id: fingerprint(node.secret) for node in site.nodes}

    def progress(number: int) -> None:
        if sys.stderr.isatty():
            print(say("verify.progress", number=number), end="\r", file=sys.stderr, flush=True)

    try:
        checked = verify(path, site.station.id, keys, fingerprints, public, progress)
    except sqlite3.Error as error:
        print(say("verify.unreadable", path=path, reason=error), file=sys.stderr)
        return 1
    if checked.differs is not None:
        print(checked.differs)
        return 1
    print(say("verify.sound", **checked._asdict()))
    if checked.damaged:
        print(say("verify.damaged", blocks=checked.damaged))
    if checked.removed:
        print(say("verify.removed", last=checked.removed))
    if checked.open_rows:
        print(say("verify.open", rows=checked.open_rows))
    if checked.unchecked:
        print(say("verify.unchecked", frames=checked.unchecked))
    if checked.days and public is None:
        print(say("verify.any_key"))
    return 0


class _Said(NamedTuple):
    """A record as its frame has it; `unix_ms` None: the node did not know the time."""

    frame: int
    unix_ms: int | None
    cells: str


class _Differs(Exception):
    """The first thing that is not as it was."""


def verify(
    path: Path, station: str, keys: Keys, fingerprints: Mapping[int, str], public: bytes | None,
    progress: Callable[[int], None] = lambda number: None,
) -> Checked:  # fmt: skip
    """Goes through the whole store, oldest block first. `keys` and `fingerprints` are those of the site's nodes now;
    `public` is the gateway's key as it is known elsewhere (None: any that has signed). sqlite3.Error: not a store, or
    damaged so that it can't be read. `progress` is told of each block."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        walk = _Walk(db, station, keys, fingerprints, public)
        try:
            for number in walk.blocks():
                progress(number)
            differs = None
        except _Differs as error:
            differs = str(error)
        rows = db.execute("SELECT coalesce(max(seq), 0) FROM row").fetchone()[0]
        return Checked(
            differs, walk.before.number, walk.rows, walk.frames, walk.unchecked, walk.days,
            rows - walk.before.last_seq if differs is None else 0, walk.removed_seq, walk.damaged,
        )  # fmt: skip


class _Walk:
    """One pass over a store."""

    def __init__(
        self, db: sqlite3.Connection, station: str, keys: Keys, fingerprints: Mapping[int, str], public: bytes | None
    ) -> None:
        self._db = db
        self._station = station
        self._keys = keys
        self._public = public
        lives = db.execute("SELECT id, life, key FROM node")
        self._lives = {id: life for id, life, key in lives if key == fingerprints.get(id)}  # whose key is at hand
        self._days = {
            block: (day, signature, key)
            for day, block, signature, key in db.execute("SELECT day, block, signature, public FROM day")
        }
        dated = db.execute("SELECT detail FROM event WHERE kind = 'clock_trusted'")
        self._dated = {told["boot"]: told["correction_ms"] for told in (json.loads(detail) for (detail,) in dated)}
        told = db.execute("SELECT detail FROM event WHERE kind = 'rows_removed' ORDER BY id DESC LIMIT 1").fetchone()
        self._removed = 0 if told is None else int(json.loads(told[0])["block"])
        self.removed_seq = chain.block(db, self._removed).last_seq
        rescues = db.execute("SELECT detail FROM event WHERE kind = 'store_rescued'")
        self._rescued = {number for (detail,) in rescues for number in json.loads(detail)["blocks"]}
        self.damaged = 0
        self.before = chain.NONE
        self.rows = self.frames = self.unchecked = self.days = 0

    def blocks(self) -> Iterator[int]:
        for block in chain.blocks(self._db):
            if block.number != self.before.number + 1 and block.number not in self._rescued:
                raise _Differs(say("verify.block_missing", number=self.before.number + 1))
            if block.number in self._rescued:
                self.damaged += 1
            elif block.number > self._removed:
                self._check_content(block)
            self._check_day(block)
            self.before = block
            yield block.number
        if self._days:
            raise _Differs(say("verify.day_without_block", day=min(day for day, _, _ in self._days.values())))

    def _check_content(self, block: Block) -> None:
        said = self._check_frames(block)
        self._check_rows(block, said)
        self._check_dates(block)
        if chain.hashed(self._db, self.before, block) != block.hash:
            raise _Differs(
                say("verify.block", number=block.number, first=self.before.last_seq + 1, last=block.last_seq)
            )

    def _check_day(self, block: Block) -> None:
        if block.number not in self._days:
            return
        day, signature, public = self._days.pop(block.number)
        if self._public is not None and public != self._public:
            raise _Differs(say("verify.other_key", day=day))
        if not is_signed(public, signature, day_message(self._station, day, block.number, block.hash)):
            raise _Differs(say("verify.signature", day=day))
        self._public = public  # a gateway does not change its key
        self.days += 1

    def _check_dates(self, block: Block) -> None:
        """What was dated later got the time that an event says, which is in a block as well."""
        boots = self._db.execute(
            "SELECT DISTINCT row.boot, boot.correction_ms FROM row LEFT JOIN boot ON boot.id = row.boot "
            "WHERE seq > ? AND seq <= ? AND NOT trusted",
            (self.before.last_seq, block.last_seq),
        )
        for boot, correction_ms in boots:
            if correction_ms != self._dated.get(boot):
                raise _Differs(say("verify.date", boot=boot))

    def _check_frames(self, block: Block) -> dict[tuple[int, int, int], "_Said"]:
        """What nodes have said in this block, by (node, life, record)."""
        said = {}
        frames = self._db.execute(
            "SELECT id, node, life, schema, raw FROM frame WHERE id > ? AND id <= ?",
            (self.before.last_frame, block.last_frame),
        )
        for id, node, life, schema, raw in frames:
            if self._lives.get(node) != life:
                self.unchecked += 1
                continue
            body = self._body(id, node, schema, raw)
            self.frames += 1
            if body is not None:
                for number, unix_ms, cells in self._records(node, life, body):
                    said[node, life, number] = _Said(id, unix_ms, cells)
        return said

    def _body(self, id: int, node: int, schema: int, raw: bytes) -> bytes | None:
        """The batch in a frame whose tag is right, None if it carries something else."""
        try:
            frame = link.parse(raw)
            unsaid = struct.pack(">H", schema) if frame.kind & link.BRIEF else b""
            link.check(self._keys[node], raw, unsaid)
        except (FrameError, AuthError):
            raise _Differs(say("verify.tag", frame=id, node=node)) from None
        return unsaid + frame.body if frame.kind & ~link.BRIEF == link.BATCH else None

    def _records(self, node: int, life: int, body: bytes) -> Iterator[tuple[int, int | None, str]]:
        """(number, Unix ms, cells) of each record that is a row here; those of another slice were kept unread."""
        numbers = batch_reading.numbers_of(body)
        found = self._db.execute(
            "SELECT cells FROM row WHERE node = ? AND life = ? AND record = ?", (node, life, numbers[0])
        ).fetchone()
        if found is not None:
            batch: Batch = batch_reading.decode(body, len(json.loads(found[0])))
            for record in batch.records:
                unix_ms = record.time_s * 1000 if batch.boot is None else None
                yield record.number, unix_ms, json.dumps([value for value, _ in record.cells], separators=(",", ":"))

    def _check_rows(self, block: Block, said: Mapping[tuple[int, int, int], "_Said"]) -> None:
        """Each row of a node is what one of its frames says."""
        self.rows += block.last_seq - self.before.last_seq
        rows = self._db.execute(
            "SELECT seq, node, life, record, unix_ms, cells FROM row WHERE seq > ? AND seq <= ? AND node > 0",
            (self.before.last_seq, block.last_seq),
        )
        for seq, node, life, record, unix_ms, cells in rows:
            if self._lives.get(node) != life:
                continue
            if (node, life, record) not in said:
                raise _Differs(say("verify.no_frame", seq=seq, node=node, record=record))
            true = said[node, life, record]
            if cells != true.cells or unix_ms != (unix_ms if true.unix_ms is None else true.unix_ms):
                raise _Differs(
                    say("verify.row", seq=seq, node=node, record=record, frame=true.frame,
                        found=f"{unix_ms} {cells}", said=f"{true.unix_ms} {true.cells}")
                )  # fmt: skip
