"""Knows which rows one receiver has confirmed, which are on their way, and which go next; knows no message, no store.

Urgent rows go first, then live ones in their order, then the backlog from its oldest. Live is what came to the store
within the last seconds: what has waited longer is backlog, so that a link that is slower than the station still carries
fresh values.
"""

from collections import deque
from typing import NamedTuple

from gateway.store.ranges import Range, Ranges, gaps, union, within, without

LIVE_MS = 3000  # ours: live values shall be less than 5 s old when they arrive
URGENT, LIVE, BACKLOG = 0, 1, 2


class Chosen(NamedTuple):
    """Rows that may go now, and why."""

    rows: Range
    kind: int


class Owed:
    """`confirmed` is what the receiver has, from 0, which is no row; `newest` the last row there is; `urgent` rows that
    go before all others."""

    def __init__(self, confirmed: Ranges, newest: int) -> None:
        self.confirmed = confirmed
        self.newest = newest
        self.urgent: Ranges = ()
        self._under_way: Ranges = ()
        self._came: deque[tuple[int, int]] = deque()  # (monotonic ms, the newest row then): where "live" begins
        self._old = newest  # rows up to this one are not live

    @property
    def complete(self) -> int:
        """Every row up to this one is confirmed."""
        return self.confirmed[0][1]

    @property
    def waiting(self) -> Ranges:
        """Neither confirmed nor on their way."""
        return gaps(union([*self.confirmed, *self._under_way]), self.complete + 1, self.newest)

    def begin(self, newest: int) -> None:
        """A connection stands: what is there by now is backlog."""
        self.newest = self._old = newest
        self._came.clear()
        self._under_way = ()

    def come(self, newest: int, now_ms: int) -> None:
        """Rows up to `newest` are in the store."""
        if newest > self.newest:
            self._came.append((now_ms, self.newest))
            self.newest = newest
        while self._came and now_ms - self._came[0][0] > LIVE_MS:
            self._came.popleft()
            self._old = self._came[0][1] if self._came else self.newest

    def choose(self, most: int) -> Chosen | None:
        """At most so many rows in one piece; None: nothing waits."""
        waiting = self.waiting
        for kind, part in (
            (URGENT, without(waiting, gaps(self.urgent, 1, self.newest)) if self.urgent else ()),
            (LIVE, within(waiting, self._old + 1, self.newest)),
            (BACKLOG, waiting),
        ):
            if part:
                first, last = part[0]
                return Chosen((first, min(last, first + most - 1)), kind)
        return None

    def send(self, rows: Range) -> None:
        """They are on their way now."""
        self._under_way = union([*self._under_way, rows])

    def confirm(self, rows: Range) -> None:
        """The receiver has them."""
        self._under_way = without(self._under_way, (rows,))
        self.confirmed = union([*self.confirmed, rows])

    def lose(self, rows: Range) -> None:
        """What is on its way there does not count: they wait again."""
        self._under_way = without(self._under_way, (rows,))

    def open(self, rows: Ranges) -> Ranges:
        """Once more, please: what of these was confirmed waits again, and is returned."""
        known = within(rows, 1, self.newest)
        again = without(known, gaps(self.confirmed, 1, self.newest))
        self.confirmed = without(self.confirmed, again)
        return again
