"""Knows what a broker keeps for a subscriber that is away or slow, and what it drops; knows no publisher, no payload.

A default mosquitto: every message is confirmed to its publisher, and 1,000 wait for a persistent subscriber; what comes
after them is dropped (mosquitto.conf(5), max_queued_messages; measured with 2.0.11: 1,000 of 3,000 arrived).
"""

import asyncio
from collections import deque
from collections.abc import Callable

MAX_QUEUED = 1000

Take = Callable[[str, bytes], None]


class Session:
    """The subscription of one platform, whose `take` gets topic and payload. Change the attributes while it runs.

    `messages_per_s`: how fast the platform takes them; None as they come, 0 not at all. `max_queued`: how many may wait
    (0: any number). `is_known`: False after the broker has forgotten the session, until subscribe(): nothing is kept.
    `dropped`: messages confirmed and lost.
    """

    def __init__(self, take: Take) -> None:
        self._take = take
        self._queue: deque[tuple[str, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._retained: dict[str, bytes] = {}
        self.messages_per_s: float | None = None
        self.max_queued = MAX_QUEUED
        self.is_known = True
        self.dropped = 0

    @property
    def queued(self) -> int:
        return len(self._queue)

    def give(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """A message for the platform, confirmed already or about to be."""
        if retain:
            self._retained[topic] = payload
        if not self.is_known or (self.max_queued and len(self._queue) >= self.max_queued):
            self.dropped += 1
        elif self.messages_per_s is None:
            self._take(topic, payload)
        else:
            self._queue.append((topic, payload))
            self._go_on()

    def set_pace(self, messages_per_s: float | None) -> None:
        """From now on the platform takes so many; what has waited for a fast one comes at once."""
        self.messages_per_s = messages_per_s
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._go_on()

    def forget(self) -> None:
        """The broker has lost the session with all that waited."""
        self.dropped += len(self._queue)
        self._queue.clear()
        self._retained.clear()
        self.is_known = False

    def subscribe(self) -> None:
        """For the first time, or once more: the broker says again what it retains (MQTT 3.1.1, 3.8.4)."""
        self.is_known = True
        for topic, payload in list(self._retained.items()):
            self.give(topic, payload)

    def _go_on(self) -> None:
        if self.messages_per_s is None:
            while self._queue:
                self._take(*self._queue.popleft())
        elif self.messages_per_s > 0 and self._queue and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(1.0 / self.messages_per_s, self._one)

    def _one(self) -> None:
        self._timer = None
        if self._queue:
            self._take(*self._queue.popleft())
        self._go_on()
