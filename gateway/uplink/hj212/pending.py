"""Knows which reports of periods wait for a platform and which goes next; knows no row's content and no connection.

What comes while a connection stands goes first, in its order; then what was there before, from the oldest: a backlog of
weeks delays no live value.
"""

import bisect

from gateway.store.ranges import Ranges, union
from gateway.uplink.hj212.plan import Key


class Pending:
    def __init__(self) -> None:
        self._rows: dict[Key, Ranges] = {}
        self._live: list[Key] = []
        self._old: list[Key] = []

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def live(self) -> int:
        return len(self._live)

    @property
    def oldest_ms(self) -> int | None:
        """When the oldest report that waits begins."""
        return min((keys[0].start_ms for keys in (self._live, self._old) if keys), default=None)

    def begin(self) -> None:
        """A connection stands: what is there by now is backlog."""
        self._old = sorted([*self._old, *self._live])
        self._live = []

    def clear(self) -> None:
        self._rows, self._live, self._old = {}, [], []

    def add(self, key: Key, seq: int, is_live: bool) -> None:
        if key not in self._rows:
            bisect.insort(self._live if is_live else self._old, key)
        self._rows[key] = union([*self._rows.get(key, ()), (seq, seq)])

    def next(self, due_ms: int) -> tuple[Key, bool] | None:
        """(the report that goes next, whether it is backlog) of those whose period has ended by `due_ms`."""
        for keys, is_backlog in ((self._live, False), (self._old, True)):
            if keys and keys[0].end_ms <= due_ms:
                return keys[0], is_backlog
        return None

    def next_due_ms(self) -> int | None:
        return min((keys[0].end_ms for keys in (self._live, self._old) if keys), default=None)

    def rows(self, key: Key) -> Ranges:
        return self._rows.get(key, ())

    def drop(self, key: Key) -> Ranges:
        """It waits no longer; its rows."""
        for keys in (self._live, self._old):
            place = bisect.bisect_left(keys, key)
            if place < len(keys) and keys[place] == key:
                del keys[place]
        return self._rows.pop(key, ())
