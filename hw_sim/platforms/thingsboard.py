"""Knows what ThingsBoard takes on its gateway API, message by message as its documentation has them, and refuses the
rest; knows no broker and no gateway.

https://thingsboard.io/docs/reference/gateway-mqtt-api/ and mqtt-api/, read 2026-11-29.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

LARGEST_BYTES = 65_536  # NETTY_MAX_PAYLOAD_SIZE of its transport: it hangs up on a longer message
OLDEST_MS = 1_700_000_000_000  # a time in seconds, or of a wrong clock, is none


class Fault(Exception):
    """ThingsBoard would not understand this."""


def _only(said: Any, keys: Mapping[str, Callable[[Any], bool]], optional: frozenset[str] = frozenset()) -> None:
    if not isinstance(said, dict) or not set(keys) - optional <= set(said) <= set(keys):
        raise Fault(f"not the keys {sorted(keys)}: {str(said)[:80]}")
    for key, is_right in keys.items():
        if key in said and not is_right(said[key]):
            raise Fault(f"{key}: {str(said[key])[:80]}")


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_time(value: Any) -> bool:
    return _is_id(value) and value >= OLDEST_MS


def _are_values(said: Any) -> bool:
    """Keys with numbers, words or truth values; ThingsBoard has no null."""
    scalars = (str, int, float, bool)
    return isinstance(said, dict) and bool(said) and all(
        _is_name(key) and isinstance(value, scalars) for key, value in said.items()
    )  # fmt: skip


class ThingsBoard:
    """What one gateway has told. `devices` are connected; `telemetry` is by (device, key, ms)."""

    def __init__(self) -> None:
        self.devices: set[str] = set()
        self.types: dict[str, str] = {}
        self.attributes: dict[str, dict[str, Any]] = {}
        self.telemetry: dict[tuple[str, str, int], Any] = {}
        self.answers: list[tuple[str, int, Any]] = []  # device ("" for the gateway itself), id, data
        self.messages = 0
        self._takers: dict[str, Callable[[Any], None]] = {
            "v1/gateway/connect": self._connect,
            "v1/gateway/disconnect": self._disconnect,
            "v1/gateway/attributes": self._attributes,
            "v1/gateway/telemetry": self._telemetry,
            "v1/gateway/rpc": self._answer,
            "v1/devices/me/attributes": self._own_attributes,
        }

    def take(self, topic: str, payload: bytes, retain: bool = False, qos: int = 1) -> None:
        """Fault: not as it is documented."""
        self.messages += 1
        if qos not in (0, 1) or retain or len(payload) > LARGEST_BYTES:
            raise Fault(f"{topic}: QoS {qos}, retained {retain}, {len(payload)} bytes")
        said = json.loads(payload.decode())
        own = topic.removeprefix("v1/devices/me/rpc/response/")
        if own != topic and own.isdigit():
            self.answers.append(("", int(own), said))
        elif topic in self._takers:
            self._takers[topic](said)
        else:
            raise Fault(f"no such topic: {topic}")

    def _connect(self, said: Any) -> None:
        _only(said, {"device": _is_name, "type": _is_name}, frozenset({"type"}))
        self.devices.add(said["device"])
        self.types[said["device"]] = said.get("type", "default")

    def _disconnect(self, said: Any) -> None:
        _only(said, {"device": _is_name})
        if said["device"] not in self.devices:
            raise Fault(f"{said['device']} was not connected")
        self.devices.remove(said["device"])

    def _attributes(self, said: Any) -> None:
        if not isinstance(said, dict) or not said or not all(map(_are_values, said.values())):
            raise Fault(f"no attributes: {str(said)[:80]}")
        for device, values in said.items():
            self.attributes.setdefault(device, {}).update(values)

    def _own_attributes(self, said: Any) -> None:
        if not _are_values(said):
            raise Fault(f"no attributes: {str(said)[:80]}")
        self.attributes.setdefault("", {}).update(said)

    def _telemetry(self, said: Any) -> None:
        if not isinstance(said, dict) or not said:
            raise Fault("no telemetry")
        for device, times in said.items():
            if not _is_name(device) or not isinstance(times, list) or not times:
                raise Fault(f"no list of times: {device}")
            for one in times:
                _only(one, {"ts": _is_time, "values": _are_values})
                self.telemetry |= {(device, key, one["ts"]): value for key, value in one["values"].items()}

    def _answer(self, said: Any) -> None:
        _only(said, {"device": _is_name, "id": _is_id, "data": lambda data: data is not None})
        self.answers.append((said["device"], said["id"], said["data"]))

    @staticmethod
    def call(device: str, id: int, method: str, params: object) -> tuple[str, bytes]:
        """A server's RPC to a device behind the gateway."""
        said = {"device": device, "data": {"id": id, "method": method, "params": params}}
        return "v1/gateway/rpc", json.dumps(said).encode()

    @staticmethod
    def own_call(id: int, method: str, params: object) -> tuple[str, bytes]:
        """One to the gateway itself."""
        return f"v1/devices/me/rpc/request/{id}", json.dumps({"method": method, "params": params}).encode()

    @staticmethod
    def shared(device: str, values: Mapping[str, object]) -> tuple[str, bytes]:
        """A shared attribute has changed."""
        return "v1/gateway/attributes", json.dumps({"device": device, "data": dict(values)}).encode()
