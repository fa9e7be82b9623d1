"""What the store says is on disk is there, once, under a number that never means anything else."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.process.quality.judge import Judge, Plan
from gateway.process.quality.limits import Limits
from gateway.site.config import Channel
from gateway.store import Row, Store, StoreError
from gateway.store import file as store_file
from hw_sim.clock import run_virtual
from protocols import quality
from protocols.batch import NodeRecord
from protocols.command import Command
from tests.gateway.doubles import START_MS, HandClock, events, query

CLOCK = HandClock()
FULL = "BEGIN SELECT raise(ABORT, 'full'); END"  # of a trigger: this table can't be written


def channel(name: str, unit: str = "degC", decimals: int = 2) -> Channel:
    return Channel(
        name=name, sensor=name.split(".")[0], node=None, quantity=name.split(".")[1], unit=unit, decimals=decimals,
        low=None, high=None,
    )  # fmt: skip


CHANNELS = (channel("do.temperature"), channel("do.dissolved_oxygen", "mg/L", 3), channel("do.flag", "1", 0))


def record(number: int, *values: int | None, time_s: int = START_MS // 1000) -> NodeRecord:
    return NodeRecord(number, time_s, tuple((value, 0) for value in values))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    one = Store(tmp_path / "store.db", CLOCK)
    yield one
    one.close()


# A gateway in small: it says on its standard output what it believes to be on disk, and waits to be killed.
CHILD = """
import sys
from pathlib import Path
from gateway.store import Store
from tests.gateway.doubles import HandClock
from tests.gateway.test_store import CHANNELS, record
store = Store(Path(sys.argv[1]), HandClock())
store.begin_run()
series = store.series("sensor do", CHANNELS)
for value in range(3):
    store.add_poll(series, 1000 + value, [(value, 0), (None, 1), (7, 0)])
store.commit()
store.nodes.add_batch(17, 5, store.series("node 17", CHANNELS), [record(1, 8, 9, 10), record(2, 11, 12, 13)])
store.set_position("platform", 4)
store.add_poll(series, 9999, [(99, 0), (99, 0), (99, 0)])
print(store.last_seq, flush=True)
sys.stdin.read()
"""


def killed(path: Path) -> int:
    """Runs CHILD until it has spoken, then takes its power; its last_seq."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[2],
    ) as child:  # fmt: skip
        assert child.stdout is not None
        said = child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        assert child.wait(10) == -signal.SIGKILL
    return int(said)


def test_what_was_committed_is_there_after_a_kill_and_what_was_not_never_had_a_number(tmp_path: Path) -> None:
    assert killed(tmp_path / "store.db") == 5
    again = Store(tmp_path / "store.db", CLOCK)
    before = again.rows_after(0, 100)
    assert [(row.seq, row.cells) for row in before] == [
        (1, (0, None, 7)), (2, (1, None, 7)), (3, (2, None, 7)), (4, (8, 9, 10)), (5, (11, 12, 13)),
    ]  # fmt: skip
    assert before[0].quality == (0, quality.NO_REPLY, 0) and before[3].quality is None
    assert (again.last_seq, again.nodes.have(17), again.nodes.counters(), again.position("platform")) == (
        5,
        2,
        {17: 5},
        0,
    )
    again.begin_run()
    series = again.series("sensor do", CHANNELS)
    assert series == before[0].series
    again.add_poll(series, 5000, [(1, 0), (2, 0), (3, 0)])
    again.commit()
    assert again.rows_after(0, 100) == [*before, Row(6, series, 5000, (1, 2, 3), None)]
    again.close()


def test_an_unclean_stop_becomes_an_event_and_a_clean_one_does_not(tmp_path: Path) -> None:
    killed(tmp_path / "store.db")
    for _ in range(2):  # the second start follows a clean stop
        again = Store(tmp_path / "store.db", CLOCK)
        again.begin_run()
        again.end_run()
        again.close()
    gap = {"reason": "unclean_stop", "from_ms": 1002, "to_ms": START_MS}
    assert events(tmp_path) == [("gap", gap)]


def test_a_polled_row_is_on_disk_with_the_commit_and_not_before(store: Store, tmp_path: Path) -> None:
    series = store.series("sensor do", CHANNELS)
    store.add_poll(series, 1000, [(1, 0), (2, 0), (3, 0)])
    assert query(tmp_path, "SELECT * FROM row") == [] and store.rows_after(0, 9) == [] and store.last_seq == 0
    store.commit()
    assert query(tmp_path, "SELECT seq, unix_ms, cells FROM row") == [(1, 1000, "[1,2,3]")]
    store.commit()
    assert store.last_seq == 1


def test_a_position_is_on_disk_after_ten_minutes_or_a_thousand_rows_or_a_clean_stop(tmp_path: Path) -> None:
    clock = HandClock()
    store = Store(tmp_path / "store.db", clock)

    def noted() -> list[tuple[object, ...]]:
        return query(tmp_path, "SELECT seq FROM position")

    store.set_position("platform", 5)
    assert store.position("platform") == 5 and noted() == []
    store.set_position("platform", 1004)
    assert noted() == [(1004,)]
    store.set_position("platform", 1100)
    clock.unix += 599_000
    store.set_position("platform", 1200)
    assert noted() == [(1004,)]
    clock.unix += 1000
    store.set_position("platform", 1201)
    assert noted() == [(1201,)]
    clock.unix += 60_000
    store.set_position("platform", 1202)
    assert noted() == [(1201,)]
    store.add_poll(store.series("sensor do", CHANNELS), 1000, [(1, 0), (2, 0), (3, 0)])
    store.commit()  # takes it along
    assert noted() == [(1202,)]
    store.set_position("platform", 1203)
    store.end_run()
    assert noted() == [(1203,)] and store.position("platform") == 1203
    store.close()


def test_a_batch_takes_waiting_polls_along_and_an_unread_one_too(store: Store) -> None:
    series = store.series("sensor do", CHANNELS)
    store.add_poll(series, 1000, [(1, 0), (2, 0), (3, 0)])
    store.nodes.add_batch(17, 1, series, [record(1, 4, 5, 6)])
    store.add_poll(series, 2000, [(7, 0), (8, 0), (9, 0)])
    store.nodes.add_unread(17, 2, b"body", [9])
    store.commit()
    assert [row.cells for row in store.rows_after(0, 9)] == [(1, 2, 3), (4, 5, 6), (7, 8, 9)]


def test_a_batch_that_comes_twice_is_there_once_and_uses_up_no_number(store: Store) -> None:
    series = store.series("node 17", CHANNELS)
    rows = [record(1, 1, 1, 1), record(2, 2, 2, 2)]
    assert store.nodes.add_batch(17, 1, series, rows) == 2
    assert store.nodes.add_batch(17, 2, series, rows) == 2
    assert store.nodes.add_batch(17, 3, series, [*rows, record(3, 3, 3, 3)]) == 3
    assert (
        store.nodes.add_batch(18, 1, store.series("node 18", CHANNELS), rows) == 2
    )  # another node's numbers are its own
    assert [row.seq for row in store.rows_after(0, 99)] == [1, 2, 3, 4, 5]
    assert store.nodes.counters() == {17: 3, 18: 1}


def test_an_older_batch_does_not_move_have_back(store: Store) -> None:
    series = store.series("node 17", CHANNELS)
    store.nodes.add_batch(17, 1, series, [record(7, 1, 1, 1)])
    assert (
        store.nodes.add_batch(17, 2, series, [record(3, 1, 1, 1)])
        == 7
        == store.nodes.heard(17, 3)
        == store.nodes.have(17)
    )


def test_a_number_is_not_given_again_when_its_row_was_removed(store: Store, tmp_path: Path) -> None:
    series = store.series("sensor do", CHANNELS)
    for value in range(3):
        store.add_poll(series, value, [(value, 0), (0, 0), (0, 0)])
    store.commit()
    store.close_block()
    store.close()
    with sqlite3.connect(tmp_path / "store.db") as db:
        db.execute("DELETE FROM row WHERE seq > 1")
    db.close()
    again = Store(tmp_path / "store.db", CLOCK)
    again.add_poll(series, 9, [(9, 0), (0, 0), (0, 0)])
    again.commit()
    assert [row.seq for row in again.rows_after(0, 99)] == [1, 4]
    again.close()


def test_when_a_transaction_fails_nothing_of_it_is_there_and_the_polls_still_wait(store: Store) -> None:
    series = store.series("sensor do", CHANNELS)
    store.add_poll(series, 1000, [(1, 0), (2, 0), (3, 0)])
    with pytest.raises(OverflowError):
        store.nodes.add_batch(17, 9, series, [record(1, 4, 5, 6), record(2, 4, 5, 6, time_s=1 << 60)])
    assert store.rows_after(0, 9) == [] and store.nodes.counters() == {}
    store.commit()
    assert [row.cells for row in store.rows_after(0, 9)] == [(1, 2, 3)]


def test_an_unread_batch_is_kept_as_it_came(store: Store, tmp_path: Path) -> None:
    store.nodes.add_batch(17, 3, store.series("node 17", CHANNELS), [record(4, 1, 1, 1)])
    assert store.nodes.add_unread(17, 8, b"\x00\xff body", [5, 6]) == 6
    assert query(tmp_path, "SELECT unix_ms, node, body FROM unread") == [(START_MS, 17, b"\x00\xff body")]
    assert store.nodes.counters() == {17: 8}


def test_the_view_gives_values_units_and_times_to_plain_sqlite3(store: Store, tmp_path: Path) -> None:
    series = store.series("sensor do", CHANNELS)
    flags = [(None, quality.NO_REPLY), (-5, quality.RANGE), (None, 0)]  # the last was not due: no sample
    store.add_poll(series, START_MS + 999, [(812, 0), (10_230, 0), (3, 0)])
    store.add_poll(series, START_MS + 1001, flags)
    store.commit()
    assert query(tmp_path, "SELECT seq, time, channel, value, unit, quality FROM sample ORDER BY seq, channel") == [
        (1, "2026-01-01T00:00:00.999Z", "do.dissolved_oxygen", 10.23, "mg/L", 0),
        (1, "2026-01-01T00:00:00.999Z", "do.flag", 3.0, "1", 0),
        (1, "2026-01-01T00:00:00.999Z", "do.temperature", 8.12, "degC", 0),
        (2, "2026-01-01T00:00:01.001Z", "do.dissolved_oxygen", -0.005, "mg/L", quality.RANGE),
        (2, "2026-01-01T00:00:01.001Z", "do.temperature", None, "degC", quality.NO_REPLY),
    ]


def test_other_channels_of_the_same_sensor_are_another_series(store: Store) -> None:
    first = store.series("sensor do", CHANNELS)
    second = store.series("sensor do", CHANNELS[:1])
    assert first != second and store.series("sensor do", CHANNELS) == first
    assert [(s.id, len(s.channels)) for s in store.all_series()] == [(first, 3), (second, 1)]


def test_another_format_is_refused_with_a_word(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "store.db") as db:
        db.executescript("CREATE TABLE row (seq); CREATE TABLE series (id); PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match=rf"store.db has format 99, this watertower reads {store_file.FORMAT}"):
        Store(tmp_path / "store.db", CLOCK)
    assert query(tmp_path, "PRAGMA user_version") == [(99,)]


@pytest.mark.parametrize("kind", ["folder", "another database"])
def test_what_is_no_store_is_refused_and_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "store.db"
    if kind == "folder":
        path.mkdir()
    else:
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE customer (name)")
        db.close()
    before = path.is_file() and path.read_bytes()
    with pytest.raises(StoreError, match="can't be used as the store"):
        Store(path, CLOCK)
    assert before == (path.is_file() and path.read_bytes())


def test_whoever_waits_for_a_row_is_woken_by_its_commit_and_leaves_nothing_behind(store: Store) -> None:
    series = store.series("sensor do", CHANNELS)

    async def story() -> None:
        waiting = [asyncio.create_task(store.beyond(seq)) for seq in (0, 0, 1)]
        for _ in range(100):  # impatient ones must not pile up
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(store.beyond(0), 5)
        assert len(store._all_rows._waiters) == 3
        store.add_poll(series, 1, [(1, 0), (1, 0), (1, 0)])
        await asyncio.sleep(1)
        assert not any(task.done() for task in waiting)
        store.commit()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert [task.done() for task in waiting] == [True, True, False]
        store.nodes.add_batch(17, 1, series, [record(1, 1, 1, 1)])
        await asyncio.wait_for(waiting[2], 1)
        await store.beyond(1)  # already there

    run_virtual(story())


# --- nodes: lives, holes, commands ------------------------------------------------------------------------------------


def test_another_key_is_another_life_whose_numbers_begin_anew(store: Store, tmp_path: Path) -> None:
    series = store.series("node 17", CHANNELS)
    store.nodes.meet(17, "aa")
    store.nodes.add_batch(17, 900, series, [record(1, 1, 1, 1), record(5, 5, 5, 5)])
    store.nodes.meet(17, "aa")
    assert (store.nodes.counters(), store.nodes.have(17)) == ({17: 900}, 5)
    store.nodes.meet(17, "bb")
    assert (store.nodes.counters(), store.nodes.have(17), store.nodes.holes(17)) == ({17: -1}, 0, ())
    assert events(tmp_path) == [("node_renewed", {"node": 17, "life": 2})]
    assert store.nodes.add_batch(17, 1, series, [record(1, 7, 7, 7)]) == 1
    assert query(tmp_path, "SELECT life, record, cells FROM row") == [
        (1, 1, "[1,1,1]"),
        (1, 5, "[5,5,5]"),
        (2, 1, "[7,7,7]"),
    ]
    store.nodes.meet(17, "bb")
    assert store.nodes.holes(17) == () and query(tmp_path, "SELECT first, last, life, state FROM stretch") == [
        (2, 4, 1, "hole")
    ]


def test_a_hole_is_what_a_node_passed_over_until_it_is_filled_or_gone(store: Store, tmp_path: Path) -> None:
    series = store.series("node 17", CHANNELS)
    store.nodes.add_batch(17, 1, series, [record(4, 1, 1, 1), record(5, 1, 1, 1), record(9, 1, 1, 1)])
    assert store.nodes.holes(17) == ((1, 3), (6, 8))
    assert store.nodes.add_batch(17, 2, series, [record(7, 1, 1, 1)]) == 9
    assert store.nodes.holes(17) == ((1, 3), (6, 6), (8, 8))
    assert store.nodes.add_gone(17, 3, 2, 6) == 9
    assert store.nodes.holes(17) == ((1, 1), (8, 8))
    gone = [("records_gone", {"node": 17, "first": a, "last": b}) for a, b in ((2, 3), (6, 6))]
    assert events(tmp_path) == gone
    store.nodes.add_gone(17, 4, 1, 9)
    store.nodes.add_gone(17, 5, 1, 9)  # said again: nothing is left to note
    assert store.nodes.holes(17) == () and len(events(tmp_path)) == 4 and store.nodes.counters() == {17: 5}


def test_holes_outlive_the_process_and_a_damaged_store_finds_its_own(store: Store, tmp_path: Path) -> None:
    series = store.series("node 17", CHANNELS)
    store.nodes.meet(17, "aa")
    store.nodes.add_batch(17, 1, series, [record(number, 1, 1, 1) for number in (1, 2, 3, 6, 7, 8, 9, 10)])
    store.nodes.add_unread(17, 2, b"body", [11, 12])
    store.nodes.add_gone(17, 3, 4, 4)
    store.nodes.add_batch(17, 4, series, [record(13, 1, 1, 1), record(14, 1, 1, 1)])
    store.close()
    again = Store(tmp_path / "store.db", CLOCK)
    again.nodes.meet(17, "aa")
    assert again.nodes.holes(17) == ((5, 5),)
    again.close()
    with sqlite3.connect(tmp_path / "store.db") as db:
        db.execute("DELETE FROM row WHERE record IN (8, 9, 14)")
    db.close()
    rescued = Store(tmp_path / "store.db", CLOCK)
    rescued.nodes.meet(17, "aa")
    assert rescued.nodes.holes(17) == ((5, 5), (8, 9), (14, 14)) and rescued.nodes.have(17) == 14
    rescued.close()


def test_a_batch_that_follows_the_last_one_costs_no_look_at_the_others(store: Store) -> None:
    series = store.series("node 17", CHANNELS)
    store.nodes.add_batch(17, 1, series, [record(1, 1, 1, 1)])
    asked: list[str] = []
    store.database.db.set_trace_callback(asked.append)
    store.nodes.add_batch(17, 2, series, [record(2, 1, 1, 1), record(3, 1, 1, 1)])
    store.database.db.set_trace_callback(None)
    assert not [sql for sql in asked if "stretch" in sql or "ORDER BY record" in sql]


def test_a_record_with_two_contents_is_told_once_and_the_first_stays(store: Store, tmp_path: Path) -> None:
    series = store.series("node 17", CHANNELS)
    store.nodes.add_batch(17, 1, series, [record(1, 1, 1, 1), record(2, 2, 2, 2)])
    store.nodes.add_batch(17, 2, series, [record(1, 1, 1, 1), record(2, 2, 2, 2)])
    assert events(tmp_path) == []
    for counter in (3, 4):
        store.nodes.add_batch(17, counter, series, [record(2, 9, 9, 9), record(3, 3, 3, 3)])
    assert events(tmp_path) == [("node_doubled", {"node": 17, "record": 2})]
    assert [row.cells[0] for row in store.rows_after(0, 9)] == [1, 2, 3]


def test_a_command_waits_until_its_node_has_answered_and_the_answer_is_an_event(store: Store, tmp_path: Path) -> None:
    first, second = store.commands.give(17, 1, 600), store.commands.give(17, 2)
    other = store.commands.give(18, 4)
    assert (
        store.commands.waiting(17) == [Command(first, 1, 600), Command(second, 2)] and store.commands.waiting(19) == []
    )
    store.commands.note_sent(17, store.commands.waiting(17)[:1])
    assert (
        store.commands.add_results(17, 5, [(first, 0), (other, 0), (999, 0)]) == 0
    )  # a node ends no other node's commands
    assert store.commands.waiting(17) == [Command(second, 2)] and store.commands.waiting(18) == [Command(other, 4)]
    assert events(tmp_path) == [("command_done", {"node": 17, "id": first, "kind": 1, "result": 0})]
    store.close()
    again = Store(tmp_path / "store.db", CLOCK)
    assert again.commands.waiting(17) == [Command(second, 2)]
    again.commands.add_results(17, 6, [(first, 2), (second, 2)])
    again.close()
    assert query(tmp_path, "SELECT id, sent IS NULL, result FROM command ORDER BY id") == [
        (first, 0, 0),
        (second, 1, 2),
        (other, 1, None),
    ]


def test_a_store_that_could_not_commit_is_strained_for_a_while(tmp_path: Path) -> None:
    clock = HandClock()
    store = Store(tmp_path / "strained.db", clock)
    series = store.series("node 17", CHANNELS)
    assert not store.strained
    with pytest.raises(OverflowError):
        store.nodes.add_batch(17, 9, series, [record(1, 4, 5, 6, time_s=1 << 60)])
    assert store.strained and store.nodes.holes(17) == ()
    clock.unix += 601_000
    assert not store.strained
    for _ in range(5001):
        store.add_poll(series, 1, [(1, 0), (1, 0), (1, 0)])
    assert store.strained
    store.commit()
    assert not store.strained
    store.close()


def test_a_position_that_was_noted_in_a_transaction_that_failed_is_noted_again(store: Store, tmp_path: Path) -> None:
    store.begin_run()
    store.add_poll(store.series("sensor do", CHANNELS), 1000, [(1, 0), (2, 0), (3, 0)])
    store.commit()
    store.set_position("platform", 1)
    store.database.db.execute(f"CREATE TEMP TRIGGER full BEFORE INSERT ON main.meta {FULL}")
    with pytest.raises(sqlite3.Error):
        store.end_run()
    store.database.db.execute("DROP TRIGGER full")
    store.end_run()
    assert query(tmp_path, "SELECT uplink, seq FROM position") == [("platform", 1)]


def test_what_the_tests_learned_of_a_batch_that_was_not_stored_is_forgotten(tmp_path: Path) -> None:
    flags = []
    for name, is_refused in (("refused.db", True), ("taken.db", False)):
        store = Store(tmp_path / name, CLOCK)
        store.judge(Judge(Plan({CHANNELS[0].name: Limits(spike_suspect=0.1, spike_fail=1.0, gap_ms=300_000)})))
        series = store.series("node 17", CHANNELS)
        for minute in range(8):
            store.nodes.add_batch(17, minute, series, [NodeRecord(minute + 1, 60 * minute, ((800, 0),) * 3)])
        if is_refused:
            store.database.db.execute(f"CREATE TEMP TRIGGER full BEFORE INSERT ON main.row {FULL}")
            with pytest.raises(sqlite3.Error):
                store.nodes.add_batch(17, 8, series, [NodeRecord(9, 480, ((5000, 0),) * 3)])
            store.database.db.execute("DROP TRIGGER full")
        for minute in range(9, 12):
            store.nodes.add_batch(17, minute, series, [NodeRecord(minute + 1, 60 * minute, ((850, 0),) * 3)])
        flags.append([(row.unix_ms, row.cells, row.quality) for row in store.rows_after(0, 100)])
        store.close()
    assert flags[0] == flags[1]
