"""Knows the file of those in whose name an archive asks stations; knows no message."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from gateway.faults import SiteError, read, walk
from gateway.site.config import Operator
from gateway.site.fields import Key, Name, StationId

ALL = "*"


class _One(Struct, frozen=True, kw_only=True):
    """As the site files of these stations have him; without `stations`: of all that no other one names."""

    name: Name
    key: Key
    role: Literal["viewer", "operator", "admin"] = "viewer"
    stations: tuple[StationId, ...] = ()


class _File(Struct, frozen=True, kw_only=True, rename={"operators": "operator"}):
    operators: Annotated[tuple[_One, ...], Meta(min_length=1)]


def load(path: Path) -> dict[str, Operator]:
    """By station; ALL stands for those that are not named. SiteError."""
    tree = read(path, str(path))
    _, faults = walk(tree, _File)
    if faults:
        raise SiteError([fault.in_file(str(path)) for fault in faults])
    found: dict[str, Operator] = {}
    for one in msgspec.convert(tree, _File).operators:
        operator = Operator(name=one.name, role=one.role, key=one.key)
        found |= dict.fromkeys(one.stations or (ALL,), operator)
    return found
