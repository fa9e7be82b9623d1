"""Knows whether the file of a store can be had, and answers from an empty database until it can; knows no row."""

import asyncio
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.ports import Clock
from gateway.store import damage, rescue
from gateway.store import file as store_file
from gateway.store.salvage import Rescued

log = logging.getLogger(__name__)
_TROUBLE_MS = 600_000  # so long after a failed commit the store is not trusted with more than it must take; ours


class Database:
    """`db` is the file while `is_open`, else one that is nowhere. `is_damaged`: a commit has met damage, so the file is
    to be opened again, and rescued. `is_in_doubt`: nobody knows what the last commit left in the log."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.db = store_file.stand_in()
        self.is_open = self.is_damaged = self.is_in_doubt = False
        self._clock = clock
        self._failed_ms: int | None = None  # when a commit did, last
        self._taken_over = asyncio.Event()

    def open(self) -> Rescued | None:
        """The file takes the stand-in's place; what was rescued of it, where it was damaged. OSError, sqlite3.Error:
        the disk refuses. StoreError: a person must do something first."""
        db, rescued = rescue.opened(self.path)
        self.db.close()
        self.db, self.is_open = db, True
        return rescued

    def taken_over(self) -> None:
        """Whatever was kept without the file is in it now."""
        self._taken_over.set()

    async def opened(self) -> None:
        """Returns once there is a file."""
        await self._taken_over.wait()

    def refused(self, error: Exception) -> None:
        """The disk gives no file, or none that can be written."""
        if self._failed_ms is None:
            log.error("%s can't be used as the store yet: %s; tried again", self.path, error)
        self._failed_ms = self._clock.monotonic_ms()
        self.give_up()

    def give_up(self) -> None:
        self._taken_over.clear()
        if self.is_open:
            self.db.close()
            self.db = store_file.stand_in()
        self.is_open = self.is_damaged = False

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what is written inside."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            self.roll_back()
            raise

    def roll_back(self) -> None:
        if self.db.in_transaction:  # some errors have ended it already
            self.db.execute("ROLLBACK")

    def failed(self, error: BaseException) -> None:
        """A transaction did."""
        self.is_damaged |= isinstance(error, sqlite3.Error) and damage.is_damage(error)
        self._failed_ms, self.is_in_doubt = self._clock.monotonic_ms(), True

    @property
    def has_failed_lately(self) -> bool:
        failed_ms = self._failed_ms
        return failed_ms is not None and self._clock.monotonic_ms() - failed_ms < _TROUBLE_MS

    def size_bytes(self) -> int | None:
        return self.path.stat().st_size if self.is_open and self.path.exists() else None
