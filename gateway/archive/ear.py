"""Knows how stations' messages come from a broker to one worker of several, and how they are confirmed; knows no
database.

Workers share the data by a shared subscription of MQTT 5 (4.8.2); what brokers retain each hears for itself.
"""

import logging
import queue
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

log = logging.getLogger(__name__)
_GROUP = "watertower-archive"
_IN_FLIGHT = 1000  # that the broker may have given and not seen confirmed
_SIGNED_DAYS = 8  # whose signatures are fetched at a start: the broker retains all there ever were
_QOS = SubscribeOptions(qos=1)
_NEW_ONLY = SubscribeOptions.RETAIN_DO_NOT_SEND


class Arrived(NamedTuple):
    """A message that waits for the database. `mid` is of the connection with that number; 0: it asks for no
    confirmation."""

    topic: str
    payload: bytes
    connection: int
    mid: int
    at_s: float

    @property
    def station(self) -> str:
        return self.topic.split("/")[1]


class Ear:
    """`prepare`: user, password and TLS of a client."""

    def __init__(self, broker: tuple[str, int], prepare: Callable[[mqtt.Client], None], counters: Counter[str]) -> None:
        self._arrived: queue.Queue[Arrived] = queue.Queue()
        self._counters = counters
        self._connection = 0
        self._subscribing: int | None = None
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True)
        self._client.on_connect, self._client.on_disconnect = self._on_connect, self._on_disconnect
        self._client.on_subscribe, self._client.on_message = self._on_subscribe, self._on_message
        self._client.reconnect_delay_set(1, 15)
        prepare(self._client)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.ReceiveMaximum = _IN_FLIGHT
        self._client.connect_async(*broker, keepalive=30, properties=properties)

    @property
    def is_connected(self) -> bool:
        return self._client.is_connected()

    def open(self) -> None:
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def next(self, most: int, wait_s: float) -> list[Arrived]:
        """All that waits, as far as `most` goes; it may be nothing."""
        batch: list[Arrived] = []
        try:
            batch.append(self._arrived.get(timeout=wait_s))
            while len(batch) < most:
                batch.append(self._arrived.get_nowait())
        except queue.Empty:
            pass
        return batch

    def confirm(self, one: Arrived) -> None:
        """A number of an earlier connection may mean another message by now."""
        if one.mid and one.connection == self._connection:
            self._client.ack(one.mid, 1)

    def hear_series(self, station: str) -> None:
        """The broker gives once more what it retains of these."""
        self._client.subscribe(f"watertower/{station}/series/+", options=_QOS)

    def tell(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=1)

    def _on_connect(self, client: mqtt.Client, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
        if reason.is_failure:
            log.error("broker: %s", reason)
            return
        self._connection += 1
        today = datetime.now(UTC).date()
        known = [f"signature/{today - timedelta(days=back)}" for back in range(1, _SIGNED_DAYS + 1)]
        # What is retained is heard by every worker: a shared subscription does not give it.
        client.subscribe([(f"watertower/+/{topic}", _QOS) for topic in ("status", "series/+", *known)])
        _, self._subscribing = client.subscribe(
            [
                ("watertower/+/signature/+", SubscribeOptions(qos=1, retainHandling=_NEW_ONLY)),
                (f"$share/{_GROUP}/watertower/+/data", _QOS),
            ]
        )

    def _on_subscribe(self, _c: mqtt.Client, _u: Any, mid: int, reasons: list[ReasonCode], _p: Any) -> None:
        for reason in reasons:
            if reason.is_failure:
                log.error("broker: it does not let us hear the stations: %s", reason)
        if mid == self._subscribing:
            log.info("connected to the broker")
            self._counters["connections"] += 1

    def _on_disconnect(self, _c: mqtt.Client, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
        self._connection += 1
        log.log(logging.WARNING if reason.is_failure else logging.INFO, "broker: disconnected: %s", reason)

    def _on_message(self, _c: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        mid = message.mid if message.qos else 0
        self._arrived.put(Arrived(topic, bytes(message.payload), self._connection, mid, time.monotonic()))
