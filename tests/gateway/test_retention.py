"""What is old or too much goes, oldest first and announced; what somebody still waits for stays, or is said to go."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.evidence.verify import verify
from gateway.store import Store
from gateway.store.retention import MIB, Keeping
from tests.gateway.doubles import HandClock, events, query
from tests.gateway.test_store import CHANNELS, record

_DAY_MS = 86_400_000


class Story:
    """A store whose every day is a block of `rows` polls."""

    def __init__(self, folder: Path, keeping: Keeping) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.clock.unix += _DAY_MS
        self.keeping = keeping
        self.free: int | None = None
        self.open()

    def open(self) -> None:
        self.store = Store(self.folder / "store.db", self.clock, self.keeping, lambda: self.free)
        self.series = self.store.series("sensor do", CHANNELS)

    def days(self, count: int, rows: int = 10) -> None:
        for _ in range(count):
            self.poll(rows)
            self.store.close_block()
            self.clock.unix += _DAY_MS

    def poll(self, rows: int) -> None:
        for value in range(rows):
            self.store.add_poll(self.series, self.clock.unix_ms(), [(value, 0), (123_456, 0), (None, 1)])
        self.store.commit()

    def clean(self) -> int:
        """Until there is nothing to do; how many steps that took."""
        for steps in range(10_000):
            if self.store.upkeep() > 1:
                return steps
        raise AssertionError("it never ends")

    def left(self) -> tuple[int, int]:
        """The first row that is there, and how many there are."""
        ((first, count),) = query(self.folder, "SELECT min(seq), count(*) FROM row")
        return first, count

    def differs(self) -> str | None:
        return verify(self.folder / "store.db", "demo", {}, {}, None).differs


@pytest.fixture
def stories(tmp_path: Path) -> Iterator[list[Story]]:
    opened: list[Story] = []
    yield opened
    for one in opened:
        one.store.close()


def story(stories: list[Story], folder: Path, keeping: Keeping) -> Story:
    stories.append(Story(folder, keeping))
    return stories[-1]


def test_what_is_older_than_it_may_be_goes_in_whole_blocks_and_the_chain_still_links(
    tmp_path: Path, stories: list[Story]
) -> None:
    one = story(stories, tmp_path, Keeping(keep_days=5))
    one.days(20)
    one.store.nodes.add_batch(17, 1, one.store.series("node 17", CHANNELS), [record(1, 1, 1, 1)])
    assert one.clean() == 1 + 15  # announced once, and then a block at a time
    assert one.left() == (151, 51)
    detail = {"reason": "age", "first": 1, "last": 150, "block": 15}
    assert events(tmp_path) == [("rows_removed", detail)]
    checked = verify(tmp_path / "store.db", "demo", {}, {}, None)
    assert (checked.differs, checked.removed, checked.blocks, checked.rows) == (None, 150, 21, 51)
    one.days(3)
    one.clean()
    assert one.differs() is None and one.left()[0] == 181 and len(events(tmp_path)) == 2


def test_a_removal_that_nobody_announced_is_found(tmp_path: Path, stories: list[Story]) -> None:
    one = story(stories, tmp_path, Keeping(keep_days=5))
    one.days(10)
    one.clean()
    one.store.close_block()
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as db:
        db.execute("DELETE FROM row WHERE seq <= (SELECT last_seq FROM block WHERE number = 6)")
    assert one.differs() == "block 6 (rows 51 to 60): what is in it is not what was hashed"


def test_what_an_uplink_owes_stays_however_old(tmp_path: Path, stories: list[Story]) -> None:
    one = story(stories, tmp_path, Keeping(keep_days=2, uplinks=("fast", "slow")))
    one.days(10)
    one.store.set_position("fast", 100)
    one.store.set_position("gone", 3)  # of an uplink that the site file no longer has
    one.clean()
    assert one.left() == (1, 100)
    one.store.set_position("slow", 45)
    one.clean()
    assert one.left() == (41, 60)


def test_without_a_trusted_clock_nothing_is_old(tmp_path: Path, stories: list[Story]) -> None:
    one = story(stories, tmp_path, Keeping(keep_days=2))
    one.days(4)
    one.store.close()
    one.clock.trusted, one.clock.boot, one.clock.stepped_ms = False, "boot 2", 900 * _DAY_MS
    one.open()
    one.clean()
    assert one.left() == (1, 40)


def test_blocks_closed_in_1970_go_with_those_after_them(tmp_path: Path, stories: list[Story]) -> None:
    one = story(stories, tmp_path, Keeping(keep_days=5))
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as db:
        one.days(8)
        db.execute("UPDATE block SET unix_ms = 5 WHERE number IN (2, 4)")  # the last one of these is young
    one.clean()
    assert one.left() == (31, 50)


def test_a_store_that_is_too_large_shrinks_to_its_size_and_so_does_its_file(
    tmp_path: Path, stories: list[Story]
) -> None:
    one = story(stories, tmp_path, Keeping(max_mib=1, uplinks=("up",)))
    one.days(60, rows=600)
    one.store.set_position("up", one.store.last_seq)
    path = tmp_path / "store.db"
    one.store.database.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert path.stat().st_size > 1.5 * MIB
    one.store._cleaning.keeping = one.keeping._replace(reserve_mib=100)
    one.free = 99 * MIB
    one.clean()
    one.store.database.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert path.stat().st_size < MIB and one.store.last_seq == 36_000
    assert one.differs() is None and events(tmp_path)[0][1]["reason"] == "size"


def test_with_min_days_size_waits_for_age(tmp_path: Path, stories: list[Story]) -> None:
    one = story(stories, tmp_path, Keeping(max_mib=1, min_days=50))
    one.days(60, rows=600)
    one.clean()
    assert one.left()[0] == 10 * 600 + 1 and one.store.is_full


@pytest.mark.parametrize("policy", ["stop", "drop_oldest"])
def test_a_store_that_is_full_of_undelivered_rows_does_what_the_site_file_says(
    tmp_path: Path, stories: list[Story], policy: str
) -> None:
    one = story(stories, tmp_path, Keeping(max_mib=1, when_full=policy, uplinks=("up",)))  # type: ignore[arg-type]
    one.days(60, rows=600)
    one.store.set_position("up", 700)
    one.clean()
    if policy == "drop_oldest":
        first, _ = one.left()
        assert first > 6000 and not one.store.is_full
        size, full = events(tmp_path, "rows_removed")
        assert size[1] == {"reason": "size", "first": 1, "last": 600, "block": 1}
        assert full[1]["reason"] == "full" and full[1]["undelivered"] == {"up": first - 1 - 700}
        return
    assert one.left()[0] == 601 and one.store.is_full and one.store.strained
    one.poll(5)
    assert one.store.waiting == 5 and one.store.last_seq == 36_000
    with pytest.raises(sqlite3.OperationalError, match="full"):
        one.store.nodes.add_batch(17, 1, one.series, [record(1, 1, 1, 1)])
    one.store.set_position("up", 36_000)
    one.clean()
    assert not one.store.is_full
    one.store.commit()
    assert one.store.last_seq == 36_005
    assert [kind for kind, _ in events(tmp_path)] == ["rows_removed", "store_full", "rows_removed", "store_has_room"]


def test_a_disk_with_too_little_room_is_not_filled_to_its_last_byte(tmp_path: Path, stories: list[Story]) -> None:
    one = story(stories, tmp_path, Keeping(reserve_mib=64, uplinks=("up",)))
    one.days(3)
    one.free = 64 * MIB
    one.clean()
    assert not one.store.is_full
    one.free = 60 * MIB
    one.clean()
    assert one.store.is_full and events(tmp_path, "store_full") != []
    one.free = None
    one.clean()
    assert not one.store.is_full


def test_a_full_store_whose_clock_is_trusted_only_then_still_makes_room_and_dates_its_rows(
    tmp_path: Path, stories: list[Story]
) -> None:
    one = story(stories, tmp_path, Keeping(reserve_mib=64, uplinks=("up",)))
    one.store.close()
    one.clock.trusted, one.clock.boot = False, "boot 2"
    one.open()
    one.days(1)
    one.free = 60 * MIB
    one.clean()
    one.clock.trusted = True
    one.clean()
    assert one.store.is_full and events(tmp_path, "clock_trusted") == []
    one.free = None
    one.clean()
    one.store.upkeep()
    assert not one.store.is_full and len(events(tmp_path, "clock_trusted")) == 1


def test_polls_that_wait_for_a_disk_are_bounded_and_the_dropped_ones_are_counted(
    tmp_path: Path, stories: list[Story]
) -> None:
    one = story(stories, tmp_path, Keeping(reserve_mib=64))
    one.free = 0
    one.clean()
    begin_ms = one.clock.unix_ms()
    for second in range(20_007):
        one.store.add_poll(one.series, begin_ms + second * 1000, [(second, 0), (0, 0), (0, 0)])
    one.store.commit()
    assert one.store.waiting == 20_000
    one.free = None
    one.clean()
    one.store.commit()
    assert one.store.waiting == 0 and one.store.rows_after(0, 1)[0].cells[0] == 7
    (gap,) = events(tmp_path, "gap")
    assert gap[1] == {"reason": "no_disk", "rows": 7, "from_ms": begin_ms, "to_ms": begin_ms + 6000}
    one.poll(1)
    assert len(events(tmp_path, "gap")) == 1


def test_a_cut_in_the_middle_of_a_removal_goes_on_after_the_start(tmp_path: Path, stories: list[Story]) -> None:
    one = story(stories, tmp_path, Keeping(keep_days=5))
    one.days(12)
    for _ in range(3):
        one.store.upkeep()
    one.store.close()
    one.open()
    assert one.differs() is None
    one.clean()
    assert one.left() == (71, 50) and one.differs() is None and len(events(tmp_path)) == 1
