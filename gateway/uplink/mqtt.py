"""Knows how rows leave for an MQTT broker and when they count as delivered; knows no language, sensor or socket.

One layer owns retry: this one, with the store as its queue. Nothing is handed to the publisher while it is not
connected, and what was not confirmed when a connection ended is read from the store again.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from gateway.ports import Clock, LinkDown, Publisher, Said
from gateway.site.config import MqttUplink
from gateway.states import UplinkState
from gateway.store import Store
from gateway.store.ranges import Range, Ranges, count, union, within
from gateway.uplink.attempts import Attempts
from gateway.uplink.budget import CONNECT_BYTES, PING_BYTES, Budget
from gateway.uplink.dialect import Dialect
from gateway.uplink.owed import BACKLOG, Owed
from gateway.uplink.payload import consecutive
from gateway.uplink.position import Position
from gateway.uplink.window import Window

log = logging.getLogger(__name__)
_IN_FLIGHT = 16  # messages
_NO_ROWS: Range = (1, 0)
_ROWS = 50  # a message
_LOOK_S = 30.0  # how long a broker may be gone, unnoticed by a station that has nothing to say
_COMMANDS = 8  # that may wait; ours


class _Sent(NamedTuple):
    """Rows on their way, in one message or several."""

    rows: Range
    size_bytes: int
    at_ms: int


class MqttForwarder:
    """One uplink's loop. `dialect` is what its platform understands; `on_connected` is told of every connection that
    stands."""

    def __init__(
        self,
        config: MqttUplink,
        dialect: Dialect,
        publisher: Publisher,
        store: Store,
        clock: Clock,
        on_connected: Callable[[], None] = lambda: None,
    ) -> None:
        self._name = config.id
        self._dialect = dialect
        self._has_other_brokers = len(config.brokers) > 1
        self._publisher = publisher
        self._store = store
        self._clock = clock
        self._on_connected = on_connected
        self._position = Position(config.id, store, clock)
        self._remember()
        store.on_dated.append(self._send_anew)
        self._window = Window()
        self._budget = Budget(config.bytes_per_hour, clock.monotonic_ms())
        self._in_flight: dict[asyncio.Future[bool], _Sent] = {}
        self._changed = asyncio.Event()
        self._commands: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(_COMMANDS)
        self._told: set[int] = set()  # series this connection has announced
        self._lately: deque[tuple[int, Range]] = deque()  # (when, rows): what this connection has sent last
        self._row_bytes = 60.0  # of the last message; this one to begin with
        self._is_heard = True  # by somebody behind the broker, as far as it tells
        self._attempts = Attempts(config.id)
        self.counters = self._attempts.counters

    @property
    def waiting_rows(self) -> int:
        """Rows that the receiver has not confirmed."""
        return self._store.last_seq - count(self._owed.confirmed) + 1

    @property
    def used_bytes(self) -> int:
        """Sent since the gateway started, with an estimate of what surrounds them."""
        return self._budget.used_bytes

    @property
    def state(self) -> UplinkState:
        return self._attempts.state(self.waiting_rows, self._owed.complete, self.used_bytes, {})

    def resend(self, rows: Ranges) -> Ranges:
        """Sends these once more; returns which of them were confirmed already and now wait again."""
        again = self._owed.open(rows)
        self._changed.set()
        return again

    async def drained(self) -> None:
        """Returns once the receiver has everything that is in the store, and the store knows that."""
        while self._store.position(self._name) < self._store.last_seq:
            await asyncio.sleep(0.05)

    def _remember(self) -> None:
        """Begins where the store says that this uplink is."""
        self._owed = Owed(self._position.recall(), self._store.last_seq)
        self._day = self._store.day_of(self._name)

    def _send_anew(self, rows: Ranges) -> None:
        """These say something else now; what is on its way says it as it was."""
        for confirmation, sent in self._in_flight.items():
            if within(rows, *sent.rows):
                self._owed.lose(sent.rows)
                self._in_flight[confirmation] = sent._replace(rows=_NO_ROWS)
        self.resend(rows)

    async def run(self) -> None:
        self._remember()  # the store may have got its file since
        obeying = asyncio.create_task(self._obey_all())
        try:
            await self._connect_forever()
        finally:
            obeying.cancel()

    async def _connect_forever(self) -> None:
        while True:
            try:
                self._budget.use(0, self._clock.monotonic_ms(), CONNECT_BYTES)
                await self._publisher.connect(self._dialect.will())
                self._attempts.stands()
                await self._forward()
            except LinkDown as error:
                if self._attempts.is_connected:
                    self._attempts.soon()
                if self._attempts.fails(error) and error.is_refusal:
                    self._store.event("uplink_refused", {"uplink": self._name, "reason": str(error)})
                self._doubt_lately()
                self._position.save(self._owed.confirmed)
            finally:
                self._attempts.is_connected = False
                self._in_flight.clear()
                await self._publisher.close()
            await self._attempts.pause()

    async def _forward(self) -> None:
        for topic in self._dialect.topics:
            if not await self._publisher.subscribe(topic, self._hear, topic == self._dialect.state_topic):
                log.warning("uplink %s: the broker lets nobody send under %s", self._name, topic)
        await self._wait_for_listener()
        await self._say(self._dialect.greeting())
        self._attempts.trouble = ""  # not before: a broker may let us in and hear nothing of us
        self._attempts.is_connected = True
        self._on_connected()
        self._told.clear()
        self._window = Window()
        self._owed.begin(self._store.last_seq)
        while True:
            if self._day < self._store.newest_day:
                await self._send_days()
            self._changed.clear()
            self._take_confirmations()
            if self._dialect.absent:
                raise LinkDown(self._dialect.absent)
            for said in self._dialect.due():
                self._hand_over(said)
            wait_s = min(await self._send_all(), self._dialect.wait_s())
            if not self._in_flight:
                self._position.save(self._owed.confirmed)
            await self._change(wait_s)

    async def _wait_for_listener(self) -> None:
        """A broker is no good without the one behind it that all this is for, where the dialect knows him: the next
        one, if there is another, may be where he is (Sparkplug 3.0, 5.6)."""
        while self._dialect.absent:
            self._attempts.trouble = self._dialect.absent
            self._changed.clear()
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._changed.wait()
            except TimeoutError:
                self._publisher.check()
                self._budget.use(0, self._clock.monotonic_ms(), PING_BYTES)
                if self._has_other_brokers:
                    raise LinkDown(self._dialect.absent) from None

    def _doubt_lately(self) -> None:
        """What was confirmed shortly before the end may have reached nobody."""
        since_ms = self._clock.monotonic_ms() - self._dialect.again_ms
        self._owed.open(union(rows for at_ms, rows in self._lately if at_ms > since_ms))
        self._lately.clear()

    async def _send_days(self) -> None:
        """Signed days, one at a time: there is one a day."""
        for day in self._store.days_after(self._day):
            said = self._dialect.day(day)
            await self._say([] if said is None else [said])
            self._store.set_day(self._name, day.day)
            self._day = day.day

    def _take_confirmations(self) -> None:
        now_ms = self._clock.monotonic_ms()
        for confirmation in [one for one in self._in_flight if one.done()]:
            is_heard = confirmation.result()  # LinkDown comes from here
            sent = self._in_flight.pop(confirmation)
            self._window.confirm(sent.size_bytes, sent.at_ms, now_ms)
            self._owed.confirm(sent.rows)
            self.counters.confirmed_rows += sent.rows[1] - sent.rows[0] + 1
            if is_heard is False and self._is_heard:
                self._store.event("uplink_unheard", {"uplink": self._name, "seq": sent.rows[0]})
            self._is_heard = is_heard is not False
        self._position.save_in_time(self._owed.confirmed)

    async def _send_all(self) -> float:
        """Puts on their way what may go now; how long until something else may."""
        if not self._store.is_open:  # it has nothing to show, which is not the same as having nothing
            return _LOOK_S
        self._owed.come(self._store.last_seq, self._clock.monotonic_ms())
        self._owed.urgent = self._store.urgent
        while len(self._in_flight) < _IN_FLIGHT and self._store.is_open:  # an announcement takes its time
            now_ms = self._clock.monotonic_ms()
            most = max(1, min(_ROWS, int(self._window.limit_bytes / 2 / self._row_bytes)))
            chosen = self._owed.choose(most)
            if chosen is None:
                break
            is_backlog = chosen.kind == BACKLOG
            if is_backlog and (self._window.room <= 0 or self._window.is_probing(now_ms)) and self._in_flight:
                break
            if not self._budget.may(is_backlog, now_ms):
                return min(_LOOK_S, self._budget.wait_ms(is_backlog, now_ms) / 1000)
            await self._send(chosen.rows)
        return _LOOK_S

    async def _send(self, wanted: Range) -> None:
        first, last = wanted
        rows = consecutive(self._store.rows_within(first, last))
        gone = (last if not rows else rows[0].seq - 1) - first + 1
        if gone:  # the store has let go of them: nothing will ever come, and the receiver is told by `complete`
            self.counters.gone_rows += gone
            self._owed.confirm((first, first + gone - 1))
        if not rows:
            return
        new = {row.series for row in rows} - self._told
        if new:  # meanwhile they may say something else, or the store may have lost its file: they are read anew
            await self._announce(new)
            self._told |= new
            return
        messages = self._dialect.rows(self._owed.complete, rows)
        now_ms = self._clock.monotonic_ms()
        size_bytes = sum(len(said.payload) for said in messages)
        sent = _Sent((rows[0].seq, rows[-1].seq), size_bytes, now_ms)
        confirmation = _together([self._hand_over(said) for said in messages])
        self._in_flight[confirmation] = sent
        confirmation.add_done_callback(lambda _: self._changed.set())
        self._owed.send(sent.rows)
        self._window.send(size_bytes, now_ms)
        self._row_bytes = max(size_bytes / len(rows), 1.0)
        self.counters.sent_rows += len(rows)
        self._note_lately(sent.rows, now_ms)

    def _note_lately(self, rows: Range, now_ms: int) -> None:
        if self._dialect.again_ms:
            self._lately.append((now_ms, rows))
            while self._lately[0][0] <= now_ms - self._dialect.again_ms:
                self._lately.popleft()

    def _hand_over(self, said: Said) -> "asyncio.Future[bool]":
        confirmation = self._publisher.publish(*said)
        self._budget.use(len(said.topic) + len(said.payload), self._clock.monotonic_ms())
        return confirmation

    async def _say(self, messages: Sequence[Said]) -> None:
        """Returns when the broker has them."""
        await _together([self._hand_over(said) for said in messages])

    def _wake(self, arrival: asyncio.Task[None]) -> None:
        if not arrival.cancelled():
            self._changed.set()

    async def _change(self, wait_s: float) -> None:
        """Waits for a confirmation, new rows or a wish, but no longer than it takes to notice that the broker is
        gone."""
        arrival = asyncio.create_task(self._store.beyond(self._owed.newest))
        arrival.add_done_callback(self._wake)
        try:
            async with asyncio.timeout(wait_s):
                await self._changed.wait()
        except TimeoutError:
            self._publisher.check()
            self._budget.use(0, self._clock.monotonic_ms(), PING_BYTES)
        finally:
            arrival.cancel()

    async def _announce(self, new: set[int]) -> None:
        for series in self._store.all_series() if new else ():
            if series.id in new:
                await self._say(self._dialect.announce(series))
                self._told.add(series.id)

    # --- commands -----------------------------------------------------------------------------------------------------

    def _hear(self, topic: str, message: bytes) -> None:
        if self._dialect.hear(topic, message):
            self._changed.set()
            return
        try:
            self._commands.put_nowait((topic, message))
        except asyncio.QueueFull:
            self.counters.dropped_commands += 1

    async def _obey_all(self) -> None:
        while True:
            topic, message = await self._commands.get()
            answer = await self._dialect.obey(topic, message)
            if answer is not None:
                try:
                    self._hand_over(answer)
                except LinkDown:
                    log.info("uplink %s: the answer to a command did not get away", self._name)


def _together(confirmations: "Sequence[asyncio.Future[bool]]") -> "asyncio.Future[bool]":
    """Of all of them; False: one of them was heard by nobody."""
    if len(confirmations) == 1:
        return confirmations[0]
    together: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    missing, is_heard = len(confirmations), True

    def end(one: "asyncio.Future[bool]") -> None:
        nonlocal missing, is_heard
        error = LinkDown("given up") if one.cancelled() else one.exception()
        if error is not None and not together.done():
            together.set_exception(error)
            together.exception()  # whoever waits is told; most of them are never awaited
        missing -= 1
        is_heard = is_heard and (error is not None or one.result() is not False)
        if not missing and not together.done():
            together.set_result(is_heard)

    for one in confirmations:
        one.add_done_callback(end)
    if not confirmations:
        together.set_result(True)
    return together
