"""Knows how rows leave for an MQTT broker and when they count as delivered; knows no sensor and no socket.

One layer owns retry: this one, with the store as its queue. Nothing is handed to the publisher while it is not
connected, and what was not confirmed when a connection ended is read from the store again.
"""

import asyncio
import logging
from collections import deque

import msgspec

from gateway.config import MqttUplink
from gateway.ports import Clock, LinkDown, Publisher
from gateway.store import Store
from gateway.uplink import payload

log = logging.getLogger(__name__)
_IN_FLIGHT = 16  # messages
_ROWS = 50  # a message
_FIRST_RETRY_S, _LAST_RETRY_S = 1.0, 60.0
_LOOK_S = 30.0  # how long a broker may be gone, unnoticed by a station that has nothing to say


class MqttForwarder:
    """One uplink's loop. `station` leads every topic."""

    def __init__(self, config: MqttUplink, station: str, publisher: Publisher, store: Store, clock: Clock) -> None:
        self._name = config.id
        self._prefix = f"watertower/{station}"
        self._publisher = publisher
        self._store = store
        self._clock = clock
        self._told: set[int] = set()  # series this connection has announced
        self._decimals: dict[int, tuple[int, ...]] = {}

    async def run(self) -> None:
        retry_s = _FIRST_RETRY_S
        told = False  # an outage may last for weeks: it is told once
        while True:
            try:
                await self._publisher.connect()
                log.info("uplink %s: connected", self._name)
                retry_s, told = _FIRST_RETRY_S, False
                await self._forward()
            except LinkDown as error:
                if not told:
                    log.warning("uplink %s: %s", self._name, error)
                told = True
            finally:
                await self._publisher.close()
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, _LAST_RETRY_S)

    async def drained(self) -> None:
        """Returns once the receiver has everything that is in the store."""
        while self._store.position(self._name) < self._store.last_seq:
            await asyncio.sleep(0.05)

    async def _forward(self) -> None:
        status = msgspec.json.encode({"online": True, "unix_ms": self._clock.unix_ms()})
        await self._publisher.publish(f"{self._prefix}/status", status, retain=True)
        self._told.clear()
        sent = confirmed = self._store.position(self._name)
        in_flight: deque[tuple[int, asyncio.Future[None]]] = deque()
        while True:
            if self._store.position(self._name) < confirmed:  # opened again: rows say something else now
                sent = confirmed = self._store.position(self._name)
                in_flight.clear()
            while len(in_flight) < _IN_FLIGHT and (rows := self._store.rows_after(sent, _ROWS)):
                await self._announce({row.series for row in rows} - self._told)
                message = payload.data_message(confirmed, rows, self._decimals)
                sent = rows[-1].seq
                in_flight.append((sent, self._publisher.publish(f"{self._prefix}/data", message)))
            if in_flight:
                last, confirmation = in_flight.popleft()
                await confirmation
                if self._store.position(self._name) < confirmed:
                    continue
                confirmed = last
                self._store.set_position(self._name, confirmed)
            else:
                await self._idle(sent)

    async def _idle(self, sent: int) -> None:
        """Waits for new rows, but no longer than it takes to notice that the broker is gone."""
        try:
            async with asyncio.timeout(_LOOK_S):
                await self._store.beyond(sent)
        except TimeoutError:
            self._publisher.check()

    async def _announce(self, new: set[int]) -> None:
        for series in self._store.all_series():
            if series.id in new:
                self._decimals[series.id] = tuple(decimals for _, _, decimals in series.channels)
                topic = f"{self._prefix}/series/{series.id}"
                await self._publisher.publish(topic, payload.series_message(series), retain=True)
                self._told.add(series.id)
