"""Knows random weather as arrays, one generator for each named process; knows no weather that is made of it.

PCG64's raw words are the same in every NumPy (NEP 19); NumPy's distributions are not promised to be, so the two used
here are made of the raw words, in sums and products alone. A longer span begins with the same numbers.
"""

import math
from itertools import accumulate

import numpy as np

from hw_sim.climate.grid import STEP_S, Array
from hw_sim.streams import Stream, Streams

_PARTS = 12  # of 16 bits each, three raw words: their sum has variance 12/12


class Noise:
    """The generator of one process. Equal names under one seed give equal numbers, whatever was drawn elsewhere."""

    def __init__(self, streams: Streams, name: str) -> None:
        stream = Stream(streams.seed, f"climate {name}")
        self._bits = np.random.PCG64(int(stream.random() * 2**53))

    def uniforms(self, count: int) -> Array:
        """0 <= x < 1, with 53 bits."""
        numbers: Array = (self._bits.random_raw(count) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return numbers

    def normals(self, count: int) -> Array:
        """Nearly standard normal: the sum of 12 uniforms (Irwin-Hall), -6 < x < 6."""
        words = self._bits.random_raw(count * _PARTS // 4).view(np.uint16).reshape(count, _PARTS)
        numbers: Array = (words.sum(axis=1, dtype=np.int64) - _PARTS * 32767.5) / 65536.0
        return numbers

    def red(self, count: int, tau_s: float, smooth_s: float = 0.0) -> Array:
        """Red noise of variance 1 that forgets in `tau_s` (Ornstein and Uhlenbeck 1930), rounded over `smooth_s`."""
        keep = math.exp(-STEP_S / tau_s)
        fresh = self.normals(count)
        fresh[1:] *= math.sqrt(1.0 - keep * keep)
        held = accumulate(fresh.tolist(), lambda state, new: keep * state + new)
        if not smooth_s:
            return np.array(list(held))
        slow = math.exp(-STEP_S / smooth_s)
        # the variance of red noise after a first-order filter, in discrete time
        variance = (1.0 - slow) * (1.0 + keep * slow) / ((1.0 + slow) * (1.0 - keep * slow))
        gain = (1.0 - slow) / math.sqrt(variance)
        first = next(held)
        rest = accumulate((gain * value for value in held), lambda state, new: slow * state + new, initial=first)
        return np.array(list(rest))
