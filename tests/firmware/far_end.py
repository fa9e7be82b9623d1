"""Knows the gateway's half of the radio as a device on a Wire that keeps what it acknowledges; knows no store."""

from protocols import batch_reading, command, link
from protocols.gateway_session import GatewaySession, Received, decode_range
from protocols.link import Answer
from tests.firmware import slices

UNIX_MS = 1_700_000_000_000  # the gateway's clock when the node's shows 0


class Gateway:
    """Keeps what it acknowledges, as (number, time_s, boot or None, cells); `deaf()` may keep a frame from it. It asks
    for `holes`, gives `commands` until they are done, and remembers `results` and what is `gone`."""

    def __init__(self, channels=2, flags=link.CLOCK_TRUSTED):
        self.records = []
        self.kinds = []
        self.bodies = []  # (schema, body) of every batch
        self.flags = flags
        self.deaf = lambda: False
        self.mute = lambda: False
        self.holes = []
        self.commands = []
        self.results = []
        self.gone = []
        self.brief = []  # whether each frame was
        self.rssi_dbm = None
        self.unix_ms = UNIX_MS
        self._channels = channels
        self._session = GatewaySession({17: slices.KEY}, {}, {17: 0x1234})

    def hear(self, data, now_ms):
        answers = []
        for event in self._session.receive(b"" if self.deaf() else data):
            assert isinstance(event, Received)
            self.kinds.append(event.kind)
            if event.kind == link.BATCH:
                self.bodies.append((batch_reading.schema_of(event.body), event.body))
                known = batch_reading.schema_of(event.body) == 0x1234
                decoded = batch_reading.decode(event.body, self._channels) if known else None
                for record in decoded.records if decoded else ():
                    row = (record.number, record.time_s, decoded.boot, record.cells)
                    if row not in self.records:
                        self.records.append(row)
                held = [row[0] for row in self.records]
                self.holes = [(a, b) for a, b in self.holes if not [n for n in range(a, b + 1) if n in held]]
            elif event.kind == link.GONE:
                self.gone.append(decode_range(event.body))
                self.holes = [(a, b) for a, b in self.holes if a > self.gone[-1][1]]
            elif event.kind == link.DONE:
                self.results += command.decode_results(event.body)
                told = [id for id, _ in self.results]
                self.commands = [waiting for waiting in self.commands if waiting.id not in told]
            self.brief.append(event.brief)
            have = max([row[0] for row in self.records]) if self.records else 0
            is_plain = event.brief and batch_reading.numbers_of(event.body)[-1] == have
            if is_plain and self.flags & link.CLOCK_TRUSTED:
                have = None
            if not self.mute():
                parts = (self.rssi_dbm, tuple(self.holes), tuple(self.commands))
                answer = Answer(have, self.unix_ms + now_ms + 25, self.flags, *parts)
                answers.append((50, self._session.acknowledge(event, answer)))
        return answers


def values(gateway):
    """What the first channel of each record said."""
    return [cells[0][0] for _, _, _, cells in gateway.records]
