"""Knows how the tables of a site file are walked before the file is known to be sound; knows no table's form.

Only the sound part of a file is at hand (see faults.walk): what is missing there is already a fault and is passed over,
so that every fault is named once and all at once.
"""

from typing import Any

from gateway.faults import Tree
from gateway.site.library import Library


def rows(owner: Tree, key: str, path: str = "") -> list[tuple[str, Tree]]:
    """(path, table) of each table in the list `key` of the table at `path`."""
    start = f"{path}." if path else ""
    return [(f"{start}{key}[{index}]", row) for index, row in enumerate(owner.get(key, ()))]


def column(tables: list[tuple[str, Tree]], key: str) -> list[tuple[str, Any]]:
    """(path, value) of one key of each."""
    return [(f"{path}.{key}", table.get(key)) for path, table in tables]


def channel_names(site: Tree, library: Library) -> list[str] | None:
    """All channels of the station; None: not all are known."""
    known: list[str] = []
    for owner in (site, *site.get("node", ())):
        found = decimals_of(owner, library)
        if found is None:
            return None
        known += found
    return known


def units(site: Tree, library: Library) -> dict[str | None, str]:
    """Of each channel whose profile is sound."""
    return {
        f"{sensor['id']}.{register.name}": register.unit
        for owner in (site, *site.get("node", ()))
        for sensor in owner.get("sensor", ())
        if sensor.get("id") and sensor.get("profile") in library.models and sensor["profile"] not in library.faulty
        for register in library.profile(sensor["profile"]).registers
    }


def decimals_of(node: Tree, library: Library) -> dict[str, int] | None:
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
