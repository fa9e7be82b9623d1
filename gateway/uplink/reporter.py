"""Knows how a platform that is dialled and answers each report is kept supplied; knows no report and no frame.

The common half of HJ 212 and SL 651: the connection, its pauses and its ways; which rows were sorted into reports; the
position, which nothing but the platform's answer moves. The store is the queue: what had no answer when a connection
ended is made from the store again. What a row belongs to, what is said and what an answer means is the other half's.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from typing import Generic, TypeVar

from gateway.machine.lines import LineLost, Opener, OpenLine
from gateway.ports import Clock, LinkDown
from gateway.states import UplinkState
from gateway.store import Row, Store
from gateway.store.ranges import Ranges, count, gaps, union, within, without
from gateway.uplink.attempts import Attempts
from gateway.uplink.position import Position

_SCAN_ROWS = 1000
_MAIN_AGAIN_MS = 900_000  # so long on a backup channel, then the main one is tried again; ours
_CLOSED_S = 1.0  # the store is looked at so often while it has no file
_LOOK_S = 60.0  # at the least; ours
Key = TypeVar("Key")  # what names a report


class Reporter(ABC, Generic[Key]):
    """One platform. `ways`: to it, the main one first; `on_connected` is told of every connection."""

    def __init__(
        self, name: str, ways: Sequence[Opener], store: Store, clock: Clock, on_connected: Callable[[], None]
    ) -> None:
        self._name = name
        self._ways = ways
        self._way = 0
        self._store = store
        self._clock = clock
        self._on_connected = on_connected
        self._position = Position(name, store, clock)
        self._confirmed = self._position.recall()
        self._scanned = self._confirmed[0][1]
        self._edge = 0  # rows behind this one came while the connection stood
        self._attempts = Attempts(name)
        self.counters = self._attempts.counters
        self._changed = asyncio.Event()
        store.on_dated.append(self._redate)

    # --- what the other half says -------------------------------------------------------------------------------------

    @abstractmethod
    def _reports_of(self, row: Row) -> list[Key]:
        """Those that carry this row; none: nobody waits for it. Every row comes in its order, also what the platform
        has."""

    @abstractmethod
    def _add(self, keys: list[Key], seq: int, is_live: bool) -> None:
        """One more row of these reports waits; `is_live`: it came while the connection stood."""

    @abstractmethod
    def _has_due(self) -> bool:
        """Whether a report waits whose time has come."""

    @abstractmethod
    async def _send_next(self) -> float:
        """Sends what may go now, live before backlog, and confirms the rows of what is answered; 0: something went,
        else how long until something may."""

    @abstractmethod
    def _helpers(self, line: OpenLine) -> Sequence[Coroutine[None, None, None]]:
        """What runs beside the sending as long as the connection stands, such as the listening."""

    @abstractmethod
    async def _greet(self) -> None:
        """The first that is said on a connection."""

    @abstractmethod
    def _begin(self, line: OpenLine) -> None:
        """A connection stands: what is there by now is backlog."""

    @abstractmethod
    def _end(self) -> None:
        """It has ended."""

    @abstractmethod
    def _forget(self) -> None:
        """No report waits: every row that is not confirmed comes again."""

    @abstractmethod
    def _waits(self) -> dict[str, int | str | None]:
        """What waits, by kind, for people."""

    @property
    @abstractmethod
    def used_bytes(self) -> int: ...

    # --- what others ask ----------------------------------------------------------------------------------------------

    @property
    def waiting_rows(self) -> int:
        """Rows that the platform has not confirmed."""
        return self._store.last_seq - count(self._confirmed) + 1

    @property
    def state(self) -> UplinkState:
        return self._attempts.state(self.waiting_rows, self._confirmed[0][1], self.used_bytes, self._waits())

    def resend(self, rows: Ranges) -> Ranges:
        """Sends these once more; returns which of them were confirmed already and now wait again."""
        known = within(rows, 1, self._store.last_seq)
        again = without(known, gaps(self._confirmed, 1, self._store.last_seq))
        self._confirmed = without(self._confirmed, again)
        if again:
            self._scanned = min(self._scanned, again[0][0] - 1)
        self._changed.set()
        return again

    def _redate(self, rows: Ranges) -> None:
        """These have other times now: reports that wait were named by the guesses, and are made again."""
        self.resend(rows)
        self._forget()
        self._scanned = self._confirmed[0][1]

    async def drained(self) -> None:
        """Returns once the platform has all that is due, and the store knows that."""
        while self._scanned < self._store.last_seq or self._has_due():
            await asyncio.sleep(0.05)
        self._save()

    # --- the connection -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        self._confirmed = self._position.recall()  # the store may have got its file since
        self._scanned = self._confirmed[0][1]
        self._forget()
        while True:
            confirmed_rows = self.counters.confirmed_rows
            try:
                line = await self._ways[self._way]()
                try:
                    self._attempts.stands()
                    self._on_connected()
                    await self._session(line)
                finally:
                    self._attempts.is_connected = False
                    self._end()
                    line.close()
            except (LineLost, LinkDown) as error:
                self._attempts.fails(error)
            finally:
                self._save()
            if self.counters.confirmed_rows > confirmed_rows:  # who only lets us in is not hurried
                self._attempts.soon()
                self._attempts.trouble = ""
            self._edge = self._store.last_seq
            await self._scan()  # what nobody waits for is not left lying for weeks
            self._save()
            self._way = (self._way + 1) % len(self._ways)
            if self._way == 0:
                await self._attempts.pause()

    async def _session(self, line: OpenLine) -> None:
        self._attempts.is_connected = True
        self._edge = self._store.last_seq
        self._begin(line)
        began_ms = self._clock.monotonic_ms()
        helpers = [asyncio.create_task(helper) for helper in self._helpers(line)]
        for helper in helpers:
            helper.add_done_callback(lambda _: self._changed.set())
        try:
            await self._greet()
            while True:
                for helper in helpers:
                    if helper.done():
                        helper.result()
                if self._way > 0 and self._clock.monotonic_ms() - began_ms > _MAIN_AGAIN_MS:
                    self._way = len(self._ways) - 1  # so that the next one is the main one
                    return
                self._changed.clear()
                await self._scan()
                if not self._store.is_open:  # it has nothing to show, which is not the same as having nothing
                    await asyncio.sleep(_CLOSED_S)
                    continue
                wait_s = await self._send_next()
                if wait_s > 0:
                    await self._pause(min(_LOOK_S, wait_s))
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    async def _pause(self, wait_s: float) -> None:
        """Until there is a new row, an answer or a wish, but no longer."""
        arrival = asyncio.create_task(self._store.beyond(self._scanned))
        arrival.add_done_callback(lambda task: None if task.cancelled() else self._changed.set())
        try:
            async with asyncio.timeout(wait_s):
                await self._changed.wait()
        except TimeoutError:
            pass
        finally:
            arrival.cancel()

    # --- rows ---------------------------------------------------------------------------------------------------------

    async def _scan(self) -> None:
        """Sorts what is new in the store into reports."""
        while self._store.is_open and self._scanned < self._store.last_seq:
            first, last = self._scanned + 1, min(self._scanned + _SCAN_ROWS, self._store.last_seq)
            confirmed = within(self._confirmed, first, last)
            wanted = []
            for row in self._store.rows_within(first, last):
                keys = self._reports_of(row)
                if keys and not within(confirmed, row.seq, row.seq):
                    self._add(keys, row.seq, row.seq > self._edge)
                    wanted.append((row.seq, row.seq))
            self._scanned = last
            self._confirm(gaps(union(wanted), first, last))
            await asyncio.sleep(0)

    def _confirm(self, rows: Ranges) -> None:
        """These need nothing more: the platform has them, or nobody wants them."""
        self._confirmed = union([*self._confirmed, *rows])
        self._position.save_in_time(self._confirmed)

    def _confirm_sent(self, rows: Ranges) -> None:
        """The platform has answered for these."""
        self.counters.confirmed_rows += count(rows)
        self._confirm(rows)

    def _save(self) -> None:
        self._position.save(self._confirmed)
