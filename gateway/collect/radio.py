"""Knows how nodes' batches come off the radio, into the store and are acknowledged; knows no bus and no uplink.

An acknowledgement leaves only after the commit. What must not be believed is counted, told once, and never answered.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from gateway.energy.chemistry import ASK_S, step_mv
from gateway.machine.lines import LineLost, Opener
from gateway.ports import Clock
from gateway.site import slice
from gateway.site.config import Node, Site
from gateway.states import NodeState, RadioState
from gateway.store import Store
from gateway.store.lives import fingerprint
from gateway.store.nodes import Frame
from gateway.store.ranges import count
from gateway.updates import FOLDER, Updates
from protocols import batch_reading, command, link
from protocols import quality as flags
from protocols.batch import Batch, NodeRecord
from protocols.errors import FrameError
from protocols.gateway_session import GatewaySession, Received, Refused, decode_range, encode_answer
from protocols.link import Answer

log = logging.getLogger(__name__)
_REOPEN_S = 2.0
_QUIET_MS = 60_000
_MANY_REPLAYS = 20  # more than echoes and late copies explain; ours
_MOST_COMMANDS = 8  # fewer than a node remembers
_UNTOLD_MS = 7 * 86_400_000  # a node that can't tell its battery's voltage is asked for it so rarely; ours
_MOST_HOLES = 3  # told in one answer; the next ones follow


class RadioCollector:
    """Serves every node of the site on one radio. `greeted` is told of a node that may have booted, before it is
    answered."""

    def __init__(
        self, site: Site, opener: Opener, store: Store, clock: Clock, greeted: Callable[[int], None] = lambda node: None
    ) -> None:
        self._opener = opener
        self._store = store
        self._clock = clock
        self._greeted = greeted
        for node in site.nodes:
            store.nodes.meet(node.id, fingerprint(node.secret))
        assert site.radio is not None
        self._most_bytes = site.radio.max_frame - link.OVERHEAD
        self._schemas = {node.id: slice.schema_of(site, node) for node in site.nodes}
        keys = {node.id: node.secret for node in site.nodes}
        self._session = GatewaySession(keys, store.nodes.counters(), self._schemas, site.radio.rssi_byte)
        self._keepers = {
            link.HELLO: self._greet,
            link.BATCH: self._keep_batch,
            link.GONE: self._let_go,
            link.DONE: self._note_results,
        }
        self._nodes = {node.id: node for node in site.nodes}
        self._updates = Updates(Path(site.store.path).parent / FOLDER)
        self._foreign: set[int] = set()  # nodes whose last frame was of another slice
        self._series = {node.id: self._series_of(site, node) for node in site.nodes}
        self._channels = {node.id: len(slice.channels_of(site, node)) for node in site.nodes}
        self._replays: dict[int, int] = {}  # refused less accepted
        self._told: set[tuple[int | None, str]] = set()
        self._heard: dict[int, tuple[int, int | None]] = {}  # (Unix ms, RSSI) of the last frame
        self._battery_ms: dict[int, int] = {}  # when a node was asked for its battery's voltage
        self._is_open = False
        self.refused: dict[str, int] = {}

    def _series_of(self, site: Site, node: Node) -> int:
        return self._store.series(f"node {node.id}", slice.channels_of(site, node))

    @property
    def state(self) -> RadioState:
        nodes = tuple(self._state_of(node) for node in self._nodes.values())
        return RadioState(is_open=self._is_open, refused=dict(self.refused), nodes=nodes)

    def _state_of(self, node: Node) -> NodeState:
        heard_unix_ms, rssi_dbm = self._heard.get(node.id, (None, None))
        battery_mv, battery_unix_ms = self._store.commands.battery(node.id) or (None, None)
        return NodeState(
            name=node.name,
            id=node.id,
            heard_unix_ms=heard_unix_ms,
            rssi_dbm=rssi_dbm,
            have=self._store.nodes.have(node.id),
            lacking=count(self._store.nodes.holes(node.id)),
            is_foreign=node.id in self._foreign,
            commands=len(self._store.commands.waiting(node.id)),
            battery_mv=battery_mv,
            battery_unix_ms=battery_unix_ms,
        )

    async def run(self) -> None:
        lost = False
        while True:
            try:
                line = await self._opener()
                self._is_open = True
                try:
                    while True:
                        data = await line.read(_QUIET_MS)
                        if lost:  # only now: a line may open and be gone again at once, for hours
                            self._store.event("radio_back", {})
                            lost = False
                        for answer in self.answers(data):
                            await line.write(answer)
                finally:
                    self._is_open = False
                    line.close()
            except LineLost as error:
                if not lost:
                    log.warning("radio: %s", error)
                    self._store.event("radio_lost", {"reason": str(error)})
                lost = True
                await asyncio.sleep(_REOPEN_S)

    def answers(self, data: bytes) -> Iterator[bytes]:
        """What must be said to what the radio gave, each once what it acknowledges is on disk."""
        for event in self._session.receive(data):
            if isinstance(event, Refused):
                self._refuse(event.node, event.reason)
                if event.node is not None and event.reason == "replay":
                    self._suspect(event.node, event.body)
            elif event.kind == link.ASK:
                yield from self._give(event)
            else:
                self._replays[event.node] = max(self._replays.get(event.node, 0) - 1, 0)
                self._heard[event.node] = self._clock.unix_ms(), event.rssi_dbm
                have = self._keep(event)
                if have is not None:
                    yield self._session.acknowledge(event, self._answer(event, have))

    def _give(self, received: Received) -> Iterator[bytes]:
        """A piece of an update."""
        self._store.nodes.heard(received.node, received.counter)
        try:
            yield self._session.give(received, self._updates.answer(self._nodes[received.node], received.body))
        except FrameError:
            self._refuse(received.node, "body")

    def _offer(self, node: int) -> None:
        """Leaves the command to fetch an update, once for each number."""
        number = self._updates.newest(self._nodes[node])
        if number > self._store.commands.last_argument(node, command.UPDATE):
            self._store.commands.give(node, command.UPDATE, number)

    def _ask_battery(self, node: Node) -> None:
        """Leaves the question for the battery's voltage, one at a time."""
        if node.battery is None:
            return
        now_ms, asked_ms = self._clock.monotonic_ms(), self._battery_ms.get(node.id)
        every_ms = ASK_S * 1000 if self._store.commands.battery(node.id) else _UNTOLD_MS
        is_open = any(one.kind == command.BATTERY for one in self._store.commands.waiting(node.id))
        if not is_open and (asked_ms is None or now_ms - asked_ms >= every_ms):
            self._store.commands.give(node.id, command.BATTERY, step_mv(node.battery.chemistry, node.battery.cells))
            is_open = True
        if is_open:
            self._battery_ms[node.id] = now_ms  # it is with the node only now

    def _keep(self, received: Received) -> int | None:
        """Puts what a frame carried on disk; the node's `have`, or None when it must not be acknowledged."""
        if self._store.is_full:
            return None  # the node keeps it, and asks again
        keeper = self._keepers.get(received.kind)
        if keeper is None:
            self._refuse(received.node, "kind")
            return None
        try:
            return keeper(received)
        except FrameError:
            self._refuse(received.node, "body")
            return None

    def _greet(self, received: Received) -> int:
        node = received.node
        self._meet(node, batch_reading.schema_of(received.body))
        have = self._store.nodes.heard(node, received.counter)
        self._greeted(node)
        return have

    def _keep_batch(self, received: Received) -> int:
        node, counter, body = received.node, received.counter, received.body
        if not self._meet(node, batch_reading.schema_of(body)):
            numbers = batch_reading.numbers_of(body)
            self._refuse(node, "schema")
            return self._store.nodes.add_unread(node, counter, body, numbers, self._frame(received))
        decoded = batch_reading.decode(body, self._channels[node])
        rows = self._dated(decoded)
        knew_time = decoded.boot is None
        return self._store.nodes.add_batch(node, counter, self._series[node], rows, self._frame(received), knew_time)

    def _frame(self, received: Received) -> Frame:
        return Frame(received.raw, self._schemas[received.node])

    def _suspect(self, node: int, body: bytes) -> None:
        """Whether frames with used counters are old ones, or those of another board: which are more than the others,
        or whose batches hold other values."""
        self._replays[node] = self._replays.get(node, 0) + 1
        if self._replays[node] == _MANY_REPLAYS:
            self._store.event("node_doubled", {"node": node, "replays": _MANY_REPLAYS})
        if not body:
            return
        try:
            if batch_reading.schema_of(body) == self._schemas[node]:
                for record in batch_reading.decode(body, self._channels[node]).records:
                    self._store.nodes.compare(node, record)
        except FrameError:
            pass  # counted already

    def _meet(self, node: int, schema: int) -> bool:
        """Whether a frame is of the slice that this site file gives the node."""
        is_own = schema == self._schemas[node]
        (self._foreign.discard if is_own else self._foreign.add)(node)
        return is_own

    def _let_go(self, received: Received) -> int:
        first, last = decode_range(received.body)
        return self._store.nodes.add_gone(received.node, received.counter, first, last, self._frame(received))

    def _note_results(self, received: Received) -> int:
        return self._store.commands.add_results(received.node, received.counter, command.decode_results(received.body))

    def _answer(self, received: Received, have: int) -> Answer:
        """What the node is told: the parts that there are, and of holes and commands those that fit."""
        node, now_ms = received.node, self._clock.unix_ms()
        answer = Answer(have, now_ms, link.CLOCK_TRUSTED if self._clock.is_trusted() else 0, received.rssi_dbm)
        if node in self._foreign:
            answer.flags |= link.OTHER_SLICE
        if self._store.strained:
            answer.flags |= link.SLOW_DOWN
        else:
            answer.holes = self._store.nodes.holes(node)[:_MOST_HOLES]
        self._offer(node)
        self._ask_battery(self._nodes[node])
        for waiting in self._store.commands.waiting(node):
            answer.commands += (waiting,)
            if len(encode_answer(answer)) > self._most_bytes or len(answer.commands) > _MOST_COMMANDS:
                answer.commands = answer.commands[:-1]
                break
        self._store.commands.note_sent(node, answer.commands)
        is_plain = received.kind == link.BATCH and batch_reading.numbers_of(received.body)[-1] == have
        if received.brief and is_plain and answer.flags & link.CLOCK_TRUSTED:
            answer.have = None
        return answer

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
