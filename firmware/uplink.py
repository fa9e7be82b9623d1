"""Knows how journal records reach the gateway over the radio; knows no sensor and no flash layout."""

from firmware.board import Board
from firmware.config import NodeConfig
from firmware.journal import Entry, Journal
from protocols import batch, link
from protocols.batch import Batch, NodeRecord
from protocols.errors import FrameError
from protocols.link import Acked, NodeSession
from protocols.varint import Reader

_MOST_RECORDS = 48


def pack_record(mono_ms: int, cells: tuple[tuple[int | None, int], ...]) -> bytes:
    """A journal payload: time since boot in 1/16 s (enough for eight years), then the cells."""
    out = bytearray((mono_ms * 16 // 1000).to_bytes(4, "big"))
    batch.put_cells(out, cells)
    return bytes(out)


class Uplink:
    """Sends what the journal holds, oldest first, and sets the clock from the gateway's answers.

    begin() starts a report; advance() moves it on at `next_ms` (None: no report is under way) and after hear().
    """

    def __init__(self, board: Board, config: NodeConfig, journal: Journal) -> None:
        self._board = board
        self._config = config
        self._journal = journal
        self._session = NodeSession(config.node, config.key, journal.next_counter, board.random)
        self._known = False  # whether the gateway has told this boot what it holds
        self.unreadable = 0  # journal entries that are no records
        self._carried = 0  # the last record in the message that is on its way
        self.next_ms: int | None = None

    def begin(self) -> None:
        """Reports now, unless a report is under way."""
        if self.next_ms is None:
            self._board.radio.pending()  # what came while nobody listened answers nothing
            self._send_next()

    def hear(self, data: bytes) -> None:
        self._session.receive(data, self._board.monotonic_ms())

    async def advance(self) -> None:
        """Sends what is due and draws the consequences of what was heard."""
        now_ms = self._board.monotonic_ms()
        data = self._session.data_to_send(now_ms)
        if data:
            await self._board.radio.write(data)
        event = self._session.next_event()
        if event is None:
            self.next_ms = self._session.next_deadline()
        elif isinstance(event, Acked):
            self._take(event)
        else:
            self.next_ms = None  # no answer: the records stay, the next report tries again

    def _take(self, event: Acked) -> None:
        answer = event.answer
        if answer.flags & link.CLOCK_TRUSTED:
            # the gateway read its clock between our sending and now: the middle is off by half of that at most
            middle_ms = (event.sent_ms + self._board.monotonic_ms()) // 2
            self._journal.set_clock(answer.unix_ms - middle_ms)
        self._journal.release(self._carried if self._known else answer.have)
        self._known = True
        self.next_ms = None
        if not answer.flags & link.SLOW_DOWN:
            self._send_next()

    def _send_next(self) -> None:
        """Puts the next message on its way, if there is any."""
        now_ms = self._board.monotonic_ms()
        if not self._known:
            self._session.send(link.HELLO, b"", now_ms)
            self.next_ms = now_ms
            return
        records, entry = self._oldest_alike()
        if entry is None:
            return
        body, self._carried = self._body(records, entry)
        self._session.send(link.BATCH, body, now_ms)
        self.next_ms = now_ms

    def _oldest_alike(self) -> tuple[list[NodeRecord], Entry | None]:
        """The oldest unsent records that one batch can hold, and the first entry: of one slice, and all dated or all
        of one boot whose clock was never set. What can't be read is passed over."""
        entries = self._journal.unsent(_MOST_RECORDS)
        records: list[NodeRecord] = []
        first: Entry | None = None
        while entries:
            for entry in entries:
                if first is not None and not _alike(first, entry):
                    break
                record = _record(entry)
                if record is not None:
                    first = first or entry
                    records.append(record)
            if records:
                break
            self.unreadable += len(entries)
            self._journal.release(entries[-1].number)
            entries = self._journal.unsent(_MOST_RECORDS)
        return records, first

    def _body(self, records: list[NodeRecord], entry: Entry) -> tuple[bytes, int]:
        """As many of the records as fit one frame (one always does: batch.MAX_CHANNELS), and the last one's number."""
        state = entry.state
        while True:
            body = batch.encode(Batch(state.schema, tuple(records), None if state.clock_ms else state.boot))
            if len(body) <= link.MAX_BODY:
                return body, records[-1].number
            records = records[: max(min(len(records) * link.MAX_BODY // len(body), len(records) - 1), 1)]


def _alike(first: Entry, entry: Entry) -> bool:
    a, b = first.state, entry.state
    return a.schema == b.schema and (a.clock_ms == 0) == (b.clock_ms == 0) and (a.clock_ms != 0 or a.boot == b.boot)


def _record(entry: Entry) -> NodeRecord | None:
    """The record behind a journal entry, None when there is none."""
    reader = Reader(entry.payload)
    try:
        mono_ms = int.from_bytes(reader.take(4), "big") * 1000 // 16
        cells = batch.take_cells(reader, entry.state.channels)
        reader.end()
    except FrameError:
        return None
    return NodeRecord(entry.number, (mono_ms + entry.state.clock_ms + 500) // 1000, cells)
