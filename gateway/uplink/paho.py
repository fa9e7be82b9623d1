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
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from gateway.ports import LinkDown

_KEEPALIVE_S = 20
_CONNECT_S = 10.0
_CLOSE_S = 1.0


class PahoPublisher:
    """MQTT 3.1.1, QoS 1."""

    def __init__(self, host: str, port: int, client_id: str, will: tuple[str, bytes]) -> None:
        self._host = host
        self._port = port
        self._client_id = client_id
        self._will = will
        self._client: mqtt.Client | None = None
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._down: str | None = "not connected"

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        connected: asyncio.Future[None] = loop.create_future()
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, self._client_id, clean_session=True, reconnect_on_failure=False
        )
        client.will_set(self._will[0], self._will[1], qos=1, retain=True)

        def in_loop(action: Callable[..., None], *values: Any) -> None:
            with contextlib.suppress(RuntimeError):  # the loop may be gone at the end of the process
                loop.call_soon_threadsafe(action, client, *values)

        def on_connect(_c: mqtt.Client, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
            in_loop(self._on_connect, connected, reason)

        def on_publish(_c: mqtt.Client, _u: Any, mid: int, _r: Any, _p: Any) -> None:
            in_loop(self._on_publish, mid)

        def on_disconnect(_c: mqtt.Client, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
            in_loop(self._on_disconnect, connected, str(reason))

        def on_connect_fail(_c: mqtt.Client, _u: Any) -> None:
            in_loop(self._on_connect_fail, connected)

        client.on_connect, client.on_connect_fail = on_connect, on_connect_fail
        client.on_publish, client.on_disconnect = on_publish, on_disconnect
        self._client = client
        try:
            # connect_async leaves the blocking name look-up and connect to paho's own thread
            client.connect_async(self._host, self._port, keepalive=_KEEPALIVE_S)
            client.loop_start()
            async with asyncio.timeout(_CONNECT_S):
                await connected
        except (OSError, ValueError, TimeoutError) as error:
            raise LinkDown(f"{self._host}:{self._port}: {error or 'no answer'}") from error

    def _on_connect(self, client: mqtt.Client, connected: asyncio.Future[None], reason: ReasonCode) -> None:
        if client is not self._client or connected.done():
            return
        if reason.is_failure:
            connected.set_exception(LinkDown(f"refused: {reason}"))
        else:
            self._down = None
            connected.set_result(None)

    def _on_connect_fail(self, client: mqtt.Client, connected: asyncio.Future[None]) -> None:
        if client is self._client and not connected.done():
            connected.set_exception(LinkDown(f"no broker at {self._host}:{self._port}"))

    def _on_publish(self, client: mqtt.Client, mid: int) -> None:
        waiter = self._waiting.pop(mid, None) if client is self._client else None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _on_disconnect(self, client: mqtt.Client, connected: asyncio.Future[None], reason: str) -> None:
        if client is self._client:
            if not connected.done():
                connected.set_exception(LinkDown(f"hung up: {reason}"))
            self._fail(f"disconnected: {reason}")

    def _fail(self, why: str) -> None:
        self._down = why
        waiting, self._waiting = self._waiting, {}
        for waiter in waiting.values():
            if not waiter.done():
                waiter.set_exception(LinkDown(why))
                waiter.exception()  # most of them are never awaited: the first one tells

    def check(self) -> None:
        if self._down is not None:
            raise LinkDown(self._down)

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> asyncio.Future[None]:
        self.check()
        assert self._client is not None
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc != mqtt.MQTT_ERR_SUCCESS:
            raise LinkDown(mqtt.error_string(info.rc))
        self._waiting[info.mid] = waiter  # the confirmation is handled by this loop, so it can't have been yet
        return waiter

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None and self._down is None:
            client.publish(*self._will, retain=True)  # a broker that is told goodbye forgets the will
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
