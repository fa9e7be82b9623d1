"""The last day of a store as points for plots."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.store import Store
from gateway.web.history import STEP_MS, History
from protocols import quality
from tests.gateway.doubles import RIVER, HandClock, sensor, site

HOUR_MS = 3_600_000


class Shore:
    """A store with one channel, and what the page knows of it."""

    def __init__(self, folder: Path) -> None:
        self.site = site(folder, RIVER, sensor("level", 1))
        self.clock = HandClock()
        self.store = Store(Path(self.site.store.path), self.clock)
        self.channel = self.site.channels[0]
        self.series = self.store.series("sensor level", [self.channel])
        self.history = History(Path(self.site.store.path))

    def poll(self, value: int | None, worth: int = 0) -> None:
        self.store.add_poll(self.series, self.clock.unix, [(value, worth)])
        self.store.commit()

    def points(self) -> list[list[float]]:
        self.history.catch_up(self.clock.unix)
        return json.loads(self.history.plain(self.clock.unix))["curves"].get(self.channel.name, [])  # type: ignore[no-any-return]


@pytest.fixture
def shore(tmp_path: Path) -> Shore:
    return Shore(tmp_path)


def test_readings_of_five_minutes_are_one_point_and_what_comes_joins_it(shore: Shore) -> None:
    scale = 10**shore.channel.decimals
    shore.poll(1 * scale)
    shore.poll(4 * scale)
    assert shore.points() == [[287, 1, 2.5, 4, 0]]
    shore.poll(7 * scale, quality.RANGE)
    assert shore.points() == [[287, 1, 4, 7, 1]]
    shore.clock.unix += STEP_MS
    shore.poll(None, quality.NO_REPLY)
    assert shore.points() == [[286, 1, 4, 7, 1]]
    curve = shore.history.curves[shore.channel.name]
    assert curve.newest == (shore.clock.unix, None, quality.NO_REPLY)


def test_what_is_older_than_a_day_goes_and_an_old_store_still_tells_its_last_reading(shore: Shore) -> None:
    shore.poll(5)
    shore.store.close_block()
    assert len(shore.points()) == 1
    shore.clock.unix += 25 * HOUR_MS
    assert shore.points() == []
    later = History(Path(shore.site.store.path))
    later.catch_up(shore.clock.unix + 30 * 24 * HOUR_MS)
    newest = later.curves[shore.channel.name].newest
    assert newest is not None
    assert newest[1] == 5
    assert later.last_row == (1, newest[0])


def test_only_blocks_that_can_matter_are_read(shore: Shore) -> None:
    for _ in range(2100):
        shore.store.add_poll(shore.series, shore.clock.unix, [(1, 0)])
    shore.store.commit()
    shore.store.close_block()
    shore.clock.unix += 25 * HOUR_MS
    shore.poll(9)
    shore.store.close_block()
    assert [place for place, *_ in shore.points()] == [287]
    fresh = History(Path(shore.site.store.path))
    fresh.catch_up(shore.clock.unix)
    assert fresh.last_row == (2101, shore.clock.unix)


def test_rows_that_get_their_true_time_are_drawn_anew(tmp_path: Path) -> None:
    shore = Shore(tmp_path)
    shore.store.close()
    (tmp_path / "store.db").unlink()
    shore.clock.trusted = False
    shore.clock.stepped_ms = -3 * HOUR_MS
    shore.store = Store(tmp_path / "store.db", shore.clock)
    shore.series = shore.store.series("sensor level", [shore.channel])
    shore.store.add_poll(shore.series, shore.store.clock.unix_ms(), [(1, 0)])
    shore.store.commit()
    assert [point[0] for point in shore.points()] == [287 - 36]
    shore.clock.trusted, shore.clock.stepped_ms = True, 0
    shore.store.upkeep()
    assert [point[0] for point in shore.points()] == [287]


def test_no_store_is_said_and_is_no_end(tmp_path: Path) -> None:
    history = History(tmp_path / "store.db")
    history.catch_up(0)
    assert "store.db" in history.trouble
    assert history.events() == []


@contextmanager
def in_another_users_folder() -> Iterator[Path]:
    """A folder in which whoever runs this may only read; root becomes nobody for that time."""
    me = os.geteuid()
    folder = Path(tempfile.mkdtemp())
    try:
        yield folder
    finally:
        os.seteuid(me)
        folder.chmod(0o700)
        shutil.rmtree(folder)


@pytest.mark.parametrize("is_running", [True, False])
def test_who_may_only_read_sees_the_store_whether_its_gateway_runs_or_has_ended(is_running: bool) -> None:
    with in_another_users_folder() as folder:
        shore = Shore(folder)
        shore.poll(215)
        if not is_running:
            shore.store.close()
        for path in folder.iterdir():
            path.chmod(0o444)
        folder.chmod(0o555)
        if os.geteuid() == 0:
            os.seteuid(65534)
        assert len(shore.points()) == 1
        assert shore.history.trouble == ""
        assert (folder / "store.db-wal").exists() == is_running
