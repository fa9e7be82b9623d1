"""Knows the tests that hold a value against the ones beside it: spike, rate of change, gap; keeps two values at most.

QARTOD, e.g. Manual for Real-Time Quality Control of Dissolved Oxygen Observations 2.1 (2018), tests 1, 6 and 7.
Definitions as in ioos-qc 3.0.0, `spike_test` and `rate_of_change_test`.
"""

from protocols.worth import QARTOD_FAIL, QARTOD_GOOD, QARTOD_MISSING, QARTOD_NOT_EVALUATED, QARTOD_SUSPECT

Point = tuple[int, float | None]  # (unix_ms, value; None: there was none)


def graded(size: float, suspect: float | None, fail: float | None) -> int:
    """What lies above a limit; on it is still good."""
    if fail is not None and size > fail:
        return QARTOD_FAIL
    if suspect is not None and size > suspect:
        return QARTOD_SUSPECT
    return QARTOD_GOOD


def average(before: float, value: float, after: float) -> float:
    """How far a value lies from the middle of its neighbours. A spike makes its neighbours half as bad as itself."""
    return abs(value - (before + after) / 2)


def differential(before: float, value: float, after: float) -> float:
    """The smaller of the two steps, if they go up and down again: neighbours stay clean."""
    if (value - before) * (after - value) >= 0:
        return 0.0
    return min(abs(value - before), abs(after - value))


METHODS = {"average": average, "differential": differential}


class Spike:
    """Judges the value before the one it is given, so a first and a last one are never judged."""

    __slots__ = ("_fail", "_gap_ms", "_middle", "_size", "_start", "_suspect")

    def __init__(
        self,
        by: str,
        suspect: float | None,
        fail: float | None,
        gap_ms: int | None = None,
        state: tuple[Point | None, Point | None] = (None, None),
    ) -> None:
        self._size = METHODS[by]
        self._suspect, self._fail, self._gap_ms = suspect, fail, gap_ms
        self._start, self._middle = (None if point is None else (point[0], point[1]) for point in state)

    def step(self, unix_ms: int, value: float | None) -> tuple[int, int] | None:
        """(time, flag) of the value before this one; None: this is the first."""
        start, middle = self._start, self._middle
        self._start, self._middle = middle, (unix_ms, value)
        if middle is None:
            return None
        return middle[0], self._judged(start, middle, unix_ms, value)

    def _judged(self, start: Point | None, middle: Point, unix_ms: int, value: float | None) -> int:
        if middle[1] is None:
            return QARTOD_MISSING
        if start is None or start[1] is None or value is None:
            return QARTOD_NOT_EVALUATED
        if self._gap_ms is not None and (unix_ms - middle[0] > self._gap_ms or middle[0] - start[0] > self._gap_ms):
            return QARTOD_NOT_EVALUATED
        return graded(self._size(start[1], middle[1], value), self._suspect, self._fail)

    @property
    def awaited_ms(self) -> int | None:
        """When the last value was measured, if the next one may still make it fail."""
        start, middle, fail = self._start, self._middle, self._fail
        if fail is None or start is None or middle is None or start[1] is None or middle[1] is None:
            return None
        if self._gap_ms is not None and middle[0] - start[0] > self._gap_ms:
            return None
        # of up and down again the smaller step counts; the middle of neighbours may lie anywhere
        is_open = self._size is not differential or abs(middle[1] - start[1]) > fail
        return middle[0] if is_open else None

    def state(self) -> tuple[Point | None, Point | None]:
        return self._start, self._middle


def rate(step_ms: int, step: float, suspect_per_s: float | None, fail_per_s: float | None) -> int:
    """`step` is the change over `step_ms`, which is above zero."""
    return graded(abs(step) * 1000 / step_ms, suspect_per_s, fail_per_s)


def gap(step_ms: int, gap_ms: int) -> int:
    return QARTOD_FAIL if step_ms > gap_ms else QARTOD_GOOD
