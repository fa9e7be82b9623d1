"""paho as a Publisher, against a real broker: what it confirms was taken, and what ends is said to have ended."""

import asyncio
import gc
import json
import socket
import threading
import warnings
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from gateway.ports import LinkDown, Said
from gateway.site.config import MqttUplink
from gateway.uplink.paho import PahoPublisher
from hw_sim.platforms import broker

WILL = Said("watertower/demo/status", b'{"online":false}', retain=True)
LIMIT_S = 8


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def story(steps: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(LIMIT_S):
            await steps

    asyncio.run(limited())
    with warnings.catch_warnings():  # amqtt leaves sockets of its clients to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    assert [thread.name for thread in threading.enumerate() if "paho" in thread.name] == []


@asynccontextmanager
async def served(port: int) -> AsyncIterator[None]:
    server = await broker.serve("127.0.0.1", port)
    try:
        yield
    finally:
        await server.shutdown()


class Listener:
    """Somebody else at the broker: what it gets, and a way to wait for it."""

    def __init__(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        self.got: asyncio.Queue[tuple[str, Any, bool]] = asyncio.Queue()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "listener")
        self._client.on_connect = lambda client, *_: client.subscribe("watertower/demo/#", qos=1)
        self._client.on_message = lambda _c, _u, said: loop.call_soon_threadsafe(
            self.got.put_nowait, (said.topic, json.loads(said.payload), said.retain)
        )
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()

    async def close(self) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)


def publisher(port: int) -> PahoPublisher:
    return PahoPublisher(MqttUplink(id="platform", host="127.0.0.1", port=port), "watertower-demo-platform")


def test_a_message_is_confirmed_when_the_broker_has_it_and_a_retained_one_waits_there() -> None:
    async def steps() -> None:
        port = free_port()
        async with served(port):
            one = publisher(port)
            await one.connect(WILL)
            one.check()
            await asyncio.gather(*[one.publish(f"watertower/demo/n{n}", b"%d" % n, retain=True) for n in range(20)])
            listener = Listener(port)
            got = sorted([await listener.got.get() for _ in range(20)], key=lambda said: said[1])
            assert got == [(f"watertower/demo/n{n}", n, True) for n in range(20)]
            await one.close()
            await listener.close()

    story(steps())


def test_a_clean_close_says_that_nobody_is_online_and_the_same_publisher_connects_again() -> None:
    async def steps() -> None:
        port = free_port()
        async with served(port):
            one = publisher(port)
            for _ in range(2):
                await one.connect(WILL)
                await one.publish(WILL[0], b'{"online":true}', retain=True)
                await one.close()
                with pytest.raises(LinkDown):
                    one.check()
                with pytest.raises(LinkDown):
                    one.publish(WILL[0], b"{}")
            listener = Listener(port)
            assert await listener.got.get() == (WILL[0], {"online": False}, True)
            await listener.close()
            await one.close()  # closed already: nothing happens

    story(steps())


def test_when_the_broker_ends_whoever_waits_is_told_and_nothing_more_is_taken() -> None:
    async def steps() -> None:
        port = free_port()
        server = await broker.serve("127.0.0.1", port)
        one = publisher(port)
        await one.connect(WILL)
        await one.publish(WILL[0], b"{}")
        waiting: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        one._waiting[60_000] = waiting  # the PUBACK that never comes
        await server.shutdown()
        with pytest.raises(LinkDown):
            await waiting
        with pytest.raises(LinkDown):
            one.check()
        with pytest.raises(LinkDown):
            one.publish(WILL[0], b"{}")
        await one.close()
        with pytest.raises(LinkDown, match="no broker at"):
            await one.connect(WILL)
        await one.close()

    story(steps())


def test_a_broker_that_takes_the_call_and_says_nothing_is_told_in_words() -> None:
    async def steps() -> None:
        with socket.socket() as mute:
            mute.bind(("127.0.0.1", 0))
            mute.listen()
            port = mute.getsockname()[1]
            one = PahoPublisher(
                MqttUplink(id="platform", host="127.0.0.1", port=port), "watertower-demo", connect_s=0.1
            )
            with pytest.raises(LinkDown, match=f"127.0.0.1:{port}: no answer$"):
                await one.connect(WILL)

    story(steps())


def test_a_port_where_nobody_listens_is_told_at_once() -> None:
    async def steps() -> None:
        one = publisher(free_port())
        started_s = asyncio.get_running_loop().time()
        with pytest.raises(LinkDown, match="no broker at"):
            await one.connect(WILL)
        await one.close()
        assert asyncio.get_running_loop().time() - started_s < 2

    story(steps())


def test_who_accepts_and_hangs_up_is_no_broker_and_one_that_says_nothing_holds_up_nobody() -> None:
    async def steps() -> None:
        loop = asyncio.get_running_loop()
        held: list[asyncio.StreamWriter] = []
        rude = await asyncio.start_server(lambda _r, writer: writer.close(), "127.0.0.1", 0)
        mute = await asyncio.start_server(lambda _r, writer: held.append(writer), "127.0.0.1", 0)
        for server in (rude, mute):
            one = publisher(server.sockets[0].getsockname()[1])
            task = asyncio.create_task(one.connect(WILL))
            await asyncio.sleep(0.3)
            if server is rude:
                assert task.done() and isinstance(task.exception(), LinkDown)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            started_s = loop.time()
            await one.close()
            assert loop.time() - started_s < 1.5
        for writer in held:
            writer.close()
        rude.close()
        mute.close()
        await asyncio.gather(rude.wait_closed(), mute.wait_closed())

    story(steps())


class Cuttable:
    """A TCP proxy that can go away without a word, as a power cut at the station does."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []
        self._pumps: list[asyncio.Task[None]] = []

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, far_writer]
        for pair in ((reader, far_writer), (far_reader, writer)):
            self._pumps.append(asyncio.create_task(self._pump(*pair)))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)

    def cut(self) -> None:
        for pump in self._pumps:
            pump.cancel()
        for writer in self._writers:
            writer.transport.abort()
        self._server.close()


def test_a_connection_that_is_cut_leaves_the_last_will_behind() -> None:
    async def steps() -> None:
        port = free_port()
        async with served(port):
            wire = Cuttable(port)
            one = publisher(await wire.start())
            await one.connect(WILL)
            await one.publish(WILL[0], b'{"online":true}', retain=True)
            listener = Listener(port)
            assert await listener.got.get() == (WILL[0], {"online": True}, True)
            wire.cut()
            topic, said, _ = await listener.got.get()
            assert (topic, said) == (WILL[0], {"online": False})
            late = Listener(port)  # and it is retained: who comes later hears it too
            assert await late.got.get() == (WILL[0], {"online": False}, True)
            await asyncio.gather(one.close(), listener.close(), late.close())

    story(steps())
