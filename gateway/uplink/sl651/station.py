"""Knows how the centres of one SL 651 station share their settings and their turn; knows no frame."""

from collections.abc import Callable
from pathlib import Path

from gateway.machine.lines import Opener
from gateway.ports import Clock
from gateway.site.sl651 import Sl651Centre, Sl651Uplink
from gateway.store import Store
from gateway.uplink.sl651.forwarder import Precedence, Sl651Forwarder, settings_file
from gateway.uplink.sl651.settings import Settings
from gateway.uplink.terminals import through

Way = Callable[[str, int | None], Opener]  # (place, baud rate of a serial port)


def forwarders(
    uplink: Sl651Uplink,
    way: Way,
    store: Store,
    store_path: Path,
    clock: Clock,
    on_connected: Callable[[], None],
    time_told: Callable[[int, str], object],
) -> dict[str, Sl651Forwarder]:
    """One for each centre, by the name of its position."""
    settings = Settings(uplink, settings_file(store_path, uplink))
    precedence = Precedence()
    return {
        uplink.name_of(centre): Sl651Forwarder(
            uplink,
            centre,
            ways(centre, way),
            store,
            clock,
            settings,
            precedence,
            on_connected,
            time_told,
            small_ways=small_ways(centre),
        )
        for centre in uplink.centres
    }


def ways(centre: Sl651Centre, way: Way) -> list[Opener]:
    """The main channel, then the backup channel."""
    found = []
    for tcp, port in ((centre.tcp, centre.port), (centre.backup_tcp, centre.backup_port)):
        if tcp:
            found.append(way(tcp, None))
        elif port:
            found.append(through(centre.terminal, centre.number or "", way(port, centre.baud)))
    return found


def small_ways(centre: Sl651Centre) -> frozenset[int]:
    """Which of them have the centre's limits: serial ones; where there is none, all."""
    ports = [port for tcp, port in ((centre.tcp, centre.port), (centre.backup_tcp, centre.backup_port)) if tcp or port]
    serial = frozenset(place for place, port in enumerate(ports) if port)
    return serial or frozenset(range(len(ports)))
