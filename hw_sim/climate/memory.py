"""Knows how things that forget exponentially follow what drives them: reservoirs, filters, mixed water; knows no
physics."""

import math
from itertools import accumulate

import numpy as np

from hw_sim.climate.grid import STEP_S, Array


def lagged(values: Array, tau_s: float, step_s: float = STEP_S, first: float | None = None) -> Array:
    """What a linear reservoir of residence time `tau_s` gives out when `values` flow in; `first` is its state before
    (None: at rest with the first value)."""
    keep = math.exp(-step_s / tau_s)
    gain = 1.0 - keep
    state = float(values[0]) if first is None else first
    inflow = (values * gain).tolist()
    out = accumulate(inflow, lambda held, new: keep * held + new, initial=state)
    return np.array(list(out)[1:])


def followed(keep: Array, add: Array, first: float) -> Array:
    """x[i] = keep[i] * x[i-1] + add[i], from `first`."""
    pairs = zip(keep.tolist(), add.tolist(), strict=True)
    held = first
    out = [held := k * held + a for k, a in pairs]
    return np.array(out)


def trailing_mean(values: Array, window: int) -> Array:
    """The mean of the last `window` values, of fewer at the beginning."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    index = np.arange(1, len(values) + 1)
    begin = np.maximum(index - window, 0)
    means: Array = (sums[index] - sums[begin]) / (index - begin)
    return means
