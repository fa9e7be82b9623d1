"""What changes while a part waits: the clock is set, the disk refuses, the store gives its file up."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.app.changing import Changing
from gateway.app.gateway import Gateway
from gateway.store import Store
from gateway.store.tail import LineFile
from gateway.uplink.mqtt import MqttForwarder
from gateway.uplink.watertower import Watertower
from hw_sim.clock import run_virtual, world_clock
from tests.gateway.doubles import HandClock, HandPublisher
from tests.gateway.sl651 import station as sl651
from tests.gateway.test_mqtt_forwarder import UPLINK, Uplink
from tests.gateway.test_store import CHANNELS


class Late:
    """A clock that shows nonsense until somebody sets it."""

    def __init__(self) -> None:
        self._clock, self.trusted = world_clock(), False

    def monotonic_ms(self) -> int:
        return self._clock.monotonic_ms()

    def unix_ms(self) -> int:
        return self._clock.unix_ms() - (0 if self.trusted else 360_000_000)

    def is_trusted(self) -> bool:
        return self.trusted

    def boot_id(self) -> str:
        return "boot"


@pytest.mark.parametrize("is_full", [True, False])
def test_an_urgent_row_waits_in_peace_for_a_store_that_takes_nothing(tmp_path: Path, is_full: bool) -> None:
    store = Store(tmp_path / "store.db", HandClock())
    series = store.series("sensor do", CHANNELS)
    store.add_poll(series, 1000, [(1, 0), (0, 0), (7, 0)])
    store._waiting.hurry()
    store._cleaning.is_full = is_full
    if not is_full:
        store.database.give_up()
    turns: list[str] = []

    def moved(part: str) -> None:
        turns.append(part)
        assert len(turns) < 100, "it goes round and the loop stands still"

    some = SimpleNamespace(store=store, _commit_delay_s=1.0, _movement=SimpleNamespace(moved=moved))

    async def steps() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                await Gateway._commit(some)  # type: ignore[arg-type]

    run_virtual(steps())
    assert 2 <= len(turns) <= 11


def test_rows_whose_line_is_in_doubt_do_not_come_twice_when_the_file_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Sick(LineFile):
        is_sick = False

        def add(self, data: bytes) -> None:
            super().add(data)
            if self.is_sick:
                raise OSError(5, "Input/output error")

    def broken(rows: object) -> None:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    store = Store(tmp_path / "store.db", HandClock(), tail_file=Sick)
    series = store.series("sensor do", CHANNELS)
    for number in (1, 2, 3, 4):
        store.add_poll(series, 1000 * number, [(number, 0), (0, 0), (7, 0)])
        if number == 2:
            store.keep()
    with monkeypatch.context() as sick:
        sick.setattr(Sick, "is_sick", True)
        sick.setattr(store._all_rows, "write", broken)
        with pytest.raises(sqlite3.DatabaseError):
            store.keep()
    store.upkeep()
    store.commit()
    assert [(row.seq, row.unix_ms) for row in store.rows_after(0, 9)] == [(n, 1000 * n) for n in (1, 2, 3, 4)]


@pytest.mark.parametrize("at_s", [0.5, 1.5, 2.5])
def test_rows_that_are_dated_during_an_announcement_go_out_with_their_true_time(tmp_path: Path, at_s: float) -> None:
    async def steps() -> None:
        clock = Late()
        store = Store(tmp_path / "store.db", clock)
        series, publisher = store.series("sensor do", CHANNELS), HandPublisher(1.0)
        forwarder = MqttForwarder(UPLINK, Watertower("demo", store.clock), publisher, store, store.clock)
        for number in range(3):
            store.add_poll(series, store.clock.unix_ms() + number, [(number, 0), (None, 1), (7, 0)])
        store.commit()
        task = asyncio.create_task(forwarder.run())
        await asyncio.sleep(at_s)
        clock.trusted = True
        store.upkeep()
        await asyncio.sleep(60)
        said = {row[0]: row[2] for row in publisher.rows()}
        assert said == {row.seq: row.unix_ms for row in store.rows_after(0, 9)}
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run_virtual(steps())


def test_a_file_that_goes_during_an_announcement_takes_no_backlog_along(tmp_path: Path) -> None:
    async def steps() -> None:
        up = Uplink(tmp_path, 1.0)
        up.fill(100)
        up.start()
        await asyncio.sleep(1.5)
        up.store.database.give_up()
        await asyncio.sleep(20)
        up.store.try_open()
        await asyncio.sleep(300)
        assert {row[0] for row in up.publisher.rows()} == set(range(1, 101))
        assert up.store.position("platform") == 100 and up.forwarder.counters.gone_rows == 0
        up.task.cancel()
        await asyncio.gather(up.task, return_exceptions=True)

    run_virtual(steps())


def test_a_report_that_waits_gets_the_true_time_of_its_rows(tmp_path: Path) -> None:
    async def steps() -> None:
        one = sl651.Station(tmp_path, sl651.uplink(hourly=False))
        await one.kill()
        one.store.close()
        clock: Any = Late()
        one.clock, one.store = clock, Store(tmp_path / "late.db", clock)
        one.polled = one.store.series("sensor level", [sl651.LEVEL, sl651.DO])
        opened = one.way.open
        link = asyncio.Event()

        async def late() -> Any:
            await link.wait()
            return await opened()

        one.way.open = late  # type: ignore[method-assign]
        one.start()
        for number in range(4):
            one.poll(100 + number, at_ms=one.store.clock.unix_ms())
            await asyncio.sleep(60)
        await one.forwarder._scan()  # as after each attempt that fails
        clock.trusted = True
        one.store.upkeep()
        rows = one.store.rows_after(0, 9)
        wanted = {-(-row.unix_ms // 300_000) * 300_000 for row in rows}
        await one.forwarder._scan()
        assert {key.at_ms for key in one.forwarder._pending._rows} == wanted
        link.set()
        await asyncio.sleep(600)
        assert one.store.position("hydro/5") == 4
        await one.kill()

    run_virtual(steps())


def test_a_trial_that_runs_out_on_a_full_disk_is_ended_all_the_same() -> None:
    class Trial:
        def __init__(self) -> None:
            self.trial: Any = SimpleNamespace(minutes=1)
            self.said: list[tuple[str, dict[str, object]]] = []
            self.refusals = 1

        def give_up(self, why: str) -> None:
            if self.refusals:
                self.refusals -= 1
                raise OSError(28, "No space left on device")
            self.trial = None
            self.said.append(("configuration_returned", {}))

    def event(kind: str, detail: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    async def steps() -> None:
        again: list[None] = []
        trial = Trial()
        await Changing(trial, SimpleNamespace(event=event), lambda: again.append(None)).return_in_time()  # type: ignore[arg-type]
        assert again == [None] and len(trial.said) == 1

    run_virtual(steps())
