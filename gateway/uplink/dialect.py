"""Knows what an MQTT platform's language has to say of itself; knows none of them, no store and no broker.

The forwarder (mqtt.py) delivers: which rows go when, how much is on its way, what counts as delivered. A dialect says:
topics, last will, what comes before rows, how rows read, and what a message from there means.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from gateway.ports import Said
from gateway.store import Day, Row, Series


class Past(Protocol):
    """What there is when a connection begins."""

    def all_series(self) -> Iterable[Series]: ...

    def newest(self) -> Iterable[Row]:
        """The newest row of each series, and perhaps more."""


class Dialect(Protocol):
    """`topics` are subscribed to once per connection; `state_topic` (or "") is one of them, the only one whose message
    a broker may keep: a command that it kept would be done at each connection. `again_ms`: rows of the last so many ms
    of a connection go once more after it, because this platform tells nobody that it has gone."""

    topics: tuple[str, ...]
    state_topic: str
    again_ms: int

    def will(self) -> Said | None:
        """Of the connection that begins now; nothing of the one before counts any more."""

    @property
    def absent(self) -> str:
        """Whom all this is for and who is not there, in words; "": it may be said."""

    def greeting(self) -> Sequence[Said]:
        """The first that is said on a connection."""

    def announce(self, series: Series) -> Sequence[Said]:
        """What must be said before the first row of a series on this connection."""

    def rows(self, complete: int, rows: Sequence[Row]) -> Sequence[Said]:
        """Rows with consecutive numbers, whose series are announced; empty: these have nothing to say here. Up to
        `complete` every row is confirmed."""

    def day(self, day: Day) -> Said | None:
        """A signed day; None: this language has no word for it."""

    def due(self) -> Sequence[Said]:
        """What its time has come for, or somebody has asked for."""

    def wait_s(self) -> float:
        """How long until something is due that nobody asks for."""

    def hear(self, topic: str, message: bytes) -> bool:
        """Takes a message of its own household at once; False: it is a command, for obey()."""

    async def obey(self, topic: str, message: bytes) -> Said | None:
        """Does what a message asks for; the answer, where there is one. Never raises."""
