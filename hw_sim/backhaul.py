"""Knows the way from the station to the platform: up, slow, deaf on one side or silent; knows no store, no payload."""

import asyncio

from gateway.ports import LinkDown
from hw_sim.platform import Platform
from hw_sim.streams import Stream

KEEPALIVE_S = 30.0  # after so long without an answer a client takes the connection for dead


class Backhaul:
    """What a network and a broker do to messages. Change the attributes while the world runs.

    `up`: connections can be had; cut() also ends those there are, and everybody notices. `silent`: packets vanish and
    nobody is told (half-open). `deaf`: messages arrive, confirmations do not. `bytes_per_s`: the bottleneck (None:
    none).
    """

    def __init__(self, platform: Platform, stream: Stream) -> None:
        self._platform = platform
        self._stream = stream
        self._publishers: list[BackhaulPublisher] = []
        self._busy_until_s = 0.0
        self.delay_s = 0.05
        self.bytes_per_s: float | None = None
        self.up = True
        self.silent = False
        self.deaf = False
        self.carried_bytes = 0

    def publisher(self) -> "BackhaulPublisher":
        return BackhaulPublisher(self)

    def cut(self) -> None:
        """From now on nothing gets through, and everybody notices."""
        self.up = False
        for publisher in list(self._publishers):
            publisher.lose("disconnected")

    def restore(self) -> None:
        self.up = True

    def join(self, publisher: "BackhaulPublisher") -> None:
        if not self.up:
            raise LinkDown("the backhaul is down")
        if self.silent:
            raise LinkDown("no answer")
        self._publishers.append(publisher)

    def leave(self, publisher: "BackhaulPublisher") -> None:
        if publisher in self._publishers:
            self._publishers.remove(publisher)

    def carry(self, publisher: "BackhaulPublisher", topic: str, payload: bytes, done: "asyncio.Future[None]") -> None:
        """Takes one message on its way; `done` is set when its confirmation is back."""
        loop = asyncio.get_running_loop()
        if self.silent or self.deaf:
            loop.call_later(KEEPALIVE_S, publisher.miss, done)
        if self.silent:
            return
        self.carried_bytes += len(payload)
        start_s = max(loop.time(), self._busy_until_s)
        if self.bytes_per_s is not None:
            start_s += (len(topic) + len(payload) + 10) / self.bytes_per_s
        self._busy_until_s = start_s
        jitter_s = self.delay_s * self._stream.random() / 10
        loop.call_at(start_s + self.delay_s + jitter_s, self._arrive, topic, payload, done)

    def _arrive(self, topic: str, payload: bytes, done: "asyncio.Future[None]") -> None:
        if not self.up or self.silent or (done.done() and not self.deaf):
            return
        self._platform.take(topic, payload)
        if not self.deaf and not done.done():
            done.set_result(None)


class BackhaulPublisher:
    """A Publisher (gateway/ports.py) over a Backhaul: one connection at a time, nothing remembered."""

    def __init__(self, backhaul: Backhaul) -> None:
        self._backhaul = backhaul
        self._waiting: list[asyncio.Future[None]] = []
        self._down: str | None = "not connected"

    async def connect(self) -> None:
        await asyncio.sleep(2 * self._backhaul.delay_s)
        self._backhaul.join(self)
        self._down = None

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> "asyncio.Future[None]":
        self.check()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting = [waiting for waiting in self._waiting if not waiting.done()] + [done]
        self._backhaul.carry(self, topic, payload, done)
        return done

    def check(self) -> None:
        if self._down is not None:
            raise LinkDown(self._down)

    def miss(self, done: "asyncio.Future[None]") -> None:
        """A confirmation that should long be here is not."""
        if not done.done():
            self.lose("keep-alive timeout")

    def lose(self, why: str) -> None:
        self._down = why
        self._backhaul.leave(self)
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            if not done.done():
                done.set_exception(LinkDown(why))
                done.exception()  # most are never awaited: the first one tells

    async def close(self) -> None:
        self.lose("closed")
