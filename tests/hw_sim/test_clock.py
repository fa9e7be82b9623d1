"""Unchanged asyncio code in virtual time: the same order every time, exact milliseconds, no waiting."""

import asyncio
import time
from typing import Any

import pytest

from hw_sim.clock import START_UNIX_S, Deadlock, WorldClock, run_virtual, world_clock

YEAR_S = 365 * 86_400


def test_a_year_passes_in_a_moment() -> None:
    async def main() -> tuple[int, int]:
        clock = world_clock()
        await asyncio.sleep(YEAR_S)
        return clock.monotonic_ms(), clock.unix_ms()

    began_s = time.monotonic()
    assert run_virtual(main()) == (YEAR_S * 1000, (START_UNIX_S + YEAR_S) * 1000)
    assert time.monotonic() - began_s < 2


def test_sleep_wait_for_timeout_gather_and_call_later_happen_in_the_order_of_their_times() -> None:
    async def main() -> list[tuple[int, str]]:
        clock = world_clock()
        seen: list[tuple[int, str]] = []

        def note(text: str) -> None:
            seen.append((clock.monotonic_ms(), text))

        async def sleeper(seconds: float, name: str) -> None:
            await asyncio.sleep(seconds)
            note(name)

        async def impatient() -> None:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.sleep(1e9), 0.25)
            note("wait_for")

        async def hasty() -> None:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await asyncio.Event().wait()
            note("timeout")

        asyncio.get_running_loop().call_later(0.15, note, "call_later")
        await asyncio.gather(sleeper(0.3, "b"), sleeper(0.1, "a"), impatient(), hasty(), sleeper(0.35, "c"))
        return seen

    expected = [(100, "a"), (150, "call_later"), (200, "timeout"), (250, "wait_for"), (300, "b"), (350, "c")]
    assert run_virtual(main()) == expected


def test_a_crowd_of_tasks_runs_in_the_same_order_every_time() -> None:
    async def main() -> list[tuple[int, int]]:
        clock = world_clock()
        seen = []

        async def wake(number: int) -> None:
            for turn in range(20):
                await asyncio.sleep((number * 7919 + turn * 104_729) % 10 / 10)
                seen.append((clock.monotonic_ms(), number))

        await asyncio.gather(*(wake(number) for number in range(50)))
        return seen

    first = run_virtual(main())
    assert first == run_virtual(main())
    assert [moment for moment, _ in first] == sorted(moment for moment, _ in first)


def test_a_million_odd_sleeps_are_not_one_millisecond_off() -> None:
    """A chain of call_later: what a sleep is made of, without its futures."""

    async def main() -> tuple[int, int]:
        loop, clock = asyncio.get_running_loop(), world_clock()
        done = loop.create_future()
        left = 1_000_000
        step_ms = 1  # a thousand seconds of it, added up in floats, end at 999.9999999832651

        def tick() -> None:
            nonlocal left
            left -= 1
            if left:
                loop.call_later(step_ms / 1000, tick)
            else:
                done.set_result(None)

        loop.call_later(step_ms / 1000, tick)
        await done
        return clock.monotonic_ms(), clock.unix_ms()

    total_ms = 1_000_000
    assert run_virtual(main()) == (total_ms, START_UNIX_S * 1000 + total_ms)


class _At:
    """A loop that stands at one time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def time(self) -> float:
        return self._seconds


@pytest.mark.parametrize("start_ms", [0, 999, 31_536_000_001, 315_360_000_000])
def test_every_millisecond_is_told_exactly(start_ms: int) -> None:
    def told(ms: int) -> tuple[int, int]:
        clock = WorldClock(_At(ms / 1000), START_UNIX_S, 0.0)  # type: ignore[arg-type]
        return clock.monotonic_ms(), clock.unix_ms()

    span = range(start_ms, start_ms + 5000)
    assert [told(ms) for ms in span] == [(ms, START_UNIX_S * 1000 + ms) for ms in span]


def test_a_sleep_shorter_than_the_clocks_step_ends() -> None:
    async def main() -> int:
        for _ in range(1000):
            await asyncio.sleep(1e-9)
            await asyncio.sleep(0.4e-6)
            await asyncio.sleep(1e-6)
        return world_clock().monotonic_ms()

    assert run_virtual(main()) == 1


def test_when_nothing_can_happen_any_more_it_says_so() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match="no timer is set and no task can run"):
        run_virtual(main())


@pytest.mark.parametrize("ask", [lambda: asyncio.to_thread(time.sleep, 0), lambda: _executor()])
def test_threads_are_refused(ask: Any) -> None:
    async def main() -> None:
        await ask()

    with pytest.raises(RuntimeError, match="no threads in virtual time"):
        run_virtual(main())


async def _executor() -> None:
    await asyncio.get_running_loop().run_in_executor(None, time.sleep, 0)


def test_a_real_loop_shows_the_machines_time() -> None:
    async def main() -> tuple[bool, int]:
        clock = world_clock()
        return clock.is_virtual, clock.unix_ms()

    is_virtual, unix_ms = asyncio.run(main())
    assert not is_virtual and abs(unix_ms - time.time() * 1000) < 1000


def test_a_world_begins_when_it_is_told_to() -> None:
    async def main() -> tuple[bool, int]:
        clock = world_clock(1_000_000_000.25)
        return clock.is_virtual, clock.unix_ms()

    assert run_virtual(main()) == (True, 1_000_000_000_250)
