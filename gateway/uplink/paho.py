"""Knows how paho-mqtt becomes a Publisher on the asyncio loop; knows no store and no payload.

paho keeps its own memory of unsent messages; so every connection is a new client with a clean session, and nothing is
given to it unless it is connected (facts: a client that remembers and a store that remembers send everything twice).
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.messages import say
from gateway.ports import LinkDown, Said
from gateway.site.config import MqttUplink
from gateway.uplink import login

_KEEPALIVE_S = 20
_PAID_KEEPALIVE_S = 120  # where each ping costs money; ours
_CONNECT_S = 10.0
_CLOSE_S = 1.0
_FENCE = "-"  # nothing is ever subscribed under this
_LARGEST_BYTES = 70_000  # a command with a site file of 64 KiB; MQTT 5 brokers keep what is longer to themselves
# MQTT 5, 2.4; paho says the codes of MQTT 3.1.1 in these, too
_NOBODY = 0x10  # no matching subscribers
_LOGIN = frozenset((0x86, 0x87, 0x8A, 0x8C))  # bad user name or password, not authorized, banned, bad method
_NO_RIGHT = 0x87  # not authorized; a broker of MQTT 3.1.1 has no way to say this and confirms what it throws away
_LASTING = frozenset((0x84, 0x85))  # unsupported version, bad client id


class PahoPublisher:
    """MQTT 3.1.1 or 5, QoS 1; QoS 0 for a language that wants it, confirmed all the same: see publish()."""

    def __init__(self, uplink: MqttUplink, client_id: str, connect_s: float = _CONNECT_S) -> None:
        self._uplink = uplink
        self._connect_s = connect_s
        self._client_id = client_id
        self._will: Said | None = None
        self._client: mqtt.Client | None = None
        self._waiting: dict[int, asyncio.Future[bool]] = {}
        self._subscribing: dict[int, asyncio.Future[bool]] = {}
        self._take: Callable[[str, bytes], None] = lambda topic, payload: None
        self._first = self._place = 0  # which broker is asked first, which it was
        self._kept: set[str] = set()  # topics under which a retained message counts
        self._down: str | None = "not connected"
        self._tls_error: OSError | None = None

    async def connect(self, will: Said | None = None) -> None:
        """To the first broker that can be had, in the order of the site file; but not first to one that was left."""
        self._will = will
        brokers = self._uplink.brokers
        failures: list[LinkDown] = []
        for place in (*range(self._first, len(brokers)), *range(self._first)):
            try:
                await self._connect(*brokers[place])
                self._place = place
                return
            except LinkDown as failure:
                failures.append(failure)
                await self.close()
        raise LinkDown("; ".join(map(str, failures)), any(failure.is_refusal for failure in failures))

    def _new_client(self) -> mqtt.Client:
        is_v5 = self._uplink.version == "5"
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            self._client_id,
            clean_session=None if is_v5 else True,
            protocol=MQTTProtocolVersion.MQTTv5 if is_v5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, qos=self._will.qos, retain=self._will.retain)
        password = login.password(self._uplink)
        if self._uplink.username is not None:
            client.username_pw_set(self._uplink.username, password)
        if self._uplink.tls is not None:
            client.tls_set_context(login.context(self._uplink.tls, self._note_tls))
        return client

    def _note_tls(self, error: OSError) -> None:
        self._tls_error = error

    async def _connect(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        connected: asyncio.Future[None] = loop.create_future()
        self._tls_error = None
        client = self._new_client()
        place = f"{host}:{port}"

        def in_loop(action: Callable[..., None], *values: Any) -> None:
            with contextlib.suppress(RuntimeError):  # the loop may be gone at the end of the process
                loop.call_soon_threadsafe(action, client, *values)

        def on_connect(_c: mqtt.Client, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
            in_loop(self._on_connect, connected, place, reason)

        def on_publish(_c: mqtt.Client, _u: Any, mid: int, reason: ReasonCode, _p: Any) -> None:
            in_loop(self._on_publish, mid, reason)

        def on_disconnect(_c: mqtt.Client, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
            in_loop(self._on_disconnect, connected, place, str(reason))

        def on_connect_fail(_c: mqtt.Client, _u: Any) -> None:
            in_loop(self._on_connect_fail, connected, place)

        def on_subscribe(_c: mqtt.Client, _u: Any, mid: int, reasons: list[ReasonCode], _p: Any) -> None:
            in_loop(self._on_subscribe, mid, not any(reason.is_failure for reason in reasons))

        def on_unsubscribe(_c: mqtt.Client, _u: Any, mid: int, _r: list[ReasonCode], _p: Any) -> None:
            in_loop(self._on_fence, mid)

        def on_message(_c: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
            with contextlib.suppress(UnicodeDecodeError):  # of a topic: not one of ours
                in_loop(self._on_message, message.topic, message.payload, message.retain)

        client.on_connect, client.on_connect_fail = on_connect, on_connect_fail
        client.on_publish, client.on_disconnect = on_publish, on_disconnect
        client.on_subscribe, client.on_message = on_subscribe, on_message
        client.on_unsubscribe = on_unsubscribe
        self._client = client
        keepalive_s = _KEEPALIVE_S if self._uplink.bytes_per_hour is None else _PAID_KEEPALIVE_S
        properties = None
        if self._uplink.version == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.MaximumPacketSize = _LARGEST_BYTES
        try:
            # connect_async leaves the blocking name look-up and connect to paho's own thread
            client.connect_async(host, port, keepalive=keepalive_s, properties=properties)
            client.loop_start()
            async with asyncio.timeout(self._connect_s):
                await connected
        except (OSError, ValueError, TimeoutError) as error:
            raise LinkDown(f"{place}: {str(error) or 'no answer'}") from error  # a TimeoutError has no words

    def _on_connect(self, client: mqtt.Client, connected: asyncio.Future[None], place: str, reason: ReasonCode) -> None:
        if client is not self._client or connected.done():
            return
        if not reason.is_failure:
            self._down = None
            connected.set_result(None)
        elif reason.value in _LOGIN:
            connected.set_exception(LinkDown(say("uplink.password", broker=place, reason=reason), is_refusal=True))
        elif reason.value in _LASTING:
            connected.set_exception(LinkDown(say("uplink.refused", broker=place, reason=reason), is_refusal=True))
        else:
            connected.set_exception(LinkDown(f"{place}: refused: {reason}"))

    def _on_connect_fail(self, client: mqtt.Client, connected: asyncio.Future[None], place: str) -> None:
        if client is self._client and not connected.done():
            connected.set_exception(self._because(place, f"no broker at {place}"))

    def _because(self, place: str, otherwise: str) -> LinkDown:
        return LinkDown(otherwise) if self._tls_error is None else login.refusal(place, self._tls_error)

    def _on_publish(self, client: mqtt.Client, mid: int, reason: ReasonCode) -> None:
        waiter = self._waiting.pop(mid, None) if client is self._client else None
        if waiter is None or waiter.done():
            return
        if reason.value == _NO_RIGHT:
            waiter.set_exception(LinkDown(say("uplink.rights", reason=reason), is_refusal=True))
            waiter.exception()
        elif reason.is_failure:
            waiter.set_exception(LinkDown(f"a message was refused: {reason}"))
            waiter.exception()
        else:
            waiter.set_result(reason.value != _NOBODY)

    def _on_fence(self, client: mqtt.Client, mid: int) -> None:
        waiter = self._waiting.pop(mid, None) if client is self._client else None
        if waiter is not None and not waiter.done():
            waiter.set_result(True)

    def _on_subscribe(self, client: mqtt.Client, mid: int, is_let: bool) -> None:
        waiter = self._subscribing.pop(mid, None) if client is self._client else None
        if waiter is not None and not waiter.done():
            waiter.set_result(is_let)

    def _on_message(self, client: mqtt.Client, topic: str, payload: bytes, is_kept: bool) -> None:
        if client is self._client and (not is_kept or topic in self._kept):
            self._take(topic, payload)

    def _on_disconnect(self, client: mqtt.Client, connected: asyncio.Future[None], place: str, reason: str) -> None:
        if client is self._client:
            if not connected.done():
                connected.set_exception(self._because(place, f"{place}: hung up: {reason}"))
            self._fail(f"disconnected: {reason}")

    def _fail(self, why: str) -> None:
        self._down = why
        waiting = [*self._waiting.values(), *self._subscribing.values()]
        self._waiting, self._subscribing = {}, {}
        for waiter in waiting:
            if not waiter.done():
                waiter.set_exception(LinkDown(why))
                waiter.exception()  # most of them are never awaited: the first one tells

    def check(self) -> None:
        if self._down is not None:
            raise LinkDown(self._down)

    async def subscribe(self, topic: str, take: Callable[[str, bytes], None], kept: bool = False) -> bool:
        self.check()
        assert self._client is not None
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._take = take
        failed, mid = self._client.subscribe(topic, qos=1)
        if failed or mid is None:
            raise LinkDown(mqtt.error_string(failed))
        self._subscribing[mid] = waiter
        if kept:
            self._kept.add(topic)
        return await waiter

    def publish(self, topic: str, payload: bytes, retain: bool = False, qos: int = 1) -> asyncio.Future[bool]:
        """A broker confirms nothing of QoS 0. But it takes what comes on one connection in its order (MQTT 3.1.1, 4.6)
        and answers UNSUBSCRIBE even where nothing was subscribed (3.10.4): that answer confirms what went before."""
        self.check()
        assert self._client is not None
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        info = self._client.publish(topic, payload, qos=qos, retain=retain)
        failed, mid = info.rc, info.mid
        if not failed and qos == 0:
            failed, fence = self._client.unsubscribe(_FENCE)
            mid = fence or 0
        if failed:
            raise LinkDown(mqtt.error_string(failed))
        self._waiting[mid] = waiter  # the confirmation is handled by this loop, so it can't have been yet
        return waiter

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None and self._down is None:
            self._first = (self._place + 1) % len(self._uplink.brokers)
        if client is not None and self._down is None and self._will is not None:
            will = self._will  # a broker that is told goodbye forgets it
            client.publish(will.topic, will.payload, qos=will.qos, retain=will.retain)
        self._fail("closed")
        if client is not None:
            client.disconnect()
            await _ended(client)


async def _ended(client: mqtt.Client) -> None:
    """Waits for paho's thread, but not for its connect to nowhere: that ends by itself later."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def join() -> None:
        client.loop_stop()
        with contextlib.suppress(RuntimeError):  # the loop may be gone at the end of the process
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=join, daemon=True).start()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_S):
            await ended.wait()
