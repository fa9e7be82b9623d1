"""Knows when a day of the store is closed and signed; knows no key and no rows."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from gateway.evidence.notary import NotSigned, Signature, day_message
from gateway.ports import Clock
from gateway.store import Store

log = logging.getLogger(__name__)
_DAY_MS = 86_400_000
_LOOK_MS = 3_600_000  # a clock may have been set meanwhile


class Days:
    """Closes and signs each day (UTC) once it has ended, or at the next start, if the gateway was off then. `sign`
    raises NotSigned: then it is tried again later."""

    def __init__(self, station: str, store: Store, clock: Clock, sign: Callable[[bytes], Awaitable[Signature]]) -> None:
        self._station = station
        self._store = store
        self._clock = clock
        self._sign = sign

    async def run(self) -> None:
        while True:
            now_ms = self._clock.unix_ms()
            yesterday = day_of(now_ms - _DAY_MS)
            first_ms = self._store.first_ms()
            if self._clock.is_trusted() and self._store.newest_day < yesterday and first_ms < now_ms - now_ms % _DAY_MS:
                await self._close(yesterday)
            await asyncio.sleep(min(_DAY_MS - now_ms % _DAY_MS + 1000, _LOOK_MS) / 1000)

    async def _close(self, day: str) -> None:
        block = self._store.close_block()
        try:
            signature = await self._sign(day_message(self._station, day, block.number, block.hash))
        except NotSigned as error:
            log.warning("%s is not signed: %s", day, error)
            return
        self._store.add_day(day, block, signature)


def day_of(unix_ms: int) -> str:
    """The day in UTC, "2026-01-31"."""
    return datetime.fromtimestamp(unix_ms // 1000, UTC).date().isoformat()
