"""Knows how many samples a second go through quality tests and alarms on one core; joins no store."""

import math
import time

from gateway.process.alarm.alarms import Alarms
from gateway.process.alarm.expression import parse
from gateway.process.alarm.rule import Rule
from gateway.process.quality.channel import ChannelQuality
from gateway.process.quality.cross import Place, cross
from gateway.process.quality.limit_table import Channel, limits
from gateway.process.quality.limits import Limits

_SENSORS = 10  # five channels each
_SECONDS = 1200
_QUANTITIES = (
    ("temperature", "degC"),
    ("conductivity", "uS/cm"),
    ("ph", "pH"),
    ("dissolved_oxygen", "mg/L"),
    ("level", "mm"),
)
_BASES = (6.0, 320.0, 8.2, 9.0, 700.0)


def figures() -> dict[str, float]:
    """Samples a second of processor time: all tests of a channel, the cross checks of each sensor's moment, and four
    rules a sensor, with a mean and a change among them."""
    tests_s, alarms_s, count = _spent()
    return {
        "quality_samples_per_s": count / tests_s,
        "alarms_samples_per_s": count / alarms_s,
        "quality_and_alarms_samples_per_s": count / (tests_s + alarms_s),
    }


def _spent() -> tuple[float, float, int]:
    sensors = range(_SENSORS)
    tests = [[ChannelQuality(_limits(name, unit)) for name, unit in _QUANTITIES] for _ in sensors]
    names = [[f"s{sensor}.{name}" for name, _ in _QUANTITIES] for sensor in sensors]
    alarms = Alarms([rule for sensor in sensors for rule in _rules(f"s{sensor}")])
    place = Place()
    tests_s = alarms_s = 0.0
    for second in range(_SECONDS):
        unix_ms = 1_795_881_600_000 + 1000 * second
        for sensor in sensors:
            values = [base * (1 + 0.01 * math.sin((second + 37 * sensor) / 300)) for base in _BASES]
            began_s = time.process_time()
            flags = [0] * len(values)
            for at, (test, value) in enumerate(zip(tests[sensor], values, strict=True)):
                for when, added in test.step(unix_ms, value):
                    if when == unix_ms:
                        flags[at] |= added
            readings = {name: (value, flag) for (name, _), value, flag in zip(_QUANTITIES, values, flags, strict=True)}
            cross(readings, place)
            tested_s = time.process_time()
            alarms.step(unix_ms, dict(zip(names[sensor], zip(values, flags, strict=True), strict=True)))
            tests_s += tested_s - began_s
            alarms_s += time.process_time() - tested_s
        began_s = time.process_time()
        alarms.tick(unix_ms)
        alarms_s += time.process_time() - began_s
    return tests_s, alarms_s, _SECONDS * _SENSORS * len(_QUANTITIES)


def _limits(name: str, unit: str) -> Limits:
    own = limits(Channel("water", name, unit, 2, None, None, 1))
    return own._replace(attenuated_ms=3_600_000, attenuated_suspect=1e-6)


def _rules(sensor: str) -> list[Rule]:
    return [
        Rule(
            f"{sensor}_flood",
            "red",
            parse(f"{sensor}.level > 1500 and change({sensor}.level, 1h) > 200"),
            delay_ms=60_000,
        ),
        Rule(f"{sensor}_acid", "orange", parse(f"{sensor}.ph < 6 or {sensor}.ph > 9"), delay_ms=60_000),
        Rule(f"{sensor}_oxygen", "yellow", parse(f"mean({sensor}.dissolved_oxygen, 1h) < 5"), hysteresis=0.5),
        Rule(f"{sensor}_joint", "red", parse(f"alarm({sensor}_acid) and {sensor}.conductivity > 900")),
    ]
