"""Knows which dialects an MQTT uplink can have, and what each is made of; knows nothing of what they say."""

from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from gateway.control.desk import Desk
from gateway.control.platform import Platform
from gateway.ports import Clock
from gateway.site.config import MqttUplink, Site
from gateway.store import Row, Series, Store
from gateway.uplink.devices import devices
from gateway.uplink.dialect import Dialect
from gateway.uplink.neighbours import Neighbours
from gateway.uplink.watertower import Watertower

_RECENT = 500  # rows among which the newest of what is derived is looked for; ours


class Room(NamedTuple):
    """What a dialect is made of."""

    site: Site
    uplink: MqttUplink
    store: Store
    clock: Clock
    desk: Desk
    neighbours: Neighbours | None = None

    def all_series(self) -> Iterable[Series]:
        return self.store.all_series()

    def newest(self) -> Iterable[Row]:
        """Of each series, as far as they are on disk."""
        collected = (row for row in self.store.newest() if row.seq)
        return chain(collected, self.store.rows_within(self.store.last_seq - _RECENT, self.store.last_seq))

    @property
    def platform(self) -> Platform:
        return Platform(self.desk, self.uplink.id, self.uplink.commands)


def _watertower(room: Room) -> Dialect:
    obey = room.desk.obey if room.site.operators else None
    return Watertower(room.site.station.id, room.clock, room.uplink.id, obey, room.neighbours)


def _sparkplug(room: Room) -> Dialect:
    from gateway.uplink.birth_count import BirthCount  # protobuf is asked for by those who need it
    from gateway.uplink.sparkplug import Sparkplug

    site, uplink, platform = room.site, room.uplink, room.platform
    count = BirthCount(Path(f"{site.store.path}.{uplink.id}.bdseq"))
    return Sparkplug(site.station.id, uplink, devices(site), site.station.name, count, room.clock, room, platform)


def _thingsboard(room: Room) -> Dialect:
    from gateway.uplink.thingsboard import ThingsBoard

    return ThingsBoard(room.site.station.id, devices(room.site), room.clock, room, room.platform)


_MAKERS: dict[str, Callable[[Room], Dialect]] = {
    "watertower": _watertower,
    "sparkplug": _sparkplug,
    "thingsboard": _thingsboard,
}


def dialect(room: Room) -> Dialect:
    """The one that the site file names."""
    return _MAKERS[room.uplink.dialect](room)
