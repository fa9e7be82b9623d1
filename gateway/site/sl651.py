"""Knows the tables of an SL 651 uplink in a site file, and what is wrong with them; knows no frame."""

from collections.abc import Callable, Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from gateway.faults import Fault, Tree, doubled, nearest, quoted
from gateway.messages import Phrase
from gateway.site.fields import HostPort, Name, Text
from gateway.site.library import Baud, Library
from gateway.site.sensors import way_faults
from gateway.site.tables import channel_names, column, rows

_LONGEST_MESSAGE = {"beidou": 98, "sms": 140}  # bytes (SL 651 draft, 6.3)


def _digits(count: int, secret: bool = False) -> Meta:
    extra = {"allowed": Phrase("allowed.hex_digits", count=count), "secret": secret}
    return Meta(pattern=rf"^[0-9A-Fa-f]{{{count}}}\Z", extra=extra)


_Number = Annotated[str, Meta(pattern=r"^\+?[0-9]{1,20}\Z", extra={"allowed": Phrase("allowed.number")})]
_ElementId = Annotated[
    str, Meta(pattern=r"^([0-9A-E][0-9A-F]|FF[0-9A-F]{2})\Z", extra={"allowed": Phrase("allowed.hex_digits", count=2)})
]


class Sl651Element(Struct, frozen=True, kw_only=True):
    """What of a channel goes where: `element` is an identifier of the standard ("39"), or "FF" and one of your own.

    `hourly_channel`: what the hourly report takes (of the derived hour rows), None: the same name. `offset` is added,
    in the element's unit (a level's datum). `five_minute`: the block of five-minute values, "F4" or "F5" to "FC", with
    `base_m` taken off. `above`, `below`, `change`: a value beyond, or that far from the last reported one, is an
    additional report; in the element's unit. `digits`, `decimals`: other than the standard's.
    """

    channel: Text
    element: _ElementId
    hourly_channel: Text | None = None
    unit: str | None = None
    digits: Annotated[int, Meta(ge=1, le=20)] | None = None
    decimals: Annotated[int, Meta(ge=0, le=7)] | None = None
    offset: float = 0.0
    five_minute: Literal["F4", "F5", "F6", "F7", "F8", "F9", "FA", "FB", "FC"] | None = None
    base_m: float = 0.0
    above: float | None = None
    below: float | None = None
    change: float | None = None


class Sl651Status(Struct, frozen=True, kw_only=True):
    """A bit of element 45 (status and alarms): set while the alarm of a `rule` stands, or a `channel` is not 0."""

    bit: Literal[
        "mains", "battery", "level", "flow", "quality", "flow_meter", "level_meter", "door", "store", "card", "pump",
        "quota",
    ]  # fmt: skip
    rule: Text | None = None
    channel: Text | None = None


class Sl651Centre(Struct, frozen=True, kw_only=True):
    """One hydrological centre and the ways to it: a main and a backup channel, each TCP or a transparent serial modem.
    Centres of a smaller `priority` are served first. `message_bytes` and `messages_per_hour`: what a small channel may
    carry; `spacing_s` between two messages. `terminal`: what its serial ports have at their end, None: a modem that is
    transparent; `number`: the far end's telephone or card. Where there is a serial port, TCP has no limit."""

    address: Annotated[int, Meta(ge=1, le=255)]
    tcp: HostPort | None = None
    port: Text | None = None
    baud: Baud = 9600
    backup_tcp: HostPort | None = None
    backup_port: Text | None = None
    terminal: Literal["sms", "beidou"] | None = None
    number: _Number | None = None
    priority: Annotated[int, Meta(ge=1, le=99)] = 1
    message_bytes: Annotated[int, Meta(ge=64, le=4000)] | None = None
    messages_per_hour: Annotated[int, Meta(ge=1, le=3600)] | None = None
    spacing_s: Annotated[int, Meta(ge=0, le=3600, extra={"unit": "s"})] = 0
    reply_s: Annotated[int, Meta(ge=1, le=600, extra={"unit": "s"})] = 10


class Sl651Uplink(
    Struct,
    frozen=True,
    kw_only=True,
    tag_field="type",
    tag="sl651",
    rename={"elements": "element", "centres": "centre", "statuses": "status"},
):
    """A station of SL 651 and its centres. `timed_s`: a timed report every so often, on whole multiples (None: none);
    `hourly`: the hourly report. `picture`: a file, or `picture_command`, words of a command whose output is
    a picture; `picture_s`: it is sent by itself so often, too."""

    id: Name
    station_address: Annotated[str, _digits(10)]
    station_type: Literal["P", "H", "K", "Z", "D", "T", "M", "G", "Q", "I", "O"] = "H"
    password: Annotated[str, _digits(4, secret=True)]
    mode: Literal["M1", "M2", "M3", "M4"] = "M2"
    form: Literal["hex", "ascii"] = "hex"
    timed_s: Annotated[int, Meta(ge=60, le=86_400, extra={"unit": "s"})] | None = None
    hourly: bool = True
    test_report: bool = False
    keep_alive_s: Annotated[int, Meta(ge=1, le=255, extra={"unit": "s"})] = 40  # draft 6.6: 1..255, 40 recommended
    picture: Text | None = None
    picture_command: tuple[Text, ...] = ()
    picture_s: Annotated[int, Meta(ge=60, le=86_400, extra={"unit": "s"})] | None = None
    elements: Annotated[tuple[Sl651Element, ...], Meta(min_length=1)]
    centres: Annotated[tuple[Sl651Centre, ...], Meta(min_length=1)]
    statuses: tuple[Sl651Status, ...] = ()

    def __repr__(self) -> str:
        return f"Sl651Uplink(id={self.id!r})"  # the password must not slip into a log

    def placed(self, absolute: Callable[[str], str]) -> "Sl651Uplink":
        """With paths that do not depend on where the process runs."""
        centres = tuple(
            replace(
                centre,
                port=centre.port and absolute(centre.port),
                backup_port=centre.backup_port and absolute(centre.backup_port),
            )
            for centre in self.centres
        )
        return replace(self, centres=centres, picture=self.picture and absolute(self.picture))

    def name_of(self, centre: Sl651Centre) -> str:
        """Under which that centre has its position in the store."""
        return f"{self.id}/{centre.address}"


def sl651_faults(path: str, uplink: Tree, site: Tree, library: Library) -> Iterator[Fault]:
    """Of an uplink, if it is one of SL 651; found on the sound part of a file, as in tables.py."""
    if uplink.get("type") == "sl651":
        yield from _centres(path, uplink)
        yield from _statuses(path, uplink, site, library)


def _centres(path: str, uplink: Tree) -> Iterator[Fault]:
    centres = rows(uplink, "centre", path)
    yield from doubled(column(centres, "address"))
    for place, centre in centres:
        yield from way_faults(place, centre)
        kind, most = centre.get("terminal"), centre.get("message_bytes")
        if kind is None or not {"number", "message_bytes"} <= centre.keys():
            continue
        if centre["number"] is None or most is None or most > _LONGEST_MESSAGE[kind]:
            yield Fault(f"{place}.terminal", "fault.terminal", kind=quoted(kind), most=_LONGEST_MESSAGE[kind])


def _statuses(path: str, uplink: Tree, site: Tree, library: Library) -> Iterator[Fault]:
    """Each bit of element 45 is made of a rule or a channel that is there."""
    rules = [table["id"] for _, table in rows(site, "rule") if table.get("id")]
    channels = channel_names(site, library)
    for place, row in rows(uplink, "status", path):
        rule, channel = row.get("rule"), row.get("channel")
        if (rule is None) == (channel is None):
            yield Fault(place, "fault.status_of_nothing")
        elif rule is not None and rule not in rules:
            yield Fault(f"{place}.rule", "fault.no_rule", nearest(rule, rules), found=quoted(rule))
        elif channel is not None and channels is not None and channel not in channels:
            yield Fault(f"{place}.channel", "fault.no_such_channel", nearest(channel, channels), found=quoted(channel))
