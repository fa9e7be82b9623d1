"""Knows what forwards to each uplink of a site; knows nothing of how it is done."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from gateway.control.desk import Action, Desk
from gateway.machine.lines import Opener
from gateway.ports import Publisher
from gateway.site.config import MqttUplink, Site, Uplink
from gateway.site.hj212 import Hj212Uplink
from gateway.site.sl651 import Sl651Uplink
from gateway.states import UplinkState
from gateway.store import Store
from gateway.store.ranges import Ranges
from gateway.uplink import dialects
from gateway.uplink.mqtt import MqttForwarder
from gateway.uplink.neighbours import Neighbours


class Forwarder(Protocol):
    """One uplink, or one of its centres."""

    @property
    def waiting_rows(self) -> int: ...

    @property
    def state(self) -> UplinkState: ...

    async def run(self) -> None: ...

    async def drained(self) -> None: ...

    def resend(self, rows: Ranges) -> Ranges: ...


class Ways(Protocol):
    """How this machine reaches brokers and platforms."""

    def way(self, place: str, baud: int | None) -> Opener: ...

    def publisher(self, uplink: MqttUplink, station: str) -> Publisher: ...


class Room(NamedTuple):
    """What forwarders are made of. `connected` is called when a platform has answered, `time_told` with its time."""

    site: Site
    ways: Ways
    store: Store
    desk: Desk
    actions: Mapping[str, Action]
    connected: Callable[[], None]
    time_told: Callable[[int, str], bool]
    neighbours: Neighbours


def positions(uplink: Uplink) -> list[str]:
    """The names under which it has positions in the store."""
    if isinstance(uplink, Sl651Uplink):
        return [uplink.name_of(centre) for centre in uplink.centres]
    return [uplink.id]


def forwarders(room: Room) -> dict[str, Forwarder]:
    """By the names of their positions."""
    found: dict[str, Forwarder] = {}
    for uplink in room.site.uplinks:
        found |= _of(uplink, room)
    return found


# Tables and ciphers of the other protocols take 8 MB: who speaks only MQTT does without.
def _of(uplink: Uplink, room: Room) -> Mapping[str, Forwarder]:
    if isinstance(uplink, Sl651Uplink):
        return _sl651(uplink, room)
    return {uplink.id: _hj212(uplink, room) if isinstance(uplink, Hj212Uplink) else _mqtt(uplink, room)}


def _mqtt(uplink: MqttUplink, room: Room) -> Forwarder:
    site, store = room.site, room.store
    publisher = room.ways.publisher(uplink, site.station.id)
    dialect = dialects.dialect(dialects.Room(site, uplink, store, store.clock, room.desk, room.neighbours))
    return MqttForwarder(uplink, dialect, publisher, store, store.clock, room.connected)


def _hj212(uplink: Hj212Uplink, room: Room) -> Forwarder:
    from gateway.uplink.hj212 import station

    way = room.ways.way(f"{uplink.host}:{uplink.port}", None)
    return station.forwarder(room.site, uplink, way, room.store, room.connected, room.time_told, room.actions)


def _sl651(uplink: Sl651Uplink, room: Room) -> Mapping[str, Forwarder]:
    from gateway.uplink.sl651 import station

    path, clock = Path(room.site.store.path), room.store.clock
    return station.forwarders(uplink, room.ways.way, room.store, path, clock, room.connected, room.time_told)
