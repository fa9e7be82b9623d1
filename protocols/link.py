"""Knows the authenticated talk of a node and its gateway: seal, check, acknowledge, try again; not what a batch holds.

The gateway's half is in protocols/gateway_session.py.

Frame: kind u8 | node u16 | counter u32 | body | tag 8 bytes (HMAC-SHA256 over all before it, cut; RFC 2104, 5).
A node's counter only rises, so a repeated or replayed frame is refused; an answer carries the counter of the frame it
answers, so that an old answer fits nothing. A node asks one thing at a time: PART answers ASK, ACK the rest.
An ACK means: what that frame carried is on the gateway's disk. Sans-IO: time comes in as monotonic milliseconds.

The first try of a batch is brief, and so is its answer: what both sides know anyway, the batch's schema and the high
bits of the time, is under the tag without being sent. Who knows otherwise finds a wrong tag, and the next try says all.
"""

import struct

from protocols import framing, varint
from protocols.checks import hmac_sha256, same_bytes
from protocols.errors import AuthError, FrameError
from protocols.record import Record

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from collections.abc import Callable

    from protocols.command import Command

# The high nibble holds the version and, as its top bit, the direction.
HELLO, BATCH = 0x11, 0x12  # HELLO: the schema of the node's slice
GONE = 0x13  # first and last number of records that the node no longer holds
DONE = 0x14  # how commands ended: protocols/command.py
ASK = 0x15  # for a part of an update: protocols/update.py
ACK, PART = 0x91, 0x95
BRIEF = 0x08  # laid over BATCH and ACK
KEY_BYTES = 32
TAG_BYTES = 8
OVERHEAD = 7 + TAG_BYTES
MAX_BODY = framing.MAX_FRAME - OVERHEAD
_HEADER = ">BHI"
ANSWER = ">BIIB"  # flags, highest contiguous record held, Unix seconds, 1/256 s
RANGE = ">II"
# An answer's flags
CLOCK_TRUSTED = 1  # the gateway vouches for the time in it
SLOW_DOWN = 2  # the gateway's disk or uplink is in trouble: send less
OTHER_SLICE = 4  # the gateway can't read this node's records: they are kept as they come
RSSI, HOLES, COMMANDS = 8, 16, 32  # these parts follow


def seal(key: bytes, kind: int, node: int, counter: int, body: bytes, unsaid: bytes = b"") -> bytes:
    """A frame, ready for framing.stuff(). `unsaid` is what the other side must know to find the tag right."""
    frame = struct.pack(_HEADER, kind, node, counter) + body
    return frame + hmac_sha256(key, frame + unsaid)[:TAG_BYTES]


class Frame(Record):
    """What stands before the tag."""

    def __init__(self, kind: int, node: int, counter: int, body: bytes) -> None:
        self.kind = kind
        self.node = node
        self.counter = counter
        self.body = body


def parse(frame: bytes) -> Frame:
    """A frame's parts, not yet believed. FrameError: too short."""
    if len(frame) < OVERHEAD:
        raise FrameError("frame of %d bytes" % len(frame))
    kind, node, counter = struct.unpack(_HEADER, frame[:7])
    return Frame(kind, node, counter, frame[7:-TAG_BYTES])


def check(key: bytes, frame: bytes, unsaid: bytes = b"") -> None:
    """AuthError unless the tag fits."""
    if not same_bytes(hmac_sha256(key, frame[:-TAG_BYTES] + unsaid)[:TAG_BYTES], frame[-TAG_BYTES:]):
        raise AuthError("wrong tag")


def encode_range(first: int, last: int) -> bytes:
    """The body of a GONE."""
    return struct.pack(RANGE, first, last)


class Answer(Record):
    """What an ACK tells: `have` is the highest record up to which the gateway holds every one but the `holes` (first,
    last), None in a brief answer: the last record that was sent. `unix_ms` is its clock, `rssi_dbm` how strong it
    heard the node, `commands` wait for it."""

    def __init__(
        self,
        have: "int | None",
        unix_ms: int,
        flags: int = CLOCK_TRUSTED,
        rssi_dbm: "int | None" = None,
        holes: "tuple[tuple[int, int], ...]" = (),
        commands: "tuple[Command, ...]" = (),
    ) -> None:
        self.have = have
        self.unix_ms = unix_ms
        self.flags = flags
        self.rssi_dbm = rssi_dbm
        self.holes = tuple(holes)
        self.commands = tuple(commands)


def parse_answer(body: bytes, own_ms: "int | None" = None) -> Answer:
    """`own_ms`: the answer is brief, and its time the one next to this clock's."""
    reader = varint.Reader(body)
    have: int | None = None
    if own_ms is None:
        flags, have, second, fraction = struct.unpack(ANSWER, reader.take(10))
        unix_ms = second * 1000 + (fraction * 1000 + 255) // 256
    else:
        own = own_ms * 16 // 1000
        low = reader.byte() << 8 | reader.byte()
        # the middle of the 1/16 s that has the low bits told and is next to the own clock
        unix_ms = (own + ((low - own + 0x8000) & 0xFFFF) - 0x8000) * 1000 // 16 + 31
        flags = reader.byte() if len(body) > 2 else CLOCK_TRUSTED
    rssi_dbm = None
    if flags & RSSI:
        rssi_dbm = (reader.byte() ^ 0x80) - 0x80
    holes = []
    if flags & HOLES:
        for _ in range(reader.byte()):
            first = reader.number()
            holes.append((first, first + reader.number()))
    commands = []
    if flags & COMMANDS:
        from protocols import command  # seldom: not loaded before the first one comes

        for _ in range(reader.byte()):
            commands.append(command.take(reader))
    reader.end()
    return Answer(have, unix_ms, flags & 7, rssi_dbm, tuple(holes), tuple(commands))


def epoch(unix_ms: int) -> bytes:
    """What a brief answer leaves out of the time: the number of the 4096 s in which it is."""
    return struct.pack(">I", (unix_ms * 16 // 1000) >> 16)


class Acked(Record):
    """The gateway holds what the last send() carried."""

    def __init__(self, answer: Answer, sent_ms: int) -> None:
        self.answer = answer
        self.sent_ms = sent_ms


class Part(Record):
    """The gateway's answer to an ASK."""

    def __init__(self, body: bytes) -> None:
        self.body = body


class GaveUp(Record):
    """No answer after all tries: keep the records, come back later."""

    def __init__(self) -> None:
        pass


class NodeSession:
    """The node's half. send() one message, then move bytes and time through it until next_event() says how it went.

    `next_counter()` gives a number that this node never used before; every try takes a new one. `jitter(n)` gives a
    number in 0..n-1 so that two nodes do not collide again and again.
    """

    def __init__(
        self,
        node: int,
        key: bytes,
        next_counter: "Callable[[], int]",
        jitter: "Callable[[int], int]",
        answer_ms: int = 1500,
        tries: int = 3,
    ) -> None:
        self._node = node
        self._key = key
        self._next_counter = next_counter
        self._jitter = jitter
        self._answer_ms = answer_ms
        self._tries = tries
        self.deframer = framing.Deframer()
        self._kind = 0
        self._body = b""
        self._clock_ms: int | None = None  # Unix milliseconds at monotonic zero, as long as tries are brief
        self._left = 0
        self._counter: int | None = None
        self._send_at: int | None = None
        self._sent_ms = 0
        self._deadline: int | None = None
        self._event: Acked | Part | GaveUp | None = None
        self.refused = 0

    def send(self, kind: int, body: bytes, now_ms: int, clock_ms: "int | None" = None) -> None:
        """Starts one exchange; the one before it must have ended. A BATCH of the node's present slice by a node that
        knows the time begins with a brief try: `clock_ms` is the Unix time at monotonic zero."""
        self._kind = kind
        self._body = body
        self._clock_ms = clock_ms
        self._left = self._tries
        self._send_at = now_ms
        self._deadline = None
        self._counter = None
        self._event = None
        self.deframer.feed(b"\0")  # what came before answers nothing; what of it is no frame counts as damage

    def is_due(self, now_ms: int) -> bool:
        """Whether data_to_send() would give a frame now."""
        if self._deadline is not None and now_ms >= self._deadline:
            self._try_again(now_ms)
        return self._send_at is not None and now_ms >= self._send_at

    def data_to_send(self, now_ms: int) -> bytes:
        """Bytes for the radio now, or b""."""
        if not self.is_due(now_ms):
            return b""
        if self._left < self._tries:
            self._clock_ms = None  # one of us knew otherwise, or it was lost: say all
        self._send_at = None
        self._left -= 1
        self._counter = self._next_counter()
        self._sent_ms = now_ms
        self._deadline = now_ms + self._answer_ms
        kind, body, unsaid = self._kind, self._body, b""
        is_brief = self._clock_ms is not None
        if is_brief:
            kind, body, unsaid = kind | BRIEF, body[2:], body[:2]
        return framing.stuff(seal(self._key, kind, self._node, self._counter, body, unsaid), is_brief)

    def left(self, now_ms: int) -> None:
        """What data_to_send() gave has left the radio: the answer's time begins."""
        self._sent_ms = now_ms
        self._deadline = now_ms + self._answer_ms

    def forgo(self, now_ms: int) -> None:
        """Lets a try that is due pass without a frame: the channel was taken all the time."""
        self._send_at = None
        self._left -= 1
        self._try_again(now_ms)

    def _try_again(self, now_ms: int) -> None:
        self._deadline = None
        if self._left:
            back_off_ms = self._answer_ms << (self._tries - self._left - 1)
            self._send_at = now_ms + self._jitter(back_off_ms)
        else:
            self._counter = None
            self._event = GaveUp()

    def next_deadline(self) -> "int | None":
        """When data_to_send() wants to be asked again, or None."""
        return self._send_at if self._send_at is not None else self._deadline

    def receive(self, data: bytes, now_ms: int) -> None:
        """Bytes off the radio; what is not the answer that is waited for is counted in `refused`, what is
        no frame in `deframer.damaged`."""
        for raw in self.deframer.feed(data):
            try:
                frame = parse(raw)
                if frame.node != self._node or frame.kind not in (ACK, ACK | BRIEF, PART):
                    continue  # somebody else's frame on a shared channel
                event = self._believed(frame, raw, now_ms)
            except (FrameError, AuthError):
                self.refused += 1
                continue
            self._counter = self._deadline = self._send_at = None
            self._event = event

    def _believed(self, frame: Frame, raw: bytes, now_ms: int) -> "Acked | Part":
        is_brief = frame.kind == ACK | BRIEF
        if (
            frame.counter != self._counter
            or (frame.kind == PART) != (self._kind == ASK)
            or (is_brief and self._clock_ms is None)
        ):
            raise AuthError("answers nothing")
        if is_brief:
            assert self._clock_ms is not None
            answer = parse_answer(frame.body, self._clock_ms + now_ms)
            check(self._key, raw, epoch(answer.unix_ms))
            return Acked(answer, self._sent_ms)
        check(self._key, raw)
        return Part(frame.body) if frame.kind == PART else Acked(parse_answer(frame.body), self._sent_ms)

    def next_event(self) -> "Acked | Part | GaveUp | None":
        """How the exchange ended; each end is told once."""
        event, self._event = self._event, None
        return event
