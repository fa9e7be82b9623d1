"""Knows control charts, CUSUM and EWMA: small lasting shifts that no single value shows; keeps a few numbers.

Montgomery, Introduction to Statistical Quality Control, chapter 9; NIST/SEMATECH e-Handbook 6.3.2.3 and 6.3.2.4.
"""

from math import sqrt
from typing import Any


class Cusum:
    """Tabular CUSUM of deviations from `target`, in units of `sigma`: what goes beyond `slack` adds up on its side.
    0.5 and 5 find a shift of one sigma after about ten values and cry wolf once in 465 (Montgomery, 9.1.3)."""

    __slots__ = ("_high", "_limit", "_low", "_sigma", "_slack", "_target")

    def __init__(
        self, target: float, sigma: float, slack: float = 0.5, limit: float = 5.0, state: list[Any] | None = None
    ) -> None:
        self._target, self._sigma, self._slack, self._limit = target, sigma, slack, limit
        self._high: float
        self._low: float
        self._high, self._low = state or (0.0, 0.0)

    def step(self, value: float | None) -> int:
        """1: shifted upwards, -1: downwards, 0: no shift, or nothing to tell from."""
        if value is None or value - value != 0 or self._sigma <= 0:
            return 0
        deviation = (value - self._target) / self._sigma
        self._high = max(0.0, self._high + deviation - self._slack)
        self._low = max(0.0, self._low - deviation - self._slack)
        if self._high > self._limit:
            return 1
        return -1 if self._low > self._limit else 0

    def state(self) -> list[Any]:
        return [self._high, self._low]


class Ewma:
    """A mean in which a value `weight`s and what came before fades; `width` sigmas of that mean are its limits.
    0.2 and 2.962 have the CUSUM's 500 values between false alarms (Lucas and Saccucci, 1990)."""

    __slots__ = ("_mean", "_rest", "_sigma", "_target", "_weight", "_width")

    def __init__(
        self, target: float, sigma: float, weight: float = 0.2, width: float = 2.962, state: list[Any] | None = None
    ) -> None:
        self._target, self._sigma, self._weight, self._width = target, sigma, weight, width
        self._mean: float
        self._rest: float
        self._mean, self._rest = state or (target, 1.0)

    def step(self, value: float | None) -> int:
        if value is None or value - value != 0 or self._sigma <= 0:
            return 0
        self._mean += self._weight * (value - self._mean)
        self._rest *= (1 - self._weight) ** 2  # of the wider limits that a long run has
        limit = self._width * self._sigma * sqrt(self._weight / (2 - self._weight) * (1 - self._rest))
        deviation = self._mean - self._target
        return (deviation > limit) - (deviation < -limit)

    @property
    def mean(self) -> float:
        return self._mean

    def state(self) -> list[Any]:
        return [self._mean, self._rest]
