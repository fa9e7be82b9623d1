"""Knows how `watertower web` begins and ends, and when it refuses to; knows no address of the page.

Exit status: 0 ended, 1 place or certificate can't be had, 2 it would be open to others without a password.
"""

import asyncio
import contextlib
import getpass
import logging
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path

from aiohttp import web

from gateway.machine import journal
from gateway.messages import of_file, say
from gateway.ports import SystemClock
from gateway.site.config import Site
from gateway.web import certificate
from gateway.web.password import LONGEST, SHORTEST, PasswordFile
from gateway.web.server import Server
from gateway.web.visitors import HEAD_S, Crowd, listening


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
    try:
        certificate.ready(site, site.web.listen.rpartition(":")[0])
        _tell_fingerprint(site)
    except OSError as error:
        return _fail(1, say("web.no_certificate", path=certificate.files(site)[0], reason=error))
    return 0


def _tell_fingerprint(site: Site) -> None:
    """In the office, where somebody can write it down."""
    print(say("web.fingerprint", fingerprint=certificate.fingerprint(site)), flush=True)


def main(site: Site, listen: str | None) -> int:
    place = listen or site.web.listen
    host, _, port = place.rpartition(":")
    if not _is_here(host) and PasswordFile(Path(site.web.password_file)).hash() is None:
        return _fail(2, say("web.needs_password", place=place))
    tls = None
    if site.web.certificate is not None or not _is_here(host):
        try:
            tls = certificate.ready(site, host)
        except OSError as error:
            return _fail(1, say("web.no_certificate", path=certificate.files(site)[0], reason=error))
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(journal.formatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        asyncio.run(_serve(site, host, int(port), tls))
    except OSError as error:
        return _fail(1, say("web.no_place", place=place, reason=error))
    return 0


def _is_here(host: str) -> bool:
    """Whether only this machine reaches it. A name could be any address tomorrow, but for this one (RFC 6761, 6.3)."""
    with contextlib.suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


async def _serve(site: Site, host: str, port: int, tls: ssl.SSLContext | None) -> None:
    """Until SIGTERM or SIGINT."""
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    server = Server(site, SystemClock(), is_here=_is_here(host))
    async with opened(server, host, port, tls=tls) as place:
        print(say("web.open", address=f"{'http' if tls is None else 'https'}://{host}:{place}/"), flush=True)
        if tls is not None:
            _tell_fingerprint(site)
        await end.wait()


@contextlib.asynccontextmanager
async def opened(
    server: Server, host: str, port: int, head_s: float = HEAD_S, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """The page answers at that port, which is told (0: any). OSError: the place can't be had."""
    runner = web.AppRunner(server.app, access_log=None, keepalive_timeout=10.0, shutdown_timeout=1.0)
    await runner.setup()
    assert runner.server is not None
    crowd = Crowd(runner.server, tls, head_s)
    try:
        async with listening(host, port) as doors, asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(server.pulse.run()), *(tasks.create_task(crowd.receive(one)) for one in doors)]
            yield doors[0].getsockname()[1]
            for task in running:
                task.cancel()
    finally:
        await runner.cleanup()
        await crowd.part()


def _fail(status: int, words: str) -> int:
    print(words, file=sys.stderr)
    return status
