"""A few polled rows are on disk with one line beside the database, in order, once, and under the seq they keep."""

import errno
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.backup import copy
from gateway.beside import reading
from gateway.export import Wish, samples
from gateway.store import Row, Store
from gateway.store.tail import path_of, read
from hw_sim.disk import vfs
from tests.gateway.doubles import HandClock, events, query
from tests.gateway.test_store import CHANNELS, record

FEW, TAIL_ROWS, BLOCK_MS = 40, 1000, 600_000


class Station:
    """A store that polls one row after the other; `kept` says what its rows are."""

    def __init__(self, folder: Path, is_trusted: bool = True) -> None:
        self.path, self.clock = folder / "store.db", HandClock()
        self.clock.trusted = is_trusted
        self.store = Store(self.path, self.clock)
        self.store.begin_run()
        self.series = self.store.series("sensor do", CHANNELS)
        self.kept: list[Row] = []

    def poll(self, count: int = 1) -> None:
        for _ in range(count):
            number = len(self.kept) + 1
            self.kept.append(Row(number, self.series, 1000 * number, (number, 0, 7), None))
            self.store.add_poll(self.series, 1000 * number, [(number, 0), (0, 0), (7, 0)])
        self.store.keep()

    def again(self) -> None:
        """As after a kill: nothing is closed in order."""
        self.store.close()
        self.store = Store(self.path, self.clock)

    @property
    def in_database(self) -> int:
        ((count,),) = query(self.path.parent, "SELECT count(*) FROM row")
        return count

    def is_whole(self) -> bool:
        return self.store.rows_after(0, 1 << 30) == self.kept and self.store.last_seq == len(self.kept)


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station(tmp_path)


def test_few_rows_are_kept_in_the_tail_and_read_as_if_they_were_in_the_database(station: Station) -> None:
    station.poll(3)
    station.poll(2)
    assert station.in_database == 0 and [row.seq for row in read(station.path)] == [1, 2, 3, 4, 5]
    assert station.is_whole() and station.store.waiting == 0
    assert station.store.rows_after(3, 1) == station.kept[3:4]
    assert station.store.rows_within(2, 4) == station.kept[1:4]
    assert station.store.measured_within(2000, 4000, 1, 3) == [2, 3]
    assert station.store.first_ms() == 1000 and station.store.newest() == station.kept[-1:]
    station.again()
    assert station.in_database == 0 and station.is_whole() and station.store.newest() == station.kept[-1:]
    station.store.begin_run()
    gap = {"reason": "unclean_stop", "from_ms": 5000, "to_ms": station.clock.unix}
    assert events(station.path.parent) == [("gap", gap)]


def test_the_tail_goes_into_the_database_with_a_batch_a_block_many_rows_and_a_clean_stop(station: Station) -> None:
    def is_moved() -> bool:
        return station.in_database == len(station.kept) and read(station.path) == [] and station.is_whole()

    station.poll(2)
    station.store.nodes.add_batch(17, 1, station.store.series("node 17", CHANNELS), [record(1, 4, 5, 6)])
    station.kept.append(station.store.rows_after(2, 1)[0])
    assert is_moved()
    station.poll(2)
    assert not is_moved()
    station.clock.unix += BLOCK_MS
    station.poll()
    assert is_moved()
    station.poll(2)
    station.store.close_block()
    assert is_moved()
    station.poll(FEW + 1)
    assert is_moved()
    for _ in range(TAIL_ROWS // FEW):
        station.poll(FEW)
        assert not is_moved()
    station.poll()
    assert is_moved()
    station.poll()
    station.store.end_run()
    assert is_moved()


def test_a_kill_between_the_database_and_the_tail_repeats_no_row(station: Station) -> None:
    station.poll(3)
    before = path_of(station.path).read_bytes()
    station.poll(FEW + 1)
    path_of(station.path).write_bytes(before)  # a power cut brings back what was not synced
    station.again()
    assert station.is_whole()
    station.poll()
    assert station.is_whole() and [row.seq for row in station.store.rows_after(40, 9)] == [41, 42, 43, 44, 45]


def test_a_tail_torn_anywhere_gives_its_whole_lines_and_takes_new_ones(station: Station, tmp_path: Path) -> None:
    station.poll()
    whole = len(path_of(station.path).read_bytes())
    station.poll()
    station.store.close()
    text = path_of(station.path).read_bytes()
    for end in range(len(text)):
        path_of(station.path).write_bytes(text[:end])
        one = Store(station.path, station.clock)
        there = sum(end >= reach - 1 for reach in (whole, len(text)))  # the last line's end may be missing
        assert one.last_seq == there
        one.add_poll(station.series, 9000, [(9, 0), (9, 0), (9, 0)])
        one.keep()
        one.close()
        with closing(Store(station.path, station.clock)) as again:
            assert [row.seq for row in again.rows_after(0, 9)] == list(range(1, there + 2))
            assert again.rows_after(there, 9)[0].unix_ms == 9000


def test_a_hole_that_a_power_cut_left_after_a_line_takes_nothing_of_it(station: Station) -> None:
    station.poll(2)
    station.store.close()
    path_of(station.path).write_bytes(path_of(station.path).read_bytes() + bytes(300) + b"7,7],null]]")
    station.store = Store(station.path, station.clock)
    assert station.is_whole()


def test_no_damaged_byte_of_a_tail_makes_another_row(station: Station) -> None:
    station.poll()
    station.poll()
    station.store.close()
    text = path_of(station.path).read_bytes()
    for place in range(len(text)):
        path_of(station.path).write_bytes(text[:place] + bytes([text[place] ^ 1]) + text[place + 1 :])
        with closing(Store(station.path, station.clock)) as one:
            found = one.rows_after(0, 9)
            assert (found or text[place] == ord("\n")) and all(row in station.kept for row in found)


def test_a_tail_beside_another_database_is_not_believed(station: Station, tmp_path: Path) -> None:
    station.poll(2)
    station.store.close()
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(path_of(station.path), path_of(other / "store.db"))
    with closing(Store(other / "store.db", station.clock)) as one:
        assert one.rows_after(0, 9) == [] and one.last_seq == 0


def test_a_number_that_a_receiver_has_is_not_given_again_where_the_tail_is_lost(station: Station) -> None:
    station.poll(3)
    station.clock.unix += BLOCK_MS
    station.store.set_position("platform", 3)  # written, as its time has come
    station.again()
    station.store.close()
    path_of(station.path).unlink()
    station.store = Store(station.path, station.clock)
    assert (station.store.last_seq, station.store.position("platform")) == (0, 3)
    station.poll()
    assert [row.seq for row in station.store.rows_after(0, 10)] == [4]


def test_a_disk_that_takes_no_line_is_tried_with_the_database(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "no space left")

    with monkeypatch.context() as broken:
        broken.setattr(os, "write", refuse)
        station.poll(2)
    assert station.in_database == 2 and station.is_whole()


def test_rows_of_an_unknown_time_get_theirs_from_the_tail_too(tmp_path: Path) -> None:
    station = Station(tmp_path, is_trusted=False)
    station.store.add_poll(station.series, station.clock.unix, [(1, 0), (0, 0), (7, 0)])
    station.store.keep()
    assert station.in_database == 0
    station.clock.stepped_ms, station.clock.trusted = 5000, True
    station.store.upkeep()
    assert station.in_database == 1
    assert [row.unix_ms for row in station.store.rows_after(0, 9)] == [station.clock.unix_ms()]


def test_export_and_backup_of_a_running_station_have_the_tail(station: Station, tmp_path: Path) -> None:
    station.poll(FEW + 1)
    station.poll(2)
    with reading(station.path) as db:
        assert [one.seq for one in samples(db, Wish(), part=5)][::3] == list(range(1, FEW + 4))
        station.poll(FEW + 1)  # it leaves the tail meanwhile
        assert [one.seq for one in samples(db, Wish(), part=5)][::3] == list(range(1, 2 * FEW + 5))
    station.poll()
    copy(station.path, tmp_path / "copy.db")
    with closing(Store(tmp_path / "copy.db", station.clock)) as one:
        assert one.rows_after(0, 1000) == station.kept


def test_a_rescued_database_gets_its_tail(station: Station) -> None:
    station.poll(FEW + 1)
    station.poll(2)
    station.store.close()
    text = bytearray(station.path.read_bytes())
    text[:16] = bytes(16)  # no SQLite takes it for one of its own
    station.path.write_bytes(text)
    station.store = Store(station.path, station.clock)
    assert station.store.rows_after(0, 1000) == station.kept
    station.store.add_poll(station.series, 9000, [(1, 0), (0, 0), (7, 0)])
    station.store.commit()
    assert station.store.last_seq > 10_000 and station.store.rows_within(1, FEW + 3) == station.kept


def test_after_a_commit_that_failed_numbers_that_it_may_have_used_stay_out_of_the_tail(tmp_path: Path) -> None:
    disk = vfs.mount(tmp_path)
    station = Station(tmp_path)
    station.poll(2)
    disk.refuses = frozenset({"sync"})  # its pages may be in the log all the same
    with pytest.raises(sqlite3.OperationalError):
        station.store.nodes.add_batch(17, 1, station.series, [record(1, 4, 5, 6)])
    disk.refuses = frozenset()
    station.poll()
    assert station.in_database == 3 and read(station.path) == [] and station.is_whole()
    station.poll()
    assert station.in_database == 3 and station.is_whole()
