"""Knows how nodes' batches come off the radio, into the store and are acknowledged; knows no bus and no uplink.

An acknowledgement leaves only after the commit. What must not be believed is counted, told once, and never answered.
"""

import asyncio
import logging

from gateway import slice
from gateway.config import Node, Site
from gateway.lines import LineLost, Opener, OpenLine
from gateway.ports import Clock, is_plausible
from gateway.store import Store
from protocols import batch, link
from protocols import quality as flags
from protocols.batch import Batch, NodeRecord
from protocols.errors import FrameError
from protocols.link import Answer, GatewaySession, Received, Refused

log = logging.getLogger(__name__)
_REOPEN_S = 2.0
_QUIET_MS = 60_000


class RadioCollector:
    """Serves every node of the site on one radio."""

    def __init__(self, site: Site, opener: Opener, store: Store, clock: Clock) -> None:
        self._opener = opener
        self._store = store
        self._clock = clock
        self._session = GatewaySession({node.id: node.secret for node in site.nodes}, store.counters())
        self._schemas = {node.id: slice.schema_of(site, node) for node in site.nodes}
        self._series = {node.id: self._series_of(site, node) for node in site.nodes}
        self._channels = {node.id: len(slice.channels_of(site, node)) for node in site.nodes}
        self._told: set[tuple[int | None, str]] = set()
        self.refused: dict[str, int] = {}

    def _series_of(self, site: Site, node: Node) -> int:
        return self._store.series(f"node {node.id}", slice.channels_of(site, node))

    async def run(self) -> None:
        lost = False
        while True:
            try:
                line = await self._opener()
                try:
                    while True:
                        data = await line.read(_QUIET_MS)
                        if lost:  # only now: a line may open and be gone again at once, for hours
                            self._store.event("radio_back", {})
                            lost = False
                        await self._serve(line, data)
                finally:
                    line.close()
            except LineLost as error:
                if not lost:
                    log.warning("radio: %s", error)
                    self._store.event("radio_lost", {"reason": str(error)})
                lost = True
                await asyncio.sleep(_REOPEN_S)

    async def _serve(self, line: OpenLine, data: bytes) -> None:
        for event in self._session.receive(data):
            if isinstance(event, Refused):
                self._refuse(event.node, event.reason)
            else:
                have = self._keep(event)
                if have is not None:
                    now_ms = self._clock.unix_ms()
                    answer = Answer(have, now_ms, link.CLOCK_TRUSTED if is_plausible(now_ms) else 0)
                    await line.write(self._session.acknowledge(event, answer))

    def _keep(self, received: Received) -> int | None:
        """Puts what a frame carried on disk; the node's `have`, or None when it must not be acknowledged."""
        node, counter = received.node, received.counter
        if received.kind == link.HELLO:
            return self._store.heard(node, counter)
        try:
            if batch.schema_of(received.body) != self._schemas[node]:
                self._refuse(node, "schema")
                return self._store.add_unread(node, counter, received.body)
            decoded = batch.decode(received.body, self._channels[node])
        except FrameError:
            self._refuse(node, "batch")
            return None
        return self._store.add_batch(node, counter, self._series[node], self._dated(decoded))

    def _dated(self, decoded: Batch) -> list[NodeRecord]:
        """Records with Unix time; those of a boot whose clock was never set get the time of arrival, and say so."""
        if decoded.boot is None:
            return list(decoded.records)
        arrived_s = self._clock.unix_ms() // 1000
        last_s = decoded.records[-1].time_s
        return [
            NodeRecord(
                record.number,
                arrived_s - (last_s - record.time_s),
                tuple((value, quality | flags.CLOCK) for value, quality in record.cells),
            )
            for record in decoded.records
        ]

    def _refuse(self, node: int | None, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1
        if (node, reason) not in self._told:
            self._told.add((node, reason))
            log.warning("frame of node %s refused: %s", node, reason)
            self._store.event("frame_refused", {"node": node, "reason": reason})
