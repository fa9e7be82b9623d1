"""Knows what a node's computing adds on an emulated RP2040, where it takes its time; measures no sensor and no radio.

`UF2` in the environment names a MicroPython image (docs/pico.md); without one there are no figures. The other runtimes
compute in no time, so what node_day tells of processor and bus is of waiting alone."""

import os
from collections.abc import Callable
from pathlib import Path

from hw_sim.bench import Figure, figure, node_day
from hw_sim.pico.board import on_pico

_SHARE = 0.125  # of a day


def measure(progress: Callable[[str], None]) -> dict[str, Figure]:
    image = os.environ.get("UF2")
    if image is None:
        progress("no node on an emulated RP2040: UF2 names no MicroPython image")
        return {}
    progress("three hours on an emulated RP2040")
    day = node_day.live(on_pico(Path(image)), _SHARE)
    wakes = node_day.DAY_S / 900
    return {
        "pico_bus_over_floor": figure(day.bus_s / wakes * 1000, "ms/wake", "the floor", day.bus_floor_s / wakes * 1000),
        "pico_processor_over_floor": figure(
            day.taken_j["processor"], "J/day", "awake while bus and radio talk", day.floor_j["processor"]
        ),
        "pico_lost": figure(day.lost, "readings", "none may be lost"),
    }
