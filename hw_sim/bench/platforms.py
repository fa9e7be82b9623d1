"""Knows what platforms' own languages cost beside the MQTT payload: frames a second, bytes of a reading."""

from collections.abc import Callable

from hw_sim.bench import Figure, figure, platforms_hj212, platforms_mqtt, platforms_sl651

_MQTT = "mqtt_payload_bytes_per_reading"
_ONE = "mqtt_payload_bytes_of_one_reading"
_UNITS = (("_per_s", "1/s"), ("_mb_per_s", "MB/s"), ("_readings_per_message", ""))


def measure(progress: Callable[[str], None]) -> dict[str, Figure]:
    """Ten readings of one time in a message, unless a name says otherwise."""
    progress("SL 651")
    found = platforms_sl651.figures()
    progress("HJ 212")
    found |= platforms_hj212.figures()
    progress("MQTT")
    found |= platforms_mqtt.figures()
    return {name: _figure(name, value, found) for name, value in found.items()}


def _figure(name: str, value: float, found: dict[str, float]) -> Figure:
    unit = next((unit for end, unit in reversed(_UNITS) if name.endswith(end)), "B")
    if unit != "B":
        return figure(value, unit, "")
    peer = _ONE if name.endswith("of_one_reading") else _MQTT if name.endswith("per_reading") else ""
    return figure(value, unit, peer, found.get(peer))
