"""Knows where the site file is when nobody says; reads none."""

from collections.abc import Sequence
from pathlib import Path

from gateway.machine.install.pieces import STATE

_PLACES = (Path("site.toml"), Path(STATE) / "site.toml")


def usual(places: Sequence[Path] = _PLACES) -> Path:
    """In this folder, else that of the gateway's service, which may be closed to whoever asks: then that is told, not
    that there is none. Where there is none, the first is missed."""
    for place in places:
        try:
            place.stat()
        except PermissionError:
            return place
        except OSError:
            continue
        return place
    return places[0]
