"""Knows a real mosquitto, clients of it, and what is asked of an archive's database, for these tests."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from gateway.archive.intake import Data, Row, Series
from hw_sim.station import free_ports

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
NOW_MS = time.time_ns() // 1_000_000
SERIES = Series(1, "sensor level", [("level.level", "mm", 0)])
SERIES_MESSAGE = {"series": 1, "source": "sensor level", "channels": [["level.level", "mm", 0]]}


class Broker:
    """mosquitto with nothing but defaults, and rights if they are given."""

    def __init__(self, folder: Path, rights: str = "") -> None:
        if MOSQUITTO is None:
            pytest.fail("there is no mosquitto: apt-get install mosquitto", pytrace=False)
        self.port = free_ports(1)[0]
        self._config = folder / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", "allow_anonymous true", f"log_dest file {folder}/log", "user root"]
        if rights:
            (folder / "rights").write_text(rights)
            (folder / "rights").chmod(0o600)
            lines += [f"acl_file {folder}/rights", "log_type all"]  # who was denied is of the type debug
        self._config.write_text("\n".join(lines) + "\n")
        self.start()

    def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen([MOSQUITTO, "-c", self._config], stderr=subprocess.DEVNULL)
        until(self._answers)

    def _answers(self) -> bool:
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Client:
    """A client of MQTT 5 that waits for each confirmation."""

    def __init__(self, port: int, user: str) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, f"station-{user}", protocol=MQTTProtocolVersion.MQTTv5)
        self._client.username_pw_set(user)
        self._reasons: list[str] = []
        self._client.on_publish = lambda client, user, mid, reason, properties: self._reasons.append(str(reason))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def tell(self, topic: str, said: object, retain: bool = False) -> str:
        """The broker's answer."""
        count = len(self._reasons)
        self._client.publish(topic, json.dumps(said).encode(), qos=1, retain=retain)
        until(lambda: len(self._reasons) > count)
        return self._reasons[-1]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Listener:
    """Counts data messages."""

    def __init__(self, port: int) -> None:
        self.count = 0
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("watertower/+/data")
        self._client.loop_start()

    def _hear(self, *_: Any) -> None:
        self.count += 1

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def until(is_so: Callable[[], Any], limit_s: float = 120.0) -> None:
    end_s = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < end_s, is_so
        time.sleep(0.05)


def watertower(*words: str, log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as out:
        return subprocess.Popen([sys.executable, "-m", "gateway", *words], stdout=out, stderr=out)


def ask(dsn: str, query: str) -> list[Any]:
    with psycopg.connect(dsn) as db:
        return db.execute(query.encode()).fetchall()


def rows_in(dsn: str) -> int:
    try:
        return int(ask(dsn, "SELECT count(*) FROM row")[0][0])
    except psycopg.Error:  # no table yet
        return 0


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "gateway", *words], capture_output=True, text=True)


def message(first: int, value: float, unix_ms: int = NOW_MS) -> dict[str, object]:
    return {"complete": first - 1, "first": first, "unix_ms": unix_ms, "rows": [[1, 0, [value]]]}


def data(
    first: int, *values: float, quality: list[int] | None = None, complete: int = 0, unix_ms: int = NOW_MS
) -> Data:
    return Data(complete, first, unix_ms, [Row(1, place, [value], quality) for place, value in enumerate(values)])
