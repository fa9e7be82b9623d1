"""Knows the world's time, virtual or real; knows nothing that happens in it.

Virtual: an asyncio event loop whose selector, instead of waiting, moves the clock to the next timer. Unchanged asyncio
code runs on it, as fast as the machine allows and in the same order every time. Real: asyncio's own loop.
"""

import asyncio
import selectors
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

START_UNIX_S = 1_767_225_600  # 2026-01-01T00:00:00Z, where a virtual world begins unless told otherwise


class Deadlock(RuntimeError):
    """Nothing can happen any more: every task waits for something that no timer will bring."""


class _JumpingSelector(selectors.SelectSelector):
    """Never waits: what it is told to wait for is added to the clock, in whole microseconds, or the rounding of a
    million short sleeps would add up."""

    def __init__(self) -> None:
        super().__init__()
        self.now_us = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("no timer is set and no task can run")
        self.now_us += round(max(timeout, 0.0) * 1e6)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio in virtual time. Threads and sockets have no virtual time: executors are refused."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._clock_resolution = 0.6e-6  # a timer is due within it: more than half a step, or one could be missed

    def time(self) -> float:
        return self._jumping.now_us / 1e6

    def run_in_executor(self, *_: Any) -> Any:  # type: ignore[override]  # whatever is asked
        raise RuntimeError("no threads in virtual time")


class WorldClock:
    """True time in the world, for whoever runs on the current event loop: `unix_s` when the loop showed `zero_s`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, unix_s: float, zero_s: float) -> None:
        self._loop = loop
        self._zero_s = zero_s
        self._zero_unix_us = round(unix_s * 1e6)

    @property
    def is_virtual(self) -> bool:
        return isinstance(self._loop, VirtualLoop)

    def monotonic_ms(self) -> int:
        return self._now_us() // 1000

    def unix_ms(self) -> int:
        return (self._zero_unix_us + self._now_us()) // 1000

    def _now_us(self) -> int:
        return round((self._loop.time() - self._zero_s) * 1e6)


def world_clock(unix_s: float = START_UNIX_S) -> WorldClock:
    """The clock of the running loop: a virtual world began with its loop, at `unix_s`; a real one begins now."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualLoop):
        return WorldClock(loop, unix_s, 0.0)
    return WorldClock(loop, time.time(), loop.time())


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """asyncio.run() in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
