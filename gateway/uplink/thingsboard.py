"""Knows a gateway as ThingsBoard's gateway API has it: devices, telemetry, attributes, RPC (docs/thingsboard.md); knows
no broker and not when rows go.

Names of devices are the platform's, of all stations together: so each begins with the station's id.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from gateway.control.platform import Platform
from gateway.ports import Clock, Said
from gateway.store import Day, Row, Series
from gateway.uplink.devices import Device, device_of, told_of
from gateway.uplink.dialect import Past
from gateway.uplink.presence import Presence
from protocols import quality
from protocols.fixed_point import decimal_text

log = logging.getLogger(__name__)
_GATEWAY = "v1/gateway/"
_OWN_RPC = "v1/devices/me/rpc/request/"  # of the gateway itself, which is a device, too
_OWN_ANSWER = "v1/devices/me/rpc/response/"
_LARGEST_BYTES = 65_536  # of a message, either way: ThingsBoard hangs up on a longer one (NETTY_MAX_PAYLOAD_SIZE)
_MESSAGE_BYTES, _AROUND_BYTES = 40_000, 80  # ours: of a message's values, and around the values of one time
_FLAGS = "_quality"  # behind a channel's name


class _Call(Struct, frozen=True):
    """{"id":1,"method":"write","params":{..}}"""

    id: int
    method: Annotated[str, Meta(max_length=64)]
    params: Any = None


class _DeviceCall(Struct, frozen=True):
    device: Annotated[str, Meta(max_length=128)]
    data: _Call


class _OwnCall(Struct, frozen=True):
    method: Annotated[str, Meta(max_length=64)]
    params: Any = None


class ThingsBoard:
    """The gateway of one station; `known` are its devices. It is told from other gateways by its access token."""

    again_ms = 0  # it confirms what it has in its queue
    absent = state_topic = ""
    topics: tuple[str, ...] = (f"{_GATEWAY}rpc", f"{_GATEWAY}attributes", f"{_OWN_RPC}+")

    def __init__(self, station: str, known: Mapping[str, Device], clock: Clock, past: Past, platform: Platform) -> None:
        self._station = station
        self._known = known
        self._clock = clock
        self._past = past
        self._platform = platform
        self._presence = Presence()
        self._series: dict[int, tuple[Device | None, Series]] = {}
        self._there: set[str] = set()  # devices that are connected

    def will(self) -> None:
        """ThingsBoard sees for itself that a gateway has gone, and its devices with it."""
        self._there.clear()

    def greeting(self) -> Sequence[Said]:
        for series in self._past.all_series():
            self._learn(series)
        for row in self._past.newest():
            device = self._series[row.series][0]
            if device is not None:
                self._presence.hear(device.name, [row])
        return [message for device in self._devices() if self._left_ms(device) > 0 for message in self._connect(device)]

    def _devices(self) -> Sequence[Device]:
        return list({device.name: device for device, _ in self._series.values() if device is not None}.values())

    def _learn(self, series: Series) -> Device | None:
        device = device_of(series.source, self._known)
        self._series[series.id] = (device, series)
        return device

    def _name(self, device: Device | None) -> str:
        return self._station if device is None else f"{self._station} {device.name}"

    def _connect(self, device: Device) -> Sequence[Said]:
        self._there.add(device.name)
        units = {
            f"{channel}_unit": unit
            for owner, series in self._series.values()
            if owner == device
            for channel, unit, _ in series.channels
        }
        connect = {"device": self._name(device), "type": device.title}
        attributes = {self._name(device): {"station": self._station, **units}}
        return [_said("connect", connect), _said("attributes", attributes)]

    def announce(self, series: Series) -> Sequence[Said]:
        device = self._learn(series)
        return self._connect(device) if device is not None and device.name in self._there else ()

    def rows(self, complete: int, rows: Sequence[Row]) -> Sequence[Said]:
        """Few messages, each of all devices; before them those are connected that were not."""
        told: dict[str, list[str]] = {}
        size_bytes = 0
        said: list[Said] = []
        for row in rows:
            device, series = self._series[row.series]
            values = _values(series, row, device is None)
            if not values:
                continue
            if device is not None:
                self._presence.hear(device.name, [row])
                if device.name not in self._there and self._left_ms(device) > 0:
                    said += self._connect(device)
            if size_bytes + len(values) > _MESSAGE_BYTES:
                said.append(_telemetry(told))
                told, size_bytes = {}, 0
            told.setdefault(self._name(device), []).append(f'{{"ts":{row.unix_ms},"values":{{{values}}}}}')
            size_bytes += len(values) + _AROUND_BYTES
        return [*said, _telemetry(told)] if told else said

    def _left_ms(self, device: Device) -> int:
        return self._presence.left_ms(device, self._clock.unix_ms())

    def due(self) -> Sequence[Said]:
        gone = [device for device in self._devices() if device.name in self._there and self._left_ms(device) <= 0]
        self._there -= {device.name for device in gone}
        return [_said("disconnect", {"device": self._name(device)}) for device in gone]

    def wait_s(self) -> float:
        left = (self._left_ms(device) for device in self._devices() if device.name in self._there)
        return max(0.01, min(left, default=10**9) / 1000)

    def day(self, day: Day) -> Said:
        """A signed day as attributes of the gateway: the last one is kept."""
        fields = {"hash": day.hash, "signature": day.signature, "public": day.public}
        signed = {
            "signed_day": day.day,
            "signed_block": day.block,
            **{f"signed_{k}": v.hex() for k, v in fields.items()},
        }
        return Said("v1/devices/me/attributes", msgspec.json.encode(signed))

    # --- what the platform wants --------------------------------------------------------------------------------------

    def hear(self, topic: str, message: bytes) -> bool:
        """Shared attributes set nothing here: a site is set by its file, a device by RPC."""
        if topic != f"{_GATEWAY}attributes":
            return False
        self._platform.refuse("attributes")
        return True

    async def obey(self, topic: str, message: bytes) -> Said | None:
        own = topic.removeprefix(_OWN_RPC)
        try:
            if len(message) > _LARGEST_BYTES:
                raise ValueError("too long")
            if own != topic:
                if not own.isascii() or not own.isdigit():
                    raise ValueError("no number")
                call = msgspec.json.decode(message, type=_OwnCall)
                answer = await self._done(None, call.method, call.params)
                return Said(f"{_OWN_ANSWER}{own}", msgspec.json.encode(answer))
            wanted = msgspec.json.decode(message, type=_DeviceCall)
        except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError):
            self._platform.refuse("form")
            return None
        device = next((one for one in self._devices() if self._name(one) == wanted.device), None)
        if device is None:
            self._platform.refuse("unknown_device")
            answer = {"result": "refused", "reason": "unknown_device"}
        else:
            answer = await self._done(device, wanted.data.method, wanted.data.params)
        return _said("rpc", {"device": wanted.device, "id": wanted.data.id, "data": answer})

    async def _done(self, device: Device | None, method: str, params: object) -> dict[str, object]:
        """A method is a command of docs/mqtt.md; of a device it is "write" of something that the device takes."""
        argument: object = {} if params is None else params
        if device is not None:
            if (
                method != "write"
                or not isinstance(argument, dict)
                or argument.get("name") not in (*device.writes, *device.acts)
            ):
                self._platform.refuse("unknown_command")
                return {"success": False, "result": "refused", "reason": "unknown_command"}
            argument = {**argument, "sensor": device.name}
        answer = await self._platform.ask(method, argument)
        is_done = answer["result"] == "done" and answer.get("outcome", "done") in ("done", "confirmed")
        return {"success": is_done, **answer}


def _said(topic: str, content: Mapping[str, object]) -> Said:
    return Said(f"{_GATEWAY}{topic}", msgspec.json.encode(content))


def _telemetry(told: Mapping[str, Sequence[str]]) -> Said:
    written = ",".join(f"{_text(name)}:[{','.join(times)}]" for name, times in told.items())
    return Said(f"{_GATEWAY}telemetry", f"{{{written}}}".encode())


def _text(name: str) -> str:
    return msgspec.json.encode(name).decode()


def _values(series: Series, row: Row, is_derived: bool) -> str:
    """Keys and numbers of one time; a key with no value has only its quality, as ThingsBoard knows no null."""
    lead = f"{told_of(series.source)}." if is_derived else ""
    flags = row.quality or (0,) * len(row.cells)
    found = []
    for (channel, _, decimals), value, flag in zip(series.channels, row.cells, flags, strict=True):
        name = lead + channel
        if value is not None:
            found.append(f"{_text(name)}:{decimal_text(value, decimals)}")
        if flag and (value is not None or flag & ~quality.CLOCK):
            found.append(f"{_text(name + _FLAGS)}:{flag}")
    return ",".join(found)
