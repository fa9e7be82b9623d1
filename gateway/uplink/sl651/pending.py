"""Knows which reports wait for a centre's reply and which goes next; knows no connection.

Additional reports go first, then those of the last period, then the backlog from its oldest. On a small channel a
message carries pieces of several (gateway/uplink/ration.py).
"""

from bisect import insort
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from gateway.store.ranges import Ranges, count, union, within, without
from gateway.uplink import ration
from gateway.uplink.ration import Piece
from gateway.uplink.sl651.plan import HOUR_MS, Key, Plan, Reported
from protocols.sl651.functions import ADDITIONAL, HOURLY

_TIME_BYTES = 7  # F0F0 and five bytes
_LOOKED_AT = 40  # reports of the backlog that one message is chosen from; ours
Part = tuple[Key, int]  # the how-manieth of a report's values


class Message(NamedTuple):
    """What one exchange carries."""

    function: int
    said: list[Reported]
    parts: list[Part]
    is_backlog: bool


class Pending:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.clear()

    def clear(self) -> None:
        self._rows: dict[Key, Ranges] = {}
        self._said: dict[Key, list[Reported]] = {}
        self._done: dict[Key, set[int]] = {}  # parts that the centre has
        self._shared: dict[int, int] = {}  # rows that so many reports carry that wait
        self._order: list[Key] = []  # sorted; its first is no key that is gone, others may be
        self._events: list[Key] = []  # the same of additional reports

    def add(self, keys: list[Key], seq: int) -> None:
        """One more row of these reports."""
        if len(keys) > 1:
            self._shared[seq] = len(keys)
        for key in keys:
            self._add(key, seq)

    def _add(self, key: Key, seq: int) -> None:
        """What the report said before is out of date."""
        if key not in self._rows:
            self._rows[key] = ()
            insort(self._events if key.function == ADDITIONAL else self._order, key)
        self._rows[key] = union([*self._rows[key], (seq, seq)])
        self._said.pop(key, None)
        self._done.pop(key, None)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    @property
    def row_count(self) -> int:
        return sum(count(rows) for rows in self._rows.values())

    def _due(self, until_ms: int) -> Iterator[Key]:
        """An additional report is due at once; the others rise."""
        yield from (key for key in self._events if key in self._rows)
        for key in self._order:
            if key.at_ms > until_ms:
                return
            if key in self._rows:
                yield key

    def _live_ms(self, key: Key) -> int:
        return HOUR_MS if key.function == HOURLY or self._plan.timed_ms is None else self._plan.timed_ms

    def next_key(self, until_ms: int, now_ms: int) -> tuple[Key, bool] | None:
        """(report, whether it is backlog) of those due by `until_ms`."""
        oldest = next(self._due(until_ms), None)
        if oldest is None:
            return None
        if oldest.function == ADDITIONAL:
            return oldest, False
        live = None
        for key in reversed(self._order):
            if now_ms - key.at_ms >= HOUR_MS:
                break
            if key in self._rows and key.at_ms <= until_ms and now_ms - key.at_ms < self._live_ms(key):
                live = key
        return (oldest, True) if live is None else (live, False)

    def next_due_ms(self) -> int | None:
        """When the next report that is not due yet is."""
        return self._order[0].at_ms if self._order else None

    def said(self, key: Key) -> list[Reported]:
        if key not in self._said:
            self._said[key] = self._plan.report(key, self._rows[key])
        return self._said[key]

    def whole(self, until_ms: int, now_ms: int) -> Message | None:
        """One report with all its values."""
        chosen = self.next_key(until_ms, now_ms)
        if chosen is None:
            return None
        key, is_backlog = chosen
        said = self.said(key)
        return Message(key.function, said, [(key, place) for place in range(max(1, len(said)))], is_backlog)

    def pieces(self, until_ms: int) -> list[Piece[Part]]:
        """Of what is due: every event, the newest reports and the oldest, as far as one message may want them."""
        events = [key for key in self._events if key in self._rows]
        others = [key for key in self._due(until_ms) if key.function != ADDITIONAL]
        looked = [*events, *others] if len(others) <= 2 * _LOOKED_AT else [
            *events, *others[:_LOOKED_AT], *others[-_LOOKED_AT:],
        ]  # fmt: skip
        found: list[Piece[Part]] = []
        for key in looked:
            done = self._done.get(key, set())
            for place, one in enumerate(self.said(key)):
                if place not in done:
                    size = len(one.item.lead) + len(one.item.data)
                    found.append(
                        Piece((key, place), one.item.id, key.at_ms, key.function == ADDITIONAL, size,
                              one.observed_ms, _TIME_BYTES)
                    )  # fmt: skip
        return found

    def small(self, until_ms: int, room_bytes: int, with_backlog: bool) -> Message | None:
        """As much as fits, the most urgent first."""
        ranked = ration.ranked(self.pieces(until_ms))
        if not ranked:
            return None
        kinds = {piece.what: kind for kind, piece in ranked}
        function = ranked[0][1].what[0].function  # one message has one: an hour's mean is no value of its last minute
        alike = [piece for _, piece in ranked if piece.what[0].function == function]
        chosen = ration.fill(alike, room_bytes, with_backlog)
        if not chosen:
            return None
        is_backlog = all(kinds[piece.what] == ration.BACKLOG for piece in chosen)
        chosen.sort(key=lambda piece: (str(piece.group), piece.what))
        said = [self._said[key][place] for key, place in (piece.what for piece in chosen)]
        return Message(function, said, [piece.what for piece in chosen], is_backlog)

    def empty(self, until_ms: int) -> list[Key]:
        """Reports that turned out to say nothing."""
        return [key for key in list(islice(self._due(until_ms), _LOOKED_AT)) if not self.said(key)]

    def confirm(self, parts: list[Part]) -> Ranges:
        """The centre has these; the rows of reports that are complete by that."""
        rows: list[tuple[int, int]] = []
        for key in {key for key, _ in parts}:
            if key not in self._rows:
                continue
            done = self._done.setdefault(key, set())
            done |= {place for of, place in parts if of == key}
            if len(done) >= len(self.said(key)):
                rows += self.drop(key)
        return union(rows)

    def drop(self, key: Key) -> Ranges:
        """It waits no longer; those of its rows that no other report carries."""
        self._said.pop(key, None)
        self._done.pop(key, None)
        rows = self._rows.pop(key, ())
        for order in (self._order, self._events):
            while order and order[0] not in self._rows:
                del order[0]
        kept = []
        for seq in [seq for seq in self._shared if within(rows, seq, seq)]:
            self._shared[seq] -= 1
            if self._shared[seq] == 0:
                del self._shared[seq]
            else:
                kept.append((seq, seq))
        return without(rows, union(kept))
