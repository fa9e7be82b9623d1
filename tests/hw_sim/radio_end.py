"""A gateway's end of the radio made by hand, and an ear; knows no store and no gateway process."""

import asyncio

from gateway.site import slice
from gateway.site.config import Site
from hw_sim.bus.wire import Wire
from hw_sim.clock import WorldClock
from hw_sim.judge.pairing import Arrival
from protocols import batch_reading, link
from protocols.batch import Batch, NodeRecord
from protocols.gateway_session import GatewaySession, Received
from protocols.link import Answer


class Recorder:
    """Everything that is on the air: (microseconds, bytes)."""

    def __init__(self, wire: Wire) -> None:
        self.heard: list[tuple[int, bytes]] = []
        wire.attach(self)

    def hear(self, data: bytes) -> None:
        self.heard.append((round(asyncio.get_running_loop().time() * 1e6), data))


class RadioEnd:
    """Takes every node's batches and acknowledges them with a trusted clock; `refused` must stay empty."""

    def __init__(self, site: Site, wire: Wire, clock: WorldClock) -> None:
        self._wire = wire
        self._clock = clock
        self._session = GatewaySession(
            {node.id: node.secret for node in site.nodes}, {}, {n.id: slice.schema_of(site, n) for n in site.nodes}
        )
        self._channels = {node.id: slice.channels_of(site, node) for node in site.nodes}
        self.batches: list[tuple[int, Batch]] = []
        self.records: dict[int, dict[int, NodeRecord]] = {node.id: {} for node in site.nodes}
        self.refused: list[object] = []
        wire.attach(self)

    def hear(self, data: bytes) -> None:
        for event in self._session.receive(data):
            if isinstance(event, Received):
                self._take(event)
            else:
                self.refused.append(event)

    def _take(self, event: Received) -> None:
        records = self.records[event.node]
        if event.kind == link.BATCH:
            carried = batch_reading.decode(event.body, len(self._channels[event.node]))
            self.batches.append((event.node, carried))
            for record in carried.records:
                assert records.setdefault(record.number, record) == record  # sent again, but never otherwise
        have = 0
        while have + 1 in records:
            have += 1
        answer = self._session.acknowledge(event, Answer(have, self._clock.unix_ms()))
        self._wire.send(self, answer)

    def readings(self) -> dict[str, list[Arrival]]:
        """Channel -> (Unix ms, value, quality, record number), in the order of record numbers."""
        found: dict[str, list[Arrival]] = {}
        for node, records in self.records.items():
            for number, record in sorted(records.items()):
                for channel, (value, quality) in zip(self._channels[node], record.cells, strict=True):
                    if value is not None:
                        found.setdefault(channel.name, []).append((record.time_s * 1000, value, quality, number))
        return found
