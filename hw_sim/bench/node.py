"""Knows which measurements make up the figures of a node; measures nothing itself."""

from collections.abc import Callable, Iterable
from importlib import import_module

from hw_sim.bench import Figure

PARTS = ("power_cuts", "air", "link_storm", "node_day", "node_heap", "pico_day")  # each a module with measure(progress)


def measure(progress: Callable[[str], None], only: Iterable[str] = PARTS) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for name in PARTS:
        if name in only:
            figures |= import_module(f"hw_sim.bench.{name}").measure(progress)
    return figures
