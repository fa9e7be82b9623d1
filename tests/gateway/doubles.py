"""Knows what stands in for the outside of the gateway's core in these tests: site files, a clock, lines, a broker."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.machine.lines import Inbox, LineLost, OpenLine
from gateway.ports import LinkDown, Said
from gateway.site.config import Site, load
from hw_sim.clock import START_UNIX_S
from tests.gateway.stations import station, write

START_MS = START_UNIX_S * 1000
KEY = "0123456789abcdef" * 4

STATION = (
    station("demo", "Demonstration station", 4200, 35.0, 96.0)
    + """
[store]
path = "store.db"
commit_delay_s = 10
"""
)

RIVER = """
[[bus]]
id = "river"
port = "river"
"""

NODE = f"""
[radio]
port = "radio"
[[node]]
id = 17
name = "water"
key = "{KEY}"
report_s = 60
  [[node.bus]]
  id = "uart1"
  [[node.sensor]]
  id = "level"
  profile = "keller_acculevel"
  bus = "uart1"
  unit_id = 1
  period_s = 60
"""

UPLINK = """
[[uplink]]
id = "platform"
type = "mqtt"
host = "127.0.0.1"
"""


def sensor(id: str, unit_id: int, period_s: int = 1, profile: str = "keller_acculevel", bus: str = "river") -> str:
    """A sensor of the gateway's own, its first quantity only where that makes a story shorter to tell."""
    return (
        f'[[sensor]]\nid = "{id}"\nprofile = "{profile}"\nbus = "{bus}"\nunit_id = {unit_id}\nperiod_s = {period_s}\n'
    )


def site(folder: Path, *parts: str) -> Site:
    return load(write(folder, STATION, *parts))


class HandClock:
    """Time that moves only by hand."""

    def __init__(self, unix_ms: int = START_MS) -> None:
        self.unix = unix_ms
        self.stepped_ms = 0  # how far the calendar is off
        self.trusted = True
        self.boot = "boot 1"

    def monotonic_ms(self) -> int:
        return self.unix - START_MS

    def unix_ms(self) -> int:
        return self.unix + self.stepped_ms

    def is_trusted(self) -> bool:
        return self.trusted

    def boot_id(self) -> str:
        return self.boot


class HandLine:
    """A line whose far end is the test: put() says something to the gateway, `written` is what it said."""

    def __init__(self, on_write: Callable[[bytes], None] = lambda _: None) -> None:
        self.inbox = Inbox()
        self.written: list[bytes] = []
        self.on_write = on_write
        self.closed = 0

    async def open(self) -> OpenLine:
        return self

    def put(self, data: bytes) -> None:
        self.inbox.put(data)

    async def write(self, data: bytes) -> None:
        self.on_write(data)
        self.written.append(data)

    async def read(self, timeout_ms: int) -> bytes:
        return await self.inbox.read(timeout_ms)

    def pending(self) -> bytes:
        return self.inbox.pending()

    def close(self) -> None:
        self.closed += 1


class Unplugged:
    """Another line behind a plug that the test pulls."""

    def __init__(self, opener: Callable[[], OpenLine]) -> None:
        self._opener = opener
        self.pulled = False
        self.tries = 0

    async def open(self) -> OpenLine:
        self.tries += 1
        if self.pulled:
            raise LineLost("no such device")
        return _Plugged(self._opener(), self)


class _Plugged:
    def __init__(self, line: OpenLine, plug: Unplugged) -> None:
        self._line = line
        self._plug = plug

    def _check(self) -> None:
        if self._plug.pulled:
            raise LineLost("pulled")

    async def write(self, data: bytes) -> None:
        self._check()
        await self._line.write(data)

    async def read(self, timeout_ms: int) -> bytes:
        data = await self._line.read(timeout_ms)
        self._check()
        return data

    def pending(self) -> bytes:
        self._check()
        return self._line.pending()

    def close(self) -> None:
        self._line.close()


class HandPublisher:
    """A Publisher whose broker refuses (`up`), drops PUBACKs (`confirms`), is slow (`delay_s`), goes down (lose())."""

    def __init__(self, delay_s: float = 0.05) -> None:
        self.up = True
        self.confirms = True
        self.delay_s = delay_s
        self.tries_s: list[float] = []  # when connect() was called
        self.connections: list[list[tuple[str, Any]]] = []  # of each: (topic, message) in the order handed over
        self.retained: dict[str, Any] = {}
        self.while_down = 0
        self._connected = False
        self._waiting: list[asyncio.Future[bool]] = []
        self.heard: Callable[[str, bytes], None] | None = None  # whom a message from there is given
        self.is_heard = True
        self.topics: list[str] = []  # that are listened to beside commands

    async def connect(self, will: Said | None = None) -> None:
        self.tries_s.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.01)
        if not self.up:
            raise LinkDown("refused")
        self._connected = True
        self.connections.append([])

    def publish(self, topic: str, payload: bytes, retain: bool = False, qos: int = 1) -> "asyncio.Future[bool]":
        if not self._connected:
            self.while_down += 1
        self.check()
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(waiting)
        message = self.read(topic, payload)
        self.connections[-1].append((topic, message))
        if retain:
            self.retained[topic] = message
        if self.confirms:
            loop.call_later(self.delay_s, lambda: waiting.done() or waiting.set_result(self.is_heard))
        return waiting

    def read(self, topic: str, payload: bytes) -> Any:
        return json.loads(payload)

    def check(self) -> None:
        if not self._connected:
            raise LinkDown("disconnected")

    async def subscribe(self, topic: str, take: Callable[[str, bytes], None], kept: bool = False) -> bool:
        self.check()
        self.heard = take
        if not topic.endswith("/command/+"):
            self.topics.append(topic)
        return True

    def lose(self) -> None:
        """The connection breaks; whether it comes back is said by `up`."""
        self._connected = False
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(LinkDown("broken"))
                waiting.exception()
        self._waiting.clear()

    async def close(self) -> None:
        self.lose()

    def rows(self, connection: int | None = None) -> list[list[Any]]:
        """The rows of one connection's data messages, or of all: [seq, series, Unix ms, values, qualities]."""
        chosen = self.connections if connection is None else [self.connections[connection]]
        return [
            row for messages in chosen for topic, said in messages if topic.endswith("/data") for row in numbered(said)
        ]


def numbered(said: dict[str, Any]) -> list[list[Any]]:
    """The rows of a data message, with what it says once for all of them."""
    rows = enumerate(said["rows"], said["first"])
    return [[seq, series, said["unix_ms"] + after_ms, *cells] for seq, (series, after_ms, *cells) in rows]


def query(folder: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """What somebody beside the gateway reads in its store: only what is committed."""
    with closing(sqlite3.connect(f"file:{folder / 'store.db'}?mode=ro", uri=True)) as db:
        return db.execute(sql, values).fetchall()


def events(folder: Path, *kinds: str) -> list[tuple[str, dict[str, Any]]]:
    """The events of these kinds, in their order; of all kinds when none is named."""
    found = query(folder, "SELECT kind, detail FROM event ORDER BY id")
    return [(kind, json.loads(detail)) for kind, detail in found if not kinds or kind in kinds]
