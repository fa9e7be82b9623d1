"""Knows how an array of values at even times becomes a signal; knows nothing of what it shows."""

from array import array

import numpy as np

from hw_sim.climate.grid import Array
from hw_sim.signals import Signal

_DECIMALS = 6  # finer than any sensor: hides the last bits of exp and log, in which processors differ


def held(values: Array, step_s: float, first_s: float) -> Signal:
    """Straight lines between `values`, which stand for first_s, first_s + step_s ..; before and after, the nearest.

    Plain Python: one call costs a third of a microsecond, a NumPy scalar ten times that.
    """
    points = array("d", np.round(values, _DECIMALS).tobytes())
    last = len(points) - 1
    final = points[last]
    per_second = 1.0 / step_s

    def signal(time_s: float) -> float:
        place = (time_s - first_s) * per_second
        index = int(place)
        if index >= last:
            return final
        if place < 0.0:
            return points[0]
        low = points[index]
        return low + (points[index + 1] - low) * (place - index)

    return signal


def turning(values: Array, step_s: float, first_s: float) -> Signal:
    """The same for directions in degrees that may have turned more than once around: 0 <= answer < 360."""
    straight = held(values, step_s, first_s)

    def signal(time_s: float) -> float:
        return straight(time_s) % 360.0 % 360.0  # the first % gives 360.0 for the tiniest negative

    return signal


def sector(direction: Signal) -> Signal:
    """A direction in degrees as an eighth of the compass: 0 north, 1 north-east .. 7 (profile cwt_weather)."""

    def signal(time_s: float) -> float:
        return float(int((direction(time_s) + 22.5) % 360.0 / 45.0))

    return signal
