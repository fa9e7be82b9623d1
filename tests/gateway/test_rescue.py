"""A damaged store is set aside and what can be read of it goes on: no good row lost, no wrong one read, no number given
twice; a disk that gives no store at all stops nobody from polling.
"""

import asyncio
import logging
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.evidence.verify import verify
from gateway.store import Store, leaves, wal
from gateway.store.file import PAGE_BYTES as PAGE
from gateway.store.rows import Row
from hw_sim.clock import run_virtual
from tests.gateway.doubles import START_MS, HandClock, events, query
from tests.gateway.test_app import Running
from tests.gateway.test_store import CHANNELS, record


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


class Written:
    """The files of a gateway that was killed in the middle of its work, and what it had said is on disk."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        store = Store(folder / "store.db", self.clock)
        polled, kept = store.series("sensor do", CHANNELS), store.series("node 17", CHANNELS)
        store.begin_run()
        store.nodes.meet(17, "aa")
        for number in range(1, 1001):
            self.clock.unix += 1000
            store.add_poll(polled, self.clock.unix_ms(), [(number, 0), (number * 7, 0), (None, 1)])
            if number % 20 == 0:
                store.nodes.add_batch(17, number, kept, [record(number // 20, number, number, number)])
            if number % 50 == 0:
                store.event("sensor_silent", {"sensor": "do"})
                store.close_block()
            if number == 600:
                store.set_position("platform", 300)
                store.database.db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        store.commit()
        self.rows = {row.seq: row for row in store.rows_after(0, 10_000)}
        self.main, self.log = (folder / "store.db").read_bytes(), (folder / "store.db-wal").read_bytes()
        store.close()

    def put(self, folder: Path, main: bytes, log: bytes) -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "store.db").write_bytes(main)
        (folder / "store.db-wal").write_bytes(log)
        return folder / "store.db"

    def opened(self, path: Path) -> tuple[dict[int, Row], Store]:
        store = Store(path, self.clock)
        assert store.is_open
        return {row.seq: row for row in store.rows_after(0, 10_000)}, store


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return Written(tmp_path_factory.mktemp("written"))


def spoilt(content: bytes, at: int, stream: random.Random, size: int) -> bytes:
    rubbish = bytes(stream.randrange(256) for _ in content[at : at + size])
    if size == 1:
        rubbish = bytes([content[at] ^ stream.randrange(1, 256)])
    return content[:at] + rubbish + content[at + size :]


def root_of_rows(path: Path) -> int:
    """Where their tree begins."""
    return (int(query(path.parent, "SELECT rootpage FROM sqlite_schema WHERE name = 'row'")[0][0]) - 1) * PAGE


@pytest.mark.parametrize("seed", range(8))
def test_whatever_byte_or_page_is_damaged_what_is_good_is_there_and_nothing_wrong_is_read(
    tmp_path: Path, written: Written, seed: int
) -> None:
    stream = random.Random(seed)
    for _ in range(40):
        main, log, size = written.main, written.log, stream.choice([1, 1, PAGE])
        in_log = stream.random() < 0.4
        content = log if in_log else main
        at = stream.randrange(len(content) if stream.random() < 0.8 else 200)
        bad = spoilt(content, at, stream, size)
        path = written.put(tmp_path / "store", main if in_log else bad, bad if in_log else log)
        found, store = written.opened(path)
        where = (seed, "log" if in_log else "file", at, size)
        assert all(written.rows[seq] == row for seq, row in found.items()), where
        # of one byte a row, of a page what lies on it; of a log's end a commit, which a power cut takes as well
        assert len(written.rows) - len(found) <= (250 if size > 1 else 25), where
        aside = [one for one in path.parent.glob("store.db-damaged-*") if not one.name.endswith("-wal")]
        if aside:
            assert aside[0].stat().st_size >= len(main) - PAGE and len(aside) == 1
            assert store._all_rows.used_seq > max(written.rows), where
            assert [kind for kind, _ in events(path.parent, "store_rescued")] == ["store_rescued"]
        store.add_poll(store.series("sensor do", CHANNELS), START_MS, [(1, 0), (2, 0), (3, 0)])
        store.commit()
        store.close_block()
        assert store.rows_after(max(written.rows) if aside else 0, 10_000)[-1].cells == (1, 2, 3)
        store.close()


def test_a_rescue_says_what_is_missing_and_holes_are_asked_for(tmp_path: Path, written: Written) -> None:
    at = written.main.index(b"[100,100,100]") // PAGE * PAGE
    path = written.put(tmp_path / "store", written.main[:at] + bytes(PAGE) + written.main[at + PAGE :], written.log)
    found, store = written.opened(path)
    missing = sorted(set(written.rows) - set(found))
    assert 20 < len(missing) == missing[-1] - missing[0] + 1
    store.nodes.meet(17, "aa")
    lost = [row.cells[0] // 20 for seq, row in written.rows.items() if seq in missing and row.cells[2] is not None]  # type: ignore[operator]
    assert store.nodes.holes(17) == ((lost[0], lost[-1]),) and store.nodes.have(17) == 50
    ((_, told),) = events(path.parent, "store_rescued")
    assert told["kept"]["row"] == len(found) and told["next_seq"] > max(written.rows) + 5000
    assert told["blocks"] and (path.parent / told["kept_as"]).read_bytes()[at : at + PAGE] == bytes(PAGE)
    assert store.position("platform") == 300 and store.nodes.counters() == {17: 1000}
    store.close_block()
    checked = verify(path, "demo", {}, {}, None)
    assert (checked.differs, checked.damaged) == (None, len(told["blocks"]))
    store.close()


@pytest.mark.parametrize(("table", "column"), [("series", "channels"), ("boot", "correction_ms")])
def test_a_line_that_all_rows_hang_on_is_not_believed_when_it_is_damaged_and_its_number_is_not_given_again(
    tmp_path: Path, written: Written, table: str, column: str
) -> None:
    path = written.put(tmp_path / "store", written.main, written.log)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        if table == "boot":
            db.execute("UPDATE boot SET correction_ms = 7")
        else:
            db.execute("UPDATE series SET channels = replace(channels, ',2]', ',3]')")
    _, store = written.opened(path)
    ((_, told),) = events(path.parent, "store_rescued")
    assert told["reason"] == table and told["left_out"] == {table: 1 if table == "boot" else 2}
    names = dict(query(path.parent, f"SELECT id, {'machine_id' if table == 'boot' else 'source'} FROM {table}"))
    assert names[1] == "lost 1" and len(names) == len(set(names.values()))
    new = store.series("sensor do", CHANNELS)
    assert new not in (1, 2) if table == "series" else store.clock.boot.number == 2
    store.close()


def test_what_was_removed_on_purpose_does_not_come_back(tmp_path: Path, written: Written) -> None:
    path = written.put(tmp_path / "store", written.main, written.log)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        (last,) = db.execute("SELECT last_seq FROM block WHERE number = 4").fetchone()
        db.execute("INSERT INTO meta VALUES ('removed', 4), ('removing', 4)")
        db.execute("DELETE FROM row WHERE seq <= ?", (last,))
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    root = root_of_rows(path)
    content[root : root + PAGE] = bytes(PAGE)
    path.write_bytes(content)
    found, store = written.opened(path)
    assert min(found) == last + 1 and len(found) == len(written.rows) - last
    store.close()


def test_a_file_of_rubbish_is_set_aside_and_never_overwritten(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / "store.db").write_bytes(b"%d this is no database at all" % number * 300)
        store = Store(tmp_path / "store.db", HandClock())
        assert store.is_open and store.rows_after(0, 9) == []
        store.close()
        (tmp_path / "store.db-wal").unlink(missing_ok=True)
    kept = sorted(path.read_bytes()[:1] for path in tmp_path.glob("store.db-damaged-*"))
    assert kept == [b"0", b"1", b"2"]


def test_a_rescue_that_was_cut_off_begins_again_or_is_ended(tmp_path: Path, written: Written) -> None:
    bad = written.main[: 12 * PAGE + 100] + bytes(20 * PAGE) + written.main[32 * PAGE + 100 :]
    folder = tmp_path / "store"
    path = written.put(folder, bad, written.log)
    (folder / "store.db-rescued").write_bytes(bad[:5000])  # the power went in the middle of it
    (folder / "store.db-copy").write_bytes(bad[:7000])
    found, store = written.opened(path)
    store.close()
    (aside,) = (one for one in folder.glob("store.db-damaged-*") if not one.name.endswith("-wal"))
    assert 400 < len(found) < len(written.rows) and sorted(one.name for one in folder.iterdir()) == sorted(
        ["store.db", aside.name, f"{aside.name}-wal"]
    )
    path.rename(folder / "store.db-rescued")  # the power went between the last renamings
    (folder / f"{aside.name}-wal").rename(folder / "store.db-wal")
    again, store = written.opened(path)
    store.close()
    assert again == found and (folder / f"{aside.name}-wal").read_bytes() == written.log


def test_damage_that_is_met_while_it_runs_is_rescued_as_well(tmp_path: Path, written: Written) -> None:
    path = written.put(tmp_path / "store", written.main, written.log)
    found, store = written.opened(path)
    series = store.series("sensor do", CHANNELS)
    store.database.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    root = root_of_rows(path)
    with path.open("r+b") as file:
        file.seek(root)
        file.write(bytes(range(1, 200)))
    store.database.db.execute("PRAGMA cache_size = 0")
    store.database.db.execute("PRAGMA cache_size = 2000")
    store.add_poll(series, START_MS, [(1, 0), (2, 0), (3, 0)])
    with pytest.raises(sqlite3.DatabaseError):
        store.commit()
    store.upkeep()
    assert store.is_open and len(events(path.parent, "store_rescued")) == 1
    store.commit()
    rows = store.rows_after(0, 10_000)
    assert rows[-1].cells == (1, 2, 3) and len(rows) == len(found) + 1
    store.close()


def test_a_gateway_without_a_usable_disk_polls_and_goes_on_once_there_is_one(tmp_path: Path) -> None:
    async def steps() -> None:
        blocked = tmp_path / "store.db-wal"
        blocked.mkdir()  # SQLite can't make its log
        one = Running(tmp_path)
        await asyncio.sleep(60)
        assert not one.gateway.store.is_open and one.gateway.store.waiting > 50
        assert one.room.radio_tries_s == [] and one.room.broker.rows() == []
        one.gateway.store.event("bus_lost", {"bus": "river"})
        blocked.rmdir()
        await asyncio.sleep(40)
        one.stop.set()
        await one.task
        ((count,),) = query(tmp_path, "SELECT count(*) FROM row")
        assert count > 95 and len(one.room.broker.rows()) == count and one.room.radio_tries_s
        assert events(tmp_path) == [("bus_lost", {"bus": "river"})]

    run_virtual(steps())


def test_rows_are_found_in_pages_without_their_tree(written: Written, tmp_path: Path) -> None:
    content = bytearray(written.main)
    assert wal.applied(content, written.log, PAGE) == 0
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(bytes(content[:18] + b"\1\1" + content[20:]))
        true = {seq: tuple(rest) for seq, *rest in db.execute("SELECT * FROM row")}
    found = {rowid: tuple(columns[1:]) for rowid, columns in leaves.rows(bytes(content), PAGE, 11)}
    assert {seq: row for seq, row in found.items() if seq in true} == true
    rubbish = random.Random(5).randbytes(PAGE * 20)
    list(
        leaves.rows(b"\x0d\0\0\xff\xff".join(rubbish[at : at + 5000] for at in range(0, len(rubbish), 5000)), PAGE, 11)
    )


def test_a_torn_last_commit_is_no_damage(tmp_path: Path, written: Written) -> None:
    for cut in (10, PAGE, 3 * PAGE):
        path = written.put(tmp_path / "store", written.main, written.log[:-cut])
        found, store = written.opened(path)
        assert len(found) >= len(written.rows) - 40 and not list(path.parent.glob("*-damaged-*"))
        store.close()
