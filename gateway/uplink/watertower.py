"""Knows watertower's own dialect: topics, when what is said (docs/mqtt.md); its JSON is in payload.py."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from gateway.ports import Clock, Said
from gateway.store import Day, Row, Series
from gateway.uplink import payload
from gateway.uplink.neighbours import Neighbours

# Does what a message on a command topic asks for: (what to add to the station's topic, answer), or None. Never raises.
Obey = Callable[[str, bytes, str], Awaitable[tuple[str, bytes] | None]]


class Watertower:
    """Of one station. `obey` is asked about commands, on behalf of that uplink; None: nobody may give any.
    `neighbours`: the stations whose alarms ours are told of, and theirs us."""

    again_ms = 0  # its receiver knows what it lacks, and asks
    absent = state_topic = ""

    def __init__(
        self,
        station: str,
        clock: Clock,
        uplink: str = "",
        obey: Obey | None = None,
        neighbours: Neighbours | None = None,
    ) -> None:
        self._prefix = f"watertower/{station}"
        self._clock = clock
        self._uplink = uplink
        self._obey = obey
        self._decimals: dict[int, tuple[int, ...]] = {}
        self._neighbours = neighbours or Neighbours(station, lambda: ())
        commands = (f"{self._prefix}/command/+",) if obey is not None else ()
        self.topics: tuple[str, ...] = (*commands, *self._neighbours.topics)

    def _said(self, topic: str, message: bytes, retain: bool = False) -> Said:
        return Said(f"{self._prefix}/{topic}", message, retain)

    def will(self) -> Said:
        return self._said("status", msgspec.json.encode({"online": False}), retain=True)

    def greeting(self) -> Sequence[Said]:
        self._neighbours.begin()
        status = {"online": True, "unix_ms": self._clock.unix_ms()}
        return [self._said("status", msgspec.json.encode(status), retain=True)]

    def announce(self, series: Series) -> Sequence[Said]:
        self._decimals[series.id] = tuple(decimals for _, _, decimals in series.channels)
        return [self._said(f"series/{series.id}", payload.series_message(series), retain=True)]

    def rows(self, complete: int, rows: Sequence[Row]) -> Sequence[Said]:
        return [self._said("data", payload.data_message(complete, rows, self._decimals))]

    def day(self, day: Day) -> Said:
        return self._said(f"signature/{day.day}", payload.day_message(day), retain=True)

    def due(self) -> Sequence[Said]:
        news = self._neighbours.news(self._clock.monotonic_ms())
        return [self._said(topic, message, retain=True) for topic, message in news]

    def wait_s(self) -> float:
        return float("inf")

    def hear(self, topic: str, message: bytes) -> bool:
        return self._neighbours.take(topic, message)

    async def obey(self, topic: str, message: bytes) -> Said | None:
        answer = None if self._obey is None else await self._obey(topic, message, self._uplink)
        return None if answer is None else self._said(*answer)
