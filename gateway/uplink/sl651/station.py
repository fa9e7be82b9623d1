"""Knows how the centres of one SL 651 station share their settings and their turn; knows no frame."""

from collections.abc import Callable
from pathlib import Path

from gateway.machine.lines import Opener
from gateway.ports import Clock
from gateway.site.sl651 import Sl651Centre, Sl651Uplink
from gateway.store import Store
from gateway.uplink.sl651.forwarder import Precedence, Sl651Forwarder, settings_file
from gateway.uplink.sl651.settings import Settings

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
            uplink, centre, ways(centre, way), store, clock, settings, precedence, on_connected, time_told
        )
        for centre in uplink.centres
    }


def ways(centre: Sl651Centre, way: Way) -> list[Opener]:
    """The main channel, then the backup channel."""
    main = way(centre.tcp, None) if centre.tcp else way(centre.port, centre.baud) if centre.port else None
    backup = (
        way(centre.backup_tcp, None)
        if centre.backup_tcp
        else way(centre.backup_port, centre.baud)
        if centre.backup_port
        else None
    )
    return [one for one in (main, backup) if one is not None]
