"""Measures what other dialects of the MQTT uplink cost beside watertower's own payload; judges nothing."""

from typing import Any

from gateway.control.platform import Platform
from gateway.ports import SystemClock
from gateway.site.config import MqttUplink
from gateway.store import Row, Series
from gateway.uplink.dialect import Dialect
from gateway.uplink.sparkplug import Sparkplug
from gateway.uplink.thingsboard import ThingsBoard
from hw_sim.bench.platforms_sl651 import rate

_NAMES = (
    "temperature", "ph", "dissolved_oxygen", "conductivity", "turbidity", "orp", "chlorophyll", "algae", "ammonium",
    "saturation",
)  # fmt: skip


class _Nothing:
    """A store without a row, a desk without an order, a count of sessions without a disk."""

    def all_series(self) -> list[Series]:
        return []

    def newest(self) -> list[Row]:
        return []

    def next(self) -> int:
        return 0


def figures() -> dict[str, float]:
    """Name -> value; of payloads alone."""
    nothing: Any = _Nothing()
    uplink, platform = MqttUplink(id="scada", host="nowhere", dialect="sparkplug"), Platform(nothing, "scada", None)
    clock = SystemClock()
    spoken: dict[str, Dialect] = {
        "sparkplug": Sparkplug("demo", uplink, {}, "Demo", nothing, clock, nothing, platform),
        "thingsboard": ThingsBoard("demo", {}, clock, nothing, platform),
    }
    found = {}
    for name, dialect in spoken.items():
        for number in (1, 10):
            channels = tuple((f"sonde.{quantity}", "mg/L", 2) for quantity in _NAMES[:number])
            dialect.announce(Series(number, f"sensor sonde{number}", channels))
            row = Row(123_456, number, clock.unix_ms(), (1234,) * number, None)
            dialect.rows(0, [row])  # a device's birth is no reading
            size = sum(len(said.payload) for said in dialect.rows(0, [row]))
            found[f"{name}_bytes_of_one_reading" if number == 1 else f"{name}_bytes_per_reading"] = size / number
        found[f"{name}_encoded_per_s"] = rate(lambda said=dialect, row=row: said.rows(0, [row]))  # type: ignore[misc]
    return found
