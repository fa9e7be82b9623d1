"""Knows the series of a store: which channels the cells of a row belong to; knows no row."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from gateway.process import stage
from gateway.process.alarm.rows import ALARM
from gateway.store.database import Database
from gateway.store.rows import checksum


class Series(NamedTuple):
    """The channels of a row's cells: (name, unit, decimals) each."""

    id: int
    source: str
    channels: tuple[tuple[str, str, int], ...]


class AllSeries:
    """By their source and channels. Without a file a new one gets a number that stands for it: below 0."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ids: dict[tuple[str, str], int] = {}
        self._given: dict[int, int] = {}  # numbers that were given out before the file was there -> those in it
        self._named: dict[int, stage.Series] = {}

    def load(self) -> dict[tuple[str, str], int]:
        """Takes what the file has; what was known before, for settle()."""
        before, self._named = self._ids, {}
        self.undo()
        return before

    def undo(self) -> None:
        """What the file has counts: of a transaction that was taken back no series is left."""
        found = self._database.db.execute("SELECT id, source, channels FROM series")
        self._ids = {(source, channels): id for id, source, channels in found}

    def settle(self, known: dict[tuple[str, str], int]) -> None:
        """These were given out already: whoever has their numbers goes on with them."""
        for (source, channels), id in known.items():
            self._given[id] = self.id_of(source, channels)

    def id_of(self, source: str, channels: str) -> int:
        """The number of the series; made when it is new."""
        if (source, channels) in self._ids:
            return self._ids[source, channels]
        id = -1 - len(self._ids)
        if self._database.is_open:
            db = self._database.db
            id = int(db.execute("SELECT coalesce(max(id), 0) + 1 FROM series").fetchone()[0])
            line = (id, source, channels)
            db.execute("INSERT INTO series VALUES (?, ?, ?, ?)", (*line, checksum(line)))
        self._ids[source, channels] = id
        return id

    def in_file(self, id: int) -> int:
        """The number in the file of one that was given out."""
        return self._given.get(id, id)

    def ids(self) -> set[int]:
        return set(self._ids.values())

    def alarms(self) -> set[int]:
        return {id for (source, _), id in self._ids.items() if source == ALARM}

    def all(self) -> list[Series]:
        return [
            Series(id, source, tuple((name, unit, decimals) for name, unit, decimals in json.loads(channels)))
            for (source, channels), id in self._ids.items()
        ]

    def named(self, id: int) -> stage.Series:
        """The one with this number, as stages know it."""
        found = self._named.get(id)
        if found is None:
            number = self.in_file(id)
            source, channels = next(one for one, known in self._ids.items() if known == number)
            found = self._named[id] = stage.Series(source, tuple(map(tuple, json.loads(channels))))
        return found


def written(channels: Sequence[Sequence[object]]) -> str:
    """Channels as the file has them."""
    return json.dumps(channels, separators=(",", ":"))
