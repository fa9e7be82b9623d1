"""Knows when the store is told how far an uplink's receiver is; knows no row's content, message or connection."""

from gateway.ports import Clock
from gateway.store import Store
from gateway.store.ranges import Ranges

_SAVE_MS = 1000  # how often a position goes to the store while more is on its way: each time may cost the card a page


class Position:
    """One uplink's, under its name. Whoever forwards holds the ranges; here is what the store was told of them."""

    def __init__(self, uplink: str, store: Store, clock: Clock) -> None:
        self._uplink = uplink
        self._store = store
        self._clock = clock
        self.recall()

    def recall(self) -> Ranges:
        """Where the store says that this uplink is: from 0, which is no row."""
        self._saved = self._store.confirmed(self._uplink)
        self._saved_ms = self._clock.monotonic_ms()
        return self._saved

    def save(self, confirmed: Ranges) -> None:
        """Tells it, if it has moved."""
        if self._store.is_open and confirmed != self._saved:
            (_, complete), *beyond = confirmed
            self._store.set_position(self._uplink, complete, tuple(beyond))
            self._saved = confirmed
        self._saved_ms = self._clock.monotonic_ms()

    def save_in_time(self, confirmed: Ranges) -> None:
        """While more is on its way."""
        if self._clock.monotonic_ms() - self._saved_ms >= _SAVE_MS:
            self.save(confirmed)
