"""Knows which measurements make up the figures of a node; measures nothing itself."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from hw_sim.bench import Figure

_PARTS = ("power_cuts", "air", "link_storm", "node_day", "node_heap")


def measure(progress: Callable[[str], None]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for name in _PARTS:
        module = f"hw_sim.bench.{name}"
        if find_spec(module) is None:
            progress(f"{name} is not there yet")
            continue
        figures |= import_module(module).measure(progress)
    return figures
