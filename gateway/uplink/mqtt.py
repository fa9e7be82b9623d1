"""Knows how rows leave for an MQTT broker and when they count as delivered; knows no sensor and no socket.

One layer owns retry: this one, with the store as its queue. Nothing is handed to the publisher while it is not
connected, and what was not confirmed when a connection ended is read from the store again.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple, Protocol

import msgspec

from gateway.ports import Clock, LinkDown, Publisher
from gateway.site.config import MqttUplink
from gateway.states import UplinkState
from gateway.store import Store
from gateway.store.ranges import Range, Ranges, within
from gateway.uplink import payload
from gateway.uplink.budget import CONNECT_BYTES, PING_BYTES, Budget
from gateway.uplink.neighbours import Neighbours
from gateway.uplink.owed import BACKLOG, Owed
from gateway.uplink.window import Window

log = logging.getLogger(__name__)
_IN_FLIGHT = 16  # messages
_NO_ROWS: Range = (1, 0)
_ROWS = 50  # a message
_FIRST_RETRY_S, _LAST_RETRY_S = 1.0, 60.0
_LOOK_S = 30.0  # how long a broker may be gone, unnoticed by a station that has nothing to say
_SAVE_MS = 1000  # how often a position goes to disk while more is on its way: each time costs the card a page
_COMMANDS = 8  # that may wait; ours


class _Sent(NamedTuple):
    """A message on its way."""

    rows: Range
    size_bytes: int
    at_ms: int


class Obey(Protocol):
    """Does what a message on a command topic asks for: (what to add to the station's topic, answer), or None. Never
    raises."""

    async def __call__(self, topic: str, message: bytes, uplink: str) -> tuple[str, bytes] | None: ...


class Counters:
    """What an uplink has done since the gateway started."""

    def __init__(self) -> None:
        self.sent_rows = self.confirmed_rows = self.gone_rows = 0
        self.connections = self.failed_connections = 0
        self.dropped_commands = 0


class MqttForwarder:
    """One uplink's loop. `station` leads every topic; `obey` is asked about commands; `on_connected` is told of every
    connection that stands; `neighbours` are stations whose alarms ours are told of, and theirs us."""

    def __init__(
        self,
        config: MqttUplink,
        station: str,
        publisher: Publisher,
        store: Store,
        clock: Clock,
        obey: Obey | None = None,
        on_connected: Callable[[], None] = lambda: None,
        neighbours: Neighbours | None = None,
    ) -> None:
        self._name = config.id
        self._prefix = f"watertower/{station}"
        self._publisher = publisher
        self._store = store
        self._clock = clock
        self._obey = obey
        self._on_connected = on_connected
        self._neighbours = neighbours or Neighbours(station, lambda: ())
        self._remember()
        store.on_dated.append(self._send_anew)
        self._window = Window()
        self._budget = Budget(config.bytes_per_hour, clock.monotonic_ms())
        self._in_flight: dict[asyncio.Future[bool], _Sent] = {}
        self._changed = asyncio.Event()
        self._commands: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(_COMMANDS)
        self._told: set[int] = set()  # series this connection has announced
        self._decimals: dict[int, tuple[int, ...]] = {}
        self._row_bytes = 60.0  # of the last message; this one to begin with
        self._is_heard = True  # by somebody behind the broker, as far as it tells
        self._is_connected = False
        self._trouble = ""
        self.counters = Counters()

    @property
    def waiting_rows(self) -> int:
        """Rows that the receiver has not confirmed."""
        return self._store.last_seq - sum(last - first + 1 for first, last in self._owed.confirmed) + 1

    @property
    def used_bytes(self) -> int:
        """Sent since the gateway started, with an estimate of what surrounds them."""
        return self._budget.used_bytes

    @property
    def state(self) -> UplinkState:
        counters = self.counters
        return UplinkState(
            uplink=self._name,
            is_connected=self._is_connected,
            trouble=self._trouble,
            waiting_rows=self.waiting_rows,
            complete=self._owed.complete,
            sent_rows=counters.sent_rows,
            confirmed_rows=counters.confirmed_rows,
            gone_rows=counters.gone_rows,
            used_bytes=self.used_bytes,
            connections=counters.connections,
            failed_connections=counters.failed_connections,
        )

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
        self._owed = Owed(self._store.confirmed(self._name), self._store.last_seq)
        self._day = self._store.day_of(self._name)
        self._saved = self._owed.confirmed
        self._saved_ms = self._clock.monotonic_ms()

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
        retry_s = _FIRST_RETRY_S
        while True:
            try:
                self._budget.use(0, self._clock.monotonic_ms(), CONNECT_BYTES)
                await self._publisher.connect()
                log.info("uplink %s: connected", self._name)
                self.counters.connections += 1
                retry_s, self._trouble, self._is_connected = _FIRST_RETRY_S, "", True
                await self._forward()
            except LinkDown as error:
                self.counters.failed_connections += 1
                if self._trouble != str(error):  # an outage may last for weeks: each reason is told once
                    log.warning("uplink %s: %s", self._name, error)
                    if error.is_refusal:
                        self._store.event("uplink_refused", {"uplink": self._name, "reason": str(error)})
                self._trouble = str(error)
                self._save()
            finally:
                self._is_connected = False
                self._in_flight.clear()
                await self._publisher.close()
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, _LAST_RETRY_S)

    async def _forward(self) -> None:
        status = msgspec.json.encode({"online": True, "unix_ms": self._clock.unix_ms()})
        await self._publisher.publish(f"{self._prefix}/status", status, retain=True)
        if self._obey is not None and not await self._publisher.subscribe(f"{self._prefix}/command/+", self._hear):
            log.warning("uplink %s: the broker lets nobody send commands", self._name)
        for topic in self._neighbours.topics:
            if not await self._publisher.subscribe(topic, self._hear):
                log.warning("uplink %s: the broker does not let us listen to %s", self._name, topic)
        self._neighbours.begin()
        self._on_connected()
        self._told.clear()
        self._window = Window()
        self._owed.begin(self._store.last_seq)
        while True:
            if self._day < self._store.newest_day:
                await self._send_days()
            self._changed.clear()
            self._take_confirmations()
            for place, message in self._neighbours.news(self._clock.monotonic_ms()):
                self._hand_over(place, message, retain=True)
            wait_s = await self._send_all()
            if not self._in_flight:
                self._save()
            await self._change(wait_s)

    async def _send_days(self) -> None:
        """Signed days, one at a time: there is one a day."""
        for day in self._store.days_after(self._day):
            await self._hand_over(f"signature/{day.day}", payload.day_message(day), retain=True)
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
        if now_ms - self._saved_ms >= _SAVE_MS:
            self._save()

    def _save(self) -> None:
        """Puts the position on disk, if it has moved."""
        if self._owed.confirmed != self._saved:
            (_, complete), *beyond = self._owed.confirmed
            self._store.set_position(self._name, complete, tuple(beyond))
            self._saved = self._owed.confirmed
        self._saved_ms = self._clock.monotonic_ms()

    async def _send_all(self) -> float:
        """Puts on their way what may go now; how long until something else may."""
        if not self._store.is_open:  # it has nothing to show, which is not the same as having nothing
            return _LOOK_S
        self._owed.come(self._store.last_seq, self._clock.monotonic_ms())
        self._owed.urgent = self._store.urgent
        while len(self._in_flight) < _IN_FLIGHT:
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
        rows = payload.consecutive(self._store.rows_within(first, last))
        gone = (last if not rows else rows[0].seq - 1) - first + 1
        if gone:  # the store has let go of them: nothing will ever come, and the receiver is told by `complete`
            self.counters.gone_rows += gone
            self._owed.confirm((first, first + gone - 1))
        if not rows:
            return
        await self._announce({row.series for row in rows} - self._told)
        message = payload.data_message(self._owed.complete, rows, self._decimals)
        now_ms = self._clock.monotonic_ms()
        sent = _Sent((rows[0].seq, rows[-1].seq), len(message), now_ms)
        confirmation = self._hand_over("data", message)
        self._in_flight[confirmation] = sent
        confirmation.add_done_callback(lambda _: self._changed.set())
        self._owed.send(sent.rows)
        self._window.send(len(message), now_ms)
        self._row_bytes = len(message) / len(rows)
        self.counters.sent_rows += len(rows)

    def _hand_over(self, topic: str, message: bytes, retain: bool = False) -> "asyncio.Future[bool]":
        confirmation = self._publisher.publish(f"{self._prefix}/{topic}", message, retain)
        self._budget.use(len(self._prefix) + len(topic) + 1 + len(message), self._clock.monotonic_ms())
        return confirmation

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
                self._decimals[series.id] = tuple(decimals for _, _, decimals in series.channels)
                await self._hand_over(f"series/{series.id}", payload.series_message(series), retain=True)
                self._told.add(series.id)

    # --- commands -----------------------------------------------------------------------------------------------------

    def _hear(self, topic: str, message: bytes) -> None:
        if self._neighbours.take(topic, message):
            return
        try:
            self._commands.put_nowait((topic, message))
        except asyncio.QueueFull:
            self.counters.dropped_commands += 1

    async def _obey_all(self) -> None:
        while self._obey is not None:
            topic, message = await self._commands.get()
            answer = await self._obey(topic, message, self._name)
            if answer is not None:
                try:
                    self._hand_over(*answer)
                except LinkDown:
                    log.info("uplink %s: the answer to a command did not get away", self._name)
