"""The way to a real broker: what it carries, what it swallows, and who notices."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from hw_sim.backhaul.tcp_proxy import TcpProxy
from hw_sim.faults.backhaul import BackhaulDeaf, BackhaulDown, BackhaulSilent
from hw_sim.streams import Stream

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Far:
    """A server that answers what it is told in capitals, and keeps what it heard of each connection."""

    def __init__(self) -> None:
        self.heard: list[bytearray] = []
        self.goodbyes = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine = bytearray()
        self.heard.append(mine)
        self._writers.append(writer)
        try:
            while data := await reader.read(100):
                mine += data
                writer.write(data.upper())
        except ConnectionError:
            pass
        self.goodbyes += 1
        writer.close()


class Way:
    """What a test has: the proxy (a Stage's backhaul), the far end, and new connections."""

    def __init__(self, backhaul: TcpProxy, far: Far) -> None:
        self.backhaul = backhaul
        self.far = far
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self) -> Ends:
        ends = await asyncio.open_connection("127.0.0.1", self.backhaul.port)
        self._writers.append(ends[1])
        return ends

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0)

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


def on_the_way(story: Callable[[Way], Awaitable[None]]) -> None:
    async def main() -> None:
        far = Far()
        server = await asyncio.start_server(far.serve, "127.0.0.1", 0)
        proxy = TcpProxy(*server.sockets[0].getsockname(), Stream(1, "backhaul"))
        way = Way(proxy, far)
        try:
            await story(way)
        finally:
            way.close()
            await proxy.close()
            server.close()
            await way.until(lambda: far.goodbyes == len(far.heard))
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(main(), 10))


async def said(ends: Ends, text: bytes) -> bytes:
    ends[1].write(text)
    return await ends[0].readexactly(len(text))


def test_it_carries_both_ways_and_tells_each_end_of_the_others_goodbye() -> None:
    async def story(way: Way) -> None:
        one, two = await way.connect(), await way.connect()
        assert await said(one, b"one" * 10_000) == b"ONE" * 10_000
        assert await said(two, b"two") == b"TWO"
        one[1].write_eof()
        assert await one[0].read() == b""
        await way.until(lambda: way.far.goodbyes == 1)
        assert await said(two, b"still") == b"STILL"
        assert way.backhaul.carried_bytes == 30_008
        assert way.backhaul.vanished_bytes == 0

    on_the_way(story)


def test_when_it_is_down_everybody_notices_and_afterwards_the_same_port_is_there() -> None:
    async def story(way: Way) -> None:
        old = await way.connect()
        await said(old, b"hello")
        BackhaulDown().begin(way)  # type: ignore[arg-type]  # of a Stage it needs no more
        assert await old[0].read() == b""
        await way.until(lambda: way.far.goodbyes == 1)
        with pytest.raises(ConnectionRefusedError):
            await way.connect()
        BackhaulDown().end(way)  # type: ignore[arg-type]
        assert await said(await way.connect(), b"again") == b"AGAIN"

    on_the_way(story)


def test_in_silence_bytes_vanish_and_nobody_is_told_and_that_connection_stays_dead() -> None:
    async def story(way: Way) -> None:
        idle, old = await way.connect(), await way.connect()
        await said(idle, b"i")
        await said(old, b"before")
        fault = BackhaulSilent()
        fault.begin(way)  # type: ignore[arg-type]
        old[1].write(b"lost")
        await way.until(lambda: way.backhaul.vanished_bytes == 4)
        new = await way.connect()
        new[1].write(b"never")
        await way.until(lambda: way.backhaul.vanished_bytes == 9)
        fault.end(way)  # type: ignore[arg-type]
        old[1].write(b"after")
        new[1].write(b"never")
        await way.until(lambda: way.backhaul.vanished_bytes == 19)
        assert [bytes(heard) for heard in way.far.heard] == [b"i", b"before"]
        assert way.far.goodbyes == 0 and not old[0].at_eof() and not new[0].at_eof()
        old[1].close()  # a goodbye in the hole is not heard either
        assert await said(idle, b"it lost nothing") == b"IT LOST NOTHING"
        assert await said(await way.connect(), b"fresh") == b"FRESH"
        assert way.far.goodbyes == 0

    on_the_way(story)


def test_a_goodbye_in_silence_is_not_heard() -> None:
    async def story(way: Way) -> None:
        old = await way.connect()
        await said(old, b"before")
        way.backhaul.silent = True
        old[1].write(b"x")
        old[1].write_eof()
        await way.until(lambda: way.backhaul.vanished_bytes == 1)
        way.backhaul.silent = False
        await said(await way.connect(), b"fresh")
        assert way.far.goodbyes == 0

    on_the_way(story)


def test_a_deaf_way_carries_there_and_not_back_and_that_connection_stays_deaf() -> None:
    async def story(way: Way) -> None:
        old = await way.connect()
        await said(old, b"before ")
        fault = BackhaulDeaf()
        fault.begin(way)  # type: ignore[arg-type]
        old[1].write(b"asked ")
        await way.until(lambda: way.backhaul.vanished_bytes == 6)
        fault.end(way)  # type: ignore[arg-type]
        old[1].write(b"again")
        await way.until(lambda: way.backhaul.vanished_bytes == 11)
        assert bytes(way.far.heard[0]) == b"before asked again"
        assert await said(await way.connect(), b"fresh") == b"FRESH"
        way.backhaul.cut()
        assert await old[0].read() == b""

    on_the_way(story)


def test_what_is_under_way_when_silence_falls_does_not_arrive() -> None:
    async def story(way: Way) -> None:
        old = await way.connect()
        way.backhaul.delay_s = 0.02
        old[1].write(b"gone")
        await way.until(lambda: way.backhaul.carried_bytes == 4)
        way.backhaul.silent = True
        await way.until(lambda: way.backhaul.vanished_bytes == 4)
        assert not any(way.far.heard)

    on_the_way(story)


def test_what_sets_out_in_silence_does_not_arrive_when_it_is_over() -> None:
    async def story(way: Way) -> None:
        old = await way.connect()
        await said(old, b"before")
        way.backhaul.delay_s = 1000.0
        way.backhaul.silent = True
        old[1].write(b"gone")
        await way.until(lambda: way.backhaul.vanished_bytes == 4)

    on_the_way(story)


def test_a_slow_way_takes_its_time_and_keeps_the_order() -> None:
    async def story(way: Way) -> None:
        loop = asyncio.get_running_loop()
        old = await way.connect()
        way.backhaul.delay_s = 0.05
        began_s = loop.time()
        assert await said(old, b"a" * 10) == b"A" * 10
        assert 0.1 <= loop.time() - began_s < 1
        way.backhaul.delay_s, way.backhaul.bytes_per_s = 0.0, 1000.0
        began_s = loop.time()
        text = bytes(range(ord("a"), ord("k"))) * 10
        assert await said(old, text) == text.upper()
        assert 0.1 <= loop.time() - began_s < 1

    on_the_way(story)


def test_what_is_lost_comes_later_and_nothing_overtakes_it() -> None:
    async def story(way: Way) -> None:
        loop = asyncio.get_running_loop()
        old = await way.connect()
        way.backhaul.loss_up = 1.0
        began_s = loop.time()
        old[1].write(b"first, ")
        await way.until(lambda: way.backhaul.carried_bytes == 7)
        way.backhaul.loss_up = 0.0
        old[1].write(b"second")
        await way.until(lambda: way.backhaul.carried_bytes == 13)
        assert await said(await way.connect(), b"beside") == b"BESIDE"
        assert loop.time() - began_s < 0.9
        assert [bytes(heard) for heard in way.far.heard] == [b"", b"beside"]

    on_the_way(story)


def test_where_there_is_no_broker_the_client_learns_it() -> None:
    async def main() -> None:
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        server.close()
        await server.wait_closed()
        proxy = TcpProxy(*address, Stream(1, "backhaul"))
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
        await proxy.close()

    asyncio.run(main())
