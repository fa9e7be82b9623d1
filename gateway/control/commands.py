"""Knows which commands there are, who may give each, and the form of its argument; knows not what they do."""

from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

ROLES = ("viewer", "operator", "admin")  # each may do what those before it may
MOST_ROWS = 100_000  # that one command may open again: with rows of 100 bytes, 10 MB of a link; ours

Seq = Annotated[int, Meta(ge=1, le=(1 << 53) - 1)]
UnixMs = Annotated[int, Meta(ge=0, le=(1 << 53) - 1)]
Seconds = Annotated[int, Meta(ge=0, le=86_400)]  # as the site file's periods
Name = Annotated[str, Meta(min_length=1, max_length=32)]


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """No argument."""


class Resend(Struct, frozen=True, forbid_unknown_fields=True):
    """Rows by their seq: pairs of first and last."""

    ranges: Annotated[tuple[tuple[Seq, Seq], ...], Meta(min_length=1, max_length=500)]


class Backfill(Struct, frozen=True, forbid_unknown_fields=True):
    """Rows by when they were measured, both ends inside."""

    from_ms: UnixMs
    to_ms: UnixMs


class NodeSeconds(Struct, frozen=True, forbid_unknown_fields=True):
    """A node by its name; 0 s ends it."""

    node: Name
    seconds: Seconds


class OfNode(Struct, frozen=True, forbid_unknown_fields=True):
    """A node by its name."""

    node: Name


class Write(Struct, frozen=True, forbid_unknown_fields=True):
    """A value of a sensor that can be written, by the name that its profile gives it; a command such as "wipe" has
    none."""

    sensor: Name
    name: Name
    value: float | None = None


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    """A read of registers."""

    function: Literal[3, 4]
    address: Annotated[int, Meta(ge=0, le=0xFFFF)]
    quantity: Annotated[int, Meta(ge=1, le=125)]


class Ask(Struct, frozen=True, forbid_unknown_fields=True):
    """What a polled sensor is asked, between two polls."""

    sensor: Name
    questions: Annotated[tuple[Question, ...], Meta(min_length=1, max_length=32)]


class Configure(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole site file, and how long it may take until an uplink confirms that it works."""

    site: Annotated[str, Meta(min_length=1)]
    minutes: Annotated[int, Meta(ge=1, le=1440)] = 15


class Update(Struct, frozen=True, forbid_unknown_fields=True):
    """An application for one node (gateway/updates.py), its bytes as base64."""

    node: Name
    archive: Annotated[str, Meta(min_length=1)]


class OfAlarm(Struct, frozen=True, forbid_unknown_fields=True):
    """An alarm by its rule: what a person says of it. `minutes`: how long it is shelved."""

    rule: Name
    verb: Literal["acknowledge", "reset", "shelve", "unshelve", "remove", "return"]
    minutes: Annotated[int, Meta(ge=1, le=1440)] = 60


class OfSensor(Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody works at a sensor, without one at each of the station, or has done ("end"). `minutes`: how long he may
    take; it ends by itself."""

    state: Literal["maintenance", "calibration", "end"]
    sensor: Name | None = None
    minutes: Annotated[int, Meta(ge=1, le=720)] = 120


class Upstream(Struct, frozen=True, forbid_unknown_fields=True):
    """How an alarm of another station, "station/rule", stands, and since when."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,32}/[a-z0-9_]{1,32}\Z")]
    raised: bool
    since_ms: UnixMs


class Command(NamedTuple):
    """`role`: the least that may give it."""

    role: str
    argument: type[Struct]


COMMANDS = {
    "status": Command("viewer", Nothing),
    "resend": Command("viewer", Resend),
    "backfill": Command("viewer", Backfill),
    "emergency": Command("operator", NodeSeconds),
    "report": Command("operator", NodeSeconds),
    "wipe": Command("operator", OfNode),
    "battery": Command("operator", OfNode),
    "write": Command("operator", Write),
    "service": Command("operator", OfSensor),
    "ask": Command("operator", Ask),
    "alarm": Command("operator", OfAlarm),
    "upstream": Command("operator", Upstream),
    "restart": Command("admin", Nothing),
    "reload": Command("admin", Nothing),
    "configure": Command("admin", Configure),
    "update": Command("admin", Update),
}


def may(role: str, command: Command) -> bool:
    return ROLES.index(role) >= ROLES.index(command.role)
