"""The common half of the forwarders under the smallest language there is: a line a row, answered by its number."""

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.machine.lines import Inbox, LineLost, OpenLine
from gateway.site.config import Channel
from gateway.store import Row, Store
from gateway.uplink.exchange import Exchange
from gateway.uplink.reporter import Reporter
from hw_sim.clock import run_virtual, world_clock

LEVEL = Channel(
    name="level.level", sensor="level", node=None, quantity="level", unit="mm", decimals=0, low=None, high=None
)
TRIES, WAIT_S = 3, 10.0


class Far:
    """The platform. `heard`: (when, line); `answers`: whether it answers; `up`: whether it is there."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, int]] = []
        self.dialled: list[float] = []
        self.answers = self.up = True
        self.inbox: Inbox | None = None

    async def open(self) -> OpenLine:
        self.dialled.append(asyncio.get_running_loop().time())
        if not self.up:
            raise LineLost("nobody")
        self.inbox = Inbox()
        return self  # type: ignore[return-value]

    async def write(self, data: bytes) -> None:
        self.heard.append((asyncio.get_running_loop().time(), int(data)))
        if self.answers and self.inbox is not None:
            asyncio.get_running_loop().call_later(0.5, self.inbox.put, data)

    async def read(self, timeout_ms: int) -> bytes:
        assert self.inbox is not None
        return await self.inbox.read(timeout_ms)

    def close(self) -> None: ...

    @property
    def numbers(self) -> list[int]:
        return [number for _, number in self.heard]


class Plain(Reporter[int]):
    """Each collected row is a report."""

    def __init__(self, far: Far, store: Store) -> None:
        super().__init__("plain", [far.open], store, store.clock, lambda: None)
        self._exchange: Exchange[int, bytes] = Exchange()
        self._live: list[int] = []
        self._old: list[int] = []

    def _reports_of(self, row: Row) -> list[int]:
        return [row.seq] if row.cells[0] != 0 else []  # nobody wants zeros

    def _add(self, keys: list[int], seq: int, is_live: bool) -> None:
        (self._live if is_live else self._old).extend(keys)

    def _has_due(self) -> bool:
        return bool(self._live or self._old)

    async def _send_next(self) -> float:
        for waiting in (self._live, self._old):
            if waiting:
                number = waiting[0]
                line = b"%d" % number

                async def once() -> bool:
                    answer = await self._exchange.once(number, lambda: self._exchange.write(line), WAIT_S)  # noqa: B023
                    return answer is not None

                await self._exchange.ask(number, number, str(number), TRIES, once)
                waiting.remove(number)
                self._confirm_sent(((number, number),))
                return 0.0
        self._save()
        return 60.0

    def _helpers(self, line: OpenLine) -> Sequence[Coroutine[None, None, None]]:
        return [self._listen(line)]

    async def _listen(self, line: OpenLine) -> None:
        while True:
            data = await line.read(1000)
            if data and self._exchange.is_waiting(int(data)):
                self._exchange.take(data)

    async def _greet(self) -> None: ...

    def _begin(self, line: OpenLine) -> None:
        self._old = sorted([*self._old, *self._live])
        self._live = []
        self._exchange.open(line)

    def _end(self) -> None:
        self._exchange.close()

    def _forget(self) -> None:
        self._live, self._old = [], []

    def _waits(self) -> dict[str, int | str | None]:
        return {"live": len(self._live), "backlog": len(self._old)}

    @property
    def used_bytes(self) -> int:
        return self._exchange.sent_bytes


class World:
    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "store.db", world_clock())
        self.series = self.store.series("sensor level", [LEVEL])
        self.far = Far()
        self.forwarder = Plain(self.far, self.store)

    def begin(self) -> None:
        self.task = asyncio.create_task(self.forwarder.run())

    def rows(self, count: int, value: int = 7) -> None:
        for _ in range(count):
            self.store.add_poll(self.series, self.store.clock.unix_ms(), [(value, 0)])
        self.store.commit()

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def story(folder: Path, steps: Any) -> None:
    async def all_of_it() -> None:
        world = World(folder)
        await steps(world)
        await world.end()

    run_virtual(all_of_it())


def test_the_position_moves_with_the_answer_and_over_rows_that_nobody_wants(tmp_path: Path) -> None:
    async def steps(world: World) -> None:
        world.far.answers = False
        world.rows(2, 0)
        world.rows(3)
        world.begin()
        await asyncio.sleep(25)
        assert world.far.numbers == [3, 3, 3] and world.forwarder.waiting_rows == 3
        world.far.answers = True
        await asyncio.sleep(30)
        assert world.forwarder.waiting_rows == 0 and world.store.position("plain") == 5

    story(tmp_path, steps)


def test_what_comes_while_the_connection_stands_goes_before_the_backlog(tmp_path: Path) -> None:
    async def steps(world: World) -> None:
        world.rows(20)
        world.begin()
        await asyncio.sleep(2.2)  # four of them are answered, the fifth is on its way
        world.rows(2)
        await world.forwarder.drained()
        assert world.far.numbers == [1, 2, 3, 4, 5, 21, 22, *range(6, 21)]

    story(tmp_path, steps)


def test_tries_have_an_end_and_pauses_grow_to_a_minute(tmp_path: Path) -> None:
    async def steps(world: World) -> None:
        world.far.answers = False
        world.rows(1)
        world.begin()
        await asyncio.sleep(TRIES * WAIT_S + 0.5)
        assert len(world.far.heard) == TRIES and len(world.far.dialled) == 1
        assert world.forwarder.state.trouble == "no answer to 3 tries of 1" and not world.forwarder.state.is_connected
        world.far.up = False
        await asyncio.sleep(600)
        pauses = [round(b - a) for a, b in zip(world.far.dialled[1:], world.far.dialled[2:], strict=False)]
        assert pauses[:6] == [2, 4, 8, 16, 32, 60] and set(pauses[6:]) == {60}

    story(tmp_path, steps)


@pytest.mark.parametrize("wanted", [((2, 4),), ((1, 1), (3, 3), (90, 99))])
def test_rows_that_are_wanted_once_more_go_once_more(tmp_path: Path, wanted: Any) -> None:
    async def steps(world: World) -> None:
        world.rows(5)
        world.begin()
        await world.forwarder.drained()
        again = world.forwarder.resend(wanted)
        assert again == tuple(rows for rows in wanted if rows[1] <= 5)
        await world.forwarder.drained()
        more = [number for first, last in again for number in range(first, last + 1)]
        assert world.far.numbers == [1, 2, 3, 4, 5, *more] and world.store.position("plain") == 5

    story(tmp_path, steps)


def test_nothing_goes_while_the_store_has_no_file(tmp_path: Path) -> None:
    async def steps(world: World) -> None:
        world.rows(1)
        world.begin()
        await world.forwarder.drained()
        world.rows(3)
        world.store.database.is_open = False
        await asyncio.sleep(300)
        assert world.far.numbers == [1] and world.forwarder.waiting_rows == 3
        world.store.database.is_open = True
        await asyncio.sleep(5)
        assert world.far.numbers == [1, 2, 3, 4]

    story(tmp_path, steps)
