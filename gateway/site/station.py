"""Knows the tables of a site file about the station and the gateway itself: store, clock, doors, people; no sensor."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.faults import Fault, Tree
from gateway.messages import Phrase
from gateway.site.fields import HostPort, Key, Latitude, Longitude, Name, StationId, Text

Days = Annotated[int, Meta(ge=1, le=36_500, extra={"unit": "d"})]


class Station(Struct, frozen=True, kw_only=True):
    """Whose readings these are, and where it stands (degrees WGS 84, metres above the sea)."""

    id: StationId
    name: Text
    name_zh: str = ""
    latitude: Latitude
    longitude: Longitude
    altitude_m: Annotated[float, Meta(ge=-500, le=9000, extra={"unit": "m"})]


class Store(Struct, frozen=True, kw_only=True):
    """Where readings are kept, how long polled ones may wait for the disk, and how long all stay;
    gateway/store/retention.py says which of these gives way to which."""

    path: Text = "store.db"
    commit_delay_s: Annotated[float, Meta(ge=0.1, le=600, extra={"unit": "s"})] = 10.0
    key: Text = "gateway.key"  # the gateway's own, made at its first signature: gateway/evidence/notary.py
    keep_days: Days | None = None
    max_mib: Annotated[int, Meta(ge=16, le=1_000_000, extra={"unit": "MiB"})] = 4096
    min_days: Annotated[int, Meta(ge=0, le=36_500, extra={"unit": "d"})] = 30
    when_full: Literal["stop", "drop_oldest"] = "stop"
    disk_reserve_mib: Annotated[int, Meta(ge=0, le=100_000, extra={"unit": "MiB"})] = 64


class Control(Struct, frozen=True, kw_only=True):
    """The Unix socket by which programs of this machine speak to the gateway; who may open it, may ask."""

    socket: Text = "watertower.sock"


class Metrics(Struct, frozen=True, kw_only=True):
    """Where Prometheus fetches figures. Nobody is asked for a password: an address of this machine, or of a VPN."""

    listen: HostPort


class Web(Struct, frozen=True, kw_only=True):
    """Where `watertower web` shows the station's page; beyond this machine only with a password, whose hash is kept in
    a file. `certificate`, `key` (PEM): of its encrypted connections, None: it makes its own (docs/web.md)."""

    listen: HostPort = "127.0.0.1:8080"
    password_file: Text = "web.password"
    certificate: Text | None = None
    key: Text | None = None


class ClockTrust(Struct, frozen=True, kw_only=True):
    """When the machine's time is believed. "auto": once NTP, PTP or GPS sets it, or a clock chip has it."""

    trust: Literal["auto", "always"] = "auto"


class Operator(Struct, frozen=True, kw_only=True):
    """Somebody who may send commands, and how much he may do: a viewer less than an operator, an admin all."""

    name: Name
    role: Literal["viewer", "operator", "admin"]
    key: Key

    def __repr__(self) -> str:
        return f"Operator(name={self.name!r}, role={self.role!r})"  # the key must not slip into a log

    @property
    def secret(self) -> bytes:
        """The key as its 32 bytes."""
        return bytes.fromhex(self.key)


def page_faults(site: Tree) -> Iterator[Fault]:
    """Of [web], on the sound part of a file: a key has its certificate."""
    page = site.get("web")
    if isinstance(page, dict) and page.get("key") is not None and page.get("certificate", "") is None:
        yield Fault("web.key", "fault.cert_without_key", Phrase("hint.cert_and_key"))
