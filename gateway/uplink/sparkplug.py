"""Knows a gateway as a Sparkplug B edge node (Sparkplug 3.0): births, data, deaths, what a host may ask for
(docs/sparkplug.md); knows no broker and not when rows go.

The gateway is the edge node, each polled sensor and each node a device. What is made of readings is the edge node's.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

from gateway.control.platform import Platform
from gateway.ports import Clock, Said
from gateway.site.config import MqttUplink
from gateway.store import Day, Row, Series
from gateway.uplink.birth_count import BirthCount
from gateway.uplink.devices import Device
from gateway.uplink.dialect import Past
from gateway.uplink.presence import Presence
from gateway.uplink.sparkplug_payload import BOOLEAN, DOUBLE, INT64, STRING, BadPayload, Metric, decoded, encoded
from gateway.uplink.sparkplug_tags import EDGE, Tags

_GROUP = "watertower"
REBIRTH = "Node Control/Rebirth"
WRITE = "Device Control/"  # and the name of what a sensor's profile says can be written
_REST_MS = 5_000  # between two answers to calls for a rebirth; ours
_GRACE_MS = 10_000  # after the last value that was said of it, a device is not told dead; ours: old rows may follow
_MOST_METRICS = 8  # of one command; ours


class _State(Struct, frozen=True):
    """A host application's birth or death (6.4.25)."""

    online: bool
    timestamp: int


class Host:
    """The primary host application, from its STATE messages; without a `name` somebody is believed to listen."""

    def __init__(self, name: str | None) -> None:
        self.name = name
        self.forget()

    def forget(self) -> None:
        """A new connection: what another broker has kept says nothing here."""
        self._is_online, self._at_ms = False, -1

    @property
    def is_there(self) -> bool:
        return self.name is None or self._is_online

    def hear(self, message: bytes) -> bool:
        """False: not such a message. One that is older than the last does not count (5.4, phid-wait-timestamp)."""
        try:
            state = msgspec.json.decode(message, type=_State)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return False
        if state.timestamp >= self._at_ms:
            self._is_online, self._at_ms = state.online, state.timestamp
        return True


class Sparkplug:
    """`edge` is the edge node's id, `title` what people call it; `known` are its devices."""

    def __init__(
        self,
        edge: str,
        uplink: MqttUplink,
        known: Mapping[str, Device],
        title: str,
        count: BirthCount,
        clock: Clock,
        past: Past,
        platform: Platform,
    ) -> None:
        self.again_ms = 1000 * uplink.again_s
        self._edge, self._group = edge, uplink.group or _GROUP
        self._host = Host(uplink.primary_host)
        self.state_topic = "" if uplink.primary_host is None else f"spBv1.0/STATE/{uplink.primary_host}"
        self._node_commands, self._device_commands = self._topic("NCMD"), self._topic("DCMD") + "/"
        self.topics = tuple(filter(None, (self._node_commands, f"{self._device_commands}+", self.state_topic)))
        self._title = title
        self._count = count
        self._clock = clock
        self._past = past
        self._platform = platform
        self._tags = Tags(known)
        self._presence = Presence()
        self._born: dict[str, int] = {}  # devices, and when a value was last said of each (monotonic ms)
        self._seq = 0
        self._bd_seq = 0
        self._rebirth_wanted = False
        self._birth_ms = -_REST_MS  # of the last, monotonic

    def _topic(self, kind: str, device: str = EDGE) -> str:
        return "/".join(filter(None, ("spBv1.0", self._group, kind, self._edge, device)))

    # --- births, deaths -----------------------------------------------------------------------------------------------

    def will(self) -> Said:
        """Each connection is a session of its own, with its own number."""
        self._bd_seq = self._count.next()
        self._host.forget()
        self._born.clear()
        self._rebirth_wanted = False
        return Said(self._topic("NDEATH"), encoded(None, [self._session()], None), qos=1)

    def _session(self) -> tuple[Metric, int]:
        return Metric(self._bd_seq, self._clock.unix_ms(), "bdSeq", None, INT64), INT64

    @property
    def absent(self) -> str:
        return "" if self._host.is_there else f"the host application {self._host.name} is not online"

    def greeting(self) -> Sequence[Said]:
        self._birth_ms = self._clock.monotonic_ms()
        self._rebirth_wanted = False
        for series in self._past.all_series():
            self._tags.learn(series)
        self._remember(row for row in self._past.newest() if self._tags.knows(row.series))
        self._born.clear()
        now_ms = self._clock.unix_ms()
        there = [one.name for one in self._tags.devices.values() if self._presence.left_ms(one, now_ms) > 0]
        return [self._node_birth(), *map(self._device_birth, there)]

    def _remember(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._tags.remember([row])
            self._presence.hear(self._tags.owner(row.series), [row])

    def _node_birth(self) -> Said:
        """seq 0 begins here (6.4.19); no alias for what a host must find by its name (5.12)."""
        now_ms, self._seq = self._clock.unix_ms(), -1
        metrics = [self._session(), (Metric(False, now_ms, REBIRTH, None, BOOLEAN), BOOLEAN)]
        metrics.append((Metric(self._title, now_ms, "Properties/Name", None, STRING), STRING))
        return self._said("NBIRTH", EDGE, [*metrics, *self._tags.birth(EDGE, now_ms, is_there=True)])

    def _device_birth(self, name: str) -> Said:
        now_ms = self._clock.unix_ms()
        device = self._tags.devices[name]
        self._born[name] = self._clock.monotonic_ms()
        metrics = self._tags.birth(name, now_ms, self._presence.left_ms(device, now_ms) > 0)
        if self._platform.may("write"):
            metrics += [(Metric(None, now_ms, WRITE + write, None, DOUBLE), DOUBLE) for write in device.writes]
            metrics += [(Metric(False, now_ms, WRITE + act, None, BOOLEAN), BOOLEAN) for act in device.acts]
        return self._said("DBIRTH", name, metrics)

    def _said(self, kind: str, device: str, metrics: Sequence[tuple[Metric, int]]) -> Said:
        """QoS 0, as 6.5 wants it of all that an edge node says."""
        self._seq = (self._seq + 1) % 256
        return Said(self._topic(kind, device), encoded(self._clock.unix_ms(), metrics, self._seq), qos=0)

    def announce(self, series: Series) -> Sequence[Said]:
        owner, is_new = self._tags.learn(series)
        if not is_new or (owner != EDGE and owner not in self._born):
            return ()
        return self.greeting() if owner == EDGE else [self._device_birth(owner)]

    def due(self) -> Sequence[Said]:
        if self._rebirth_wanted and self._clock.monotonic_ms() - self._birth_ms >= _REST_MS:
            return self.greeting()
        gone = sorted(name for name in self._born if self._left_ms(name) <= 0)
        for name in gone:
            del self._born[name]
        return [self._said("DDEATH", name, ()) for name in gone]

    def _left_ms(self, name: str) -> int:
        """How long a device that was born is not told dead."""
        said_ms = self._born[name] + _GRACE_MS - self._clock.monotonic_ms()
        return max(said_ms, self._presence.left_ms(self._tags.devices[name], self._clock.unix_ms()))

    def wait_s(self) -> float:
        rest_s = (self._birth_ms + _REST_MS - self._clock.monotonic_ms()) / 1000
        silence_s = min((self._left_ms(name) / 1000 for name in self._born), default=math.inf)
        return max(0.01, min(rest_s if self._rebirth_wanted else math.inf, silence_s))

    # --- data ---------------------------------------------------------------------------------------------------------

    def rows(self, complete: int, rows: Sequence[Row]) -> Sequence[Said]:
        """A message for each device among them; before it a birth, where the host has the device for dead."""
        changes: dict[str, list[tuple[Metric, int]]] = {}
        for row in rows:
            self._presence.hear(self._tags.owner(row.series), [row])
            for change in self._tags.metrics(row):
                changes.setdefault(change.owner, []).append((change.metric, change.datatype))
        said = []
        for owner, metrics in changes.items():
            is_value = any(metric.value is not None for metric, _ in metrics)
            if owner != EDGE and owner not in self._born:
                if not is_value:  # "no reply" of a device that is dead is what its death says
                    continue
                said.append(self._device_birth(owner))
            elif owner != EDGE and is_value:
                self._born[owner] = self._clock.monotonic_ms()
            said.append(self._said("NDATA" if owner == EDGE else "DDATA", owner, metrics))
        return said

    def day(self, day: Day) -> Said | None:
        return None

    # --- what a host wants --------------------------------------------------------------------------------------------

    def hear(self, topic: str, message: bytes) -> bool:
        if topic == self.state_topic:
            if not self._host.hear(message):
                self._platform.refuse("form")
            return True
        if topic != self._node_commands:
            return False
        for metric in self._wanted(message):
            if metric.name == REBIRTH and metric.value is True:
                self._rebirth_wanted = True
            else:
                self._platform.refuse("unknown_command")
        return True

    def _wanted(self, message: bytes) -> Sequence[Metric]:
        try:
            metrics = decoded(message).metrics
        except BadPayload:
            self._platform.refuse("form")
            return ()
        if not 1 <= len(metrics) <= _MOST_METRICS:
            self._platform.refuse("form")
            return ()
        return metrics

    async def obey(self, topic: str, message: bytes) -> Said | None:
        """A device's commands: what its profile says can be written. What was done is told as its new value (5.12)."""
        name = topic.rpartition("/")[2]
        device = self._tags.devices.get(name)
        if not topic.startswith(self._device_commands) or device is None:
            self._platform.refuse("unknown_command")
            return None
        done = [metric for metric in self._wanted(message) if await self._write(device, metric)]
        if not done or name not in self._born:
            return None
        now_ms = self._clock.unix_ms()
        told = [(Metric(float(one.value or 0), now_ms, one.name, None, DOUBLE), DOUBLE) for one in done]
        return self._said("DDATA", name, told)

    async def _write(self, device: Device, metric: Metric) -> bool:
        name = (metric.name or "").removeprefix(WRITE)
        if metric.name == name or name not in (*device.writes, *device.acts):
            self._platform.refuse("unknown_command")
            return False
        is_act = name in device.acts
        is_number = isinstance(metric.value, int | float) and not isinstance(metric.value, bool)
        if metric.value is not True if is_act else not is_number:
            self._platform.refuse("argument")
            return False
        value = None if is_act else metric.value
        answer = await self._platform.ask("write", {"sensor": device.name, "name": name, "value": value})
        return answer.get("outcome") in ("done", "confirmed") and not is_act
