"""Knows how one archive worker takes messages from a broker and confirms them; knows no table.

It keeps nothing of its own: a message is confirmed to the broker when the database has it. A worker that dies leaves its
messages to the others, or to the next question for what is missing.
"""

import logging
import queue
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.archive.database import Archive
from gateway.archive.intake import Data, Refused, Series, Signature, Status, parsed
from gateway.control.order import Order, sealed
from gateway.store.ranges import Ranges
from gateway.site.config import Operator

log = logging.getLogger(__name__)
_GROUP = "watertower-archive"
_KNOWN = ("status", "series/+", "signature/+")  # retained, so every worker hears them: a shared subscription does not
_AT_ONCE = 400  # messages a transaction; ours: 20,000 rows of ten values are 4 MB
_IN_FLIGHT = 1000  # that the broker may have given and not seen confirmed
_HOLD_S = 30.0  # how long a message waits for the announcement of its series before it is given up, to be asked for again
_HELD = 50  # messages at most
_LOOK_S = 5.0  # between looks for what is missing
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 30.0, 86_400.0  # between questions for the same; doubles
_FIRST_RETRY_S, _LAST_RETRY_S = 0.5, 15.0
_MOST_RANGES, _MOST_ROWS = 500, 50_000  # one question


class Arrived(NamedTuple):
    """A message that waits for the database."""

    topic: str
    payload: bytes
    mid: int  # 0: nobody waits for its confirmation
    at_s: float


class Worker:
    """`operators` by station, "*" for all others: in whose name a station is asked for what is missing."""

    def __init__(
        self,
        dsn: str,
        broker: tuple[str, int],
        operators: Mapping[str, Operator],
        prepare: Callable[[mqtt.Client], None] = lambda client: None,
    ) -> None:
        self._dsn = dsn
        self._operators = operators
        self._arrived: queue.Queue[Arrived] = queue.Queue()
        self._held: list[Arrived] = []
        self._archive: Archive | None = None
        self._counter = 0
        self.counters = {"messages": 0, "rows": 0, "again": 0, "dated": 0, "refused": 0, "asked": 0}
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, "", protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True
        )
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 15)
        prepare(self._client)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.ReceiveMaximum = _IN_FLIGHT
        self._client.connect_async(*broker, keepalive=30, properties=properties)

    def run(self, is_over: Callable[[], bool]) -> None:
        """Until `is_over` says so; what was taken by then is stored and confirmed."""
        self._client.loop_start()
        looked_s = 0.0
        try:
            while not is_over():
                batch = self._next(0.5)
                if batch:
                    self._insist(lambda archive, batch=batch: self._take(archive, batch), is_over)  # type: ignore[misc]
                if time.monotonic() - looked_s > _LOOK_S:
                    looked_s = time.monotonic()
                    self._insist(self._ask, is_over)
        finally:
            self._client.disconnect()
            self._client.loop_stop()
            if self._archive is not None:
                self._archive.close()

    # --- the broker ---------------------------------------------------------------------------------------------------

    def _on_connect(self, client: mqtt.Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        if reason.is_failure:
            log.error("broker: %s", reason)
            return
        log.info("connected to the broker")
        self._subscribe()
        client.subscribe(f"$share/{_GROUP}/watertower/+/data", qos=1)

    def _subscribe(self) -> None:
        """Once more gives once more what the broker retains."""
        self._client.subscribe([(f"watertower/+/{topic}", 1) for topic in _KNOWN])

    def _on_message(self, _c: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
        mid = message.mid if message.qos else 0
        self._arrived.put(Arrived(message.topic, message.payload, mid, time.monotonic()))

    def _next(self, wait_s: float) -> list[Arrived]:
        """All that waits, as far as one transaction goes; it may be nothing."""
        batch = self._held
        self._held = []
        try:
            batch.append(self._arrived.get(timeout=wait_s))
            while len(batch) < _AT_ONCE:
                batch.append(self._arrived.get_nowait())
        except queue.Empty:
            pass
        return batch

    # --- the database -------------------------------------------------------------------------------------------------

    def _insist(self, work: Callable[[Archive], None], is_over: Callable[[], bool]) -> None:
        """Does it until the database has done it: while it is away the broker keeps what comes."""
        retry_s = _FIRST_RETRY_S
        while not is_over():
            try:
                if self._archive is None:
                    self._archive = Archive(self._dsn)
                work(self._archive)
                return
            except psycopg.OperationalError as error:  # a deadlock and a restart are such, too
                log.warning("database: %s", str(error).strip().partition("\n")[0])
                if self._archive is not None:
                    self._archive.close()
                    self._archive = None
                time.sleep(retry_s)
                retry_s = min(2 * retry_s, _LAST_RETRY_S)

    def _take(self, archive: Archive, batch: list[Arrived]) -> None:
        data: list[tuple[str, Data]] = []
        carriers: list[Arrived] = []
        refused: list[tuple[str, Refused]] = []
        for one in batch:
            try:
                station, name, message = parsed(one.topic, one.payload, time.time_ns() // 1_000_000)
            except Refused as refusal:
                refused.append((one.topic.split("/")[1] if "/" in one.topic else "", refusal))
                continue
            if isinstance(message, Data):
                data.append((station, message))
                carriers.append(one)
            elif isinstance(message, Series):
                archive.announce(station, message)
            elif isinstance(message, Status):
                archive.hear(station, message)
            else:
                self._sign(archive, station, name, message)
        stored = archive.store(data)
        for station, refusal in refused:
            archive.refuse(station, refusal.reason, refusal.detail)
            log.warning("%s: refused: %s", station, refusal)
        held = {carriers[place] for place in stored.postponed}
        self._hold(archive, held)
        for one in batch:
            if one.mid and one not in self._held:
                self._client.ack(one.mid, 1)
        counters = self.counters
        counters["messages"] += len(batch) - len(self._held)
        counters["rows"] += stored.new
        counters["again"] += stored.again
        counters["dated"] += stored.dated
        counters["refused"] += len(refused)

    def _sign(self, archive: Archive, station: str, day: str, message: Signature) -> None:
        try:
            time.strptime(day, "%Y-%m-%d")
        except ValueError:
            archive.refuse(station, "form", f"signature/{day}")
            return
        verdict = archive.sign(station, day, message)
        (log.info if verdict == "sound" else log.warning)("%s: the signature of %s is %s", station, day, verdict)

    def _hold(self, archive: Archive, held: set[Arrived]) -> None:
        """What can't be read yet waits a little; what waited too long is left to the station's memory."""
        now_s = time.monotonic()
        keep = sorted((one for one in held if now_s - one.at_s < _HOLD_S), key=lambda one: one.at_s)[:_HELD]
        for one in held - set(keep):
            archive.refuse(one.topic.split("/")[1], "unannounced", f"data of a series that nobody announced: {len(one.payload)} bytes")
        if held:
            self._subscribe()
        self._held = keep

    # --- what is missing ----------------------------------------------------------------------------------------------

    def _ask(self, archive: Archive) -> None:
        if not self._operators or not self._client.is_connected():
            return
        for station, seqs in archive.to_ask(_FIRST_PAUSE_S, _LONGEST_PAUSE_S):
            operator = self._operators.get(station) or self._operators.get("*")
            if operator is None:
                continue
            topic = f"watertower/{station}/command/{operator.name}"
            now_ms = time.time_ns() // 1_000_000
            self._counter = max(self._counter + 1, now_ms)
            order = Order(
                id=f"archive-{self._counter}",
                counter=self._counter,
                unix_ms=now_ms,
                command="resend",
                argument={"ranges": some(seqs)},
            )
            self._client.publish(topic, sealed(topic, operator.secret, order), qos=1)
            self.counters["asked"] += 1
            log.info("%s: asked for %d ranges", station, len(seqs))


def some(ranges: Ranges) -> Ranges:
    """The first of them, within what one question may ask for (docs/mqtt.md)."""
    found, left = [], _MOST_ROWS
    for first, last in ranges[:_MOST_RANGES]:
        if left <= 0:
            break
        found.append((first, min(last, first + left - 1)))
        left -= last - first + 1
    return tuple(found)
