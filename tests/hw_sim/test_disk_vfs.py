"""The gateway's store on a disk that fails: what a call returned for is there after any power cut, and work goes on.

The store and its SQLite are the ones of the field; only the disk below them is ours.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.ports import SystemClock
from gateway.store import Store
from gateway.store.retention import Keeping
from hw_sim.disk import vfs
from hw_sim.disk.card import Disk, Medium, Op, put
from hw_sim.streams import Stream
from protocols.batch import NodeRecord
from tests.gateway.doubles import HandClock

NODE = 17


def record(number: int) -> NodeRecord:
    return NodeRecord(number, 1_767_225_600 + number, ((number, 0), (None, 2)))


class Promise(NamedTuple):
    """What a store has said is on disk."""

    have: int = 0
    counter: int = 0
    position: int = 0
    seq: int = 0


def work(store: Store, rounds: int, first: int = 1) -> Iterator[Promise]:
    """A gateway's day in short: polls, batches, hellos, positions. A promise after each call that returned."""
    series = store.series("node 17", [])
    have, counter, position = store.nodes.have(NODE), store.nodes.counters().get(NODE, 0), store.position("up")
    for number in range(first, first + rounds):
        store.add_poll(series, number * 1000, [(number, 0)] * 8)
        have = store.nodes.add_batch(NODE, number, series, [record(max(number - 1, 1)), record(number)])
        counter = number
        yield Promise(have, counter, position, store.last_seq)
        if number % 3 == 0:
            store.commit()
            store.set_position("up", store.last_seq)
            position = store.last_seq
            yield Promise(have, counter, position, store.last_seq)
        if number % 5 == 0:
            store.event("sensor_silent", {"sensor": "do"})


def kept(folder: Path, promise: Promise) -> None:
    """Opens what is left, compares it with what was promised, and works on."""
    with closing(Store(folder / "store.db", SystemClock())) as store:
        assert store.nodes.have(NODE) >= promise.have
        assert promise == Promise() or not list(folder.glob("*-damaged-*"))  # a cut is no damage
        assert store.nodes.counters().get(NODE, 0) >= promise.counter
        assert store.last_seq >= promise.seq
        assert store.last_seq >= store.position("up")  # which is written now and then
        rows = store.rows_after(0, 100_000)
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        (good,) = store.database.db.execute("PRAGMA integrity_check").fetchone()
        assert good == "ok"
        have = [
            number for (number,) in store.database.db.execute("SELECT record FROM row WHERE node = 17 ORDER BY record")
        ]
        assert have == list(range(1, store.nodes.have(NODE) + 1))  # each once
        for _ in work(store, 2, store.nodes.have(NODE) + 1):
            pass
        assert store.last_seq >= len(rows) + 4


@contextmanager
def mounted(folder: Path) -> Iterator[Disk]:
    folder.mkdir(exist_ok=True)
    disk = vfs.mount(folder)
    disk.is_synced_for_real = False
    yield disk


def traced(folder: Path, rounds: int, checkpoint_pages: int = 30) -> tuple[list[Op], list[Promise]]:
    """Everything that a store's life does to its files; a "mark" says that the next promise was given."""
    with mounted(folder) as disk:
        disk.begin_trace()
        promises = []
        store = Store(folder / "store.db", SystemClock())
        store.database.db.execute(
            f"PRAGMA wal_autocheckpoint = {checkpoint_pages}"
        )  # the file itself is written as well
        for promise in work(store, rounds):
            promises.append(promise)
            disk.mark("promised")
        store.close()
        assert disk.trace is not None
        return disk.trace, promises


@pytest.mark.parametrize("policy", ["nothing", "everything", "chance"])
def test_after_a_power_cut_at_any_write_everything_promised_is_there(tmp_path: Path, policy: str) -> None:
    stream = Stream(1, "sectors")
    reached = {"nothing": lambda: False, "everything": lambda: True, "chance": lambda: stream.chance(0.5)}[policy]
    trace, promises = traced(tmp_path / "traced", 60)
    medium, given, images = Medium(), 0, 0
    with mounted(tmp_path / "image"):
        for op in trace:
            medium.take(op)
            given += op.kind == "mark"
            if op.kind == "mark":
                continue
            put(tmp_path / "image", medium.after_cut(reached))
            kept(tmp_path / "image", promises[given - 1] if given else Promise())
            images += 1
    assert given == len(promises) == 80 and images > 600
    kinds = {(op.kind, op.name) for op in trace}
    assert {("write", "store.db"), ("sync", "store.db"), ("write", "store.db-wal"), ("sync", "store.db-wal")} <= kinds


def test_a_disk_that_says_synced_and_does_not_loses_what_was_promised(tmp_path: Path) -> None:
    """The check above can fail."""
    trace, promises = traced(tmp_path / "traced", 21)
    medium = Medium()
    last = max(index for index, op in enumerate(trace) if op.kind == "mark")  # before close() moves all to the file
    for op in trace[:last]:
        if op.kind != "sync" or "wal" not in op.name:
            medium.take(op)
    with mounted(tmp_path / "image"):
        put(tmp_path / "image", medium.after_cut(lambda: False))
        with pytest.raises((AssertionError, sqlite3.Error)):
            kept(tmp_path / "image", promises[-1])


def test_an_error_at_any_operation_fails_one_call_and_takes_nothing_back(tmp_path: Path) -> None:
    failures = 0
    for at in range(1, 130):
        folder = tmp_path / str(at)
        with mounted(folder) as disk:
            store = Store(folder / "store.db", SystemClock())
            disk.fails_at = at
            promise, done = Promise(), 0
            while done < 12:
                try:
                    for promise in work(store, 12 - done, done + 1):
                        done = promise.have
                    done = 12
                except sqlite3.Error:
                    failures += 1
            assert promise.have == 12
            rows = store.rows_after(0, 1000)
            polled = [row.cells for row in rows if len(row.cells) == 8]
            store.close()
            disk.fails_at = None  # it may not have come to that
            kept(folder, promise)
            assert {cells[0] for cells in polled} == set(range(1, 13))  # no poll is forgotten
    assert 60 < failures <= 129  # a checkpoint may fail quietly: another one follows


def test_a_full_disk_refuses_and_a_freed_one_takes_what_waited(tmp_path: Path) -> None:
    with mounted(tmp_path / "card") as disk:
        store = Store(tmp_path / "card" / "store.db", SystemClock())
        *_, promise = work(store, 10)
        disk.free_bytes = 1000
        series = store.series("node 17", [])
        for second in range(50):
            store.add_poll(series, second * 1000, [(second, 0)] * 2)
            with pytest.raises(sqlite3.OperationalError, match="full"):
                store.commit()
        with pytest.raises(sqlite3.OperationalError, match="full"):
            store.nodes.add_batch(NODE, 11, series, [record(11)])
        assert store.nodes.have(NODE) == 10 and store.last_seq == promise.seq
        disk.free_bytes = None
        assert store.nodes.add_batch(NODE, 12, series, [record(11)]) == 11
        assert store.last_seq == promise.seq + 51
        store.close()
        kept(tmp_path / "card", Promise(11, 12, promise.position, promise.seq + 51))


@pytest.mark.parametrize("operation", ["write", "sync"])
def test_a_disk_that_refuses_for_a_while_is_used_again(tmp_path: Path, operation: str) -> None:
    with mounted(tmp_path / "card") as disk:
        store = Store(tmp_path / "card" / "store.db", SystemClock())
        *_, promise = work(store, 10)
        disk.refuses = frozenset({operation})
        for _ in range(5):
            with pytest.raises(sqlite3.OperationalError, match="I/O"):
                store.nodes.add_batch(NODE, 11, 1, [record(11)])
        disk.refuses = frozenset()
        assert store.nodes.add_batch(NODE, 12, 1, [record(11)]) == 11
        store.close()
        kept(tmp_path / "card", promise._replace(have=11, counter=12))


def test_a_slow_disk_takes_its_time_for_each_sync(tmp_path: Path) -> None:
    waited: list[float] = []
    (tmp_path / "card").mkdir()
    disk = vfs.mount(tmp_path / "card", waited.append)
    store = Store(tmp_path / "card" / "store.db", SystemClock())
    store.nodes.add_batch(NODE, 1, store.series("node 17", []), [record(1)])
    assert waited == []
    disk.slow_s = 0.3
    store.nodes.add_batch(NODE, 2, 1, [record(2)])
    assert waited == [0.3]
    store.close()


def test_the_power_goes_in_the_write_that_was_said_and_stays_away(tmp_path: Path) -> None:
    for at in (1, 5, 9, 14):
        folder = tmp_path / str(at)
        with mounted(folder) as disk:
            store = Store(folder / "store.db", SystemClock())
            promises = list(work(store, 5))
            told: list[int] = []
            disk.begin_trace()
            disk.on_cut = lambda told=told: told.append(1)  # type: ignore[misc]
            disk.cut_at = at
            with pytest.raises(sqlite3.OperationalError):
                promises.extend(work(store, 100, 6))
            with pytest.raises(sqlite3.OperationalError):
                store.event("part_failed", {})
            store.close()
            assert told == [1] and disk.is_dead
            disk.lose_unsynced(Stream(at, "cut"))
            disk.revive()
            kept(folder, promises[-1])


def test_other_folders_and_an_idle_disk_are_left_alone(tmp_path: Path) -> None:
    with mounted(tmp_path / "mine") as disk:
        (tmp_path / "other").mkdir()
        disk.refuses = frozenset({"write", "sync"})
        with closing(Store(tmp_path / "other" / "store.db", SystemClock())) as store:
            for _ in work(store, 3):
                pass
        disk.refuses = frozenset()
        with closing(Store(tmp_path / "mine" / "store.db", SystemClock())) as store:
            for _ in work(store, 3):
                pass
        assert disk.operations == 0
    kept(tmp_path / "mine", Promise(3, 3))


@pytest.mark.parametrize(("sensors", "values", "seconds", "most"), [(20, 10, 1800, 40), (1, 1, 7200, 1000)])
def test_a_reading_costs_few_bytes_of_the_card(
    tmp_path: Path, sensors: int, values: int, seconds: int, most: int
) -> None:
    """Whole pages of the machine's, as its kernel counts them: what is written between two syncs, 4 KiB at a time."""
    clock = HandClock()
    with mounted(tmp_path / "card") as disk:
        store = Store(tmp_path / "card" / "store.db", clock, Keeping(max_mib=4096, uplinks=("up",)))
        series = [store.series(f"sensor {index}", []) for index in range(sensors)]
        disk.begin_trace()
        for second in range(1, seconds + 1):
            clock.unix += 1000
            for index, one in enumerate(series):
                cells = [(10_000 + (second * 7919 + index * 31 + value * 101) % 89_999, 0) for value in range(values)]
                store.add_poll(one, clock.unix_ms(), cells)
            if second % 10 == 0:
                store.commit()
                store.upkeep()
                store.set_position("up", store.last_seq)
        trace = disk.trace or []
        store.close()
    pages: dict[str, set[int]] = {}
    written = 0
    for op in trace:
        if op.kind == "write":
            first, last = op.offset // 4096, (op.offset + len(op.data) - 1) // 4096
            pages.setdefault(op.name, set()).update(range(first, last + 1))
        elif op.kind == "sync":
            written += 4096 * len(pages.pop(op.name, ()))
    assert written / (sensors * values * seconds) < most
    assert written > 0
