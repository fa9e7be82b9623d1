"""Who holds a place on the page without asking or taking anything is hung up."""

import asyncio

import pytest

from gateway.web.visitors import Visitor, network


class Line(asyncio.Transport):
    """Whose other end takes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = asyncio.Event()

    def abort(self) -> None:
        self.aborted.set()


def test_empty_lines_are_no_request() -> None:
    async def story() -> None:
        line = Line()
        visitor = Visitor(asyncio.Protocol(), head_s=0.01)
        visitor.connection_made(line)
        visitor.data_received(b"\r\n\r\n")
        await asyncio.wait_for(line.aborted.wait(), 10)

    asyncio.run(story())


@pytest.mark.parametrize("pieces", [[b"\r\nGET / HTTP/1.0\r\n\r\n"], [b"GET / HTTP/1.0\r\nHost: a\r\n\r", b"\n"]])
def test_a_head_is_whole_however_it_comes(pieces: list[bytes]) -> None:
    async def story() -> bool:
        line = Line()
        visitor = Visitor(asyncio.Protocol(), head_s=0.05)
        visitor.connection_made(line)
        for piece in pieces:
            visitor.data_received(piece)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(line.aborted.wait(), 0.2)
        return line.aborted.is_set()

    assert not asyncio.run(story())


def test_who_never_takes_what_he_asked_for_is_hung_up() -> None:
    async def story() -> None:
        line = Line()
        visitor = Visitor(asyncio.Protocol(), head_s=60, slow_s=0.01)
        visitor.connection_made(line)
        visitor.data_received(b"GET / HTTP/1.1\r\n\r\n" * 300)
        visitor.pause_writing()
        await asyncio.wait_for(line.aborted.wait(), 10)

    asyncio.run(story())


def test_a_network_of_ipv6_is_one_visitor() -> None:
    assert network("fd00::1") == network("fd00::2") != network("fd00:0:0:1::1")
    assert network("10.0.0.1") != network("10.0.0.2")
