"""Knows the forms in which parts of the gateway tell how they are; knows no part and no way to show it."""

from msgspec import Struct


class StoreState(Struct, frozen=True, kw_only=True):
    """`waiting`: polled rows that are not on disk yet."""

    is_open: bool
    is_full: bool
    last_seq: int
    waiting: int
    size_bytes: int | None
    free_bytes: int | None


class DeviceState(Struct, frozen=True, kw_only=True):
    """A polled sensor: `missed` polls in a row without any answer, `skipped` slots for which the bus had no time."""

    sensor: str
    unit_id: int
    missed: int
    skipped: int
    is_on: bool
    answered_unix_ms: int | None


class BusState(Struct, frozen=True, kw_only=True):
    bus: str
    is_open: bool
    is_overloaded: bool
    devices: tuple[DeviceState, ...]


class NodeState(Struct, frozen=True, kw_only=True):
    """`have`: its highest record that is here; `lacking`: records below that which are not; `is_foreign`: it works by
    another slice than this site file's; `battery_mv`: as it said last, and when."""

    name: str
    id: int
    heard_unix_ms: int | None
    rssi_dbm: int | None
    have: int
    lacking: int
    is_foreign: bool
    commands: int
    battery_mv: int | None = None
    battery_unix_ms: int | None = None


class RadioState(Struct, frozen=True, kw_only=True):
    is_open: bool
    refused: dict[str, int]
    nodes: tuple[NodeState, ...]


class UplinkState(Struct, frozen=True, kw_only=True):
    """`complete`: the platform has every row up to this one. The counts are since the gateway started."""

    uplink: str
    is_connected: bool
    trouble: str
    waiting_rows: int
    complete: int
    sent_rows: int
    confirmed_rows: int
    gone_rows: int
    used_bytes: int
    connections: int
    failed_connections: int
    waits: dict[str, int | str | None] = {}  # what a small channel has left to say, by kind


class ChannelState(Struct, frozen=True, kw_only=True):
    """The newest reading; `value` as text with its decimals, None: no value."""

    channel: str
    quantity: str
    unit: str
    value: str | None
    quality: int
    unix_ms: int


class AlarmState(Struct, frozen=True, kw_only=True):
    """A rule of the site file (docs/alarms.md). `since_ms`: of its last transition, `raised_ms`: when it was last
    raised, `shelf_ms`: when its shelf ends; `is_blind`: not enough data."""

    rule: str
    state: str
    level: str
    is_blind: bool
    since_ms: int | None
    value: float | None
    raised_ms: int | None = None
    shelf_ms: int | None = None


class ServiceState(Struct, frozen=True, kw_only=True):
    """Somebody works at a sensor ("maintenance", "calibration") until then."""

    sensor: str
    state: str
    until_ms: int


class EventState(Struct, frozen=True):
    unix_ms: int
    kind: str
    detail: str


class Status(Struct, frozen=True, kw_only=True):
    """The whole gateway at one moment. `stuck`: parts that stand still, in words."""

    station: str
    unix_ms: int
    is_clock_trusted: bool
    running_s: int
    store: StoreState
    buses: tuple[BusState, ...]
    radio: RadioState | None
    uplinks: tuple[UplinkState, ...]
    channels: tuple[ChannelState, ...]
    events: tuple[EventState, ...]
    stuck: tuple[str, ...]
    commands: dict[str, int]
    refused_commands: dict[str, int]
    alarms: tuple[AlarmState, ...] = ()
    services: tuple[ServiceState, ...] = ()
