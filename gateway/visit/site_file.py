"""Knows where the site file is when nobody says; reads none."""

from pathlib import Path

from gateway.machine.install.pieces import STATE

_PLACES = (Path("site.toml"), Path(STATE) / "site.toml")


def usual() -> Path:
    """In this folder, else that of the gateway's service; where there is none, the first is missed."""
    return next((place for place in _PLACES if place.exists()), _PLACES[0])
