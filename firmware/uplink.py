"""Knows how journal records reach the gateway over the radio; knows no sensor, no flash layout and no command."""

from firmware.board import Board
from firmware.config import NodeConfig
from firmware.journal import Entry, Journal
from protocols import batch, link
from protocols.batch import Batch, NodeRecord
from protocols.errors import FrameError
from protocols.link import Acked, NodeSession, Part
from protocols.registers import MOST
from protocols.varint import Reader

if __debug__:  # compiled for a board it is the compiler's own word
    from firmware.const import const

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from collections.abc import Callable

    from firmware.pace import Pace
    from firmware.update import Fetcher
    from firmware.wishes import Wishes
    from protocols.command import Command

_MOST_RECORDS = const(48)
# Listen before talk, as MIIT 2019 No. 52 wants it: a taken channel is never sent into. The times are ours: a frame is
# at most one second on the air.
_LISTEN_MS = const(4000)
_AGAIN_MS = const(250)


def pack_record(mono_ms: int, cells: tuple[tuple[int | None, int], ...]) -> bytes:
    """A journal payload: time since boot in 1/16 s (enough for eight years), then the cells."""
    out = bytearray((mono_ms * 16 // 1000).to_bytes(4, "big"))
    batch.put_cells(out, cells)
    return bytes(out)


class Uplink:
    """Sends what the journal holds, oldest first, then what the gateway lacks; sets the clock from its answers and
    has its commands obeyed.

    begin() starts a report; advance() moves it on at `next_ms` (None: no report is under way) and after hear().
    `obey(command)`: firmware/wishes.py. `fetcher` asks for the pieces of an update when nothing else is to be sent.
    """

    def __init__(
        self,
        board: Board,
        config: NodeConfig,
        journal: Journal,
        obey: "Callable[[Command], int | None]",
        pace: "Pace",
    ) -> None:
        self._board = board
        self.pace = pace
        self._config = config
        self.journal = journal
        self._obey = obey
        self._session = NodeSession(config.node, config.key, journal.next_counter, board.random)
        self._most_bytes = config.max_frame - link.OVERHEAD
        self._known = journal.released > 0  # whether the gateway has told this boot what it holds
        self._greets = False  # sets the clock before it dates records
        self._is_foreign = False  # whether it has another slice of this node
        self._carried = 0  # the last record in the message that is on its way
        self._wishes: Wishes | None = None  # of the gateway, while it has any
        self.obeyed: list[tuple[int, int]] = []  # (id, result) of the last commands: a repeated one is not obeyed again
        self._listen_until_ms: int | None = None
        self.fetcher: Fetcher | None = None
        self.unreadable = 0  # journal entries that are no records
        self.taken = 0  # how often the channel was
        self.rssi_dbm: int | None = None  # how strong the gateway heard us last, where it can tell
        self.next_ms: int | None = None

    @property
    def owes_results(self) -> bool:
        """Whether the gateway has not heard yet how a command ended."""
        return self._wishes is not None and bool(self._wishes.results)

    def begin(self) -> None:
        """Reports now, unless a report is under way."""
        if self.next_ms is None:
            self._board.radio.pending()  # what came while nobody listened answers nothing
            self._greets = self.pace.is_unsure
            if self.fetcher is not None:
                self.fetcher.begin_report()
            self._send_next()

    def hear(self, data: bytes) -> None:
        self._session.receive(data, self.pace.now_ms())

    async def advance(self) -> None:
        """Sends what is due and draws the consequences of what was heard."""
        now_ms = self.pace.now_ms()
        if self._session.is_due(now_ms) and self._must_wait(now_ms):
            return
        data = self._session.data_to_send(now_ms)
        if data:
            await self._board.radio.write(data)
            self._session.left(self.pace.now_ms())
        event = self._session.next_event()
        if event is None:
            self.next_ms = self._session.next_deadline()
        elif isinstance(event, Acked):
            self._take(event)
        elif isinstance(event, Part):
            if self.fetcher is not None:
                self.fetcher.take(event.body)
            self.next_ms = None
            self._send_next()
        else:
            self.next_ms = None  # no answer: the records stay, the next report tries again
        if self.next_ms is None:
            if self._wishes is not None:
                self._wishes = self._wishes.rest()
            if self._board.gated:
                self.journal.note_released()  # nothing but flash stays: else the next boot would send it all again

    def _must_wait(self, now_ms: int) -> bool:
        """Listens before talk: whether somebody else is on the channel. In vain too long: this try passes unsent."""
        if not self._board.radio.is_busy():
            self._listen_until_ms = None
            return False
        self.taken += 1
        if self._listen_until_ms is None:
            self._listen_until_ms = now_ms + _LISTEN_MS
        if now_ms < self._listen_until_ms:
            self.next_ms = now_ms + 1 + self._board.random(_AGAIN_MS)
            return True
        self._listen_until_ms = None
        self._session.forgo(now_ms)
        return False

    def _take(self, event: Acked) -> None:
        answer = event.answer
        # first: a state that the clock has written takes it along
        self.journal.release(self._carried if self._known or answer.have is None else answer.have)
        if answer.flags & link.CLOCK_TRUSTED:
            # the gateway read its clock between our sending and now: the middle is off by half of that at most
            middle_ms = (event.sent_ms + self.pace.now_ms()) // 2
            self.pace.heard(middle_ms, answer.unix_ms)
            self.journal.set_clock(self.pace.clock_ms, middle_ms)
        if answer.rssi_dbm is not None:
            self.rssi_dbm = answer.rssi_dbm
        self._is_foreign = bool(answer.flags & link.OTHER_SLICE)
        self._known = True
        if self._wishes is None and (answer.commands or answer.holes):
            from firmware import wishes

            self._wishes = wishes.Wishes(self, self._obey)
        if self._wishes is not None:
            self._wishes.hear(answer)
        self.next_ms = None
        if self._greets or not answer.flags & link.SLOW_DOWN:
            self._greets = False
            self._send_next()

    def _send_next(self) -> None:
        """Puts the next message on its way, if there is any."""
        self._carried = 0
        if self._greets or not self._known:
            self.send(link.HELLO, self._config.schema.to_bytes(2, "big"))
        elif self._wishes is None or not self._wishes.tell():
            records, entry = self._oldest_alike()
            if entry is not None:
                self._carried = self.send_batch(records, entry)
            elif self._wishes is not None and self._wishes.serve():
                pass
            elif self.fetcher is not None:
                question = self.fetcher.question()
                if question is not None:
                    self.send(link.ASK, question)

    def send(self, kind: int, body: bytes, clock_ms: int | None = None) -> None:
        self.next_ms = self.pace.now_ms()
        self._session.send(kind, body, self.next_ms, clock_ms)

    def send_batch(self, records: list[NodeRecord], entry: Entry) -> int:
        """The number of the last record in it."""
        body, last = self._body(records, entry)
        is_usual = entry.state.schema == self._config.schema and not self._is_foreign
        self.send(link.BATCH, body, self.pace.clock_ms or None if is_usual else None)
        return last

    def _oldest_alike(self) -> tuple[list[NodeRecord], Entry | None]:
        """The oldest unsent records that one batch can hold, and the first entry. What can't be read is passed over."""
        while True:
            entries = self.journal.unsent(_MOST_RECORDS)
            records, first = self._first_alike(entries)
            if records or not entries:
                return records, first
            self.unreadable += len(entries)
            self.journal.release(entries[-1].number)

    def _body(self, records: list[NodeRecord], entry: Entry) -> tuple[bytes, int]:
        """As many of the records as fit one frame (`watertower check` sees to it that one does), and the last one's
        number."""
        state, most = entry.state, self._most_bytes
        while True:
            body = batch.encode(Batch(state.schema, tuple(records), None if state.clock_ms else state.boot))
            if len(body) <= most or len(records) == 1:
                return body, records[-1].number
            records = records[: max(min(len(records) * most // len(body), len(records) - 1), 1)]

    def kept(self, first: int, last: int) -> tuple[list[NodeRecord], Entry | None]:
        """The oldest records from number `first` to `last` that the journal still holds and one batch can, and the
        first entry."""
        return self._first_alike(self.journal.read(first, last, _MOST_RECORDS))

    def _first_alike(self, entries: list[Entry]) -> tuple[list[NodeRecord], Entry | None]:
        """The first records that one batch can hold, and the first one's entry: of one slice, and all dated or all of
        one boot whose clock was never set."""
        records: list[NodeRecord] = []
        first: Entry | None = None
        for entry in entries:
            if first is not None and not _alike(first, entry):
                break
            record = self._record(entry)
            if record is not None:
                first = first or entry
                records.append(record)
        return records, first

    def _record(self, entry: Entry) -> NodeRecord | None:
        """The record behind a journal entry, None when there is none."""
        reader = Reader(entry.payload)
        try:
            mono_ms = int.from_bytes(reader.take(4), "big") * 1000 // 16
            cells = batch.take_cells(reader, entry.state.channels)
            reader.end()
        except FrameError:
            return None
        state, here = entry.state, self.journal.state
        is_here = state.boot == here.boot and here.clock_ms
        time_s = ((self.pace.date(mono_ms) if is_here else mono_ms + state.clock_ms) + 500) // 1000
        is_sound = 0 <= time_s <= 0xFFFFFFFF and all(value is None or -MOST <= value <= MOST for value, _ in cells)
        return NodeRecord(entry.number, time_s, cells) if is_sound else None


def _alike(first: Entry, entry: Entry) -> bool:
    a, b = first.state, entry.state
    return a.schema == b.schema and (a.clock_ms == 0) == (b.clock_ms == 0) and (a.clock_ms != 0 or a.boot == b.boot)
