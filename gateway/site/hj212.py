"""Knows the tables of an HJ 212 uplink in a site file, and what is wrong with them; knows no packet."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from gateway.faults import Fault, Tree, doubled, nearest, quoted
from gateway.messages import Phrase
from gateway.site.fields import Name, TcpPort, Text
from gateway.site.library import Library
from gateway.site.tables import channel_names, column, rows, units
from protocols.hj212.factors import CODE, find
from protocols.hj212.factors import factors as factor_table
from protocols.hj212.units import can_be

_Mn = Annotated[str, Meta(pattern=r"^([0-9A-F]{24}|[0-9A-Za-z]{14})\Z", extra={"allowed": Phrase("allowed.mn")})]
_St = Annotated[str, Meta(pattern=r"^[0-9]{2}\Z", extra={"allowed": Phrase("allowed.st")})]
_Serial = Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{1,24}\Z", extra={"allowed": Phrase("allowed.serial")})]


class Hj212Factor(Struct, frozen=True, kw_only=True):
    """Which channel is which factor. `unit`, `decimals`: what this platform means, where that is not the standard's
    table (PM in ug/m3). `cumulative`: the channel whose value is the period's -Cou, an amount (a load, a volume).
    `runs`: a channel that is 0 while the plant stands: what is measured then is marked F. `serial`: the instrument's
    own number (3019), `delay_min`: from sampling to its result (3018)."""

    channel: Text
    code: Text
    unit: str | None = None
    decimals: Annotated[int, Meta(ge=0, le=6)] | None = None
    cumulative: Text | None = None
    runs: Text | None = None
    serial: _Serial | None = None
    delay_min: Annotated[int, Meta(ge=0, le=9999, extra={"unit": "min"})] | None = None


class Hj212Device(Struct, frozen=True, kw_only=True):
    """A treatment device, SBn of 2021 and 2041: `channel` is not 0 while it runs."""

    number: Annotated[int, Meta(ge=1, le=999)]
    channel: Text


class Hj212Order(Struct, frozen=True, kw_only=True):
    """What a command to an instrument does here. `code`: for which PolId (None: any, or none is told), `info`: for
    which InfoId of 3021. It writes `value` (None: what the platform says) to a `sensor`, under the name of its profile,
    or has a `node` wipe its probes. `bottle`: the channel with the number of the bottle that 3015 has filled."""

    cn: Literal["3011", "3012", "3013", "3014", "3015", "3016", "3021"]
    code: Text | None = None
    info: Text | None = None
    sensor: Text | None = None
    write: Text | None = None
    value: float | None = None
    node: Text | None = None
    bottle: Text | None = None


class Hj212Info(Struct, frozen=True, kw_only=True):
    """What 3020 is told of a state or a parameter of an instrument: the newest value of a channel."""

    id: Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{6}\Z", extra={"allowed": Phrase("allowed.info_id")})]
    code: Text
    channel: Text


class Hj212Uplink(
    Struct,
    frozen=True,
    kw_only=True,
    tag_field="type",
    tag="hj212",
    rename={"factors": "factor", "devices": "device", "orders": "order", "infos": "info"},
):
    """A platform that receives HJ 212. Password and key of SM4 (2025) stand in a file or an environment variable.

    `realtime_s`: RtdInterval (None: no 2011); `minute`: MinInterval in minutes (None: no 2051). `overtime_s`,
    `recount`: how long an answer is waited for, how often is sent again. `heartbeat_s`: 9015 after so long a silence,
    2025 only. `sets_clock`: its word is believed while nothing better tells the time. `message_bytes`,
    `messages_per_hour`, `spacing_s`: what a small channel may carry; packets are cut to that size."""

    id: Name
    host: Text
    port: TcpPort
    mn: _Mn
    st: _St = "21"
    version: Literal["2005", "2017", "2025"] = "2017"
    password_file: Text | None = None
    password_env: Text | None = None
    key_file: Text | None = None
    key_env: Text | None = None
    realtime_s: Annotated[int, Meta(ge=30, le=3600, extra={"unit": "s"})] | None = 60
    minute: Literal[1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30] | None = 10
    hour: bool = True
    day: bool = True
    overtime_s: Annotated[int, Meta(ge=1, le=99, extra={"unit": "s"})] = 10  # HJ 212-2017 table 1: 10 s, 3 times
    recount: Annotated[int, Meta(ge=1, le=99)] = 3
    heartbeat_s: Annotated[int, Meta(ge=10, le=3600, extra={"unit": "s"})] = 60
    sets_clock: bool = True
    message_bytes: Annotated[int, Meta(ge=256, le=1036)] | None = None
    messages_per_hour: Annotated[int, Meta(ge=1, le=3600)] | None = None
    spacing_s: Annotated[int, Meta(ge=0, le=3600, extra={"unit": "s"})] = 0
    factors: Annotated[tuple[Hj212Factor, ...], Meta(min_length=1)]
    devices: tuple[Hj212Device, ...] = ()
    orders: tuple[Hj212Order, ...] = ()
    infos: tuple[Hj212Info, ...] = ()

    def placed(self, absolute: Callable[[str], str]) -> "Hj212Uplink":
        """With paths that do not depend on where the process runs."""
        return replace(
            self,
            password_file=self.password_file and absolute(self.password_file),
            key_file=self.key_file and absolute(self.key_file),
        )


def hj212_faults(path: str, uplink: Tree, site: Tree, library: Library) -> Iterator[Fault]:
    """Of an uplink, if it is one of HJ 212; found on the sound part of a file, as in tables.py."""
    if uplink.get("type") != "hj212":
        return
    if {"version", "mn"} <= uplink.keys():
        most = 14 if uplink["version"] == "2005" else 24
        if len(uplink["mn"]) != most:
            yield Fault(f"{path}.mn", "fault.mn_length", count=most, version=uplink["version"])
    if uplink.get("key_file") is not None and uplink.get("key_env") is not None:
        yield Fault(f"{path}.key_env", "fault.doubled_password", Phrase("hint.one_password"))
    minute, minute_s = uplink.get("minute"), (site.get("aggregate") or {}).get("minute_s", 600)
    if minute and minute_s and 60 * minute % minute_s:
        yield Fault(f"{path}.minute", "fault.minute", found=minute, minute_s=minute_s)
    channels = channel_names(site, library)
    yield from _factors(path, uplink, channels, units(site, library))
    yield from _platform_orders(path, uplink, site, library, channels)


def _factors(
    path: str, uplink: Tree, channels: list[str] | None, channel_units: Mapping[str | None, str]
) -> Iterator[Fault]:
    """Each factor has a code of the standard, a channel, and a unit that the one can become."""
    factors = rows(uplink, "factor", path)
    yield from doubled(column(factors, "code"))
    for place, row in factors:
        code, name = row.get("code"), row.get("channel")
        is_new = row.get("unit") is not None and row.get("decimals") is not None and CODE.fullmatch(code or "")
        known = find(code) if code is not None else None
        if code is not None and known is None and not is_new:
            yield Fault(f"{place}.code", "fault.unknown_factor", nearest(code, [*factor_table()]), found=quoted(code))
        if name is None or channels is None:
            continue
        if name not in channels:
            yield Fault(f"{place}.channel", "fault.no_such_channel", nearest(name, channels), found=quoted(name))
            continue
        unit, wanted = channel_units[name], row.get("unit") or (known.unit if known is not None else "")
        if wanted and not can_be(unit, wanted):
            yield Fault(f"{place}.channel", "fault.unit", found=unit, wanted=wanted, code=quoted(code))


def _platform_orders(
    path: str, uplink: Tree, site: Tree, library: Library, channels: list[str] | None
) -> Iterator[Fault]:
    """What a platform may have done and asks for beside the factors is there."""
    for key, name in (("device", "channel"), ("info", "channel"), ("order", "bottle"), ("factor", "runs")):
        for place, row in rows(uplink, key, path):
            found = row.get(name)
            if channels is not None and found is not None and found not in channels:
                yield Fault(f"{place}.{name}", "fault.no_such_channel", nearest(found, channels), found=quoted(found))
    nodes = [node["name"] for node in site.get("node", ()) if node.get("name")]
    models = {sensor.get("id"): sensor.get("profile") for sensor in site.get("sensor", ())}
    for place, row in rows(uplink, "order", path):
        sensor, node = row.get("sensor"), row.get("node")
        if (sensor is None) == (node is None) or (sensor is not None and row.get("write") is None):
            yield Fault(place, "fault.order_does_nothing")
        elif node is not None and node not in nodes:
            yield Fault(f"{place}.node", "fault.no_node", nearest(node, nodes), found=quoted(node))
        elif sensor is not None and sensor not in models:
            known = [id for id in models if id is not None]
            yield Fault(f"{place}.sensor", "fault.no_such_sensor", nearest(sensor, known), found=quoted(sensor))
        elif sensor is not None and models[sensor] in library.models and models[sensor] not in library.faulty:
            writes = [write.name for write in library.profile(models[sensor]).writes]
            if row["write"] not in writes:
                found = quoted(row["write"])
                yield Fault(f"{place}.write", "fault.no_such_write", nearest(row["write"], writes), found=found)
