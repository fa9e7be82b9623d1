"""Knows what a rule's quantities are now: a channel's last value, its mean, its change; knows no limit.

Constant memory: a mean has the slots of window.py, a change keeps a value each 1/32 of its time.
"""

from collections import deque
from typing import Any

from gateway.process.alarm.expression import Quantity
from gateway.process.order import LATE, SET_BACK, Order
from gateway.process.window import SLOTS, Moments

_PARTS = 32  # ours: a change is over its time or up to 1/32 more
_COVERED = 0.75  # of a mean's time has to be seen: the share that HJ 212-2017 annex D asks of a gas hour
_LATEST = 1.25  # a change whose earlier value is older than so much of its time is one across a hole: none


class _Change:
    def __init__(self, window_ms: int, state: list[list[float]] | None = None) -> None:
        self._window_ms = window_ms
        self._points = deque(list(point) for point in state or ())

    def add(self, unix_ms: int, value: float) -> float | None:
        points = self._points
        if not points or unix_ms - points[-1][0] >= self._window_ms / _PARTS:
            points.append([unix_ms, value])
        while len(points) > 1 and points[1][0] <= unix_ms - self._window_ms:
            points.popleft()
        age_ms = unix_ms - points[0][0]
        return value - points[0][1] if self._window_ms <= age_ms <= _LATEST * self._window_ms else None

    def state(self) -> list[list[float]]:
        return [list(point) for point in self._points]


class _Mean:
    def __init__(self, window_ms: int, state: list[list[float]] | None = None) -> None:
        self._window_ms = window_ms
        self._moments = Moments(window_ms, state or [])

    def add(self, unix_ms: int, value: float) -> float | None:
        _, mean, _ = self._moments.add(unix_ms, value)
        first_ms = self._moments.first_ms
        assert first_ms is not None
        # to a slot: four readings of an hour reach back 45 minutes, give or take what their polls took
        return mean if unix_ms - first_ms >= (_COVERED - 1 / SLOTS) * self._window_ms else None

    def state(self) -> Any:
        return self._moments.state()


_FORMS: dict[str, type[_Mean] | type[_Change]] = {"mean": _Mean, "change": _Change}


class Watched:
    """One channel and all that is asked of it."""

    __slots__ = ("_forms", "_order", "values")

    def __init__(self, wanted: set[Quantity], state: list[Any] | None = None) -> None:
        order: list[Any] | None
        values: dict[str, float | None]
        forms: dict[str, Any]
        order, values, forms = state or [None, {}, {}]
        self._order = Order(order)
        self._forms: dict[Quantity, _Mean | _Change]
        self._forms = {one: _FORMS[one.form](one.window_ms, forms.get(_key(one))) for one in wanted if one.form}
        self.values: dict[Quantity, float | None] = {one: values.get(_key(one)) for one in wanted}

    @property
    def measured_ms(self) -> int | None:
        return self._order.newest_ms

    def add(self, unix_ms: int, value: float | None) -> bool:
        """Whether it is news: late and doubled readings change nothing."""
        place = self._order.place(unix_ms)
        if place == LATE:
            return False
        if place == SET_BACK:
            self._forms = {one: _FORMS[one.form](one.window_ms) for one in self._forms}
        for quantity in self.values:
            if value is None:
                self.values[quantity] = None
            elif quantity.form:
                self.values[quantity] = self._forms[quantity].add(unix_ms, value)
            else:
                self.values[quantity] = value
        return True

    def state(self) -> list[Any]:
        forms = {_key(one): form.state() for one, form in self._forms.items()}
        return [self._order.state(), {_key(one): value for one, value in self.values.items()}, forms]


def _key(one: Quantity) -> str:
    return f"{one.form} {one.window_ms}"
