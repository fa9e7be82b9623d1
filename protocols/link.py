"""Knows the authenticated talk of a node and its gateway: seal, check, acknowledge, try again; not what a batch holds.

Frame: kind u8 | node u16 | counter u32 | body | tag 8 bytes (HMAC-SHA256 over all before it, cut; RFC 2104, 5).
A node's counter only rises, so a repeated or replayed frame is refused; an answer carries the counter of the frame it
answers, so that an old answer fits nothing. A node asks one thing at a time: PART answers ASK, ACK the rest.
An ACK means: what that frame carried is on the gateway's disk. Sans-IO: time comes in as monotonic milliseconds.
"""

import struct

from protocols import framing
from protocols.checks import hmac_sha256, same_bytes
from protocols.errors import AuthError, FrameError
from protocols.record import Record

try:
    from collections.abc import Callable
except ImportError:  # MicroPython, which does not evaluate annotations
    pass

# The high nibble holds the version and, as its top bit, the direction.
HELLO, BATCH = 0x11, 0x12
DONE = 0x14  # how commands ended: protocols/command.py
ASK = 0x15  # for a part of an update: protocols/update.py
ACK, PART = 0x91, 0x95
QUESTIONS = (HELLO, BATCH, DONE, ASK)
KEY_BYTES = 32
TAG_BYTES = 8
OVERHEAD = 7 + TAG_BYTES
MAX_BODY = framing.MAX_FRAME - OVERHEAD
_HEADER = ">BHI"
_ANSWER = ">BIIBb"  # flags, highest contiguous record held, Unix seconds, 1/256 s, RSSI in dBm
CLOCK_TRUSTED = 1  # in an answer's flags: the gateway vouches for the time in it
SLOW_DOWN = 2  # the gateway's disk or uplink is in trouble: send less


def seal(key: bytes, kind: int, node: int, counter: int, body: bytes) -> bytes:
    """A frame, ready for framing.stuff()."""
    frame = struct.pack(_HEADER, kind, node, counter) + body
    return frame + hmac_sha256(key, frame)[:TAG_BYTES]


class Frame(Record):
    """What stands before the tag."""

    __slots__ = ("body", "counter", "kind", "node")

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


def check(key: bytes, frame: bytes) -> None:
    """AuthError unless the tag fits."""
    if not same_bytes(hmac_sha256(key, frame[:-TAG_BYTES])[:TAG_BYTES], frame[-TAG_BYTES:]):
        raise AuthError("wrong tag")


class Answer(Record):
    """What an ACK tells: `have` is the highest record up to which the gateway holds every one; `unix_ms` its clock."""

    __slots__ = ("flags", "have", "rssi_dbm", "unix_ms")

    def __init__(self, have: int, unix_ms: int, flags: int = CLOCK_TRUSTED, rssi_dbm: int = 0) -> None:
        self.have = have
        self.unix_ms = unix_ms
        self.flags = flags
        self.rssi_dbm = rssi_dbm

    def encode(self) -> bytes:
        second, rest_ms = divmod(self.unix_ms, 1000)
        return struct.pack(_ANSWER, self.flags, self.have, second, rest_ms * 256 // 1000, self.rssi_dbm)


def parse_answer(body: bytes) -> Answer:
    if len(body) != 11:
        raise FrameError("answer of %d bytes" % len(body))
    flags, have, second, fraction, rssi_dbm = struct.unpack(_ANSWER, body)
    return Answer(have, second * 1000 + (fraction * 1000 + 255) // 256, flags, rssi_dbm)


class Acked(Record):
    """The gateway holds what the last send() carried."""

    __slots__ = ("answer", "sent_ms")

    def __init__(self, answer: Answer, sent_ms: int) -> None:
        self.answer = answer
        self.sent_ms = sent_ms


class Part(Record):
    """The gateway's answer to an ASK."""

    __slots__ = ("body",)

    def __init__(self, body: bytes) -> None:
        self.body = body


class GaveUp(Record):
    """No answer after all tries: keep the records, come back later."""

    __slots__ = ()

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
        self._deframer = framing.Deframer()
        self._kind = 0
        self._body = b""
        self._left = 0
        self._counter: int | None = None
        self._send_at: int | None = None
        self._sent_ms = 0
        self._deadline: int | None = None
        self._event: Acked | Part | GaveUp | None = None
        self.refused = 0

    def send(self, kind: int, body: bytes, now_ms: int) -> None:
        """Starts one exchange; the one before it must have ended."""
        self._kind = kind
        self._body = body
        self._left = self._tries
        self._send_at = now_ms
        self._deadline = None
        self._counter = None
        self._event = None

    def data_to_send(self, now_ms: int) -> bytes:
        """Bytes for the radio now, or b""."""
        if self._deadline is not None and now_ms >= self._deadline:
            self._try_again(now_ms)
        if self._send_at is None or now_ms < self._send_at:
            return b""
        self._send_at = None
        self._left -= 1
        self._counter = self._next_counter()
        self._sent_ms = now_ms
        self._deadline = now_ms + self._answer_ms
        return framing.stuff(seal(self._key, self._kind, self._node, self._counter, self._body))

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
        """Bytes off the radio; what is not the answer that is waited for is counted in `refused`."""
        for raw in self._deframer.feed(data):
            try:
                frame = parse(raw)
                if frame.node != self._node or frame.kind not in (ACK, PART):
                    continue  # somebody else's frame on a shared channel
                check(self._key, raw)
                if self._counter is None or frame.counter != self._counter:
                    raise AuthError("an answer to nothing")
                if (frame.kind == PART) != (self._kind == ASK):
                    raise AuthError("an answer of another kind")
                event = Part(frame.body) if frame.kind == PART else Acked(parse_answer(frame.body), self._sent_ms)
            except (FrameError, AuthError):
                self.refused += 1
                continue
            self._counter = self._deadline = self._send_at = None
            self._event = event

    def next_event(self) -> "Acked | Part | GaveUp | None":
        """How the exchange ended; each end is told once."""
        event, self._event = self._event, None
        return event


class Received(Record):
    """A frame of a known node with a right tag and a fresh counter. `raw` is the frame as received, tag included."""

    __slots__ = ("body", "counter", "kind", "node", "raw")

    def __init__(self, kind: int, node: int, counter: int, body: bytes, raw: bytes) -> None:
        self.kind = kind
        self.node = node
        self.counter = counter
        self.body = body
        self.raw = raw


class Refused(Record):
    """A frame that must not be answered, and why: unknown_node, tag, replay, frame."""

    __slots__ = ("node", "reason")

    def __init__(self, node: "int | None", reason: str) -> None:
        self.node = node
        self.reason = reason


class GatewaySession:
    """The gateway's half for all nodes of one radio.

    `keys` maps node id to key; `counters` maps node id to the highest counter ever accepted, which the caller keeps on
    disk together with what the frame carried.
    """

    def __init__(self, keys: "dict[int, bytes]", counters: "dict[int, int]") -> None:
        self._keys = keys
        self._counters = dict(counters)
        self._deframer = framing.Deframer()

    def receive(self, data: bytes) -> "list[Received | Refused]":
        events: list[Received | Refused] = []
        damaged = self._deframer.damaged
        for raw in self._deframer.feed(data):
            events.append(self._judge(raw))
        for _ in range(self._deframer.damaged - damaged):
            events.append(Refused(None, "frame"))
        return events

    def _judge(self, raw: bytes) -> "Received | Refused":
        try:
            frame = parse(raw)
        except FrameError:
            return Refused(None, "frame")
        if frame.kind not in QUESTIONS:
            return Refused(frame.node, "frame")
        key = self._keys.get(frame.node)
        if key is None:
            return Refused(frame.node, "unknown_node")
        try:
            check(key, raw)
        except AuthError:
            return Refused(frame.node, "tag")
        if frame.counter <= self._counters.get(frame.node, -1):
            return Refused(frame.node, "replay")
        self._counters[frame.node] = frame.counter
        return Received(frame.kind, frame.node, frame.counter, frame.body, raw)

    def acknowledge(self, received: Received, answer: Answer) -> bytes:
        """The bytes that answer a frame: only once what it carried is on disk."""
        key = self._keys[received.node]
        return framing.stuff(seal(key, ACK, received.node, received.counter, answer.encode()))

    def give(self, received: Received, body: bytes) -> bytes:
        """The bytes that answer an ASK."""
        return framing.stuff(seal(self._keys[received.node], PART, received.node, received.counter, body))
