"""Knows the tests that look at how much a channel moved of late: flat line, attenuated signal; keeps no reading.

QARTOD, e.g. Manual for Real-Time Quality Control of Dissolved Oxygen Observations 2.1 (2018), tests 8 and 10.
Definitions as in ioos-qc 3.0.0, `flat_line_test` and `attenuated_signal_test`, but by time where that one counts
readings by their median distance. A test speaks once its whole window has been seen.
"""

from typing import Any

from gateway.process.window import Extremes, Moments
from protocols.worth import QARTOD_FAIL, QARTOD_GOOD, QARTOD_NOT_EVALUATED, QARTOD_SUSPECT

_FEWEST = 3  # ioos-qc 3.0.0: with fewer than three points everything passes


class FlatLine:
    """A spread below `tolerance` over `suspect_ms` or `fail_ms`, both ends of the window included."""

    __slots__ = ("_count", "_grades", "_since_ms", "_tolerance")

    def __init__(
        self, suspect_ms: int | None, fail_ms: int | None, tolerance: float, state: list[Any] | None = None
    ) -> None:
        self._tolerance = tolerance
        self._count: int
        self._since_ms: int | None
        self._count, self._since_ms, windows = state or (0, None, (None, None))
        grades = ((fail_ms, QARTOD_FAIL), (suspect_ms, QARTOD_SUSPECT))
        self._grades = tuple(
            (window_ms, flag, Extremes(window_ms + 1, window))
            for (window_ms, flag), window in zip(grades, windows, strict=True)
            if window_ms is not None
        )

    def step(self, unix_ms: int, value: float) -> int:
        if self._since_ms is None:
            self._since_ms = unix_ms
        if self._count < _FEWEST:
            self._count += 1
        seen_ms = unix_ms - self._since_ms
        worst = QARTOD_GOOD
        for window_ms, flag, extremes in self._grades:
            spread = extremes.add(unix_ms, value)
            if spread < self._tolerance and seen_ms >= window_ms and self._count == _FEWEST and flag > worst:
                worst = flag
        return worst

    def state(self) -> list[Any]:
        by_flag = {flag: extremes.state() for _, flag, extremes in self._grades}
        return [self._count, self._since_ms, [by_flag.get(QARTOD_FAIL), by_flag.get(QARTOD_SUSPECT)]]


class Attenuated:
    """A standard deviation (of the population) or a range below its limit over the window (now - window_ms, now]."""

    __slots__ = ("_extremes", "_fail", "_moments", "_since_ms", "_suspect", "_window_ms")

    def __init__(
        self,
        by: str,
        window_ms: int,
        suspect: float | None,
        fail: float | None,
        state: list[Any] | None = None,
    ) -> None:
        self._window_ms, self._suspect, self._fail = window_ms, suspect, fail
        self._since_ms: int | None
        self._since_ms, window = state or (None, None)
        self._moments = Moments(window_ms, window) if by == "std" else None
        self._extremes = Extremes(window_ms, window) if by == "range" else None

    def step(self, unix_ms: int, value: float) -> int:
        if self._since_ms is None:
            self._since_ms = unix_ms
        if self._moments is not None:
            size = self._moments.add(unix_ms, value)[2] ** 0.5
        else:
            assert self._extremes is not None
            size = self._extremes.add(unix_ms, value)
        if unix_ms - self._since_ms < self._window_ms:
            return QARTOD_NOT_EVALUATED
        return attenuation(size, self._suspect, self._fail)

    def state(self) -> list[Any]:
        window = self._moments or self._extremes
        assert window is not None
        return [self._since_ms, window.state()]


def attenuation(size: float, suspect: float | None, fail: float | None) -> int:
    if fail is not None and size < fail:
        return QARTOD_FAIL
    return QARTOD_SUSPECT if suspect is not None and size < suspect else QARTOD_GOOD
