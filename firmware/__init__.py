"""The node: wakes, reads its sensors, keeps records, reports. Runs on MicroPython, knows hardware only as a Board."""

import gc

# Collected often, what is loaded lies close together. Else a board's heap is in pieces when the first wake comes, and
# the smallest in which a day passes is a quarter larger (scripts/bench node: peak_heap_kib). CPython has no such thing.
_threshold = getattr(gc, "threshold", None)
if _threshold is not None:
    _threshold(4096)
