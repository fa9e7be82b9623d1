"""Knows what a platform at the far end of MQTT holds: every row once, by (station, seq); knows no truth."""

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


class Delivered(NamedTuple):
    """One value at the platform: fixed-point with the decimals that its series announced."""

    unix_ms: int
    value: int
    quality: int


class Platform:
    """Takes the messages of docs/mqtt.md for one station. `on_row(channel, text, unit, quality, unix_ms)` is told of
    every new value, missing ones (text "null") included."""

    def __init__(self, on_row: Callable[[str, str, str, int, int], None] = lambda *_: None) -> None:
        self._on_row = on_row
        self._series: dict[int, list[tuple[str, str, int]]] = {}
        self._early: dict[int, list[list[Any]]] = defaultdict(list)
        self._rows: dict[int, str] = {}
        self.delivered: dict[str, list[Delivered]] = defaultdict(list)
        self.duplicates = 0  # rows that differ although (station, seq) is the same: the rule can't mend them
        self.resent = 0  # rows that came again; the rule drops them
        self.complete = 0
        self.online: bool | None = None
        self.digest = hashlib.sha256()  # of every message, in the order they came

    def take(self, topic: str, payload: bytes) -> None:
        """One message."""
        self.digest.update(b"%s\0%s\0" % (topic.encode(), payload))
        message = json.loads(payload, parse_float=Decimal)
        kind = topic.split("/")[2]
        if kind == "status":
            self.online = bool(message["online"])
        elif kind == "series":
            self._series[message["series"]] = [tuple(channel) for channel in message["channels"]]
            for row in self._early.pop(message["series"], []):
                self._take_row(row)
        elif kind == "data":
            self.complete = max(self.complete, message["complete"])
            for row in message["rows"]:
                self._take_row(row)

    def _take_row(self, row: list[Any]) -> None:
        seq, series, unix_ms, values = row[:4]
        if series not in self._series:
            self._early[series].append(row)
            return
        content = json.dumps(row[1:], default=str)
        if seq in self._rows:
            self.resent += 1
            self.duplicates += self._rows[seq] != content
            return
        self._rows[seq] = content
        qualities = row[4] if len(row) > 4 else [0] * len(values)
        for (channel, unit, decimals), value, quality in zip(self._series[series], values, qualities, strict=True):
            if value is not None:
                fixed = int(Decimal(value).scaleb(decimals))
                self.delivered[channel].append(Delivered(unix_ms, fixed, quality))
            if value is not None or quality:
                self._on_row(channel, "null" if value is None else str(value), unit, quality, unix_ms)


class Subscriber:
    """Feeds a Platform from a real broker."""

    def __init__(self, platform: Platform, host: str, port: int, station: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._platform = platform
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, f"watertower-platform-{station}", clean_session=False)
        self._client.on_connect = lambda client, *_: client.subscribe(f"watertower/{station}/#", qos=1)
        self._subscribed = asyncio.Event()
        self._client.on_subscribe = lambda *_: self._in_loop(self._subscribed.set)
        self._client.on_message = lambda _c, _u, message: self._in_loop(platform.take, message.topic, message.payload)
        self._client.connect_async(host, port)
        self._client.loop_start()

    def _in_loop(self, action: Callable[..., None], *values: Any) -> None:
        self._loop.call_soon_threadsafe(action, *values)

    async def ready(self) -> None:
        await self._subscribed.wait()

    async def close(self) -> None:
        self._client.disconnect()
        await self._loop.run_in_executor(None, self._client.loop_stop)
