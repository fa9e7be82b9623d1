"""Knows the tables of an HJ 212 uplink in a site file; knows no packet and no connection."""

from collections.abc import Callable
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from gateway.messages import Phrase
from gateway.site.fields import Name, TcpPort, Text

_Mn = Annotated[str, Meta(pattern=r"^([0-9A-F]{24}|[0-9A-Za-z]{14})\Z", extra={"allowed": Phrase("allowed.mn")})]
_St = Annotated[str, Meta(pattern=r"^[0-9]{2}\Z", extra={"allowed": Phrase("allowed.st")})]
_Serial = Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{1,24}\Z", extra={"allowed": Phrase("allowed.serial")})]


class Hj212Factor(Struct, frozen=True, kw_only=True):
    """Which channel is which factor. `unit`, `decimals`: what this platform means, where that is not the standard's
    table (PM in ug/m3). `cumulative`: the channel whose value is the period's -Cou, an amount (a load, a volume).
    `runs`: a channel that is 0 while the plant stands: what is measured then is marked F. `serial`: the instrument's
    own number (3019), `delay_min`: from sampling to its result (3018)."""

    channel: Text
    code: Text
    unit: str | None = None
    decimals: Annotated[int, Meta(ge=0, le=6)] | None = None
    cumulative: Text | None = None
    runs: Text | None = None
    serial: _Serial | None = None
    delay_min: Annotated[int, Meta(ge=0, le=9999, extra={"unit": "min"})] | None = None


class Hj212Device(Struct, frozen=True, kw_only=True):
    """A treatment device, SBn of 2021 and 2041: `channel` is not 0 while it runs."""

    number: Annotated[int, Meta(ge=1, le=999)]
    channel: Text


class Hj212Order(Struct, frozen=True, kw_only=True):
    """What a command to an instrument does here. `code`: for which PolId (None: any, or none is told), `info`: for
    which InfoId of 3021. It writes `value` (None: what the platform says) to a `sensor`, under the name of its profile,
    or has a `node` wipe its probes. `bottle`: the channel with the number of the bottle that 3015 has filled."""

    cn: Literal["3011", "3012", "3013", "3014", "3015", "3016", "3021"]
    code: Text | None = None
    info: Text | None = None
    sensor: Text | None = None
    write: Text | None = None
    value: float | None = None
    node: Text | None = None
    bottle: Text | None = None


class Hj212Info(Struct, frozen=True, kw_only=True):
    """What 3020 is told of a state or a parameter of an instrument: the newest value of a channel."""

    id: Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{6}\Z", extra={"allowed": Phrase("allowed.info_id")})]
    code: Text
    channel: Text


class Hj212Uplink(
    Struct,
    frozen=True,
    kw_only=True,
    tag_field="type",
    tag="hj212",
    rename={"factors": "factor", "devices": "device", "orders": "order", "infos": "info"},
):
    """A platform that receives HJ 212. Password and key of SM4 (2025) stand in a file or an environment variable.

    `realtime_s`: RtdInterval (None: no 2011); `minute`: MinInterval in minutes (None: no 2051). `overtime_s`,
    `recount`: how long an answer is waited for, how often is sent again. `heartbeat_s`: 9015 after so long a silence,
    2025 only. `sets_clock`: its word is believed while nothing better tells the time. `message_bytes`,
    `messages_per_hour`, `spacing_s`: what a small channel may carry; packets are cut to that size."""

    id: Name
    host: Text
    port: TcpPort
    mn: _Mn
    st: _St = "21"
    version: Literal["2005", "2017", "2025"] = "2017"
    password_file: Text | None = None
    password_env: Text | None = None
    key_file: Text | None = None
    key_env: Text | None = None
    realtime_s: Annotated[int, Meta(ge=30, le=3600, extra={"unit": "s"})] | None = 60
    minute: Literal[1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30] | None = 10
    hour: bool = True
    day: bool = True
    overtime_s: Annotated[int, Meta(ge=1, le=99, extra={"unit": "s"})] = 10  # HJ 212-2017 table 1: 10 s, 3 times
    recount: Annotated[int, Meta(ge=1, le=99)] = 3
    heartbeat_s: Annotated[int, Meta(ge=10, le=3600, extra={"unit": "s"})] = 60
    sets_clock: bool = True
    message_bytes: Annotated[int, Meta(ge=256, le=1036)] | None = None
    messages_per_hour: Annotated[int, Meta(ge=1, le=3600)] | None = None
    spacing_s: Annotated[int, Meta(ge=0, le=3600, extra={"unit": "s"})] = 0
    factors: Annotated[tuple[Hj212Factor, ...], Meta(min_length=1)]
    devices: tuple[Hj212Device, ...] = ()
    orders: tuple[Hj212Order, ...] = ()
    infos: tuple[Hj212Info, ...] = ()

    def placed(self, absolute: Callable[[str], str]) -> "Hj212Uplink":
        """With paths that do not depend on where the process runs."""
        return replace(
            self,
            password_file=self.password_file and absolute(self.password_file),
            key_file=self.key_file and absolute(self.key_file),
        )
