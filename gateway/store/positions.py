"""Knows what the receiver of each uplink has confirmed, and when that is written down; knows no broker and no row.

A position is on disk now and then: after a kill a few rows go out once more, which their receiver knows by their seq.
"""

from gateway.ports import Clock
from gateway.store import meta
from gateway.store.database import Database
from gateway.store.ranges import Ranges, count, parse, text, without

_NOTE_ROWS, _NOTE_MS = 1000, 600_000  # a position is written when one of them is reached: each costs a page; ours
_NOTE_ALONG_MS = 60_000  # and after that time with rows that are written anyhow


class Positions:
    """By uplink: ranges of seq, the first of which begins at 0, which is no row."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._confirmed: dict[str, Ranges] = {}
        self._noted: dict[str, Ranges] = {}  # what is on disk
        self._noted_ms = 0

    def load(self) -> None:
        found = self._database.db.execute("SELECT uplink, seq, beyond FROM position")
        self._confirmed = {uplink: ((0, seq), *parse(beyond)) for uplink, seq, beyond in found}
        self._noted, self._noted_ms = dict(self._confirmed), self._clock.monotonic_ms()

    def confirmed(self, uplink: str) -> Ranges:
        """All that is confirmed."""
        return self._confirmed.get(uplink, ((0, 0),))

    def up_to(self, uplink: str) -> int:
        """Everything up to this seq is confirmed."""
        return self.confirmed(uplink)[0][1]

    def highest(self) -> int:
        """The highest seq that anybody has confirmed."""
        return max((ranges[-1][1] for ranges in self._confirmed.values()), default=0)

    def confirm(self, uplink: str, seq: int, beyond: Ranges) -> None:
        """Everything up to `seq`, and `beyond` that these."""
        self._confirmed[uplink] = ((0, seq), *beyond)
        many = count(self._confirmed[uplink]) >= count(self._noted.get(uplink, ())) + _NOTE_ROWS
        if many or self._clock.monotonic_ms() >= self._noted_ms + _NOTE_MS:
            self.note()

    def reopen(self, rows: Ranges) -> None:
        """These say something else now: no receiver has them."""
        self._confirmed = {uplink: without(known, rows) for uplink, known in self._confirmed.items()}
        self.note()

    def note(self) -> None:
        self._noted_ms = self._clock.monotonic_ms()
        self._database.db.executemany(
            "INSERT INTO position VALUES (?, ?, ?) "
            "ON CONFLICT (uplink) DO UPDATE SET seq = excluded.seq, beyond = excluded.beyond",
            [
                (uplink, confirmed[0][1], text(confirmed[1:]))
                for uplink, confirmed in self._confirmed.items()
                if confirmed != self._noted.get(uplink)
            ],
        )
        self._noted = dict(self._confirmed)

    def note_along(self) -> None:
        """With rows that are written anyhow."""
        if self._clock.monotonic_ms() >= self._noted_ms + _NOTE_ALONG_MS:
            self.note()

    def undo(self) -> None:
        """A transaction was taken back, and what it noted with it."""
        self._noted = {}

    def day(self, uplink: str) -> str:
        """Up to which day the signatures are confirmed; "" for none."""
        return str(meta.get(self._database.db, meta.day_of(uplink)) or "")

    def confirm_day(self, uplink: str, day: str) -> None:
        meta.put(self._database.db, meta.day_of(uplink), day)
