"""Knows how many values a second go through indices and classes on one core; knows no store.

A value is a number that is judged: an hour of air is six, of water five.
"""

import time
from collections.abc import Callable

from gateway.process.air import index, report
from gateway.process.air.editions import HJ633_2026, POLLUTANTS
from gateway.process.number import exact
from gateway.process.water import oxygen
from gateway.process.water.grade import grade
from gateway.process.water.tables import USUAL

_AT_LEAST_S = 0.5


def figures() -> dict[str, float]:
    """Values a second: of hours and days of air, and of hours of water with their oxygen saturation."""
    return {
        "air_values_per_s": _rate(_air_hour, len(POLLUTANTS)),
        "air_day_values_per_s": _rate(_air_day, 24 * len(POLLUTANTS)),
        "water_values_per_s": _rate(_water_hour, len(USUAL)),
    }


def _rate(once: Callable[[int], object], values: int) -> float:
    rounds, begin = 0, time.process_time()
    while (spent := time.process_time() - begin) < _AT_LEAST_S:
        for _ in range(100):
            once(rounds)
            rounds += 1
    return rounds * values / spent


def _hour_of_air(number: int) -> dict[str, float]:
    return {name: 10.0 + (number + 7 * place) % 90 for place, name in enumerate(POLLUTANTS)}


def _air_hour(number: int) -> object:
    values = {f"{name}_1h": value for name, value in _hour_of_air(number).items()}
    return index.hour(HJ633_2026, values)


_HOURS = {hour: {name: exact(value) for name, value in _hour_of_air(hour).items()} for hour in range(24)}


def _air_day(_: int) -> object:
    return index.day(HJ633_2026, report.day_values(_HOURS))


def _water_hour(number: int) -> object:
    values = {"pH": 8.1, "DO": 5.0 + number % 50 / 10, "CODMn": 2.1, "NH3N": 0.2 + number % 10 / 10, "TP": 0.03}
    return grade(values, saturation_percent=oxygen.percent(values["DO"], 8.0, 616.4), target=2)
