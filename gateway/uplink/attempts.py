"""Knows how often an uplink tries to connect, how long it waits between, and what became of it; knows no line."""

import asyncio
import logging

from gateway.states import UplinkState

log = logging.getLogger(__name__)
FIRST_S, LAST_S = 1.0, 60.0  # ours: a platform that comes back is there within a minute


class Counters:
    """What an uplink has done since the gateway started."""

    def __init__(self) -> None:
        self.sent_rows = self.confirmed_rows = self.gone_rows = 0
        self.connections = self.failed_connections = 0
        self.dropped_commands = 0


class Attempts:
    """One uplink's. `trouble`: why its last connection failed, "" while one stands or after one that was good for
    something."""

    def __init__(self, uplink: str) -> None:
        self._uplink = uplink
        self._pause_s = FIRST_S
        self.is_connected = False
        self.trouble = ""
        self.counters = Counters()

    def stands(self) -> None:
        """A connection does."""
        self.counters.connections += 1
        log.info("uplink %s: connected", self._uplink)

    def fails(self, error: Exception) -> bool:
        """One has ended, or could not be had; whether that is news: an outage may last for weeks, and each reason is
        told once."""
        self.counters.failed_connections += 1
        is_news = self.trouble != str(error)
        if is_news:
            log.warning("uplink %s: %s", self._uplink, error)
        self.trouble = str(error)
        return is_news

    def soon(self) -> None:
        """The last was good for something: the next is tried for after the shortest pause."""
        self._pause_s = FIRST_S

    async def pause(self) -> None:
        """Each is twice as long as the one before."""
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(2 * self._pause_s, LAST_S)

    def state(
        self,
        waiting_rows: int,
        complete: int,
        used_bytes: int,
        waits: dict[str, int | str | None],
    ) -> UplinkState:
        counters = self.counters
        return UplinkState(
            uplink=self._uplink,
            is_connected=self.is_connected,
            trouble=self.trouble,
            waiting_rows=waiting_rows,
            complete=complete,
            sent_rows=counters.sent_rows,
            confirmed_rows=counters.confirmed_rows,
            gone_rows=counters.gone_rows,
            used_bytes=used_bytes,
            connections=counters.connections,
            failed_connections=counters.failed_connections,
            waits=waits,
        )
