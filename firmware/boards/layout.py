"""Knows what board.json says about a carrier board: which pin is what; knows no chip and touches no hardware.

    {"radio": {"uart": 0, "tx": 0, "rx": 1, "baud": 9600, "aux": 2},
     "buses": {"uart1": {"uart": 1, "tx": 4, "rx": 5, "de": 6}},
     "rails": {"probes": 10, "heater": {"pin": 11, "on": 0}},
     "journal": {"start": 1310720, "bytes": 131072}, "settings": .., "slot_a": .., "slot_b": .., "notes": ..,
     "battery": {"pin": 28, "ratio_permille": 3000}, "charge": {"pin": 12, "on": 1}, "gate": {"pin": 13, "on": 1},
     "clock": {"i2c": 0, "sda": 20, "scl": 21, "gates": 1}, "strap": 15, "watchdog_ms": 8000}

Pins are GPIO numbers; buses and rails have their names in the site file. May be left out: of the radio `aux` (modem
ready) and, together, `m0` and `m1` (its modes); `de` (RS-485 direction); the regions of flash (only on RP2: rp2.py);
`battery` (an ADC's pin behind a divider: battery voltage = 1/1000 of the ratio x the pin's); `charge` (lets the charger
charge); `gate` ("done" to a timer that switches the supply); `clock` (a DS3231; it `gates` when its INT switches the
supply); `strap` (to ground: the prompt for a technician); `watchdog_ms`.
"""

import json

from firmware.config import ConfigError
from protocols.record import Record

FILE = "board.json"
REGIONS = ("journal", "settings", "slot_a", "slot_b", "notes")

_PIN = (0, 48)  # ESP32-S3 has the highest number, RP2040 ends at 29: each port refuses what its chip lacks
_SECTOR_BYTES = 4096  # of every flash chip on these boards
_RANGES = {
    "uart": (0, 4),
    "tx": _PIN,
    "rx": _PIN,
    "de": _PIN,
    "aux": _PIN,
    "i2c": (0, 1),
    "sda": _PIN,
    "scl": _PIN,
    "gates": (0, 1),
    "pin": _PIN,
    "strap": _PIN,
    "on": (0, 1),
    "baud": (1200, 115200),  # what a modem of the E22 class and a bus of the profiles can do
    "start": (0, 16 << 20),
    "bytes": (2 * _SECTOR_BYTES, 16 << 20),
    "m0": _PIN,
    "m1": _PIN,
    "ratio_permille": (1000, 20_000),
    "watchdog_ms": (5000, 8388),  # above clock.SLICE_MS; RP2040's longest (micropython: ports/rp2/machine_wdt.c)
}


class Port(Record):
    """A UART and its pins. `baud` only of the radio; a bus gets it from the slice."""

    def __init__(
        self,
        uart: int,
        tx: int,
        rx: int,
        baud: int = 0,
        de: int | None = None,
        aux: int | None = None,
        m0: int | None = None,
        m1: int | None = None,
    ) -> None:
        self.uart = uart
        self.tx = tx
        self.rx = rx
        self.baud = baud
        self.de = de
        self.aux = aux
        self.m0 = m0
        self.m1 = m1


class Layout(Record):
    """A carrier board. `rails`: name to (pin, level for on), as `charge` and `gate`; `regions`: name to (start, bytes)
    in the flash storage; `battery`: (pin, ratio in thousandths); `clock`: (I2C, SDA, SCL, whether it gates)."""

    def __init__(
        self,
        radio: Port,
        buses: dict[str, Port],
        rails: dict[str, tuple[int, int]],
        regions: dict[str, tuple[int, int]] | None = None,
        strap: int | None = None,
        watchdog_ms: int | None = None,
        battery: tuple[int, int] | None = None,
        charge: tuple[int, int] | None = None,
        gate: tuple[int, int] | None = None,
        clock: tuple[int, int, int, int] | None = None,
    ) -> None:
        self.radio = radio
        self.buses = buses
        self.rails = rails
        self.regions = regions or {}
        self.strap = strap
        self.watchdog_ms = watchdog_ms
        self.battery = battery
        self.charge = charge
        self.gate = gate
        self.clock = clock

    @property
    def gated(self) -> bool:
        """Whether the supply goes away between wakes."""
        return self.gate is not None or (self.clock is not None and bool(self.clock[3]))

    @property
    def journal(self) -> tuple[int, int] | None:
        """Where the ring lies."""
        return self.regions.get("journal")


def parse(text: bytes) -> Layout:
    """The layout behind board.json. ConfigError names file and key."""
    if text.count(b"{") != text.count(b"}"):
        raise ConfigError("%s: not whole" % FILE)  # MicroPython's json takes the end of a file for a missing bracket
    try:
        plain = json.loads(text)
    except ValueError:
        raise ConfigError("%s: not JSON" % FILE)
    others = ("buses", "rails", "strap", "watchdog_ms", "battery", "charge", "gate", "clock")
    _keys("", plain, ("radio",), others + REGIONS)
    radio = _numbers("radio", plain["radio"], ("uart", "tx", "rx", "baud"), ("aux", "de", "m0", "m1"))
    if ("m0" in radio) != ("m1" in radio) or ("m0" in radio and "aux" not in radio):
        raise _fault("radio", "m0 and m1 go together, with aux")
    buses = {}
    for name, port in _items("buses", plain):
        numbers = _numbers("buses." + name, port, ("uart", "tx", "rx"), ("de",))
        buses[name] = Port(numbers["uart"], numbers["tx"], numbers["rx"], de=numbers.get("de"))
    rails = {}
    for name, rail in _items("rails", plain):
        rails[name] = _output("rails." + name, rail)
    battery = _numbers("battery", plain["battery"], ("pin", "ratio_permille")) if "battery" in plain else None
    clock = _numbers("clock", plain["clock"], ("i2c", "sda", "scl"), ("gates",)) if "clock" in plain else None
    layout = Layout(
        Port(
            radio["uart"],
            radio["tx"],
            radio["rx"],
            radio["baud"],
            radio.get("de"),
            radio.get("aux"),
            radio.get("m0"),
            radio.get("m1"),
        ),
        buses,
        rails,
        _regions(plain),
        _number("strap", "strap", plain["strap"]) if "strap" in plain else None,
        _number("watchdog_ms", "watchdog_ms", plain["watchdog_ms"]) if "watchdog_ms" in plain else None,
        None if battery is None else (battery["pin"], battery["ratio_permille"]),
        _output("charge", plain["charge"]) if "charge" in plain else None,
        _output("gate", plain["gate"]) if "gate" in plain else None,
        None if clock is None else (clock["i2c"], clock["sda"], clock["scl"], clock.get("gates", 0)),
    )
    _once(layout)
    return layout


def _output(where: str, plain: object) -> tuple[int, int]:
    """(pin, level for on); a number alone is a pin that is on when high."""
    if not isinstance(plain, dict):
        return _number(where, "pin", plain), 1
    numbers = _numbers(where, plain, ("pin",), ("on",))
    return numbers["pin"], numbers.get("on", 1)


def _regions(plain: dict[str, object]) -> dict[str, tuple[int, int]]:
    """Ranges of the flash storage, in whole sectors, none over another."""
    found: dict[str, tuple[int, int]] = {}
    for name in REGIONS:
        if name not in plain:
            continue
        numbers = _numbers(name, plain[name], ("start", "bytes"))
        for key in numbers:
            if numbers[key] % _SECTOR_BYTES:
                raise _fault(name + "." + key, "%d is no multiple of %d" % (numbers[key], _SECTOR_BYTES))
        start, end = numbers["start"], numbers["start"] + numbers["bytes"]
        if name == "journal" and numbers["bytes"] < 3 * _SECTOR_BYTES:  # its ring needs three sectors
            raise _fault("journal.bytes", "%d is less than three sectors" % numbers["bytes"])
        for other in found:
            if start < found[other][0] + found[other][1] and found[other][0] < end:
                raise _fault(name, "lies over " + other)
        found[name] = (start, end - start)
    return found


def _once(layout: Layout) -> None:
    """No UART and no pin serves two purposes."""
    used: dict[str, str] = {}

    def use(what: str, number: int | None, where: str) -> None:
        if number is None:
            return
        key = "%s %d" % (what, number)
        if key in used:
            raise _fault(where, "%s is taken by %s" % (key, used[key]))
        used[key] = where

    for where, port in [("radio", layout.radio)] + [("buses." + name, layout.buses[name]) for name in layout.buses]:
        use("UART", port.uart, where + ".uart")
        for key in ("tx", "rx", "de", "aux", "m0", "m1"):
            use("pin", getattr(port, key), where + "." + key)
    for name in layout.rails:
        use("pin", layout.rails[name][0], "rails." + name)
    for where, pair in (("battery", layout.battery), ("charge", layout.charge), ("gate", layout.gate)):
        use("pin", None if pair is None else pair[0], where)
    if layout.clock is not None:
        use("pin", layout.clock[1], "clock.sda")
        use("pin", layout.clock[2], "clock.scl")
    use("pin", layout.strap, "strap")


# --- one key at a time ----------------------------------------------------------------------------------------------
def _fault(where: str, why: str) -> ConfigError:
    return ConfigError("%s: %s: %s" % (FILE, where, why))


def _keys(where: str, plain: object, needed: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, object]:
    if not isinstance(plain, dict):
        raise _fault(where or "the whole", "not an object")
    dot = where + "." if where else ""
    for key in needed:
        if key not in plain:
            raise _fault(dot + key, "missing")
    for key in plain:
        if key not in needed and key not in optional:
            raise _fault(dot + str(key), "unknown key")
    return plain


def _numbers(where: str, plain: object, needed: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, int]:
    fields = _keys(where, plain, needed, optional)
    return {key: _number(where + "." + key, key, fields[key]) for key in fields}


def _number(where: str, key: str, value: object) -> int:
    low, high = _RANGES[key]
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _fault(where, "%r is no whole number from %d to %d" % (value, low, high))
    return value


def _items(where: str, plain: dict[str, object]) -> list[tuple[str, object]]:
    group = plain.get(where, {})
    if not isinstance(group, dict):
        raise _fault(where, "not an object")
    return sorted(group.items())
