"""Knows what a platform at the far end of MQTT holds: every row once, by (station, seq); knows no truth."""

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import repeat
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from gateway.store.ranges import Ranges, gaps, union
from protocols import quality, worth


class Delivered(NamedTuple):
    """One value at the platform: fixed-point with the decimals that its series announced."""

    unix_ms: int
    value: int
    quality: int
    seq: int


class Derived(NamedTuple):
    """One cell of a derived row, as it was said last."""

    value: int | None
    decimals: int
    quality: int
    seq: int


class Platform:
    """Takes the messages of docs/mqtt.md for one station. `on_row(channel, text, unit, quality, unix_ms)` is told of
    every new value, missing ones (text "null") included."""

    def __init__(self, on_row: Callable[[str, str, str, int, int], None] | None = None) -> None:
        self._on_row = on_row
        self._series: dict[int, list[tuple[str, str, int]]] = {}
        self._derived: dict[int, str] = {}  # series of derived rows -> source
        self.derived: dict[str, dict[tuple[str, int], Derived]] = defaultdict(
            dict
        )  # source -> (channel, Unix ms) -> newest
        self._early: dict[int, list[list[Any]]] = defaultdict(list)
        self._rows: dict[int, list[Any]] = {}
        self.delivered: dict[str, list[Delivered]] = defaultdict(list)
        self._restated: dict[tuple[str, int], int] = {}  # (channel, Unix ms) -> flags that were found out later
        self.duplicates = 0  # rows that differ although (station, seq) is the same: the rule can't mend them
        self.resent = 0  # rows that came again; the rule drops them
        self.dated = False  # whether what was delivered before has changed, since somebody set it back
        self.received: Ranges = ()  # by seq, rows whose series is not known yet included
        self.complete = 0  # as it was said last: what is sent once more lowers it
        self.online: bool | None = None
        self.on_data: Callable[[], None] | None = None  # told after each data message
        self.on_derived: Callable[[str, str, int, Derived], None] | None = None  # of each new cell: source, channel..
        self.digest = hashlib.sha256()  # of every message, in the order they came

    def take(self, topic: str, payload: bytes) -> None:
        """One message."""
        if topic.split("/")[2] in ("command", "result"):
            return  # of operators, this one included
        self.digest.update(b"%s\0%s\0" % (topic.encode(), payload))
        message = json.loads(payload, parse_float=str)  # a number with a point stays as it is written
        kind = topic.split("/")[2]
        if kind == "status":
            self.online = bool(message["online"])
        elif kind == "series":
            self._series[message["series"]] = [tuple(channel) for channel in message["channels"]]
            if not message["source"].startswith(("sensor ", "node ")):
                self._derived[message["series"]] = message["source"]
            for row in self._early.pop(message["series"], []):
                self._take_row(row)
        elif kind == "data":
            self.complete = message["complete"]
            first, base_ms, rows = message["first"], message["unix_ms"], message["rows"]
            self.received = union([*self.received, (first, first + len(rows) - 1)])
            for seq, (series, after_ms, *cells) in enumerate(rows, first):
                self._take_row([seq, series, base_ms + after_ms, *cells])
            if self.on_data is not None:
                self.on_data()

    @property
    def missing(self) -> Ranges:
        """Rows that the station took for delivered and that never came."""
        return gaps(self.received, 1, self.complete)

    @property
    def lacks_series(self) -> bool:
        """Whether rows wait for the message that says what they are."""
        return bool(self._early)

    def _take_row(self, row: list[Any]) -> None:
        seq, series, unix_ms, values = row[:4]
        if series not in self._series:
            self._early[series].append(row)
            return
        if seq in self._rows:
            self.resent += 1
            known = self._rows[seq]
            if known == row or not _is_guess(known) or known[3] != row[3]:
                self.duplicates += known != row and not _is_guess(row)
                return
            self._forget(seq, series)
        self._rows[seq] = row
        qualities = row[4] if len(row) > 4 else repeat(0, len(values))
        if series in self._derived:
            self._take_derived(seq, series, unix_ms, values, qualities)
            return
        on_row, delivered = self._on_row, self.delivered
        for (channel, unit, decimals), value, flag in zip(self._series[series], values, qualities, strict=True):
            if value is not None:
                # as its own text says it, without a float between
                has_all = value.__class__ is str and value[-1 - decimals : -decimals] == "."
                fixed = int(value[: -1 - decimals] + value[-decimals:]) if has_all else _fixed(str(value), decimals)
                delivered[channel].append(Delivered(unix_ms, fixed, flag, seq))
            if on_row is not None and (value is not None or flag):
                on_row(channel, "null" if value is None else str(value), unit, flag, unix_ms)

    def judged(self, channel: str) -> list[Delivered]:
        """What was delivered, with the flags that each reading has in the end (docs/mqtt.md: rows of "quality ..")."""
        found = []
        for one in self.delivered[channel]:
            later = self._restated.get((channel, one.unix_ms))
            found.append(one if later is None else one._replace(quality=later & ~worth.AWAITED))
        return found

    def _forget(self, seq: int, series: int) -> None:
        """A row whose time was a guess: another one takes its place."""
        self.dated = True
        for channel, _, _ in self._series[series]:
            self.delivered[channel] = [one for one in self.delivered[channel] if one.seq != seq]

    def _take_derived(self, seq: int, series: int, unix_ms: int, values: list[Any], qualities: Iterable[int]) -> None:
        """Of one source, channel and time the highest seq counts."""
        if self._derived[series].startswith("quality "):
            for (channel, _, _), value, flag in zip(self._series[series], values, qualities, strict=True):
                if value is not None or flag:
                    self._restated[channel, unix_ms] = flag
            return
        newest = self.derived[self._derived[series]]
        for (channel, _, decimals), value, flag in zip(self._series[series], values, qualities, strict=True):
            known = newest.get((channel, unix_ms))
            if known is None or known.seq < seq:
                fixed = None if value is None else _fixed(str(value), decimals)
                newest[channel, unix_ms] = cell = Derived(fixed, decimals, flag, seq)
                if self.on_derived is not None:
                    self.on_derived(self._derived[series], channel, unix_ms, cell)


def _is_guess(row: list[Any]) -> bool:
    """Whether a row says that its time is not certain: it may come again with another one."""
    return len(row) > 4 and any(flag & quality.CLOCK for flag in row[4])


def _fixed(text: str, decimals: int) -> int:
    """ "8.12" with three decimals -> 8120."""
    return int(Decimal(text).scaleb(decimals))


class Subscriber:
    """Feeds a Platform from a real broker."""

    def __init__(self, platform: Platform, host: str, port: int, station: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._platform = platform
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, f"watertower-platform-{station}", clean_session=False)
        self._topic = f"watertower/{station}/#"
        self._client.on_connect = lambda *_: self.subscribe()
        self._subscribed = asyncio.Event()
        self._client.on_subscribe = lambda *_: self._in_loop(self._subscribed.set)
        self._client.on_message = lambda _c, _u, message: self._in_loop(platform.take, message.topic, message.payload)
        self._client.connect_async(host, port)
        self._client.loop_start()

    def subscribe(self) -> None:
        """Once more gives once more what the broker retains."""
        self._client.subscribe(self._topic, qos=1)

    def tell(self, topic: str, payload: bytes) -> None:
        """Says something to whoever has subscribed to it."""
        self._client.publish(topic, payload, qos=1)

    def _in_loop(self, action: Callable[..., None], *values: Any) -> None:
        self._loop.call_soon_threadsafe(action, *values)

    async def ready(self) -> None:
        await self._subscribed.wait()

    async def close(self) -> None:
        self._client.disconnect()
        await self._loop.run_in_executor(None, self._client.loop_stop)
