"""Knows a node's uplink and journal in bad weather, on both interpreters; knows no radio's physics.

What goes over is lost, doubled, late, cut, damaged, forged or replayed; both ends start again; the gateway forgets
records, refuses, jumps in time and gives commands; the channel is taken. A far end is what Memory below is, or one with
the gateway's own code: hw_sim/bench/link_storm.py.
"""

from firmware.board import Board, Flash, Radio
from firmware.config import NodeConfig
from firmware.journal import Journal
from firmware.pace import Pace
from firmware.uplink import Uplink, pack_record
from protocols import batch_reading, command, link
from protocols.command import Command
from protocols.gateway_session import GatewaySession, Received, decode_range
from protocols.link import Answer

NODE, KEY, SCHEMA = 17, bytes(range(32)), 0x1234
UNIX_MS = 1_767_225_600_000
_REPORTS = 8
_CALM = 12  # reports in good weather, at most, until all is told


class Dice:
    """The same pseudo-random numbers on every interpreter: an LCG of 31 bits (constants of ANSI C), upper bits used."""

    def __init__(self, seed: int) -> None:
        self._state = (seed * 7919 + 1) & 0x7FFFFFFF
        self.below(2)

    def below(self, limit: int) -> int:
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._state >> 8) % limit

    def one_in(self, limit: int) -> bool:
        return self.below(limit) == 0

    def data(self, count: int) -> bytes:
        return bytes([self.below(256) for _ in range(count)])


class RamFlash(Flash):
    def __init__(self, sectors: int, sector_bytes: int) -> None:
        self.sectors = sectors
        self.sector_bytes = sector_bytes
        self._data = bytearray(b"\xff" * (sectors * sector_bytes))

    def read(self, offset: int, count: int) -> bytes:
        return bytes(self._data[offset : offset + count])

    def write(self, offset: int, data: bytes) -> None:
        self._data[offset : offset + len(data)] = data

    def erase(self, sector: int) -> None:
        size = self.sector_bytes
        self._data[sector * size : sector * size + size] = b"\xff" * size


class Memory:
    """The gateway's half with a store in memory. `trouble`: it can keep nothing; `flags`: what it tells of itself."""

    def __init__(self) -> None:
        self.trouble = False
        self.slow = False
        self.offset_ms = 0
        self.refused = 0
        self._raw: list[bytes] = []
        self._rows: dict[int, tuple[int | None, ...]] = {}
        self._gone: set[int] = set()
        self._waiting: list[Command] = []
        self._done: list[int] = []
        self._counters: dict[int, int] = {}
        self._have = 0
        self.restart()

    def restart(self) -> None:
        """The process ends and begins."""
        self._session = GatewaySession({NODE: KEY}, self._counters, {NODE: SCHEMA})

    def hear(self, data: bytes, now_ms: int) -> list[bytes]:
        answers = []
        for event in self._session.receive(data):
            if not isinstance(event, Received):
                self.refused += 1
                continue
            assert event.raw not in self._raw, "a frame was accepted twice"
            self._raw.append(event.raw)
            if self.trouble:
                self.restart()  # nothing was kept, so nothing is known of the frame
                self._raw.pop()
                break
            self._counters[NODE] = event.counter
            last = self._keep(event)
            unix_ms = UNIX_MS + now_ms + self.offset_ms
            flags = link.CLOCK_TRUSTED | (link.SLOW_DOWN if self.slow else 0)
            have = None if event.brief and last == self._have else self._have
            answer = Answer(have, unix_ms, flags, -90, self._holes(), tuple(self._waiting[:4]))
            answers.append(self._session.acknowledge(event, answer))
        return answers

    def _keep(self, event: Received) -> int:
        """The last record that the frame brought."""
        if event.kind == link.BATCH:
            records = batch_reading.decode(event.body, 2).records
            for record in records:
                values = tuple([value for value, _ in record.cells])
                assert self._rows.setdefault(record.number, values) == values, "one number, two contents"
            self._have = max(self._have, records[-1].number)
            return records[-1].number
        if event.kind == link.GONE:
            first, last = decode_range(event.body)
            self._gone |= {number for number in range(first, last + 1) if number not in self._rows}
        if event.kind == link.DONE:
            told = [id for id, _ in command.decode_results(event.body)]
            self._done += [waiting.id for waiting in self._waiting if waiting.id in told]
            self._waiting = [waiting for waiting in self._waiting if waiting.id not in told]
        return 0

    def _holes(self) -> tuple[tuple[int, int], ...]:
        holes: list[tuple[int, int]] = []
        for number in range(1, self._have):
            if number not in self._rows and number not in self._gone:
                if holes and holes[-1][1] == number - 1:
                    holes[-1] = (holes[-1][0], number)
                else:
                    holes.append((number, number))
        return tuple(holes[:3])

    def forget(self, dice: Dice) -> None:
        """A damaged store comes back without some of its rows."""
        first = 1 + dice.below(self._have + 1)
        for number in range(first, first + 1 + dice.below(8)):
            self._rows.pop(number, None)

    def order(self, kind: int) -> int:
        id = len(self._done) + len(self._waiting) + 1
        self._waiting.append(Command(id, kind))
        return id

    def rows(self) -> list[tuple[int, tuple[int | None, ...]]]:
        return sorted(self._rows.items())

    def gone(self) -> list[int]:
        return sorted(self._gone)

    def done(self) -> list[int]:
        return self._done

    def refusals(self) -> int:
        return self.refused

    def close(self) -> None:
        pass


class _Channel:
    """One direction: what is put in comes out late, damaged, twice, cut, never, or again much later; and so do
    forgeries by somebody who hears everything and has no key."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._coming: list[tuple[int, int, bytes]] = []
        self._heard: list[bytes] = []
        self.trouble = 0  # n: one message in n is hit

    def put(self, now_ms: int, data: bytes) -> None:
        dice = self._dice
        self._heard.append(data)
        times = [now_ms + 100]
        if self.trouble and dice.one_in(self.trouble):
            kind, at = dice.below(8), dice.below(len(data))
            if kind == 0:
                return
            if kind == 1:
                times.append(now_ms + dice.below(9000))
            elif kind == 2:
                times = [now_ms + dice.below(9000)]
            elif kind == 3:
                data = data[:at]
            elif kind == 4:
                data = data[:at] + bytes((data[at] ^ 1 << dice.below(8),)) + data[at + 1 :]
            elif kind == 5:
                data = dice.data(9) + data + dice.data(9)
            elif kind == 6:
                self._add(now_ms + dice.below(3000), self._heard[dice.below(len(self._heard))])
            else:
                forged = bytearray(data)
                forged[dice.below(len(forged))] = dice.below(256)
                self._add(now_ms + dice.below(200), bytes(forged))
        for when in times:
            self._add(when, data)

    def _add(self, when: int, data: bytes) -> None:
        self._coming.append((when, len(self._heard), data))
        self._coming.sort()

    def take(self, now_ms: int) -> bytes:
        due = [data for when, _, data in self._coming if when <= now_ms]
        self._coming = self._coming[len(due) :]
        return b"".join(due)

    def next_ms(self) -> int | None:
        return self._coming[0][0] if self._coming else None


class _NodeRadio(Radio):
    def __init__(self, story: "Story") -> None:
        self._story = story

    async def write(self, data: bytes) -> None:
        self._story.up.put(self._story.now_ms, data)
        self._story.now_ms += 60

    def pending(self) -> bytes:
        return self._story.down.take(self._story.now_ms)

    def is_busy(self) -> bool:
        return self._story.trouble > 0 and self._story.dice.one_in(6)


class _NodeBoard(Board):
    def __init__(self, story: "Story") -> None:
        self._story = story
        self.radio = _NodeRadio(story)

    def monotonic_ms(self) -> int:
        return self._story.now_ms - self._story.boot_ms

    def random(self, below: int) -> int:
        return self._story.dice.below(below)


class Story:
    """One seed: reports in bad weather, then in calm, until everything is told. `refused`: frames that either end threw
    away; run() fails with an AssertionError that says what was lost, repeated, forged or made up."""

    def __init__(self, seed: int, far_end: Memory, schema: int = SCHEMA) -> None:
        self.dice = Dice(seed)
        self.far_end = far_end
        self.up, self.down = _Channel(self.dice), _Channel(self.dice)
        self.trouble = (0, 2, 3, 6)[self.dice.below(4)]
        self.now_ms = 0
        self.refused = 0
        self._flash = RamFlash(3 if self.dice.one_in(3) else 24, 256)  # a small ring drops records
        self._schema = schema
        self._config = NodeConfig(NODE, "storm", schema, KEY, 1000, (), (), (250, 120, 90)[self.dice.below(3)])
        self._written: dict[int, tuple[int | None, ...]] = {}
        self._obeyed: list[int] = []
        self._boot_obeyed: list[int] = []
        self._begin_boot()

    def _begin_boot(self) -> None:
        self.boot_ms = self.now_ms
        self._boot_obeyed = []
        self._journal = Journal(self._flash, self._schema, 2)
        board = _NodeBoard(self)
        self._uplink = Uplink(board, self._config, self._journal, self._obey, Pace(board.monotonic_ms))

    def _obey(self, waiting: Command) -> int:
        assert waiting.id not in self._boot_obeyed, "a command was obeyed twice"
        self._boot_obeyed.append(waiting.id)
        self._obeyed.append(waiting.id)
        return command.DONE

    def run(self) -> None:
        ordered = []
        for _ in range(_REPORTS):
            self.up.trouble = self.down.trouble = self.trouble
            self._measure(self.dice.below(14))
            if self.trouble:
                self._mischief()
                if self.dice.one_in(3):
                    ordered.append(self.far_end.order(command.WIPE))
            self._report()
        self._weather_clears()
        for _ in range(_CALM):
            self._measure(1)  # who has nothing to say does not ask either
            self._report()
        self._judge(ordered)

    def _measure(self, count: int) -> None:
        for _ in range(count):
            self.now_ms += 10_000
            values = (self.dice.below(4000) - 500, None if self.dice.one_in(9) else self.dice.below(70))
            cells = tuple([(value, 1 if value is None else 0) for value in values])
            self._written[self._journal.append(pack_record(self._uplink.pace.now_ms(), cells))] = values

    def _mischief(self) -> None:
        dice, far_end = self.dice, self.far_end
        far_end.trouble = dice.one_in(8)
        far_end.slow = dice.one_in(6)
        if dice.one_in(8):
            far_end.offset_ms = dice.below(20_000_000) - 10_000_000
        if dice.one_in(6):
            far_end.forget(dice)
        if dice.one_in(5):
            far_end.restart()
        if dice.one_in(6):
            self._begin_boot()

    def _weather_clears(self) -> None:
        self.far_end.trouble = self.far_end.slow = False
        self.trouble = self.up.trouble = self.down.trouble = 0

    def _report(self) -> None:
        uplink = self._uplink
        uplink.begin()
        steps = 0
        while uplink.next_ms is not None:
            steps += 1
            assert steps < 4000, "a report without end"
            wait_ms = uplink.pace.own_span(uplink.next_ms - uplink.pace.now_ms())
            times = [self.now_ms + max(wait_ms, 0), self.up.next_ms(), self.down.next_ms()]
            self.now_ms = max(self.now_ms, min([when for when in times if when is not None]))
            self._hear_up()
            uplink.hear(self.down.take(self.now_ms))
            try:
                uplink.advance().send(None)
            except StopIteration:
                pass
        self.refused += uplink._session.refused
        uplink._session.refused = 0

    def _hear_up(self) -> None:
        said = self.up.take(self.now_ms)
        for answer in self.far_end.hear(said, self.now_ms) if said else ():
            self.down.put(self.now_ms, answer)
            if self.trouble and self.dice.one_in(12):
                self.far_end.restart()

    def _judge(self, ordered: list[int]) -> None:
        rows = self.far_end.rows()
        numbers = [number for number, _ in rows]
        assert len(set(numbers)) == len(numbers), "a record arrived twice"
        for number, values in rows:
            assert self._written.get(number) == values, "record %d was forged or changed" % number
        held = {entry.number for entry in self._journal.read(1, self._journal.next_number, 9999)}
        gone = set(self.far_end.gone())
        for number in self._written:
            assert number in numbers or number not in held, "record %d never arrived" % number
            assert number in numbers or number in gone, "record %d is missing without a word" % number
        assert not gone & set(numbers) & held, "called gone, and there"
        assert sorted(self.far_end.done()) == ordered, "a command was not told to have ended"
        assert set(self._obeyed) <= set(ordered), "nobody gave this command"
        self.refused += self.far_end.refusals()
