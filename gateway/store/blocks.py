"""Knows when the next block of a store's chain is closed, and which days are signed; knows no key."""

from typing import NamedTuple

from gateway.evidence import chain
from gateway.evidence.chain import Block
from gateway.evidence.notary import Signature
from gateway.ports import Clock
from gateway.store.database import Database

_ROWS, _MS = 2000, 600_000  # a block is closed when one of them is reached; ours


class Day(NamedTuple):
    """A signed day (gateway/evidence/notary.py): the block that closed it, and who signed."""

    day: str
    block: int
    hash: bytes
    signature: bytes
    public: bytes


class Blocks:
    """`newest_day`: the last one that was signed, "" before the first."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._closed_seq = self._closed_ms = 0
        self.newest_day = ""

    def load(self) -> None:
        self._closed_seq = chain.newest(self._database.db).last_seq
        self._closed_ms = self._clock.monotonic_ms()
        self.newest_day = self.last_day()

    def is_due(self, last_seq: int) -> bool:
        return last_seq >= self._closed_seq + _ROWS or self.is_late()

    def is_late(self) -> bool:
        return self._clock.monotonic_ms() >= self._closed_ms + _MS

    def close(self) -> Block:
        """Over what is in the database up to now; the newest block, if nothing is new."""
        self._closed_ms = self._clock.monotonic_ms()
        block = chain.close(self._database.db, self._clock.unix_ms())
        self._closed_seq = block.last_seq
        return block

    def last_day(self) -> str:
        return str(self._database.db.execute("SELECT coalesce(max(day), '') FROM day").fetchone()[0])

    def add_day(self, day: str, block: Block, signed: Signature) -> None:
        self._database.db.execute("INSERT OR IGNORE INTO day VALUES (?, ?, ?, ?)", (day, block.number, *signed))
        self.newest_day = self.last_day()

    def days_after(self, day: str) -> list[Day]:
        """The signed days behind that one, oldest first."""
        found = self._database.db.execute(
            "SELECT day, number, hash, signature, public FROM day JOIN block ON block = number "
            "WHERE day > ? ORDER BY day",
            (day,),
        )
        return [Day(*row) for row in found]
