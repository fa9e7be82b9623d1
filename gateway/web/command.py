"""Knows how `watertower web` begins and ends, and when it refuses to; knows no address of the page.

Exit status: 0 ended, 1 the place can't be had, 2 it would be open to others without a password.
"""

import asyncio
import contextlib
import getpass
import logging
import signal
import sys
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path

from aiohttp import web

from gateway.machine import journal
from gateway.messages import of_file, say
from gateway.ports import SystemClock
from gateway.site.config import Site
from gateway.web.password import LONGEST, SHORTEST, PasswordFile
from gateway.web.server import Server
from gateway.web.visitors import HEAD_S, Crowd


def set_password(site: Site) -> int:
    """Asked for twice at a terminal, else the first line of what comes in."""
    file = PasswordFile(Path(site.web.password_file))
    if sys.stdin.isatty():
        first, second = getpass.getpass(say("web.new_password")), getpass.getpass(say("web.again"))
    else:
        first = second = sys.stdin.readline().rstrip("\n")
    if first != second:
        return _fail(1, say("web.differ"))
    if not SHORTEST <= len(first) <= LONGEST:
        return _fail(1, say("web.length", shortest=SHORTEST, longest=LONGEST))
    try:
        file.keep(first)
    except OSError as error:
        return _fail(1, of_file(error).text())
    print(say("web.password_kept", path=file.path))
    return 0


def main(site: Site, listen: str | None) -> int:
    place = listen or site.web.listen
    host, _, port = place.rpartition(":")
    if not _is_here(host) and PasswordFile(Path(site.web.password_file)).hash() is None:
        return _fail(2, say("web.needs_password", place=place))
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(journal.formatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        asyncio.run(_serve(site, host, int(port)))
    except OSError as error:
        return _fail(1, say("web.no_place", place=place, reason=error))
    return 0


def _is_here(host: str) -> bool:
    """Whether only this machine reaches it. A name could be any address tomorrow, but for this one (RFC 6761, 6.3)."""
    with contextlib.suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


async def _serve(site: Site, host: str, port: int) -> None:
    """Until SIGTERM or SIGINT."""
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    async with opened(Server(site, SystemClock()), host, port) as place:
        print(say("web.open", address=f"http://{host}:{place}/"), flush=True)
        await end.wait()


@contextlib.asynccontextmanager
async def opened(server: Server, host: str, port: int, head_s: float = HEAD_S) -> AsyncIterator[int]:
    """The page answers at that port, which is told (0: any). OSError: the place can't be had."""
    runner = web.AppRunner(server.app, access_log=None, keepalive_timeout=10.0, shutdown_timeout=1.0)
    await runner.setup()
    assert runner.server is not None
    watch = asyncio.create_task(server.pulse.run())
    try:
        crowd = Crowd(runner.server, head_s)
        door = await asyncio.get_running_loop().create_server(crowd.visitor, host, port)
        yield door.sockets[0].getsockname()[1]
        door.close()
    finally:
        watch.cancel()
        await runner.cleanup()


def _fail(status: int, words: str) -> int:
    print(words, file=sys.stderr)
    return status
