"""Knows how a frame goes through a terminal that carries short messages, one for each; knows no frame and no platform.

A terminal makes a Line of another Line: what is written is one message to one far end, what is read came from there.
Without one a modem is transparent: it makes messages of what it is sent by itself.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

from gateway.machine.lines import Inbox, LineLost, Opener, OpenLine
from protocols.errors import RangeError
from protocols.terminals import beidou, sms

_READ_MS = 5000
_ANSWER_S = 30.0  # of a modem: AT+CMGS takes seconds; ours


def through(kind: str | None, number: str, opener: Opener) -> Opener:
    """The way through a terminal of that kind to that far end; None: the line is transparent."""
    if kind is None:
        return opener

    async def open_it() -> OpenLine:
        line = await opener()
        if kind == "beidou":
            return BeidouLine(line, number)
        modem = SmsLine(line, number)
        try:
            await modem.begin()
        except LineLost:
            modem.close()
            raise
        return modem

    return open_it


class _Terminal:
    """Hears what its line says and sorts it."""

    def __init__(self, line: OpenLine) -> None:
        self._line = line
        self._inbox = Inbox()
        self._hearing = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            while True:
                self._hear(await self._line.read(_READ_MS))
        except LineLost as error:
            self._inbox.lose(str(error))
            self._give_up()

    def _hear(self, data: bytes) -> None:
        raise NotImplementedError

    def _give_up(self) -> None: ...

    async def read(self, timeout_ms: int) -> bytes:
        return await self._inbox.read(timeout_ms)

    def pending(self) -> bytes:
        return self._inbox.pending()

    def close(self) -> None:
        self._hearing.cancel()
        self._line.close()


class BeidouLine(_Terminal):
    """`card`: of the far end."""

    def __init__(self, line: OpenLine, card: str) -> None:
        self._card = card
        self._sentences = beidou.Sentences()
        super().__init__(line)

    async def write(self, data: bytes) -> None:
        with _is_lost():
            await self._line.write(beidou.send(self._card, data))

    def _hear(self, data: bytes) -> None:
        for one in self._sentences.feed(data):
            if isinstance(one, beidou.Came):
                if one.sender.lstrip("0") == self._card.lstrip("0"):
                    self._inbox.put(one.data)
            elif not one.is_sent:
                self._inbox.lose(f"the terminal has not sent it: {one.reason}")


class SmsLine(_Terminal):
    """`number`: of the far end."""

    def __init__(self, line: OpenLine, number: str) -> None:
        self._number = number
        self._answers = sms.Answers()
        self._waits: asyncio.Future[sms.Modem] | None = None
        self._turn = asyncio.Lock()
        super().__init__(line)

    async def begin(self) -> None:
        await self._ask(sms.SETUP)

    async def write(self, data: bytes) -> None:
        with _is_lost():
            await self._ask(sms.order(self._number, data))

    async def _ask(self, steps: Sequence[bytes]) -> None:
        """Each step goes when the one before it has its answer."""
        async with self._turn:
            for step in steps:
                self._waits = asyncio.get_running_loop().create_future()
                await self._line.write(step)
                try:
                    async with asyncio.timeout(_ANSWER_S):
                        answer = await self._waits
                except TimeoutError:
                    raise LineLost("the modem does not answer") from None
                finally:
                    self._waits = None
                if answer.error:
                    raise LineLost(f"the modem says {answer.error}")

    def _hear(self, data: bytes) -> None:
        said = self._answers.feed(data)
        for one in said.came:
            # an operator may write a number with or without its country
            if one.sender.lstrip("+")[-10:] == self._number.lstrip("+")[-10:]:
                self._inbox.put(one.data)
        if self._waits is not None and not self._waits.done() and (said.asks or said.sent or said.error):
            self._waits.set_result(said)

    def _give_up(self) -> None:
        if self._waits is not None and not self._waits.done():
            self._waits.set_exception(LineLost("the modem is gone"))


@contextlib.contextmanager
def _is_lost() -> Iterator[None]:
    """What a terminal can't carry ends the connection, as what it has not carried does."""
    try:
        yield
    except RangeError as error:
        raise LineLost(str(error)) from None
