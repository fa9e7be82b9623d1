"""Knows what the gateway's store still holds after the power went at any write; knows no process and no broker.

In process, through the fault-injecting VFS: a store lives a life that is traced; at every operation of it the power
goes, and what a medium may hold then is opened again, compared with what had been promised by that moment, and used.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from gateway.ports import SystemClock
from gateway.store import Row, Store
from hw_sim.bench.gateway_load import reading
from hw_sim.disk import vfs
from hw_sim.disk.card import Disk, Medium, Op, put
from hw_sim.disk.lines import DiskLines
from hw_sim.streams import Stream
from protocols.batch import NodeRecord

_NODE, _NODE_CELLS = 17, 2
_ROUNDS = 60  # of one life: about 600 operations
_CHECKPOINT_PAGES = 30  # so that the file itself is written as well
_T0_S = 1_767_225_600


class Promise(NamedTuple):
    """What calls that returned have said is on disk: a node's records and counter, rows. A position is written now and
    then, and promises only that it is not ahead of the rows."""

    have: int = 0
    counter: int = 0
    seq: int = 0


class Cuts(NamedTuple):
    """`unopened`: the file could not be opened or is damaged. `missing`: a promise that was broken. `changed`: a row
    that is not the one of the life. `stuck`: no more work could be done."""

    cuts: int = 0
    unopened: int = 0
    missing: int = 0
    changed: int = 0
    stuck: int = 0

    @property
    def faults(self) -> int:
        return self.unopened + self.missing + self.changed + self.stuck


def power_cuts(folder: Path, cuts: int, progress: Callable[[str], None] = lambda text: None) -> Cuts:
    """So many cuts, over as many different lives as it takes."""
    found = dict.fromkeys(Cuts._fields, 0)
    seed = 0
    while found["cuts"] < cuts:
        trace, promises, rows = _life(folder / f"life-{seed}", seed)
        stream, medium, promise = Stream(seed, "sectors"), Medium(), Promise()
        given = iter(promises)
        image = _mounted(folder / f"image-{seed}")
        for op in trace:
            medium.take(op)
            if op.kind == "mark":
                promise = next(given)
                continue
            put(image.folder, medium.after_cut(_reached(stream)))
            fault = _fault(image.folder / "store.db", promise, rows)
            if fault is not None:
                found[fault] += 1
                progress(f"seed {seed}, cut {found['cuts']}: {fault}")
            found["cuts"] += 1
            if found["cuts"] % 2000 == 0:
                progress(f"{found['cuts']} of {cuts} power cuts")
            if found["cuts"] == cuts:
                break
        seed += 1
    return Cuts(**found)


def _reached(stream: Stream) -> Callable[[], bool]:
    """Which sectors that were not synced arrived even so: none, some, all."""
    share = (0.0, 0.5, 1.0)[stream.below(3)]
    return lambda: stream.chance(share)


def _mounted(folder: Path) -> Disk:
    folder.mkdir(parents=True)
    disk = vfs.mount(folder)
    disk.is_synced_for_real = False
    return disk


def _life(folder: Path, seed: int) -> tuple[list[Op], list[Promise], list[Row]]:
    """Everything that a store did to its files, a mark for each promise, and all its rows."""
    disk = _mounted(folder)
    disk.begin_trace()
    promises = []
    store = Store(folder / "store.db", SystemClock(), tail_file=lambda path: DiskLines(path, disk))
    store.database.db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    for promise in _work(store, Stream(seed, "life"), _ROUNDS):
        promises.append(promise)
        disk.mark("promised")
    rows = store.rows_after(0, 1_000_000)
    store.close()
    assert disk.trace is not None
    return disk.trace, promises, rows


def _work(store: Store, stream: Stream, rounds: int) -> Iterator[Promise]:
    """Polls, batches, commits, positions and events as chance brings them; a promise after each call that returned and
    made one. What a batch brings twice is kept once."""
    series = store.series("node 17", [])
    have, counter = store.nodes.have(_NODE), store.nodes.counters().get(_NODE, 0)
    for _ in range(rounds):
        for _ in range(stream.below(4)):
            value = stream.below(90_000)
            store.add_poll(series, _T0_S * 1000 + value, [(10_000 + value, 0)] * 8)
        what = stream.below(10)
        if what < 4:
            first = max(have - stream.below(3), 1)
            records = [_record(number) for number in range(first, have + 1 + stream.below(3) + 1)]
            have, counter = store.nodes.add_batch(_NODE, counter + 1, series, records), counter + 1
        elif what < 6:
            store.keep()
        elif what < 7:
            store.commit()
        elif what < 9:
            store.set_position("up", store.last_seq)
        else:
            store.event("sensor_silent", {"sensor": "do"})
        yield Promise(have, counter, store.last_seq)


def _record(number: int) -> NodeRecord:
    return NodeRecord(number, _T0_S + number, ((_cell(number), 0), (None, 2)))


def _cell(number: int) -> int:
    return reading(0, number)


def _fault(path: Path, promise: Promise, rows: list[Row]) -> str | None:
    """Which field of Cuts the first thing that is not as promised belongs to; None: all is well."""
    try:
        store = Store(path, SystemClock())
    except Exception:
        return "unopened"
    with closing(store):
        try:
            (good,) = store.database.db.execute("PRAGMA integrity_check").fetchone()
            found = store.rows_after(0, 1_000_000)
        except sqlite3.Error:
            return "unopened"
        if good != "ok":
            return "unopened"
        if any(path.parent.glob("*-damaged-*")):
            return "unopened"  # a power cut is not damage: nothing was to be rescued
        kept = Promise(store.nodes.have(_NODE), store.nodes.counters().get(_NODE, 0), store.last_seq)
        if any(now < then for now, then in zip(kept, promise, strict=True)) or store.position("up") > kept.seq:
            return "missing"
        if found != rows[: len(found)] or len(found) != kept.seq:
            return "changed"
        of_node = [row.cells[0] for row in found if len(row.cells) == _NODE_CELLS]
        if sorted(map(str, of_node)) != sorted(str(_cell(number)) for number in range(1, kept.have + 1)):
            return "missing"  # each record once, up to the one that the node may forget
        try:
            for _ in _work(store, Stream(kept.seq, "afterwards"), 3):
                pass
            store.nodes.add_batch(_NODE, 1 << 20, store.series("node 17", []), [_record(store.nodes.have(_NODE) + 1)])
        except Exception:
            return "stuck"
        return None if store.last_seq > kept.seq else "stuck"
