"""Knows what goes first on a channel that carries few bytes in few messages (SMS, Beidou); knows no protocol.

Alarms first, then the newest of each channel, then what fits of the backlog, oldest first. SL 651 draft, 6.3: SMS 140
bytes, Beidou 78 to 98 at one a minute.
"""

from collections.abc import Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

_HOUR_MS = 3_600_000
_RESERVE = 0.25  # of an hour's messages: kept back from the backlog for alarms and live values; ours, as in budget.py
ALARM, NEWEST, BACKLOG = 0, 1, 2
T = TypeVar("T")


class Piece(NamedTuple, Generic[T]):
    """Something to send that is not cut. `group`: pieces of one share `group_bytes`, paid once in a message."""

    what: T
    channel: str
    at_ms: int
    is_alarm: bool
    size_bytes: int
    group: object = None
    group_bytes: int = 0


def ranked(pieces: Iterable[Piece[T]]) -> list[tuple[int, Piece[T]]]:
    """(kind, piece) in the order in which they shall go."""
    every = list(pieces)
    newest: dict[str, int] = {}
    for piece in every:
        if not piece.is_alarm:
            newest[piece.channel] = max(piece.at_ms, newest.get(piece.channel, piece.at_ms))

    def kind(piece: Piece[T]) -> int:
        return ALARM if piece.is_alarm else NEWEST if piece.at_ms == newest[piece.channel] else BACKLOG

    return sorted(((kind(piece), piece) for piece in every), key=lambda one: (one[0], one[1].at_ms))


def fill(pieces: Iterable[Piece[T]], room_bytes: int, with_backlog: bool = True) -> list[Piece[T]]:
    """What goes into one message with that much room. A piece that does not fit lets smaller ones pass. One that fits
    no message goes alone: whoever sends must cut it or give it up."""
    chosen: list[Piece[T]] = []
    groups: set[object] = set()
    left = room_bytes
    for kind, piece in ranked(pieces):
        if kind == BACKLOG and not with_backlog:
            break
        cost = piece.size_bytes + (0 if piece.group in groups else piece.group_bytes)
        if cost <= left:
            chosen.append(piece)
            groups.add(piece.group)
            left -= cost
        elif not chosen and piece.size_bytes + piece.group_bytes > room_bytes:
            return [piece]
    return chosen


class Waiting(NamedTuple):
    """What a small channel has not carried yet, for people."""

    alarms: int
    newest: int
    backlog: int
    oldest_ms: int | None


def waiting(pieces: Iterable[Piece[T]]) -> Waiting:
    found = ranked(pieces)
    alarms, newest, backlog = (sum(kind == wanted for kind, _ in found) for wanted in (ALARM, NEWEST, BACKLOG))
    return Waiting(alarms, newest, backlog, min((piece.at_ms for _, piece in found), default=None))


class Ration:
    """Messages an hour (a token bucket) and the least time between two; None: no limit."""

    def __init__(self, messages_per_hour: int | None, spacing_s: int, now_ms: int) -> None:
        self._limit = messages_per_hour
        self._spacing_ms = 1000 * spacing_s
        self._tokens = 1.0  # a gateway that starts again and again sends no more than this each time
        self._at_ms = now_ms
        self._sent_ms: int | None = None
        self.sent_messages = 0

    def wait_ms(self, is_backlog: bool, now_ms: int) -> int:
        """How long until a message may go; 0: now."""
        self._fill(now_ms)
        spaced = 0 if self._sent_ms is None else max(0, self._sent_ms + self._spacing_ms - now_ms)
        if self._limit is None:
            return spaced
        wanted = 1.0 + (int(self._limit * _RESERVE) if is_backlog else 0)
        missing = wanted - self._tokens
        return max(spaced, 0 if missing <= 1e-9 else int(missing * _HOUR_MS / self._limit) + 1)

    def use(self, now_ms: int) -> None:
        """One has left."""
        self._fill(now_ms)
        self._tokens -= 1.0
        self._sent_ms = now_ms
        self.sent_messages += 1

    def _fill(self, now_ms: int) -> None:
        if self._limit is not None:
            self._tokens = min(self._tokens + (now_ms - self._at_ms) * self._limit / _HOUR_MS, float(self._limit))
        self._at_ms = now_ms


def sizes(pieces: Sequence[Piece[T]]) -> int:
    """How many bytes they take together in one message."""
    groups = {piece.group: piece.group_bytes for piece in pieces}
    return sum(piece.size_bytes for piece in pieces) + sum(groups.values())
