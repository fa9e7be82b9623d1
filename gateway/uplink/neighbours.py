"""Knows how stations tell each other of their alarms by MQTT; knows no rule, no reading and no connection.

Each alarm has a retained message, `watertower/<station>/alarm/<rule>`; a rule that asks for alarm(station/rule) has
that topic listened to. Nothing of it is queued: who connects is told how things stand.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.process.alarm.rows import Heard, Standing

_AGAIN_MS = 6 * 3_600_000  # what stands is said again: after 24 hours without a word nobody believes it; ours


class Told(msgspec.Struct, frozen=True):
    """`since_ms`: when it was last raised, Unix ms."""

    raised: bool
    state: str
    level: str
    since_ms: Annotated[int, Meta(ge=0, le=(1 << 53) - 1)]
    value: float | None = None


class Neighbours:
    """`asked`: alarms of other stations that our rules ask for, "station/rule"; `hear` is given what they say."""

    def __init__(
        self,
        station: str,
        standing: Callable[[], Iterable[Standing]],
        asked: Collection[str] = (),
        hear: Callable[[Heard], None] = lambda heard: None,
    ) -> None:
        self._standing = standing
        self._hear = hear
        self._asked = {_topic(*name.split("/")): name for name in sorted(asked) if name.split("/")[0] != station}
        self._station = station
        self._told: dict[str, tuple[bytes, int]] = {}

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(self._asked)

    def begin(self) -> None:
        """A new connection has been told nothing."""
        self._told.clear()

    def news(self, monotonic_ms: int) -> Iterator[tuple[str, bytes]]:
        """(what to add to the station's topic, message) of each alarm that has changed, or that stands for long."""
        for one in self._standing():
            message = msgspec.json.encode(Told(one.is_raised, one.state, one.level, one.raised_ms or 0, one.value))
            known, said_ms = self._told.get(one.rule, (b"", 0))
            if message != known or (one.is_raised and monotonic_ms - said_ms >= _AGAIN_MS):
                self._told[one.rule] = message, monotonic_ms
                yield f"alarm/{one.rule}", message

    def take(self, topic: str, message: bytes) -> bool:
        """Whether this was for us. What cannot be read says nothing."""
        name = self._asked.get(topic)
        if name is None:
            return False
        try:
            told = msgspec.json.decode(message, type=Told)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return True
        self._hear(Heard(name, told.raised, told.since_ms))
        return True


def _topic(station: str, rule: str) -> str:
    return f"watertower/{station}/alarm/{rule}"
