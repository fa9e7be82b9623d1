"""Knows the world's time, virtual or real; knows nothing that happens in it.

Virtual: an asyncio event loop that, instead of waiting, moves the clock to the next timer. Unchanged asyncio
code runs on it, as fast as the machine allows and in the same order every time. Real: asyncio's own loop.
"""

import asyncio
import selectors
import time
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from heapq import heappop, heappush
from typing import Any, TypeVar

T = TypeVar("T")

START_UNIX_S = 1_767_225_600  # 2026-01-01T00:00:00Z, where a virtual world begins unless told otherwise


class Deadlock(RuntimeError):
    """Nothing can happen any more: every task waits for something that no timer will bring."""


class _NoSelector(selectors.SelectSelector):
    """Knows of nothing outside: there is nothing in virtual time."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio in virtual time, which is counted in whole microseconds, or the rounding of a million short sleeps would
    add up. Timers of the same microsecond run in the order in which they were set, whatever else is set.

    Timers have a heap of their own here: asyncio's compares handles in Python and asks a selector at every turn.
    Threads and sockets have no virtual time: executors are refused.
    """

    _ready: "deque[asyncio.Handle]"
    _stopping: bool

    def __init__(self) -> None:
        self._now_us = 0
        self._timers: list[tuple[int, int, asyncio.TimerHandle]] = []
        self._count = 0
        super().__init__(_NoSelector())

    def time(self) -> float:
        return self._now_us / 1e6

    def call_later(  # type: ignore[override]  # *args as they come
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now_us / 1e6 + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._count += 1
        heappush(self._timers, (round(when * 1e6), self._count, timer))
        return timer

    def _run_once(self) -> None:
        """One turn, as BaseEventLoop's: what is due becomes ready, then all that was ready runs."""
        ready, timers = self._ready, self._timers
        while timers and timers[0][2].cancelled():
            heappop(timers)
        if not ready and not self._stopping:
            if not timers:
                raise Deadlock("no timer is set and no task can run")
            self._now_us = max(self._now_us, timers[0][0])
        while timers and timers[0][0] <= self._now_us:
            ready.append(heappop(timers)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()

    def run_in_executor(self, *_: Any) -> Any:  # type: ignore[override]  # whatever is asked
        raise RuntimeError("no threads in virtual time")


class WorldClock:
    """True time in the world, for whoever runs on the current event loop: `unix_s` when the loop showed `zero_s`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, unix_s: float, zero_s: float) -> None:
        self.loop = loop
        self._zero_s = zero_s
        self._zero_unix_us = round(unix_s * 1e6)

    @property
    def is_virtual(self) -> bool:
        return isinstance(self.loop, VirtualLoop)

    def monotonic_ms(self) -> int:
        return self._now_us() // 1000

    def unix_ms(self) -> int:
        return (self._zero_unix_us + self._now_us()) // 1000

    def is_trusted(self) -> bool:
        return True

    def boot_id(self) -> str:
        return "world"

    def _now_us(self) -> int:
        return round((self.loop.time() - self._zero_s) * 1e6)


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
