"""Knows what a node's slice of the site file says; knows not how it is written, no default and no sensor model."""

from protocols.record import Record

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from protocols.registers import Manner, Register


class ConfigError(Exception):
    """The slice is damaged or of another version: provision the node again. Says where."""


class Sensor(Record):
    """One sensor of this node: `registers` in the order in which their values stand in a record."""

    def __init__(
        self,
        id: str,
        bus: int,
        unit_id: int,
        period_ms: int,
        rail: str | None,
        profile: "Manner",
        registers: "tuple[Register, ...]",
    ) -> None:
        self.id = id
        self.bus = bus
        self.unit_id = unit_id
        self.period_ms = period_ms
        self.rail = rail
        self.profile = profile
        self.registers = registers


class Wiper(Record):
    """How one sensor is told to wipe its window, how long that takes, and how often it is wanted (0: only by
    command)."""

    def __init__(self, function: int, address: int, quantity: int, takes_ms: int, every_ms: int) -> None:
        self.function = function
        self.address = address
        self.quantity = quantity
        self.takes_ms = takes_ms
        self.every_ms = every_ms


class Battery(Record):
    """Thresholds of a node's tiers (firmware/power.py): (down, up) in mV for each step, when it is warm and when it is
    colder than `cold_dc` tenths of a degree; from `charge_dc` on it may be charged (None: never)."""

    def __init__(
        self,
        warm_mv: tuple[tuple[int, int], ...],
        cold_mv: tuple[tuple[int, int], ...],
        cold_dc: int,
        charge_dc: int | None,
    ) -> None:
        self.warm_mv = warm_mv
        self.cold_mv = cold_mv
        self.cold_dc = cold_dc
        self.charge_dc = charge_dc


class NodeConfig(Record):
    """A node's slice. `buses`: (name, baud, parity, stop bits) each; `max_frame`: the most bytes of one frame; `order`:
    in which sensors of one slot are read; `wipers`: by the sensor's index; `limits`: of firmware/emergency.py;
    `emergency_ms`: the dense period (0: none). `update_key`: b"", it takes no updates."""

    def __init__(
        self,
        node: int,
        name: str,
        schema: int,
        key: bytes,
        report_ms: int,
        buses: tuple[tuple[str, int, str, int], ...],
        sensors: tuple[Sensor, ...],
        max_frame: int,
        order: tuple[int, ...] = (),
        wipers: dict[int, Wiper] | None = None,
        battery: Battery | None = None,
        emergency_ms: int = 0,
        limits: tuple[tuple[int, int, int], ...] = (),
        update_key: bytes = b"",
    ) -> None:
        self.node = node
        self.name = name
        self.schema = schema
        self.key = key
        self.report_ms = report_ms
        self.buses = buses
        self.sensors = sensors
        self.max_frame = max_frame
        self.order = order
        self.wipers = wipers or {}
        self.battery = battery
        self.emergency_ms = emergency_ms
        self.limits = limits
        self.update_key = update_key
