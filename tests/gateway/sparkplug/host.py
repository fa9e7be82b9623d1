"""A host application of other people's making (pysparkplug) as a process of its own: what it hears is a line of JSON.

Run with PYTHONPATH at what scripts/sparkplug-host fetched, and nothing of ours. pysparkplug decodes, keeps births and
encodes; the host's duties of Sparkplug 3.0, 5.4 (state, order, rebirth) are done here with it. Words on standard input:
`deaf N` loses the next N messages, `miss KIND` the next one of a kind, `rebirth` asks for one,
`write DEVICE NAME VALUE` sends a DCMD, `keep ..` a retained one, `end` says goodbye.
"""

import json
import sys
import threading

from pysparkplug import (
    Client,
    ClientOptions,
    DataType,
    DCmd,
    Message,
    MessageType,
    Metric,
    NCmd,
    QoS,
    State,
    Topic,
    get_current_timestamp,
)

GROUP, EDGE, HOST = "watertower", "demo", "scada"
_lock = threading.Lock()


def tell(**said: object) -> None:
    with _lock:
        print(json.dumps(said), flush=True)


class Host(Client):
    """Whose picture is what it has told."""

    deaf = 0
    missing: "str | None" = None
    seq: "int | None" = None
    bd_seq: "int | None" = None

    def _handle_message(self, raw: object) -> "Message | None":  # type: ignore[override]
        topic = Topic.from_str(raw.topic)  # type: ignore[attr-defined]
        if self.deaf or topic.message_type == self.missing:
            self.deaf, self.missing = max(0, self.deaf - 1), None
            tell(kind="lost", what=topic.message_type)
            return None
        key = (topic.group_id, topic.edge_node_id, topic.device_id)
        if topic.message_type in (MessageType.NDATA, MessageType.DDATA) and key not in self._births:
            self.rebirth(f"no birth of {topic.device_id}")
            return None
        return super()._handle_message(raw)  # type: ignore[arg-type]

    def take(self, message: "Message | None") -> None:
        if message is None:
            return
        payload, kind = message.payload, message.topic.message_type
        if kind == MessageType.NDEATH:
            told = payload.bd_seq_metric.value
            tell(kind=kind, bd_seq=told, is_ours=told == self.bd_seq)
            if told == self.bd_seq:
                self.seq = None
                self._births.clear()
            return
        if kind == MessageType.NBIRTH:
            self.bd_seq = next(one.value for one in payload.metrics if one.name == "bdSeq")
        elif self.seq is None:
            self.rebirth(f"no NBIRTH before {kind}")
            return
        elif payload.seq != (self.seq + 1) % 256:
            self.rebirth(f"{payload.seq} after {self.seq}")
        self.seq = payload.seq
        metrics = [
            {
                "name": one.name, "alias": one.alias, "value": one.value, "type": one.datatype.name,
                "history": one.is_historical, "null": one.is_null, "ms": one.timestamp,
            }
            for one in getattr(payload, "metrics", ())
        ]  # fmt: skip
        manner = {"qos": int(message.qos), "retain": bool(message.retain)}
        tell(
            kind=kind, device=message.topic.device_id, seq=payload.seq, bd_seq=self.bd_seq, metrics=metrics, **manner
        )  # fmt: skip

    def rebirth(self, why: str) -> None:
        tell(kind="asked", why=why)
        self.command(MessageType.NCMD, None, "Node Control/Rebirth", True, DataType.BOOLEAN)

    def command(
        self, kind: MessageType, device: "str | None", name: str, value: object, datatype: DataType, keep: bool = False
    ) -> None:
        now = get_current_timestamp()
        metric = Metric(timestamp=now, name=name, datatype=datatype, value=value)  # type: ignore[arg-type]
        payload = (NCmd if device is None else DCmd)(timestamp=now, metrics=(metric,))
        topic = Topic(group_id=GROUP, message_type=kind, edge_node_id=EDGE, device_id=device)
        self.publish(Message(topic, payload, QoS.AT_MOST_ONCE, keep), include_dtypes=True)

    def state(self, online: bool, since: int) -> Message:
        topic = Topic(message_type=MessageType.STATE, sparkplug_host_id=HOST)
        return Message(topic, State(timestamp=since, online=online), QoS.AT_LEAST_ONCE, True)


def main(port: int) -> None:
    host = Host("host", client_options=ClientOptions(reconnection_delay_min=1, reconnection_delay_max=1))
    since = get_current_timestamp()
    host.set_will(host.state(False, since))

    def connected(client: Host) -> None:
        client.seq = None
        client.publish(client.state(True, since))
        tell(kind="connected")

    for kind in ("NBIRTH", "NDATA", "NDEATH"):
        topic = Topic(group_id=GROUP, message_type=MessageType(kind), edge_node_id=EDGE)
        host.subscribe(topic, QoS.AT_LEAST_ONCE, Host.take)  # type: ignore[arg-type]
    for kind in ("DBIRTH", "DDATA", "DDEATH"):
        topic = Topic(group_id=GROUP, message_type=MessageType(kind), edge_node_id=EDGE, device_id="+")
        host.subscribe(topic, QoS.AT_LEAST_ONCE, Host.take)  # type: ignore[arg-type]
    host.connect("127.0.0.1", port=port, keepalive=5, callback=connected)  # type: ignore[arg-type]
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "deaf":
            host.deaf = int(rest[0])
        elif word == "miss":
            host.missing = rest[0]
        elif word == "rebirth":
            host.rebirth("told to")
        elif word == "write":
            host.command(MessageType.DCMD, rest[0], rest[1].replace("_", " "), float(rest[2]), DataType.DOUBLE)
        elif word == "keep":
            host.command(MessageType.DCMD, rest[0], rest[1].replace("_", " "), float(rest[2]), DataType.DOUBLE, True)
        elif word == "end":
            break
    host.publish(host.state(False, get_current_timestamp()))
    host.disconnect()


main(int(sys.argv[1]))
