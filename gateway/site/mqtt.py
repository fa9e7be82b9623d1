"""Knows the tables of an MQTT uplink in a site file, and what of them does not go together; knows no broker."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from gateway.faults import Fault, Tree, quoted
from gateway.messages import Phrase
from gateway.site.fields import HostPort, Name, SparkplugId, TcpPort, Text

_OF_DIALECTS = {"group": ("sparkplug",), "primary_host": ("sparkplug",), "commands": ("sparkplug", "thingsboard")}


class Tls(Struct, frozen=True, kw_only=True):
    """Files (PEM) of an encrypted connection: whom to trust (`ca`, None: whom this machine trusts), who we are."""

    ca: Text | None = None
    cert: Text | None = None
    key: Text | None = None


class MqttUplink(Struct, frozen=True, kw_only=True, tag_field="type", tag="mqtt"):
    """An MQTT broker that takes everything. `hosts` are asked in their order when `host` can't be had; the password
    stands in a file or an environment variable; `bytes_per_hour` is what a paid link may carry.

    `dialect` is what the platform behind it understands. `group`, `primary_host`: of Sparkplug; rows of the last
    `again_s` of a connection go once more. `commands`: as whom a platform that signs no orders may give them."""

    id: Name
    host: Text
    port: TcpPort | None = None
    hosts: tuple[HostPort, ...] = ()
    version: Literal["3.1.1", "5"] = "3.1.1"
    tls: Tls | None = None
    username: Text | None = None
    password_file: Text | None = None
    password_env: Text | None = None
    bytes_per_hour: Annotated[int, Meta(ge=20_000, le=10**12)] | None = None
    dialect: Literal["watertower", "sparkplug", "thingsboard"] = "watertower"
    group: SparkplugId | None = None
    primary_host: SparkplugId | None = None
    again_s: Annotated[int, Meta(ge=0, le=600, extra={"unit": "s"})] = (
        60  # ours: a host's keep-alive of 40 s, half more
    )
    commands: Literal["viewer", "operator", "admin"] | None = None

    @property
    def brokers(self) -> tuple[tuple[str, int], ...]:
        """(host, port) of each, in the order in which they are tried."""
        port = self.port or (1883 if self.tls is None else 8883)  # IANA: mqtt, secure-mqtt
        others = (place.rpartition(":") for place in self.hosts)
        return (self.host, port), *((host, int(number)) for host, _, number in others)

    def placed(self, place: Callable[[str], str]) -> "MqttUplink":
        """The same with its files where they are."""

        def found(name: str | None) -> str | None:
            return name and place(name)

        tls = self.tls
        return replace(
            self,
            tls=tls and replace(tls, ca=found(tls.ca), cert=found(tls.cert), key=found(tls.key)),
            password_file=found(self.password_file),
        )


def login_faults(path: str, uplink: Tree) -> Iterator[Fault]:
    """What goes together, or not, of certificate, user and password."""
    tls = uplink.get("tls") or {}
    if "cert" in tls and "key" in tls and (tls["cert"] is None) != (tls["key"] is None):
        yield Fault(f"{path}.tls", "fault.cert_without_key", Phrase("hint.cert_and_key"))
    files = [key for key in ("password_file", "password_env") if uplink.get(key) is not None]
    if len(files) == 2:
        yield Fault(f"{path}.password_env", "fault.doubled_password", Phrase("hint.one_password"))
    if files and uplink.get("type") == "mqtt" and "username" in uplink and uplink["username"] is None:
        yield Fault(f"{path}.{files[0]}", "fault.password_without_user", Phrase("hint.username"))


def dialect_faults(path: str, uplink: Tree) -> Iterator[Fault]:
    """Keys that another language than the one that is spoken knows."""
    dialect = uplink.get("dialect") if uplink.get("type") == "mqtt" else None
    for key, dialects in _OF_DIALECTS.items() if dialect is not None else ():
        if uplink.get(key) is not None and dialect not in dialects:
            yield Fault(f"{path}.{key}", "fault.other_dialect", dialects=", ".join(map(quoted, dialects)))
    if dialect == "sparkplug" and not (find_spec("google") and find_spec("google.protobuf")):
        yield Fault(f"{path}.dialect", "fault.no_protobuf", Phrase("hint.no_protobuf"))
