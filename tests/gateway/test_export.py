"""What leaves a store is all that was asked for, digit for digit, while the gateway writes on."""

import csv
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway import backup
from gateway.__main__ import main
from gateway.beside import reading
from gateway.export import Wish, samples, words
from gateway.messages import set_language
from gateway.site.config import Channel
from gateway.store import Store, StoreError
from gateway.whole_file import whole_file
from protocols import quality
from tests.gateway.doubles import RIVER, START_MS, HandClock, sensor, site

SITE = (RIVER, sensor("level", 1))


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language(None)


def channel(name: str, unit: str, decimals: int) -> Channel:
    return Channel(
        name=name, sensor="level", node=None, quantity=name, unit=unit, decimals=decimals, low=None, high=None
    )


CHANNELS = (channel("level.a", "degC", 2), channel("level.b", "1", 0))


class Station:
    """A store whose gateway runs: 4 rows, one each second."""

    def __init__(self, folder: Path) -> None:
        site(folder, *SITE)
        self.file = folder / "site.toml"
        self.path = folder / "store.db"
        self.store = Store(self.path, HandClock())
        self.series = self.store.series("sensor level", CHANNELS)
        self.poll(0, (-5, 0), (7, quality.RANGE | quality.WARM_UP))
        self.poll(1, (None, quality.NO_REPLY), (None, quality.NO_REPLY))
        self.poll(2, (123456, 0), (None, 0))  # the second is not due: no sample
        self.poll(3, (0, 0), (1, 0))

    def poll(self, second: int, *cells: tuple[int | None, int]) -> None:
        self.store.add_poll(self.series, START_MS + 1000 * second + 7, cells)
        self.store.commit()


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    one = Station(tmp_path)
    yield one
    one.store.close()


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with reading(path) as db:
        return db.execute(sql).fetchall()


def exported(station: Station, name: str, *more: str) -> str:
    out = station.path.with_name(name)
    assert main(["export", str(station.file), *more, "-o", str(out)]) == 0
    return out.read_text("utf-8")


def test_csv_has_the_digits_that_were_stored_and_the_quality_in_words(station: Station) -> None:
    head, *lines = csv.reader(exported(station, "out.csv").splitlines())
    assert head == ["seq", "time", "channel", "value", "unit", "quality", "source"]
    assert [line[3:6] for line in lines] == [
        ["-0.05", "degC", "good"],
        ["7", "1", "range warm_up"],
        ["", "degC", "no_reply"],
        ["", "1", "no_reply"],
        ["1234.56", "degC", "good"],
        ["0.00", "degC", "good"],
        ["1", "1", "good"],
    ]
    assert lines[0][1] == "2026-01-01T00:00:00.007Z"


def test_json_lines_say_the_same_as_the_view(station: Station) -> None:
    lines = [json.loads(line) for line in exported(station, "out.jsonl").splitlines()]
    view = query(station.path, "SELECT seq, time, channel, value, unit FROM sample ORDER BY seq, channel")
    assert [(line["seq"], line["time"], line["channel"], line["value"], line["unit"]) for line in lines] == view


def test_times_are_from_and_up_to_but_not_with_and_channels_are_chosen(station: Station) -> None:
    asked = ("--from", "2026-01-01T08:00:01+08:00", "--to", "2026-01-01T00:00:03.007", "--channel", "level.a")
    lines = exported(station, "out.csv", *asked).splitlines()[1:]
    assert [line.split(",")[:3] for line in lines] == [
        ["2", "2026-01-01T00:00:01.007Z", "level.a"],
        ["3", "2026-01-01T00:00:02.007Z", "level.a"],
    ]


def test_an_export_is_read_in_parts_between_which_the_gateway_writes_and_empties_its_wal(station: Station) -> None:
    seen: list[int] = []
    told: list[tuple[int, int]] = []
    with reading(station.path) as db, closing(sqlite3.connect(station.path)) as other:
        for sample in samples(db, Wish(), lambda done, of: told.append((done, of)), part=2):
            seen.append(sample.seq)
            station.poll(9, (1, 0), (1, 0))
            busy, in_wal, moved = other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            assert (busy, in_wal) == (0, moved), "a read that stays holds back the WAL"
    assert seen == [1, 1, 2, 2, 3, 4, 4]  # what came later is for the next one
    assert told == [(2, 4), (4, 4)]


def test_a_damaged_row_is_left_out_and_told(station: Station, caplog: pytest.LogCaptureFixture) -> None:
    with closing(sqlite3.connect(station.path)) as other:
        other.execute("UPDATE row SET cells = '[1,1]' WHERE seq = 2")
        other.commit()
    with reading(station.path) as db:
        assert [sample.seq for sample in samples(db, Wish())] == [1, 1, 3, 4, 4]
    assert "row 2 is damaged and left out" in caplog.text


def test_what_can_not_be_is_said_and_leaves_no_file(station: Station, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*arguments: str) -> str:
        assert main(["export", str(station.file), *arguments]) in (1, 2)
        return capsys.readouterr().err

    folder = station.path.parent
    before = set(os.listdir(folder))
    assert "must end in one of .csv, .jsonl" in said("-o", str(folder / "out.xls"))
    assert "no channel level.c in the store, only level.a, level.b" in said(
        "--channel", "level.c", "-o", str(folder / "out.csv")
    )
    assert "can't be written" in said("-o", str(folder / "no" / "out.csv"))
    assert "nothing.db can't be read" in said("--set", "store.path=nothing.db", "-o", str(folder / "out.csv"))
    station.path.with_name("store.db-wal").unlink(missing_ok=True)
    station.path.write_bytes(b"?" * 5000)
    assert "store.db can't be read" in said("-o", str(folder / "out.csv"))
    assert set(os.listdir(folder)) <= before
    with pytest.raises(SystemExit):
        main(["export", str(station.file), "--from", "yesterday", "-o", "out.csv"])
    assert "yesterday is no time" in capsys.readouterr().err


def test_a_flag_without_a_word_is_not_good() -> None:
    assert words(quality.GOOD) == "good"
    assert words(quality.CLOCK | 1 << 9 | 1 << 30) == "clock climate flag_1073741824"


def test_a_file_is_whole_or_what_it_was_before(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before")
    with pytest.raises(ValueError), whole_file(path) as beside:
        beside.write_text("half")
        raise ValueError
    assert path.read_text() == "before" and os.listdir(tmp_path) == ["file"]


def test_a_backup_is_the_store_of_one_moment_though_the_gateway_writes_between_its_steps(
    station: Station, tmp_path: Path
) -> None:
    left: list[int] = []

    def write_on(pages: int, of: int) -> None:
        left.append(pages)
        if len(left) > of:
            raise AssertionError("it begins anew for ever")
        station.poll(9, (1, 0), (1, 0))

    target = tmp_path / "copy.db"
    backup.copy(station.path, target, write_on, step_pages=4)
    assert len(left) > 3 and left == sorted(left, reverse=True) and left[-1] == 0
    assert query(target, "SELECT count(*) FROM row") == [(4,)]
    assert query(station.path, "SELECT count(*) FROM row") == [(4 + len(left),)]
    assert {name for name in os.listdir(tmp_path) if name.startswith("copy")} == {"copy.db"}


def test_a_backup_into_a_folder_names_station_and_time_and_says_what_is_not_in_it(
    station: Station, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "stick"
    folder.mkdir()
    assert main(["backup", str(station.file), str(folder)]) == 0
    (name,) = os.listdir(folder)
    assert name.startswith("demo-20") and name.endswith("Z.db")
    out = capsys.readouterr().out
    assert "Not in it, because they hold keys or passwords" in out
    assert str(station.file) in out and "gateway.key" in out


def test_a_backup_never_replaces_the_store_nor_a_good_copy_with_a_bad_one(
    station: Station, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backup", str(station.file), str(station.path)]) == 1
    assert "is the store itself" in capsys.readouterr().err
    target = tmp_path / "copy.db"
    backup.copy(station.path, target)
    good = target.read_bytes()
    torn = tmp_path / "torn.db"
    torn.write_bytes(good[: len(good) // 2])
    with pytest.raises(StoreError):
        backup.copy(torn, target)
    assert target.read_bytes() == good
