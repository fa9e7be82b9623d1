"""Knows the way from the station to the broker: up, slow, lossy, deaf or silent; knows no store, no payload.

What the broker does with a message then is in hw_sim/backhaul/session.py.
"""

import asyncio
from collections.abc import Callable

from gateway.ports import LinkDown, Said
from hw_sim.backhaul.session import Session
from hw_sim.platforms.platform import Platform
from hw_sim.streams import Stream

KEEPALIVE_S = 30.0  # after so long without an answer a client takes the connection for dead
_CONNECT_S = 10.0  # and gives up becoming connected (gateway/uplink/paho.py)
_SEGMENT_BYTES = 1448  # of Ethernet's 1,500, with time stamps (RFC 879, RFC 7323)
_RETRY_S = 1.0  # TCP sends a lost segment again after this, then after twice as long each time (RFC 6298, 2.4 and 5.5)


class Backhaul:
    """What a network and a broker do to messages. Change the attributes while the world runs.

    `up`: connections can be had; cut() also ends those there are, and everybody notices, until restore(). `silent`:
    packets vanish and nobody is told (half-open). `deaf`: messages arrive, confirmations do not. `delay_s`: one way.
    `bytes_per_s`: the bottleneck (None: none). `loss_up`, `loss_down`: the share of packets that is lost on the way to
    the broker and back; TCP sends them again, everything behind them waits, and a connection on which that takes too
    long is dead. `session`: what the broker keeps for the platform. `carried_bytes`: to the broker.
    """

    def __init__(self, platform: Platform, stream: Stream) -> None:
        self._stream = stream
        self._publishers: list[BackhaulPublisher] = []
        self._busy_until_s = 0.0
        self.delay_s = 0.05
        self.bytes_per_s: float | None = None
        self.loss_up = 0.0
        self.loss_down = 0.0
        self.up = True
        self.silent = False
        self.deaf = False
        self.carried_bytes = 0
        self.session = Session(platform.take)

    def publisher(self) -> "BackhaulPublisher":
        return BackhaulPublisher(self)

    def cut(self) -> None:
        """From now on nothing gets through, and everybody notices."""
        self.up = False
        for publisher in list(self._publishers):
            publisher.lose("disconnected")

    def restore(self) -> None:
        self.up = True

    def handshake_s(self) -> float:
        """How long it takes to become connected."""
        again_s = self._again_s(self.loss_up, 1) + self._again_s(self.loss_down, 1)
        return 2 * self.delay_s + again_s

    def join(self, publisher: "BackhaulPublisher") -> None:
        if not self.up:
            raise LinkDown("the backhaul is down")
        if self.silent:
            raise LinkDown("no answer")
        self._publishers.append(publisher)

    def leave(self, publisher: "BackhaulPublisher") -> None:
        if publisher in self._publishers:
            self._publishers.remove(publisher)

    def tell(self, topic: str, payload: bytes) -> None:
        """A message from the platform to whoever has subscribed to it; lost where no connection stands."""
        if not self.up or self.silent or self.deaf:
            return
        loop = asyncio.get_running_loop()
        due_s = loop.time() + self.delay_s + self._again_s(self.loss_down, len(payload))
        loop.call_at(due_s, self._told, topic, payload)

    def _told(self, topic: str, payload: bytes) -> None:
        for publisher in list(self._publishers):
            publisher.hear(topic, payload)

    def carry(
        self,
        publisher: "BackhaulPublisher",
        topic: str,
        payload: bytes,
        retain: bool,
        done: "asyncio.Future[bool]",
    ) -> None:
        """Takes one message on its way; `done` is set when its confirmation is back."""
        loop = asyncio.get_running_loop()
        if self.silent or self.deaf or self.loss_up or self.loss_down:
            loop.call_later(KEEPALIVE_S, publisher.miss, done)
        if self.silent:
            return
        self.carried_bytes += len(payload)
        start_s = max(loop.time(), self._busy_until_s)
        if self.bytes_per_s is not None:
            start_s += (len(topic) + len(payload) + 10) / self.bytes_per_s
        self._busy_until_s = start_s
        jitter_s = self.delay_s * self._stream.random() / 10
        due_s = start_s + self.delay_s + jitter_s
        if self.loss_up or publisher.up_s > due_s:
            due_s += self._again_s(self.loss_up, len(topic) + len(payload))
            publisher.up_s = due_s = max(due_s, publisher.up_s)
        loop.call_at(due_s, self._arrive, publisher, topic, payload, retain, done)

    def _again_s(self, loss: float, count: int) -> float:
        """How long TCP needs for what is lost of a message, on top of its way: until its slowest segment is there."""
        waits_s = [0.0]
        for _ in range(-(-count // _SEGMENT_BYTES)):
            wait_s, retry_s = 0.0, _RETRY_S
            while loss and wait_s <= KEEPALIVE_S and self._stream.chance(loss):
                wait_s += retry_s
                retry_s *= 2
            waits_s.append(wait_s)
        return max(waits_s)

    def _arrive(
        self,
        publisher: "BackhaulPublisher",
        topic: str,
        payload: bytes,
        retain: bool,
        done: "asyncio.Future[bool]",
    ) -> None:
        if not self.up or self.silent or (done.done() and not self.deaf):
            return
        self.session.give(topic, payload, retain)
        if self.deaf or done.done():
            return
        loop = asyncio.get_running_loop()
        if self.loss_down or publisher.down_s > loop.time():
            due_s = loop.time() + self._again_s(self.loss_down, 4)  # MQTT 3.1.1, 3.4: PUBACK has four bytes
            publisher.down_s = due_s = max(due_s, publisher.down_s)
            loop.call_at(due_s, self._confirm, done)
        else:
            done.set_result(True)

    def _confirm(self, done: "asyncio.Future[bool]") -> None:
        if self.up and not self.silent and not self.deaf and not done.done():
            done.set_result(True)


class BackhaulPublisher:
    """A Publisher (gateway/ports.py) over a Backhaul: one connection at a time, nothing remembered. `up_s`, `down_s`:
    when what is on its way on this connection has arrived."""

    def __init__(self, backhaul: Backhaul) -> None:
        self._backhaul = backhaul
        self._waiting: list[asyncio.Future[bool]] = []
        self._down: str | None = "not connected"
        self._heard: dict[str, Callable[[str, bytes], None]] = {}  # by the start of a topic
        self.up_s = self.down_s = 0.0

    async def connect(self, will: Said | None = None) -> None:
        wait_s = self._backhaul.handshake_s()
        await asyncio.sleep(min(wait_s, _CONNECT_S))
        if wait_s > _CONNECT_S:
            raise LinkDown("no answer")
        self._backhaul.join(self)
        self.up_s = self.down_s = 0.0
        self._down = None

    def publish(self, topic: str, payload: bytes, retain: bool = False, qos: int = 1) -> "asyncio.Future[bool]":
        self.check()
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting = [waiting for waiting in self._waiting if not waiting.done()] + [done]
        self._backhaul.carry(self, topic, payload, retain, done)
        return done

    async def subscribe(self, topic: str, take: Callable[[str, bytes], None], kept: bool = False) -> bool:
        self.check()
        self._heard[topic.removesuffix("+")] = take
        return True

    def hear(self, topic: str, payload: bytes) -> None:
        for start, take in self._heard.items():
            if topic.startswith(start):
                take(topic, payload)

    def check(self) -> None:
        if self._down is not None:
            raise LinkDown(self._down)

    def miss(self, done: "asyncio.Future[bool]") -> None:
        """A confirmation that should long be here is not."""
        if not done.done():
            self.lose("keep-alive timeout")

    def lose(self, why: str) -> None:
        self._down = why
        self._heard.clear()
        self._backhaul.leave(self)
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            if not done.done():
                done.set_exception(LinkDown(why))
                done.exception()  # most are never awaited: the first one tells

    async def close(self) -> None:
        self.lose("closed")
