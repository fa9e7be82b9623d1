"""Knows what a sensor model's datasheet says, as data; knows no bus and no single device. A node has its slice instead.

Gateway and simulator use the same Profile, and a node is given its part of it.
"""

from protocols.record import Record
from protocols.registers import Manner, Register


class Write(Record):
    """Something a device can be told to do: its address and, unless `kind` is None, the value that is written there,
    `low` to `high` in fixed point as that of a Register. Without a kind it is a command that writes no words."""

    def __init__(
        self,
        name: str,
        function: int,
        address: int,
        kind: "str | None" = None,
        low: int = 0,
        high: int = 0,
        decimals: int = 0,
        exponent: int = 0,
    ) -> None:
        self.name = name
        self.function = function
        self.address = address
        self.kind = kind
        self.low = low
        self.high = high
        self.decimals = decimals
        self.exponent = exponent


class Profile(Manner):
    """What one sensor model offers, with its source and how sure we are (`confidence`: manual, driver, note, generic).

    `latency_ms`: the longest that it thinks before it answers. `wipe`, as `start`, has it wipe its window for
    `wipe_ms`. `writes`: what else it can be told to do, and to wipe; the one called "address" gives it another unit id.
    `serial`: the read that gives its serial number as text; `serial_model`: how that begins for this model, "?" for any
    character (None: not known).
    """

    def __init__(
        self,
        model: str,
        title: str,
        title_zh: str,
        kind: str,
        registers: "tuple[Register, ...]",
        *,
        confidence: str,
        source: str,
        notes: str = "",
        function: int = 3,
        order: str = "ABCD",
        baud: int = 9600,
        parity: str = "N",
        stop_bits: int = 1,
        unit_id: int = 1,
        warm_up_ms: int = 0,
        settle_ms: int = 0,
        measure_ms: int = 0,
        start: "tuple[int, int, int] | None" = None,
        busy_retry_ms: int = 0,
        silent_on_unknown: bool = False,
        reserved_unit_ids: "tuple[int, ...]" = (),
        max_words: int = 125,
        max_gap: int = 0,
        power_mw: "int | None" = None,
        latency_ms: int = 300,
        wipe: "tuple[int, int, int] | None" = None,
        wipe_ms: int = 0,
        writes: "tuple[Write, ...]" = (),
        serial: "tuple[int, int, int] | None" = None,
        serial_model: "str | None" = None,
    ) -> None:
        super().__init__(function, order, warm_up_ms, settle_ms, measure_ms, start, busy_retry_ms, max_words, max_gap)
        self.model = model
        self.title = title
        self.title_zh = title_zh
        self.kind = kind
        self.registers = tuple(registers)
        self.confidence = confidence
        self.source = source
        self.notes = notes
        self.baud = baud
        self.parity = parity
        self.stop_bits = stop_bits
        self.unit_id = unit_id
        self.silent_on_unknown = silent_on_unknown
        self.reserved_unit_ids = tuple(reserved_unit_ids)
        self.power_mw = power_mw
        self.latency_ms = latency_ms
        self.wipe = wipe
        self.wipe_ms = wipe_ms
        self.serial = serial
        self.serial_model = serial_model
        self.writes = tuple(writes) + (() if wipe is None else (Write("wipe", wipe[0], wipe[1]),))
