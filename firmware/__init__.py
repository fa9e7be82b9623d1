"""The node: wakes, reads its sensors, keeps records, reports. Runs on MicroPython, knows hardware only as a Board."""

import gc
import sys

# Collected often, what is loaded lies close together. Else a board's heap is in pieces when the first wake comes, and
# the smallest in which a day passes is a quarter larger (scripts/bench node: peak_heap_kib). CPython has no such thing.
_threshold = getattr(gc, "threshold", None)
if _threshold is not None:
    _threshold(4096)


def forget(*modules: str) -> None:
    """Drops modules that are seldom needed, those of them that are loaded: their code need not stay in memory. CPython
    keeps them, as others in its process know their classes."""
    for module in modules:
        if _threshold is not None and module in sys.modules:
            del sys.modules[module]
            room, _, name = module.partition(".")
            delattr(sys.modules[room], name)
