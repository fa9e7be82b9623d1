"""Knows a mosquitto of our own and the subscriber that writes down what comes; knows no gateway's messages."""

import asyncio
import os
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from hw_sim.bench.gateway_contender import Message
from hw_sim.station import free_ports

_LOOPBACK = "127.0.0.1"
_READY_S = 10.0
# By default it drops acknowledged messages past 1,000: no loss of the bench's own making
_CONFIG = """listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
max_inflight_messages 0
set_tcp_nodelay true
log_type error
"""

Answer = Callable[[str, bytes], tuple[str, bytes] | None]


class NoBroker(Exception):
    """There is no mosquitto; the text says how to get it."""


def find_mosquitto() -> str:
    """Where mosquitto is; root on a Debian gets it installed."""
    for _ in range(2):
        found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if found:
            return found
        if os.geteuid() or not shutil.which("apt-get"):
            break
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update"], ["-y", "install", "--no-install-recommends", "mosquitto"]):
            subprocess.run(["apt-get", "-qq", *words], env=quiet, stdin=subprocess.DEVNULL, stdout=2, timeout=300)
    raise NoBroker("the gateway's bench needs mosquitto: apt-get install mosquitto")


class Broker:
    """mosquitto in `folder` with a subscriber that keeps every message in `heard`; `answer` may reply to one."""

    def __init__(self, folder: Path, answer: Answer) -> None:
        self.port = free_ports(1)[0]
        self.heard: deque[Message] = deque()
        self._answer = answer
        config = folder / "mosquitto.conf"
        as_root = "user root\n" if os.geteuid() == 0 else ""
        config.write_text(_CONFIG.format(port=self.port) + as_root)
        with (folder / "mosquitto.log").open("wb") as log:
            self._process = subprocess.Popen([find_mosquitto(), "-c", str(config)], stdout=log, stderr=log)
        self._ready = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "sink")
        self._client.max_inflight_messages_set(0)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: _in_loop(loop, self._ready.set)
        self._client.on_message = self._hear

    def _hear(self, client: mqtt.Client, _user: object, message: mqtt.MQTTMessage) -> None:
        payload = bytes(message.payload)
        self.heard.append((time.time(), message.topic, payload))
        reply = self._answer(message.topic, payload)
        if reply is not None:
            client.publish(*reply, qos=1)

    async def ready(self) -> None:
        self._client.connect_async(_LOOPBACK, self.port)
        self._client.loop_start()
        await asyncio.wait_for(self._ready.wait(), _READY_S)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    async def close(self) -> None:
        self._client.disconnect()
        await asyncio.get_running_loop().run_in_executor(None, self._client.loop_stop)
        self._process.terminate()
        self._process.wait(10)


def _in_loop(loop: asyncio.AbstractEventLoop, action: Callable[[], None]) -> None:
    loop.call_soon_threadsafe(action)
