"""Knows the radio and the nodes of a site file, their form and what is wrong with them; cuts no slice.

Faults are found on the sound part of a file, as in tables.py.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.faults import Fault, Tree, nearest, quoted
from gateway.messages import Phrase
from gateway.site.airtime import longest_frame
from gateway.site.fields import Key, Latitude, Longitude, Name, Period, Text
from gateway.site.library import Baud, Library, Parity, StopBits
from gateway.site.sensors import Sensor, position_faults
from gateway.site.tables import decimals_of, rows
from protocols.batch import MAX_CHANNELS, Batch, NodeRecord, encode
from protocols.link import OVERHEAD
from protocols.registers import MOST

_AIR_KEYS = {"rssi_byte", "spreading_factor", "bandwidth_khz", "coding_rate", "max_air_ms"}


class Radio(Struct, frozen=True, kw_only=True):
    """The modem that hears the nodes. `rssi_byte`: it puts a byte with the level behind each packet (E22 manual, REG3).
    With a `spreading_factor` no frame is longer on the air than `max_air_ms`."""

    port: Text
    baud: Baud = 9600
    rssi_byte: bool = False
    spreading_factor: Annotated[int, Meta(ge=7, le=12)] | None = None
    bandwidth_khz: Literal[125, 250, 500] = 125
    coding_rate: Annotated[int, Meta(ge=5, le=8)] = 5  # 4/5 .. 4/8
    max_air_ms: Annotated[int, Meta(ge=50, le=10_000, extra={"unit": "ms"})] = 1000  # MIIT 2019 No. 52: one second

    @property
    def max_frame(self) -> int:
        """The longest frame, in bytes before stuffing."""
        return longest_frame(
            rssi_byte=self.rssi_byte,
            spreading_factor=self.spreading_factor,
            bandwidth_khz=self.bandwidth_khz,
            coding_rate=self.coding_rate,
            max_air_ms=self.max_air_ms,
        )


class NodeBus(Struct, frozen=True, kw_only=True):
    """A serial line of a node, by the board's own name for it."""

    id: Name
    baud: Baud = 9600
    parity: Parity = "N"
    stop_bits: StopBits = 1


class NodeSensor(Sensor, frozen=True, kw_only=True):
    """A sensor of a node; `rail` is the board's name of the switched supply it hangs on (None: always on). Its wiper
    wipes before a reading every `wipe_every_s` (None: only by command)."""

    rail: Name | None = None
    wipe_every_s: Annotated[int, Meta(ge=1, le=31 * 86_400, extra={"unit": "s"})] | None = None


class NodeBattery(Struct, frozen=True, kw_only=True):
    """What a node lives on; `panel_w` is the rated power of its panel."""

    chemistry: Literal["lead_acid", "li_socl2", "lifepo4"] = "lifepo4"
    cells: Annotated[int, Meta(ge=1, le=16)]
    capacity_ah: Annotated[float, Meta(gt=0.0, le=1000.0, extra={"unit": "Ah"})]
    panel_w: Annotated[float, Meta(ge=0.0, le=1000.0, extra={"unit": "W"})] = 0.0


class NodeLimit(Struct, frozen=True, kw_only=True):
    """A reading of `channel` ("sensor.quantity", in its unit) beyond this begins the node's emergency period."""

    channel: Text
    above: float | None = None
    below: float | None = None


class Node(Struct, frozen=True, kw_only=True, rename={"buses": "bus", "sensors": "sensor", "limits": "limit"}):
    """A wireless node: who it is, its key, how often it reports, where it stands, what hangs on it, what it lives on,
    and when it measures densely, every `emergency_period_s`."""

    id: Annotated[int, Meta(ge=1, le=65534)]
    name: Name
    key: Key
    report_s: Period
    board: Literal["rp2", "esp32"] = "rp2"
    update_key: Key | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    battery: NodeBattery | None = None
    emergency_period_s: Period | None = None
    limits: tuple[NodeLimit, ...] = ()
    buses: Annotated[tuple[NodeBus, ...], Meta(min_length=1)]
    sensors: Annotated[tuple[NodeSensor, ...], Meta(min_length=1)]

    def __repr__(self) -> str:
        return f"Node(id={self.id}, name={self.name!r})"  # the key must not slip into a log

    @property
    def secret(self) -> bytes:
        """The key as its 32 bytes."""
        return bytes.fromhex(self.key)


def node_faults(path: str, node: Tree, site: Tree, library: Library) -> Iterator[Fault]:
    """What a node can't do, and what of it does not fit together."""
    yield from position_faults(path, node)
    yield from _only_polled(path, node)
    yield from _report(path, node)
    yield from _emergency(path, node, library)
    for place, sensor in rows(node, "sensor", path):
        yield from _wiper(place, sensor, library)
    yield from _channels(path, node, library, site)


def _only_polled(path: str, node: Tree) -> Iterator[Fault]:
    """What a node can't do for its sensors."""
    for place, sensor in rows(node, "sensor", path):
        if sensor.get("periods"):
            yield Fault(f"{place}.periods", "fault.node_periods")
        if sensor.get("latency_ms") is not None:
            yield Fault(f"{place}.latency_ms", "fault.node_latency")


def _report(path: str, node: Tree) -> Iterator[Fault]:
    periods = [sensor["period_s"] for sensor in node.get("sensor", ()) if "period_s" in sensor]
    if periods and node.get("report_s", max(periods)) < min(periods):
        yield Fault(f"{path}.report_s", "fault.report_too_often", found=node["report_s"], smallest=min(periods))


def _emergency(path: str, node: Tree, library: Library) -> Iterator[Fault]:
    periods = [sensor["period_s"] for sensor in node.get("sensor", ()) if "period_s" in sensor]
    dense_s = node.get("emergency_period_s")
    if dense_s is not None and periods and dense_s >= max(periods):
        yield Fault(f"{path}.emergency_period_s", "fault.emergency_slow", found=dense_s, longest=max(periods))
    if node.get("limit") and "emergency_period_s" in node and dense_s is None:
        yield Fault(f"{path}.limit", "fault.limit_without_period", Phrase("hint.add_emergency_period"))
    decimals = decimals_of(node, library)
    for place, limit in rows(node, "limit", path):
        name = limit.get("channel")
        if name is not None and decimals is not None and name not in decimals:
            yield Fault(f"{place}.channel", "fault.no_channel", nearest(name, decimals), found=quoted(name))
        if "above" not in limit or "below" not in limit:
            continue
        sides = [(side, limit[side]) for side in ("above", "below") if limit[side] is not None]
        if len(sides) != 1:
            yield Fault(place, "fault.limit_side", Phrase("hint.two_limits"))
        for side, value in sides:
            # NaN is more than anything can say as well
            if decimals is not None and name in decimals and not abs(value) * 10 ** decimals[name] <= MOST:
                yield Fault(f"{place}.{side}", "fault.limit_large", found=value)


def _wiper(path: str, sensor: Tree, library: Library) -> Iterator[Fault]:
    every_s, model = sensor.get("wipe_every_s"), sensor.get("profile")
    if every_s is None:
        return
    if model in library.models and model not in library.faulty and library.profile(model).wipe is None:
        yield Fault(f"{path}.wipe_every_s", "fault.no_wiper", model=model)
    if every_s < sensor.get("period_s", every_s):
        yield Fault(f"{path}.wipe_every_s", "fault.wiped_too_often", found=every_s, period=sensor["period_s"])


def _channels(path: str, node: Tree, library: Library, site: Tree) -> Iterator[Fault]:
    """A wake's readings must fit one frame: none is ever split."""
    count = 0
    for sensor in node.get("sensor", ()):
        model = sensor.get("profile")
        if model is None or model in library.faulty or model not in library.models:
            return
        count += len(sensor.get("quantities") or library.profile(model).registers)
    if count > MAX_CHANNELS:
        hint = Phrase("hint.fewer_channels")
        yield Fault(f"{path}.sensor", "fault.too_many_channels", hint, count=count, most=MAX_CHANNELS)
        return
    radio = site.get("radio") or {}
    if radio.keys() >= _AIR_KEYS:
        most, need = longest_frame(**{key: radio[key] for key in _AIR_KEYS}), _longest(count)
        if need > most:
            hint = Phrase("hint.shorter_frames")
            yield Fault(f"{path}.sensor", "fault.frame_too_long", hint, count=count, need=need, most=most)


def _longest(channels: int) -> int:
    """Bytes of a frame with one record, whatever its sensors say."""
    cells = tuple((-MOST, 0x7F - channel) for channel in range(channels))
    record = NodeRecord(0xFFFFFFFF, 0xFFFFFFFF, cells)
    return OVERHEAD + len(encode(Batch(0, (record,), 0)))
