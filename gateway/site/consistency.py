"""Knows what the tables of a site file must agree on; knows nothing of their own form, which is declared in config.py.

Works on the sound part of a file (see faults.walk): what is missing there is already a fault and is passed over here,
so that every fault is named once and all at once.
"""

import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gateway.faults import Fault, Tree, doubled, nearest, quoted
from gateway.machine import usb
from gateway.messages import Phrase
from gateway.process.load import KG_PER_M3, M3_PER_HOUR
from gateway.process.quality.limit_table import Channel as Tested
from gateway.process.quality.limit_table import limits
from gateway.process.quality.limits import Limits
from gateway.site.airtime import longest_frame
from gateway.site.derived import derived
from gateway.site.finding import finding_faults
from gateway.site.library import Library, serial_text
from gateway.site.limits import calibration_faults, limit_faults, service_faults
from gateway.site.rules import rule_faults
from gateway.site.trending import trend_faults
from protocols.batch import MAX_CHANNELS, Batch, NodeRecord, encode
from protocols.hj212.factors import CODE, find
from protocols.hj212.factors import factors as factor_table
from protocols.hj212.units import can_be
from protocols.link import OVERHEAD
from protocols.profile import Profile
from protocols.registers import MOST

LONGEST_MESSAGE = {"beidou": 98, "sms": 140}  # bytes (SL 651 draft, 6.3)
_OF_DIALECTS = {"group": ("sparkplug",), "primary_host": ("sparkplug",), "commands": ("sparkplug", "thingsboard")}
_AIR_KEYS = {"rssi_byte", "spreading_factor", "bandwidth_khz", "coding_rate", "max_air_ms"}


def cross_checks(site: Tree, folder: Path, library: Library) -> Iterator[Fault]:
    """Every disagreement between the tables of `site`, whose relative ports are taken from `folder`."""
    nodes = _rows(site, "node")
    owners = [("", site), *nodes]
    yield from _identities(site, nodes, owners)
    yield from _ports(site, folder)
    yield from _page(site)
    for path, node in nodes:
        yield from _position(path, node)
    for path, uplink in _rows(site, "uplink"):
        yield from _login(path, uplink)
        yield from _dialect(path, uplink)
        yield from _centres(path, uplink)
        yield from _statuses(path, uplink, site, library)
        yield from _factors(path, uplink, site, library)
    for path, owner in owners:
        yield from _unit_ids(path, owner)
        for place, sensor in _rows(owner, "sensor", path):
            yield from _position(place, sensor)
            yield from _bus(place, sensor, owner)
            yield from _profile(place, sensor, owner, library)
    yield from _rails(site)
    for path, node in nodes:
        yield from _only_polled(path, node)
        yield from _report(path, node)
        yield from _emergency(path, node, library)
        for place, sensor in _rows(node, "sensor", path):
            yield from _wiper(place, sensor, library)
        yield from _channels(path, node, library, site)
    yield from _aggregate(site, library)
    yield from _meaning(site, library)
    dense = {node["name"]: bool(node.get("emergency_period_s")) for _, node in nodes if "name" in node}
    known = _channel_names(site, library)
    yield from rule_faults(_rows(site, "rule"), known, dense, derived(site, known or ()))
    yield from _worth(site, owners, library)
    if nodes and site.get("radio", {}) is None:
        yield Fault("radio", "fault.no_radio", Phrase("hint.add_radio"))


def absolute(folder: Path, name: str) -> str:
    """A path or serial port of the site file, from the file's `folder`; COM3, socket://.. and usb:.. stand for
    themselves."""
    is_own = usb.is_identity(name) or re.match(r"COM\d+\Z|[a-z0-9]+://", name, re.IGNORECASE)
    return name if is_own else str(folder / name)


def _rows(owner: Tree, key: str, path: str = "") -> list[tuple[str, Tree]]:
    """(path, table) of each table in the list `key` of the table at `path`."""
    start = f"{path}." if path else ""
    return [(f"{start}{key}[{index}]", row) for index, row in enumerate(owner.get(key, ()))]


def _column(rows: list[tuple[str, Tree]], key: str) -> list[tuple[str, Any]]:
    return [(f"{path}.{key}", row.get(key)) for path, row in rows]


def _identities(site: Tree, nodes: list[tuple[str, Tree]], owners: list[tuple[str, Tree]]) -> Iterator[Fault]:
    for path, owner in owners:
        yield from doubled(_column(_rows(owner, "bus", path), "id"))
    yield from doubled([row for path, owner in owners for row in _column(_rows(owner, "sensor", path), "id")])
    yield from doubled(_column(_rows(site, "uplink"), "id"))
    yield from doubled(_column(nodes, "id"))
    yield from doubled(_column(nodes, "name"))
    operators = _rows(site, "operator")
    yield from doubled(_column(operators, "name"))
    yield from doubled([*_column(nodes, "key"), *_column(operators, "key")], secret=True, same=str.lower)


def _ports(site: Tree, folder: Path) -> Iterator[Fault]:
    used = [("radio.port", site["radio"].get("port"))] if site.get("radio") else []
    for path, bus in _rows(site, "bus"):
        if "port" in bus and "tcp" in bus and (bus["port"] is None) == (bus["tcp"] is None):
            neither = bus["port"] is None
            yield Fault(path, "fault.port_neither" if neither else "fault.port_and_tcp", Phrase("hint.port_or_tcp"))
        if bus.get("port") is not None and bus.get("connections", 1) > 1:
            yield Fault(f"{path}.connections", "fault.connections")
        used.append((f"{path}.port", bus.get("port")))
    for path, port in used:
        if port is not None and usb.is_identity(port) and not usb.FORM.match(port):
            yield Fault(path, "fault.usb_port", Phrase("hint.usb_port"), found=quoted(port))
    yield from doubled(used, same=lambda port: absolute(folder, port))
    yield from doubled(_column(_rows(site, "bus"), "tcp"))


def _centres(path: str, uplink: Tree) -> Iterator[Fault]:
    """Of an SL 651 uplink."""
    centres = _rows(uplink, "centre", path) if uplink.get("type") == "sl651" else []
    yield from doubled(_column(centres, "address"))
    for place, centre in centres:
        if "port" in centre and "tcp" in centre and (centre["port"] is None) == (centre["tcp"] is None):
            neither = centre["port"] is None
            yield Fault(place, "fault.port_neither" if neither else "fault.port_and_tcp", Phrase("hint.port_or_tcp"))
        kind, most = centre.get("terminal"), centre.get("message_bytes")
        if kind is None or not {"number", "message_bytes"} <= centre.keys():
            continue
        if centre["number"] is None or most is None or most > LONGEST_MESSAGE[kind]:
            yield Fault(f"{place}.terminal", "fault.terminal", kind=quoted(kind), most=LONGEST_MESSAGE[kind])


def _statuses(path: str, uplink: Tree, site: Tree, library: Library) -> Iterator[Fault]:
    """Each bit of element 45 of an SL 651 uplink is made of a rule or a channel that is there."""
    rules = [table["id"] for _, table in _rows(site, "rule") if table.get("id")]
    channels = _channel_names(site, library)
    for place, row in _rows(uplink, "status", path) if uplink.get("type") == "sl651" else ():
        rule, channel = row.get("rule"), row.get("channel")
        if (rule is None) == (channel is None):
            yield Fault(place, "fault.status_of_nothing")
        elif rule is not None and rule not in rules:
            yield Fault(f"{place}.rule", "fault.no_rule", nearest(rule, rules), found=quoted(rule))
        elif channel is not None and channels is not None and channel not in channels:
            yield Fault(f"{place}.channel", "fault.no_such_channel", nearest(channel, channels), found=quoted(channel))


def _factors(path: str, uplink: Tree, site: Tree, library: Library) -> Iterator[Fault]:
    """Of an HJ 212 uplink: each factor has a code of the standard, a channel, and a unit that the one can become."""
    factors = _rows(uplink, "factor", path) if uplink.get("type") == "hj212" else []
    yield from doubled(_column(factors, "code"))
    if uplink.get("type") == "hj212" and {"version", "mn"} <= uplink.keys():
        most = 14 if uplink["version"] == "2005" else 24
        if len(uplink["mn"]) != most:
            yield Fault(f"{path}.mn", "fault.mn_length", count=most, version=uplink["version"])
    files = [key for key in ("key_file", "key_env") if uplink.get(key) is not None]
    if len(files) == 2:
        yield Fault(f"{path}.key_env", "fault.doubled_password", Phrase("hint.one_password"))
    minute, minute_s = uplink.get("minute"), (site.get("aggregate") or {}).get("minute_s", 600)
    if uplink.get("type") == "hj212" and minute and minute_s and 60 * minute % minute_s:
        yield Fault(f"{path}.minute", "fault.minute", found=minute, minute_s=minute_s)
    channels = _units(site, library)
    named = [_decimals(owner, library) for owner in (site, *site.get("node", ()))]
    known_names = None if None in named else [name for found in named for name in found or ()]
    for place, row in factors:
        code, name = row.get("code"), row.get("channel")
        is_new = row.get("unit") is not None and row.get("decimals") is not None and CODE.fullmatch(code or "")
        known = find(code) if code is not None else None
        if code is not None and known is None and not is_new:
            yield Fault(f"{place}.code", "fault.unknown_factor", nearest(code, [*factor_table()]), found=quoted(code))
        if name is None or known_names is None:
            continue
        if name not in known_names:
            yield Fault(f"{place}.channel", "fault.no_such_channel", nearest(name, known_names), found=quoted(name))
            continue
        wanted = row.get("unit") or (known.unit if known is not None else "")
        if wanted and not can_be(channels[name], wanted):
            yield Fault(f"{place}.channel", "fault.unit", found=channels[name], wanted=wanted, code=quoted(code))
    yield from _platform_orders(path, uplink, site, library, known_names)


def _platform_orders(
    path: str, uplink: Tree, site: Tree, library: Library, channels: list[str] | None
) -> Iterator[Fault]:
    """What an HJ 212 platform may have done and asks for beside the factors is there."""
    if uplink.get("type") != "hj212":
        return
    for key, name in (("device", "channel"), ("info", "channel"), ("order", "bottle"), ("factor", "runs")):
        for place, row in _rows(uplink, key, path):
            found = row.get(name)
            if channels is not None and found is not None and found not in channels:
                yield Fault(f"{place}.{name}", "fault.no_such_channel", nearest(found, channels), found=quoted(found))
    nodes = [node["name"] for node in site.get("node", ()) if node.get("name")]
    models = {sensor.get("id"): sensor.get("profile") for sensor in site.get("sensor", ())}
    for place, row in _rows(uplink, "order", path):
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


def _position(path: str, one: Tree) -> Iterator[Fault]:
    if "latitude" in one and "longitude" in one and (one["latitude"] is None) != (one["longitude"] is None):
        yield Fault(path, "fault.half_position")


def _page(site: Tree) -> Iterator[Fault]:
    page = site.get("web")
    if isinstance(page, dict) and page.get("key") is not None and page.get("certificate", "") is None:
        yield Fault("web.key", "fault.cert_without_key", Phrase("hint.cert_and_key"))


def _login(path: str, uplink: Tree) -> Iterator[Fault]:
    """What goes together, or not, of certificate, user and password."""
    tls = uplink.get("tls") or {}
    if "cert" in tls and "key" in tls and (tls["cert"] is None) != (tls["key"] is None):
        yield Fault(f"{path}.tls", "fault.cert_without_key", Phrase("hint.cert_and_key"))
    files = [key for key in ("password_file", "password_env") if uplink.get(key) is not None]
    if len(files) == 2:
        yield Fault(f"{path}.password_env", "fault.doubled_password", Phrase("hint.one_password"))
    if files and uplink.get("type") == "mqtt" and "username" in uplink and uplink["username"] is None:
        yield Fault(f"{path}.{files[0]}", "fault.password_without_user", Phrase("hint.username"))


def _dialect(path: str, uplink: Tree) -> Iterator[Fault]:
    """Keys that another language than the one that is spoken knows."""
    dialect = uplink.get("dialect") if uplink.get("type") == "mqtt" else None
    for key, dialects in _OF_DIALECTS.items() if dialect is not None else ():
        if uplink.get(key) is not None and dialect not in dialects:
            yield Fault(f"{path}.{key}", "fault.other_dialect", dialects=", ".join(map(quoted, dialects)))
    if dialect == "sparkplug" and not (find_spec("google") and find_spec("google.protobuf")):
        yield Fault(f"{path}.dialect", "fault.no_protobuf", Phrase("hint.no_protobuf"))


def _unit_ids(path: str, owner: Tree) -> Iterator[Fault]:
    first: dict[tuple[str, int], str] = {}
    for place, sensor in _rows(owner, "sensor", path):
        bus, unit_id = sensor.get("bus"), sensor.get("unit_id")
        if bus is None or unit_id is None:
            continue
        if (bus, unit_id) in first:
            other = first[bus, unit_id]
            yield Fault(f"{place}.unit_id", "fault.doubled_unit_id", unit_id=unit_id, bus=quoted(bus), other=other)
        else:
            first[bus, unit_id] = place


def _bus(path: str, sensor: Tree, owner: Tree) -> Iterator[Fault]:
    known = [bus.get("id") for bus in owner.get("bus", [{}])]
    if "bus" in sensor and None not in known and sensor["bus"] not in known:
        yield Fault(f"{path}.bus", "fault.unknown_bus", nearest(sensor["bus"], known), found=quoted(sensor["bus"]))


def _rails(site: Tree) -> Iterator[Fault]:
    rails = _rows(site, "rail")
    yield from doubled(_column(rails, "id"))
    yield from doubled([(f"{path}.gpio", f"{rail.get('chip')} {rail.get('gpio')}") for path, rail in rails])
    known: list[Any] = [rail.get("id") for _, rail in rails]
    for path, sensor in _rows(site, "sensor"):
        rail = sensor.get("rail")
        if rail is not None and None not in known and rail not in known:
            yield Fault(f"{path}.rail", "fault.unknown_rail", nearest(rail, known), found=quoted(rail))


def _only_polled(path: str, node: Tree) -> Iterator[Fault]:
    """What a node can't do for its sensors."""
    for place, sensor in _rows(node, "sensor", path):
        if sensor.get("periods"):
            yield Fault(f"{place}.periods", "fault.node_periods")
        if sensor.get("latency_ms") is not None:
            yield Fault(f"{place}.latency_ms", "fault.node_latency")


def _profile(path: str, sensor: Tree, owner: Tree, library: Library) -> Iterator[Fault]:
    model = sensor.get("profile")
    if model is None or model in library.faulty:
        return
    if model not in library.models:
        yield Fault(f"{path}.profile", "fault.unknown_profile", nearest(model, library.models), found=quoted(model))
        return
    profile = library.profile(model)
    if sensor.get("unit_id") in profile.reserved_unit_ids:
        found = sensor["unit_id"]
        yield Fault(f"{path}.unit_id", "fault.reserved_unit_id", Phrase("hint.other_unit_id"), found=found, model=model)
    yield from _quantities(f"{path}.quantities", sensor.get("quantities") or (), profile)
    wanted = sensor.get("quantities") or [register.name for register in profile.registers]
    for name in sensor.get("periods") or ():
        if name not in wanted:
            hint = nearest(name, [one for one in wanted if one is not None])
            yield Fault(
                f"{path}.periods.{name}", "fault.unknown_quantity", hint, found=quoted(name), model=profile.model
            )
    for bus in owner.get("bus", ()):
        if bus.get("id") == sensor.get("bus") is not None and sensor.get("serial") == "profile":
            yield from _serial(path, bus, profile)


def _quantities(path: str, quantities: Sequence[str | None], profile: Profile) -> Iterator[Fault]:
    known = [register.name for register in profile.registers]
    rows = [(f"{path}[{index}]", name) for index, name in enumerate(quantities)]
    yield from doubled(rows)
    for place, name in rows:
        if name is not None and name not in known:
            yield Fault(place, "fault.unknown_quantity", nearest(name, known), found=quoted(name), model=profile.model)


def _serial(path: str, bus: Tree, profile: Profile) -> Iterator[Fault]:
    """A device that speaks otherwise than its line will never answer."""
    if bus.get("tcp") is not None or not {"baud", "parity", "stop_bits"} <= bus.keys():
        return
    spoken = (profile.baud, profile.parity, profile.stop_bits)
    line = (bus["baud"], bus["parity"], bus["stop_bits"])
    if spoken == line:
        return
    yield Fault(
        f"{path}.bus",
        "fault.serial",
        Phrase("hint.serial", bus=quoted(bus["id"]), baud=spoken[0], parity=spoken[1], stop_bits=spoken[2]),
        model=profile.model,
        spoken=serial_text(*spoken),
        bus=quoted(bus["id"]),
        line=serial_text(*line),
    )


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


def _report(path: str, node: Tree) -> Iterator[Fault]:
    periods = [sensor["period_s"] for sensor in node.get("sensor", ()) if "period_s" in sensor]
    if periods and node.get("report_s", max(periods)) < min(periods):
        yield Fault(f"{path}.report_s", "fault.report_too_often", found=node["report_s"], smallest=min(periods))


def _wiper(path: str, sensor: Tree, library: Library) -> Iterator[Fault]:
    every_s, model = sensor.get("wipe_every_s"), sensor.get("profile")
    if every_s is None:
        return
    if model in library.models and model not in library.faulty and library.profile(model).wipe is None:
        yield Fault(f"{path}.wipe_every_s", "fault.no_wiper", model=model)
    if every_s < sensor.get("period_s", every_s):
        yield Fault(f"{path}.wipe_every_s", "fault.wiped_too_often", found=every_s, period=sensor["period_s"])


def _emergency(path: str, node: Tree, library: Library) -> Iterator[Fault]:
    periods = [sensor["period_s"] for sensor in node.get("sensor", ()) if "period_s" in sensor]
    dense_s = node.get("emergency_period_s")
    if dense_s is not None and periods and dense_s >= max(periods):
        yield Fault(f"{path}.emergency_period_s", "fault.emergency_slow", found=dense_s, longest=max(periods))
    if node.get("limit") and "emergency_period_s" in node and dense_s is None:
        yield Fault(f"{path}.limit", "fault.limit_without_period", Phrase("hint.add_emergency_period"))
    decimals = _decimals(node, library)
    for place, limit in _rows(node, "limit", path):
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


def _aggregate(site: Tree, library: Library) -> Iterator[Fault]:
    """Its channels are there, and its levels lack none that another is made of."""
    table = site.get("aggregate") or {}
    loads = _rows(table, "load", "aggregate")
    yield from doubled(_column(loads, "name"))
    known = _channel_names(site, library)
    if known is None:
        return
    rows = [(f"aggregate.channels[{index}]", name) for index, name in enumerate(table.get("channels") or ())]
    rows += [(f'aggregate.{key}."{name}"', name) for key in ("forms", "rules") for name in table.get(key) or ()]
    rows += [*_column(loads, "concentration"), *_column(loads, "flow")]
    for path, name in rows:
        if name is not None and name not in known:
            yield Fault(path, "fault.no_such_channel", nearest(name, known), found=quoted(name))
    units = _units(site, library)
    for key, scales in (("concentration", KG_PER_M3), ("flow", M3_PER_HOUR)):
        for path, name in _column(loads, key):
            if units.get(name, next(iter(scales))) not in scales:
                yield Fault(path, "fault.load_unit", found=quoted(units[name]), known=", ".join(scales))
    levels = table.get("levels") or ("hour", "day")
    for level, below in (("8h", "hour"), ("day", "hour"), ("month", "day"), ("year", "day")):
        if level in levels and below not in levels and None not in levels:
            yield Fault("aggregate.levels", "fault.level_without", level=quoted(level), below=quoted(below))


def _meaning(site: Tree, library: Library) -> Iterator[Fault]:
    """What is made of aggregates has aggregates, and a river no limit of total nitrogen."""
    findings = _rows(site, "finding")
    yield from doubled(_column(findings, "name"))
    known = _channel_names(site, library)
    if known is not None:
        yield from finding_faults(findings, known, _units(site, library))
    assess: Tree | None = site.get("assess")
    if findings and site.get("aggregate") is None:  # [assess] without it is of use to `watertower assess`
        yield Fault("finding", "fault.no_aggregate")
    if assess and assess.get("water", "river") == "river" and "TN" in (assess.get("factors") or ()):
        yield Fault("assess.factors", "fault.river_nitrogen")


def _worth(site: Tree, owners: Sequence[tuple[str, Tree]], library: Library) -> Iterator[Fault]:
    """What is said about the worth of readings is said of sensors and channels that are there."""
    channels = _channel_names(site, library)
    sensors = [sensor.get("id") for _, owner in owners for sensor in owner.get("sensor", ())]
    known = [id for id in sensors if id is not None]
    table = site.get("aggregate")
    makes = table is not None or any(uplink.get("type") == "hj212" for uplink in site.get("uplink", ()))
    levels = (table or {}).get("levels") or (("hour", "day", "month") if makes else ())
    yield from limit_faults(_rows(site, "quality"), channels, _usual_limits(owners, library))
    yield from service_faults(_rows(site, "service"), known if len(known) == len(sensors) else None)
    yield from calibration_faults(_rows(site, "calibration"), channels, "hour" in levels or None in levels)
    yield from trend_faults(_rows(site, "trend"), channels, levels)


def _usual_limits(owners: Sequence[tuple[str, Tree]], library: Library) -> dict[str, Limits]:
    """Of each channel whose profile is sound."""
    found: dict[str, Limits] = {}
    for _, owner in owners:
        for sensor in owner.get("sensor", ()):
            id, model, period_s = sensor.get("id"), sensor.get("profile"), sensor.get("period_s")
            if id is None or period_s is None or model in library.faulty or model not in library.models:
                continue
            profile = library.profile(model)
            for one in profile.registers:
                channel = Tested(profile.kind, one.name, one.unit, one.decimals, one.low, one.high, period_s)
                found[f"{id}.{one.name}"] = limits(channel)
    return found


def _channel_names(site: Tree, library: Library) -> list[str] | None:
    """All channels of the station; None: not all are known."""
    known: list[str] = []
    for owner in (site, *site.get("node", ())):
        found = _decimals(owner, library)
        if found is None:
            return None
        known += found
    return known


def _units(site: Tree, library: Library) -> dict[str | None, str]:
    """Of each channel whose profile is sound."""
    return {
        f"{sensor['id']}.{register.name}": register.unit
        for owner in (site, *site.get("node", ()))
        for sensor in owner.get("sensor", ())
        if sensor.get("id") and sensor.get("profile") in library.models and sensor["profile"] not in library.faulty
        for register in library.profile(sensor["profile"]).registers
    }


def _decimals(node: Tree, library: Library) -> dict[str, int] | None:
    """Of each channel; None: not all are known."""
    known: dict[str, int] = {}
    for sensor in node.get("sensor", ()):
        model, id = sensor.get("profile"), sensor.get("id")
        if model is None or id is None or model in library.faulty or model not in library.models:
            return None
        wanted = sensor.get("quantities")
        for register in library.profile(model).registers:
            if wanted is None or register.name in wanted:
                known[f"{id}.{register.name}"] = register.decimals
    return known
