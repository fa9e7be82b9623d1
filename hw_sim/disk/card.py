"""Knows how a gateway's disk fails: full, slow, refusing, cut off in the middle; knows no SQLite and no table.

hw_sim/disk/vfs.py asks it before every operation on a file below its folder. What was written since a file was last
synced is only in the machine's memory: when the power goes, any part of it may be missing on the medium.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from hw_sim.streams import Stream

SECTOR_BYTES = 512  # what a medium writes whole or not at all
_VOLATILE = "-shm"  # memory that the connections of one machine share: no file after a power cut


class Refused(Exception):
    """The disk does not do it. Raised to SQLite's side, never to the gateway's."""


class Full(Refused):
    """No space left on the device."""


class Op(NamedTuple):
    """What was done to a file: "write" (data at offset), "truncate" (to offset bytes), "sync", "delete", or a "mark"
    of whoever traces."""

    kind: str
    name: str = ""
    offset: int = 0
    data: bytes = b""


class Disk:
    """The files below one folder. Change the attributes while it is in use.

    `free_bytes`: what files may still grow by (None: enough). `refuses`: kinds of operation that fail, of "write sync
    truncate delete". `slow_s`: what a sync takes; `passes` lets that time go by. `fails_at`: the n-th operation from
    now fails, once. `cut_at`: in the n-th the power goes: `on_cut` is called, everything fails until revive().
    `is_synced_for_real`: without it a sync is not handed on to the machine, which takes milliseconds.
    """

    def __init__(self, folder: Path, passes: Callable[[float], None] = lambda seconds: None) -> None:
        self.folder = folder
        self.free_bytes: int | None = None
        self.refuses: frozenset[str] = frozenset()
        self.slow_s = 0.0
        self.passes = passes
        self.fails_at: int | None = None
        self.cut_at: int | None = None
        self.on_cut: Callable[[], None] = lambda: None
        self.is_dead = False
        self.is_synced_for_real = True
        self.operations = 0
        self.trace: list[Op] | None = None

    @property
    def is_idle(self) -> bool:
        """Nothing is wrong, and nobody traces: SQLite needs not ask."""
        return (
            self.free_bytes is None
            and not self.refuses
            and not self.slow_s
            and self.fails_at is None
            and self.cut_at is None
            and not self.is_dead
            and self.trace is None
        )

    def ask(self, op: Op, grows: int = 0) -> None:
        """Whether an operation may happen, which makes a file longer by `grows` bytes. Refused: no."""
        if self.is_dead:
            raise Refused("no power")
        self.operations += 1
        if self.cut_at is not None:
            self.cut_at -= 1
            if self.cut_at <= 0:
                self.cut_at = None
                self.is_dead = True
                if self.trace is not None:
                    self.trace.append(op)  # it may have reached the medium
                self.on_cut()
                raise Refused("the power went")
        if self.fails_at is not None:
            self.fails_at -= 1
            if self.fails_at <= 0:
                self.fails_at = None
                raise Refused("I/O error")
        if op.kind in self.refuses:
            raise Refused("I/O error")
        if self.free_bytes is not None and grows > 0:
            if grows > self.free_bytes:
                raise Full
            self.free_bytes -= grows
        if op.kind == "sync" and self.slow_s:
            self.passes(self.slow_s)
        if self.trace is not None:
            self.trace.append(op)

    def mark(self, text: str) -> None:
        """A word of one's own in the trace."""
        if self.trace is not None:
            self.trace.append(Op("mark", text))

    def begin_trace(self) -> None:
        """From now on every operation is kept. What the files hold now counts as synced."""
        self.trace = [
            Op("write", path.name, 0, path.read_bytes())
            for path in sorted(self.folder.iterdir())
            if path.is_file() and not path.name.endswith(_VOLATILE)
        ]
        self.trace += [Op("sync", op.name) for op in self.trace]

    def lose_unsynced(self, stream: Stream) -> None:
        """Makes the files what a medium may hold after the power went: everything synced, and of the rest what
        chance left. Needs a trace from before, which ends here."""
        medium = Medium()
        for op in self.trace or ():
            medium.take(op)
        self.trace = None
        put(self.folder, medium.after_cut(lambda: stream.chance(0.5)))

    def revive(self) -> None:
        """The power is back."""
        self.is_dead = False


class Medium:
    """What lies on a disk while operations arrive: durable content, and behind it writes that are not synced."""

    def __init__(self) -> None:
        self._files: dict[str, bytearray] = {}
        self._unsynced: dict[str, list[Op]] = {}

    def take(self, op: Op) -> None:
        if op.kind in ("write", "truncate"):
            self._unsynced.setdefault(op.name, []).append(op)
        elif op.kind == "sync":
            for past in self._unsynced.pop(op.name, ()):
                _apply(self._files.setdefault(op.name, bytearray()), past)
        elif op.kind == "delete":
            self._files.pop(op.name, None)
            self._unsynced.pop(op.name, None)

    def after_cut(self, reached: Callable[[], bool]) -> dict[str, bytes]:
        """The files when the power goes now; `reached` says of each unsynced sector whether it is on the medium."""
        files = {name: bytearray(content) for name, content in self._files.items()}
        for name, ops in self._unsynced.items():
            for op in ops:
                for piece in _sectors(op):
                    if reached():
                        _apply(files.setdefault(name, bytearray()), piece)
        return {name: bytes(content) for name, content in files.items()}


def put(folder: Path, files: Mapping[str, bytes]) -> None:
    """Makes these the files of a folder, and no others."""
    for path in folder.iterdir():
        if path.is_file() and path.name not in files:
            path.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _apply(content: bytearray, op: Op) -> None:
    if op.kind == "truncate":
        del content[op.offset :]
        return
    if len(content) < op.offset:
        content.extend(bytes(op.offset - len(content)))
    content[op.offset : op.offset + len(op.data)] = op.data


def _sectors(op: Op) -> Iterator[Op]:
    """The pieces of a write that a medium takes one by one."""
    if op.kind != "write":
        yield op
        return
    at = 0
    while at < len(op.data):
        size = SECTOR_BYTES - (op.offset + at) % SECTOR_BYTES
        yield op._replace(offset=op.offset + at, data=op.data[at : at + size])
        at += size
