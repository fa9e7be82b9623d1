"""Ports and connections become Lines, and say LineLost when they are gone."""

import asyncio
import contextlib
import os
import tty
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from gateway.machine.lines import LineLost, serial_opener, tcp_opener

LIMIT_S = 5


def story(steps: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(LIMIT_S):
            await steps

    asyncio.run(limited())


class Pty:
    """A pseudo-terminal: `name` is the port, the test is the device at its far end."""

    def __init__(self) -> None:
        self.far, self._near = os.openpty()
        tty.setraw(self._near)
        self.name = os.ttyname(self._near)
        self._open = True

    def hang_up(self) -> None:
        if self._open:
            self._open = False
            os.close(self.far)
            os.close(self._near)


@pytest.fixture
def pty() -> Iterator[Pty]:
    one = Pty()
    yield one
    one.hang_up()


def test_a_serial_line_carries_bytes_both_ways(pty: Pty) -> None:
    async def steps() -> None:
        line = await serial_opener(pty.name, 9600, "E", 2)()
        await line.write(b"question\x00\n\xff")
        assert os.read(pty.far, 100) == b"question\x00\n\xff"
        os.write(pty.far, b"answer\x00\r\xff")
        assert await line.read(1000) == b"answer\x00\r\xff"
        assert line.pending() == b""
        assert await line.read(20) == b""  # nothing came in time
        os.write(pty.far, b"late")
        await asyncio.sleep(0.01)
        assert line.pending() == b"late"
        line.close()
        line.close()

    story(steps())


def test_a_serial_port_is_open_for_one_process_only(pty: Pty) -> None:
    async def steps() -> None:
        first = await serial_opener(pty.name, 9600)()
        with pytest.raises(LineLost):
            await serial_opener(pty.name, 9600)()
        first.close()
        (await serial_opener(pty.name, 9600)()).close()

    story(steps())


def test_a_serial_port_that_goes_away_is_lost_to_who_reads_and_to_who_writes(pty: Pty) -> None:
    async def steps() -> None:
        line = await serial_opener(pty.name, 9600)()
        os.write(pty.far, b"last words")
        await asyncio.sleep(0.01)
        reading = asyncio.create_task(line.read(4000))
        assert await reading == b"last words"
        reading = asyncio.create_task(line.read(4000))
        await asyncio.sleep(0.01)
        pty.hang_up()
        with pytest.raises(LineLost, match="is gone"):
            await reading
        for verb in (line.read(10), line.write(b"?")):
            with pytest.raises(LineLost):
                await verb
        with pytest.raises(LineLost):
            line.pending()
        line.close()
        with pytest.raises(LineLost):
            await serial_opener(pty.name, 9600)()

    story(steps())


def test_a_serial_port_that_takes_nothing_is_lost_and_does_not_stop_the_world(pty: Pty) -> None:
    async def steps() -> None:
        line = await serial_opener(pty.name, 9600)()
        with pytest.raises(LineLost):
            for _ in range(1000):  # nobody reads at the far end
                await line.write(bytes(250))
        line.close()

    story(steps())


@pytest.mark.parametrize("port", ["/dev/no-such-port", "/dev/null", "/"])
def test_what_is_no_serial_port_is_lost_from_the_start(port: str) -> None:
    async def steps() -> None:
        with pytest.raises(LineLost):
            await serial_opener(port, 9600)()

    story(steps())


def test_a_tcp_line_carries_bytes_both_ways_until_the_other_side_closes() -> None:
    async def steps() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.read(100)).upper())
            await reader.read(100)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        line = await tcp_opener(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")()
        await line.write(b"question")
        assert await line.read(1000) == b"QUESTION"
        assert await line.read(20) == b"" == line.pending()
        await line.write(b"bye")
        with pytest.raises(LineLost, match="closed by the other side"):
            await line.read(4000)
        with pytest.raises(LineLost):
            await line.write(b"?")
        with pytest.raises(LineLost):
            line.pending()
        line.close()
        server.close()

    story(steps())


def test_a_closed_tcp_line_is_closed_at_the_other_side_too() -> None:
    async def steps() -> None:
        ended = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):
                await reader.read(100)
            ended.set()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        line = await tcp_opener(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")()
        line.close()
        await ended.wait()
        server.close()

    story(steps())


def test_a_tcp_address_that_refuses_or_has_no_name_is_lost() -> None:
    async def steps() -> None:
        server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        with pytest.raises(LineLost, match=f"127.0.0.1:{port}"):
            await tcp_opener(f"127.0.0.1:{port}")()
        with pytest.raises(LineLost):
            await tcp_opener("no-such-host.invalid:502")()

    story(steps())


def test_a_connection_that_answers_nothing_is_given_up() -> None:
    async def deaf_server() -> None:
        server = await asyncio.start_server(lambda _reader, writer: writers.append(writer), "127.0.0.1", 0)
        line = await tcp_opener(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")()
        try:
            for _ in range(10):
                await line.write(b"question")
            with pytest.raises(LineLost, match="no answer to 10"):
                await line.write(b"question")
        finally:
            line.close()
            await asyncio.sleep(0.05)
            for writer in writers:
                writer.close()
            server.close()
            await server.wait_closed()

    writers: list[asyncio.StreamWriter] = []
    story(deaf_server())
