"""A row's time is known, or dated later, or says that it is a guess; steps of a clock move no row."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.machine import machine_clock
from gateway.machine.timekeeping import Timekeeper, Trusted, started
from gateway.store import Store
from protocols import quality
from tests.gateway.doubles import START_MS, HandClock, events, query
from tests.gateway.test_store import CHANNELS, record

_DAY_MS = 86_400_000


class Story:
    """A gateway's store and its clock, which begins in 1970."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.clock.trusted, self.clock.stepped_ms = False, -START_MS
        self.start()

    def start(self) -> None:
        self.store = Store(self.folder / "store.db", self.clock)
        self.series = self.store.series("sensor do", CHANNELS)

    def poll(self, *values: int) -> None:
        for value in values:
            self.clock.unix += 1000
            self.store.add_poll(self.series, self.store.clock.unix_ms(), [(value, 0), (None, 1), (None, 0)])

    def times(self) -> list[tuple[int, int, bool]]:
        """(value, ms after the start, whether it is a guess) of each row."""
        return [
            (row.cells[0] or 0, row.unix_ms - START_MS, bool(row.quality and row.quality[0] & quality.CLOCK))
            for row in self.store.rows_after(0, 99)
        ]

    def come_right(self) -> None:
        self.clock.trusted, self.clock.stepped_ms = True, 0


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    one = Story(tmp_path)
    yield one
    one.store.close()


def test_rows_without_a_trusted_clock_are_guesses_until_it_comes_and_then_dated(story: Story) -> None:
    story.poll(1, 2)
    story.store.commit()
    assert story.times() == [(1, 1000 - START_MS, True), (2, 2000 - START_MS, True)]
    (row, _) = story.store.rows_after(0, 9)
    assert row.quality == (quality.CLOCK, quality.CLOCK | quality.NO_REPLY, 0)  # what was not due is no reading
    story.poll(3)
    story.come_right()
    story.poll(4)
    story.store.upkeep()
    story.poll(5)
    story.store.commit()
    assert story.times() == [(value, value * 1000, False) for value in (1, 2, 3, 4, 5)]
    told = {"boot": 1, "correction_ms": START_MS, "first": 1, "last": 3}
    assert events(story.folder) == [("clock_trusted", told)]
    assert query(story.folder, "SELECT seq, unix_ms, trusted FROM row") == [
        (1, 1000, 0), (2, 2000, 0), (3, 3000, 0), (4, START_MS + 4000, 1), (5, START_MS + 5000, 1),
    ]  # fmt: skip
    seen = query(story.folder, "SELECT DISTINCT seq, time, quality, trust FROM sample WHERE channel = 'do.temperature'")
    assert seen[0] == (1, "2026-01-01T00:00:01.000Z", 0, "dated")
    assert seen[4] == (5, "2026-01-01T00:00:05.000Z", 0, "yes")


def test_the_view_says_which_times_are_guesses(story: Story) -> None:
    story.poll(1)
    story.store.commit()
    seen = query(story.folder, "SELECT time, quality, trust FROM sample WHERE channel = 'do.temperature'")
    assert seen == [("1970-01-01T00:00:01.000Z", quality.CLOCK, "no")]


def test_a_step_of_a_clock_that_nobody_trusts_moves_no_row(story: Story) -> None:
    for step_ms in (0, 5 * _DAY_MS, -_DAY_MS, START_MS - _DAY_MS):
        story.clock.stepped_ms = -START_MS + step_ms
        story.poll(7)
    story.store.commit()
    assert [at_ms + START_MS for _, at_ms, _ in story.times()] == [1000, 2000, 3000, 4000]


def test_what_uplinks_had_is_sent_again_once_its_time_is_known(story: Story) -> None:
    story.come_right()
    story.store.upkeep()
    story.poll(1, 2, 3)
    story.store.commit()
    story.store.close()
    story.clock.boot, story.clock.trusted = "boot 2", False
    story.start()
    story.poll(4, 5, 6)
    story.store.commit()
    story.store.set_position("platform", 5)
    story.store.set_position("slow one", 2)
    story.come_right()
    story.store.upkeep()
    assert (story.store.position("platform"), story.store.position("slow one")) == (3, 2)
    assert [at_ms for _, at_ms, _ in story.times()] == [1000, 2000, 3000, 4000, 5000, 6000]


def test_another_process_of_the_same_boot_goes_on_with_its_time_and_dates_all_of_it(story: Story) -> None:
    story.poll(1)
    story.store.commit()
    story.store.close()
    story.clock.stepped_ms += 12_345_678  # somebody set it meanwhile
    story.start()
    story.poll(2)
    story.store.commit()
    assert [at_ms + START_MS for _, at_ms, _ in story.times()] == [1000, 2000]
    story.come_right()
    story.store.upkeep()
    assert story.times() == [(1, 1000, False), (2, 2000, False)]
    assert query(story.folder, "SELECT count(*) FROM boot") == [(1,)]


def test_a_boot_that_never_got_a_clock_stays_a_guess(story: Story) -> None:
    story.poll(1)
    story.store.commit()
    story.store.close()
    story.clock.boot = "boot 2"
    story.come_right()
    story.start()
    story.poll(2)
    story.store.commit()
    assert [guess for _, _, guess in story.times()] == [True, False]
    assert events(story.folder) == []


def test_a_trusted_clock_is_followed_and_what_it_shows_without_trust_is_not(story: Story) -> None:
    story.come_right()
    story.clock.unix += _DAY_MS
    story.store.upkeep()
    keeper = story.store.clock
    for step_ms, trusted, shown_ms in (
        (3000, True, 3000),  # NTP set it
        (-7000, True, -7000),
        (600_000, False, -7000),  # somebody's hand
        (-1024 * 7 * _DAY_MS, True, -7000),  # a rollover
        (0, True, 0),
    ):
        story.clock.stepped_ms, story.clock.trusted = step_ms, trusted
        assert keeper.unix_ms() - story.clock.unix == shown_ms, step_ms
        assert keeper.is_trusted()
        story.poll(1)
    story.store.commit()
    assert [row.seq for row in story.store.rows_after(0, 9)] == [1, 2, 3, 4, 5]


def test_records_of_a_node_that_knew_the_time_are_trusted_without_a_clock_here(story: Story) -> None:
    series = story.store.series("node 17", CHANNELS)
    story.store.nodes.add_batch(17, 1, series, [record(1, 1, 1, 1)])
    story.store.nodes.add_batch(17, 2, series, [record(2, 2, 2, 2, time_s=1)], knew_time=False)
    assert [guess for _, _, guess in story.times()] == [False, True]


def test_a_clock_may_be_trusted_by_word(story: Story) -> None:
    keeper = Timekeeper(Trusted(story.clock), started(story.clock))
    assert not keeper.is_trusted()  # not in 1970
    story.clock.stepped_ms = 0
    keeper.look()
    assert keeper.is_trusted() and not Timekeeper(story.clock, started(story.clock)).is_trusted()


def test_a_damaged_row_is_left_out_and_never_read_as_another(story: Story) -> None:
    story.poll(1, 2, 3)
    story.store.commit()
    with closing(sqlite3.connect(story.folder / "store.db", isolation_level=None)) as db:
        db.execute("UPDATE row SET cells = replace(cells, '2', '9') WHERE seq = 2")
    assert [value for value, _, _ in story.times()] == [1, 3]


def test_a_clock_chip_must_be_there_and_agree(tmp_path: Path) -> None:
    chip = tmp_path / "since_epoch"
    assert not machine_clock.agrees_with_chip(START_MS, chip)
    for text, agrees in ((f"{START_MS // 1000}\n", True), (f"{START_MS // 1000 - 60}\n", False), ("?", False)):
        chip.write_text(text)
        assert machine_clock.agrees_with_chip(START_MS, chip) is agrees
    assert machine_clock.is_synchronised() in (True, False) and len(machine_clock.boot_id()) > 5


def test_a_platforms_word_is_believed_until_the_machine_knows_better(story: Story) -> None:
    story.poll(1)
    clock = story.store.clock
    assert not clock.told(1_000_000_000_000)  # 2001: no gateway was there
    assert clock.told(START_MS + 5_000_000) and clock.is_trusted()
    assert clock.unix_ms() == START_MS + 5_000_000
    assert clock.told(START_MS + 5_001_500) and clock.unix_ms() == START_MS + 5_000_000  # that is the same
    story.store.commit()
    story.store.upkeep()
    assert story.times() == [(1, 5_000_000, False)]
    story.clock.unix += 1000
    assert clock.unix_ms() == START_MS + 5_001_000
    assert clock.told(START_MS + 9_000_000) and clock.unix_ms() == START_MS + 9_000_000
    story.come_right()
    assert not clock.told(START_MS + 9_999_000)
    assert clock.unix_ms() == story.clock.unix_ms()
