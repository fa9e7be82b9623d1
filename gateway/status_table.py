"""Knows how the gateway's state reads in a terminal, in both languages; asks for it at the control socket.

Exit status of `watertower status`: 0 all is well, 1 something is not, 2 nobody answers.
"""

import contextlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from gateway.beside import ends, reading, rows
from gateway.control.call import NoGateway, asked, watched
from gateway.messages import quantity_text, say, unit_text
from gateway.site.config import Site
from gateway.site.profiles import columns
from gateway.states import AlarmState, BusState, NodeState, Status, UplinkState
from gateway.store import StoreError
from gateway.store.rows import Stored
from protocols.worth import names

_MIB = 1 << 20
_EVENTS = 6
_EVERY_S = 2.0
_CLEAR = "\x1b[H\x1b[J"
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))


def main(site: Site, as_json: bool, again: bool) -> int:
    """Prints it, once or again and again."""
    path = Path(site.control.socket)
    try:
        if not again:
            return _show(asked(path, "status"), as_json)
        with contextlib.suppress(KeyboardInterrupt):
            for said in watched(path, _EVERY_S):
                print(end="" if as_json or not sys.stdout.isatty() else _CLEAR)
                _show(said, as_json)
        return 0
    except NoGateway as error:
        print(say("status.no_gateway", reason=error), file=sys.stderr)
        _show_store(Path(site.store.path))
        return 2


def reload(site: Site) -> int:
    """`watertower reload`: 0 taken over, 1 not, 2 nobody answers."""
    try:
        said = asked(Path(site.control.socket), "reload")
    except NoGateway as error:
        print(say("status.no_gateway", reason=error), file=sys.stderr)
        return 2
    if said["result"] == "done":
        print(say("status.reloaded"))
        return 0
    print(say("status.refused", reason=said["reason"], detail=said.get("detail", "")), file=sys.stderr)
    return 1


def _show(said: dict[str, object], as_json: bool) -> int:
    status = msgspec.convert(said, Status)
    print(json.dumps(said, ensure_ascii=False) if as_json else text(status), flush=True)
    return 0 if is_well(status) else 1


def _show_store(path: Path) -> None:
    """Without a gateway the store still tells when it was written last."""
    with contextlib.suppress(StoreError), reading(path) as db:
        _, last = ends(db)
        for row in map(Stored._make, (columns[:-1] for columns in rows(db, last, last))):
            time = datetime.fromtimestamp(row.unix_ms / 1000, UTC).astimezone().isoformat(" ", "seconds")
            print(say("status.last_row", seq=row.seq, time=time), file=sys.stderr)


def is_well(status: Status) -> bool:
    """Whether nobody needs to look closer."""
    devices = [device for bus in status.buses for device in bus.devices]
    return (
        not status.stuck
        and status.store.is_open
        and not status.store.is_full
        and status.is_clock_trusted
        and all(bus.is_open and not bus.is_overloaded for bus in status.buses)
        and not any(device.missed for device in devices)
        and (status.radio is None or (status.radio.is_open and not any(node.is_foreign for node in status.radio.nodes)))
        and all(uplink.is_connected for uplink in status.uplinks)
        and not any(one.state == "unacknowledged" for one in status.alarms)
    )


def text(status: Status, lang: str | None = None) -> str:
    """All of it, for a terminal."""
    clock = say(f"status.clock_{'trusted' if status.is_clock_trusted else 'guess'}", lang)
    lines = [say("status.title", lang, station=status.station, running=_span(status.running_s), clock=clock)]
    lines += [say("status.stuck", lang, reason=reason) for reason in status.stuck]
    for one in status.services:
        words, span = say(f"quality.{one.state}", lang), _span((one.until_ms - status.unix_ms) / 1000)
        lines.append(say("status.service", lang, sensor=one.sensor, state=words, span=span))
    lines += [_store(status, lang), ""]
    for table in _tables(status, lang):
        if len(table) > 1:
            lines += [*columns(table), ""]
    if status.events:
        lines.append(say("status.events", lang))
        lines += [f"  {_ago(status, one.unix_ms)}  {one.kind}  {one.detail}" for one in status.events[:_EVENTS]]
    return "\n".join(lines).rstrip()


def _store(status: Status, lang: str | None) -> str:
    store = status.store
    if not store.is_open or store.is_full:
        return say(f"status.store_{'full' if store.is_open else 'closed'}", lang, waiting=store.waiting)
    size, free = _mib(store.size_bytes), _mib(store.free_bytes)
    return say("status.store", lang, seq=store.last_seq, waiting=store.waiting, size=size, free=free)


def _tables(status: Status, lang: str | None) -> Iterator[list[list[str]]]:
    def head(*keys: str) -> list[str]:
        return [say(f"status.{key}", lang) for key in keys]

    channels = [head("channel", "quantity", "value", "quality", "last")]
    for one in status.channels:
        words = ", ".join(say(f"quality.{word}", lang) for word in names(one.quality))
        value = "–" if one.value is None else f"{one.value} {unit_text(one.unit)}".rstrip()
        worth = words or say("quality.good", lang)
        channels.append([one.channel, quantity_text(one.quantity), value, worth, _ago(status, one.unix_ms)])
    yield channels
    alarms = [head("alarm", "level", "state", "last")]
    yield alarms + [_alarm(status, one, lang) for one in status.alarms if one.state != "normal" or one.is_blind]
    buses = [head("bus", "sensor", "unit_id", "state", "last")]
    yield buses + [row for bus in status.buses for row in _devices(status, bus, lang)]
    nodes = [head("node", "state", "signal", "battery", "records", "last")]
    yield nodes + [_node(status, node, lang) for node in (status.radio.nodes if status.radio else ())]
    yield [head("uplink", "state", "waiting"), *(_uplink(uplink, lang) for uplink in status.uplinks)]


def _alarm(status: Status, one: AlarmState, lang: str | None) -> list[str]:
    words = say(f"alarm.{one.state}", lang) + (", " + say("alarm.no_data", lang) if one.is_blind else "")
    return [one.rule, say(f"alarm.{one.level}", lang), words, _ago(status, one.since_ms)]


def _devices(status: Status, bus: BusState, lang: str | None) -> Iterator[list[str]]:
    for device in bus.devices:
        words = say("status.answers", lang) if device.answered_unix_ms else say("status.not_heard", lang)
        if device.missed:
            words = say("status.silent", lang, missed=device.missed)
        if not bus.is_open:
            words = say("status.closed", lang)
        elif bus.is_overloaded:
            words += ", " + say("status.overloaded", lang)
        yield [bus.bus, device.sensor, str(device.unit_id), words, _ago(status, device.answered_unix_ms)]


def _node(status: Status, node: NodeState, lang: str | None) -> list[str]:
    words = say("status.not_heard" if node.heard_unix_ms is None else "status.answers", lang)
    if node.is_foreign:
        words = say("status.foreign", lang)
    records = say("status.lacking", lang, have=node.have, lacking=node.lacking) if node.lacking else str(node.have)
    signal = "–" if node.rssi_dbm is None else f"{node.rssi_dbm} dBm"
    battery = "–"
    if node.battery_mv is not None:
        battery = f"{node.battery_mv / 1000:.2f} V ({_ago(status, node.battery_unix_ms)})"
    return [node.name, words, signal, battery, records, _ago(status, node.heard_unix_ms)]


def _uplink(uplink: UplinkState, lang: str | None) -> list[str]:
    words = say("status.connected", lang)
    if not uplink.is_connected:
        words = say("status.down", lang, trouble=uplink.trouble or "–")
    return [uplink.uplink, words, str(uplink.waiting_rows)]


def _ago(status: Status, unix_ms: int | None) -> str:
    return "–" if unix_ms is None else _span(max(status.unix_ms - unix_ms, 0) / 1000)


def _span(seconds: float) -> str:
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _mib(size: int | None) -> str:
    return "–" if size is None else f"{size / _MIB:.1f} MiB"
