"""Knows how deep and fast a discharge runs in a wide rectangular channel, under ice too; knows no catchment.

Manning (1891). An ice cover doubles the wetted perimeter: the same water needs 2^0.4 = 1.32 of the depth (Ashton 1986,
River and Lake Ice Engineering, with equal roughness).
"""

import math
from typing import NamedTuple

from hw_sim.climate.grid import Array

GRAVITY = 9.80665
_UNDER_ICE = 2.0**0.4


class Channel(NamedTuple):
    """Its geometry; `roughness` is Manning's n."""

    width_m: float
    slope: float
    roughness: float

    def open_depth(self, discharge: float) -> float:
        """m, without ice."""
        return math.pow(discharge * self.roughness / (self.width_m * math.sqrt(self.slope)), 0.6)

    def depth(self, discharge: Array, ice_cover: Array) -> Array:
        """m of water, `ice_cover` 0..1."""
        free = (discharge * (self.roughness / (self.width_m * math.sqrt(self.slope)))) ** 0.6
        deep: Array = free * (1.0 + (_UNDER_ICE - 1.0) * ice_cover)
        return deep

    def velocity(self, discharge: Array, depth: Array) -> Array:
        """m/s, the mean of the cross-section."""
        speed: Array = discharge / (self.width_m * depth)
        return speed

    def dispersion(self, velocity: float, depth: float) -> float:
        """m2/s lengthwise: Fischer (1975), 0.011 v^2 w^2 / (h u*), u* = sqrt(g h S)."""
        shear = math.sqrt(GRAVITY * depth * self.slope)
        return 0.011 * velocity**2 * self.width_m**2 / (depth * shear)
