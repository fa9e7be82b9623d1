"""Knows how a platform asks a station for what it misses; knows no row and no broker.

The receiver's rule of docs/mqtt.md: what is missing below "complete" is asked for, what is above is waited for.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from gateway.control.order import Order, sealed
from gateway.site.config import Operator
from gateway.store.ranges import Ranges
from hw_sim.platforms.platform import Platform

_PAUSE_S = 30.0  # between questions: an answer needs its way
_MOST_RANGES, _MOST_ROWS = 500, 50_000  # at once


class Way(Protocol):
    """What the platform's end of a broker can do."""

    def tell(self, topic: str, payload: bytes) -> None: ...

    def subscribe(self) -> None: ...


class Asking:
    """Asks in the name of the first of `operators`, whoever it is; without one it can't."""

    def __init__(
        self, platform: Platform, station: str, operators: Sequence[Operator], unix_ms: Callable[[], int], way: Way
    ) -> None:
        self._platform = platform
        self._station = station
        self._unix_ms = unix_ms
        self._way = way
        self._operator = next(iter(operators), None)
        self._counter = 0
        self._asked_s = -_PAUSE_S
        self.asked = 0
        if self._operator is not None:
            platform.on_data = self._look

    def _look(self) -> None:
        platform, now_s = self._platform, asyncio.get_running_loop().time()
        if now_s - self._asked_s < _PAUSE_S or not (platform.missing or platform.lacks_series):
            return
        self._asked_s = now_s
        if platform.lacks_series:
            self._way.subscribe()
        if platform.missing:
            self._ask(_some(platform.missing))

    def _ask(self, ranges: Ranges) -> None:
        self.asked += 1
        self.order("resend", {"ranges": ranges})

    def order(self, command: str, argument: dict[str, Any]) -> None:
        """A command in the operator's name."""
        assert self._operator is not None
        topic = f"watertower/{self._station}/command/{self._operator.name}"
        now_ms = self._unix_ms()
        self._counter = max(self._counter + 1, now_ms)  # it rises, also when this program starts anew
        order = Order(
            id=f"{command}-{self._counter}",
            counter=self._counter,
            unix_ms=now_ms,
            command=command,
            argument=argument,
        )
        self._way.tell(topic, sealed(topic, self._operator.secret, order))


def _some(ranges: Ranges) -> Ranges:
    """The first of them, within what one question may ask for."""
    found, left = [], _MOST_ROWS
    for first, last in ranges[:_MOST_RANGES]:
        if left <= 0:
            break
        found.append((first, min(last, first + left - 1)))
        left -= last - first + 1
    return tuple(found)
