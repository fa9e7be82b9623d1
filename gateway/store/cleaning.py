"""Knows the steps in which a store makes room: announce, remove, give back; gateway/store/retention.py decides."""

import logging
from collections.abc import Callable

from gateway.evidence import chain
from gateway.ports import Clock
from gateway.store import meta, retention
from gateway.store.database import Database
from gateway.store.events import Events
from gateway.store.positions import Positions
from gateway.store.retention import Keeping

log = logging.getLogger(__name__)


class Cleaning:
    """`is_full`: by [store] nothing more is taken until there is room again. `free_bytes`: what the disk has left;
    None: enough."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        keeping: Keeping,
        free_bytes: Callable[[], int | None],
        positions: Positions,
        events: Events,
    ) -> None:
        self._database = database
        self._clock = clock
        self.keeping = keeping
        self.free_bytes = free_bytes
        self._positions = positions
        self._events = events
        self.is_full = False

    def step(self) -> bool:
        """One step of removing what is old or too much; whether there is more to do."""
        db = self._database.db
        now = retention.room(db, self.free_bytes())
        removed, removing = meta.get(db, meta.REMOVED) or 0, meta.get(db, meta.REMOVING) or 0
        if removing > removed:
            with self._database.transaction():
                retention.remove(db, removed + 1)
                meta.put(db, meta.REMOVED, removed + 1)
            return True
        now_ms = self._clock.unix_ms() if self._clock.is_trusted() else None
        owed = min(map(self._positions.up_to, self.keeping.uplinks), default=1 << 62)
        due = retention.due(db, self.keeping, now, now_ms, owed, removed)
        if due is not None:
            self._announce(due, removed)
            return True
        more = retention.shrink(db, self.keeping, now)
        if not more:
            self._tell(now)
        return more

    def _announce(self, due: retention.Due, removed: int) -> None:
        """What is removed from now on is on record first."""
        db = self._database.db
        first, last = chain.block(db, removed).last_seq + 1, due.block.last_seq
        detail: dict[str, object] = {"reason": due.reason, "first": first, "last": last, "block": due.block.number}
        if due.reason == "full":
            positions = {uplink: self._positions.up_to(uplink) for uplink in self.keeping.uplinks}
            detail["undelivered"] = {
                uplink: last - max(seq, first - 1) for uplink, seq in positions.items() if seq < last
            }
        with self._database.transaction():
            self._events.add("rows_removed", detail)
            meta.put(db, meta.REMOVING, due.block.number)

    def _tell(self, now: retention.Room) -> None:
        is_short = now.short(self.keeping) > 0
        if is_short is not self.is_full:
            self.is_full = is_short
            log.warning("the store has %s", "no room: nothing more is taken" if is_short else "room again")
            self._events.add("store_full" if is_short else "store_has_room", {"mib": now.used // retention.MIB})
