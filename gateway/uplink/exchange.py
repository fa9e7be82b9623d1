"""Knows how something said waits for its answer: tries, a time for each, numbers that outlive a connection; knows no
frame, no row and no time of day.

What had no answer keeps its number over connections, so that a platform can tell a repetition.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from gateway.machine.lines import LineLost, OpenLine

_UNANSWERED = 16  # messages; ours
Number = TypeVar("Number")
Answer = TypeVar("Answer")


class Exchange(Generic[Number, Answer]):
    """One uplink's, one question at a time, over one line at a time."""

    def __init__(self) -> None:
        self._line: OpenLine | None = None
        self._reply: asyncio.Future[Answer] | None = None
        self._wanted: Hashable = None  # how the answer is known
        self._unanswered: dict[Hashable, Number] = {}
        self.sent_bytes = self.resent = 0

    def open(self, line: OpenLine) -> None:
        self._line = line

    def close(self) -> None:
        self._line = None
        if self._reply is not None and not self._reply.done():
            self._reply.cancel()

    async def write(self, data: bytes) -> None:
        if self._line is None:
            raise LineLost("closed")
        self.sent_bytes += len(data)
        await self._line.write(data)

    def number(self, said: Hashable) -> Number | None:
        """Under which this was said without an answer."""
        return self._unanswered.get(said)

    async def ask(
        self, said: Hashable, number: Number, name: str, tries: int, once: Callable[[], Awaitable[bool]]
    ) -> None:
        """Returns once a try is answered. LineLost: none is."""
        self._unanswered = dict([*self._unanswered.items(), (said, number)][-_UNANSWERED:])
        for tried in range(tries):
            self.resent += tried > 0
            if await once():
                self._unanswered.pop(said, None)
                return
        raise LineLost(f"no answer to {tries} tries of {name}")

    async def once(self, wanted: Hashable, send: Callable[[], Awaitable[None]], wait_s: float) -> Answer | None:
        """What is answered; None: nothing in time."""
        self._wanted = wanted
        self._reply = asyncio.get_running_loop().create_future()
        try:
            await send()
            async with asyncio.timeout(wait_s):
                return await self._reply
        except TimeoutError:
            return None
        finally:
            self._reply = None

    def is_waiting(self, known_by: Hashable) -> bool:
        """Whether an answer that is known by this is waited for."""
        return self._reply is not None and not self._reply.done() and known_by == self._wanted

    def take(self, answer: Answer) -> None:
        assert self._reply is not None
        self._reply.set_result(answer)
