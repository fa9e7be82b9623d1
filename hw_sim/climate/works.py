"""Knows how a works beside the station runs and what its treatment lets through; knows no chimney and no pipe.

Everything here is ours: a day's rhythm, a treatment that takes most of the load, and an event in which it takes less.
What leaves is told as a multiple of what leaves on an ordinary working day; a scenario scales it to a pollutant.
"""

import math

import numpy as np

from hw_sim.climate.grid import HOUR_S, Array, Grid
from hw_sim.climate.noise import Noise
from hw_sim.climate.overlays import AnyOverlay, TreatmentFails, outline
from hw_sim.streams import Streams

_TAKEN = 0.95  # of the load, by a treatment in order: ours, within the 0.9 to 0.99 usual for scrubbers and filters
_NIGHT = 0.55  # of the day's work


class Works:
    """`activity`: 1 by day, less by night; `outlet`: how concentrated what leaves is, 1 in order; `emission`: how much
    of it leaves, the product of both."""

    def __init__(self, grid: Grid, streams: Streams, overlays: tuple[AnyOverlay, ...]) -> None:
        flicker = Noise(streams, "works").red(grid.size, 2 * HOUR_S)
        by_day = 0.5 - 0.5 * np.cos((grid.solar_h - 2.0) * (math.pi / 12.0))  # highest at 14 h
        self.activity: Array = _NIGHT + (1.0 - _NIGHT) * by_day
        taken = np.full(grid.size, _TAKEN)
        for event in overlays:
            if isinstance(event, TreatmentFails):
                taken = taken * (1.0 - event.lost_percent / 100.0 * outline(event, grid.t_s, 0.1, 0.2))
        self.outlet: Array = (1.0 - taken) / (1.0 - _TAKEN) * np.exp(0.06 * flicker)
        self.emission: Array = self.activity * self.outlet
