"""Knows the gateway's half of the talk with its nodes: whom to believe, how to answer; knows no node's half."""

import struct

from protocols import framing, varint
from protocols.errors import AuthError, FrameError
from protocols.level_deframer import LevelDeframer
from protocols.link import (
    ACK,
    ANSWER,
    ASK,
    BATCH,
    BRIEF,
    CLOCK_TRUSTED,
    COMMANDS,
    DONE,
    GONE,
    HELLO,
    HOLES,
    PART,
    RANGE,
    RSSI,
    Answer,
    check,
    epoch,
    parse,
    seal,
)
from protocols.record import Record

_QUESTIONS = (HELLO, BATCH, BATCH | BRIEF, GONE, DONE, ASK)


class Received(Record):
    """A frame of a known node with a right tag and a fresh counter. `raw` is the frame as received, tag included;
    `body` is whole, also where the question was `brief`."""

    def __init__(
        self,
        kind: int,
        node: int,
        counter: int,
        body: bytes,
        raw: bytes,
        brief: bool = False,
        rssi_dbm: "int | None" = None,
    ) -> None:
        self.kind = kind
        self.node = node
        self.counter = counter
        self.body = body
        self.raw = raw
        self.brief = brief
        self.rssi_dbm = rssi_dbm


class Refused(Record):
    """A frame that must not be answered, and why: unknown_node, tag, replay, frame. `body` is that of a BATCH that
    would be believed if its counter were fresh."""

    def __init__(self, node: "int | None", reason: str, body: bytes = b"") -> None:
        self.node = node
        self.reason = reason
        self.body = body


class GatewaySession:
    """The gateway's half for all nodes of one radio.

    `keys` maps node id to key; `counters` maps node id to the highest counter ever accepted, which the caller keeps on
    disk together with what the frame carried; `schemas` maps node id to the schema that a brief batch leaves out.
    """

    def __init__(
        self,
        keys: "dict[int, bytes]",
        counters: "dict[int, int]",
        schemas: "dict[int, int] | None" = None,
        rssi_byte: bool = False,
    ) -> None:
        self._keys = keys
        self._counters = dict(counters)
        self._schemas = schemas or {}
        self._deframer = LevelDeframer() if rssi_byte else framing.Deframer()

    def receive(self, data: bytes) -> "list[Received | Refused]":
        events: list[Received | Refused] = []
        damaged = self._deframer.damaged
        frames = self._deframer.feed(data)
        for i, raw in enumerate(frames):
            levels_dbm = self._deframer.levels_dbm if isinstance(self._deframer, LevelDeframer) else None
            events.append(self._judge(raw, levels_dbm[i] if levels_dbm else None))
        for _ in range(self._deframer.damaged - damaged):
            events.append(Refused(None, "frame"))
        return events

    def _judge(self, raw: bytes, rssi_dbm: "int | None") -> "Received | Refused":
        try:
            frame = parse(raw)
        except FrameError:
            return Refused(None, "frame")
        if frame.kind not in _QUESTIONS:
            return Refused(frame.node, "frame")
        key = self._keys.get(frame.node)
        if key is None:
            return Refused(frame.node, "unknown_node")
        is_brief = bool(frame.kind & BRIEF)
        unsaid = struct.pack(">H", self._schemas.get(frame.node, 0)) if is_brief else b""
        try:
            check(key, raw, unsaid)
        except AuthError:
            return Refused(frame.node, "tag")
        kind, body = frame.kind & ~BRIEF, unsaid + frame.body
        if frame.counter <= self._counters.get(frame.node, -1):
            return Refused(frame.node, "replay", body if kind == BATCH else b"")
        self._counters[frame.node] = frame.counter
        return Received(kind, frame.node, frame.counter, body, raw, is_brief, rssi_dbm)

    def acknowledge(self, received: Received, answer: Answer) -> bytes:
        """The bytes that answer a frame: only once what it carried is on disk. An answer without `have` is brief: to a
        brief question, with a clock that can be trusted."""
        is_brief = answer.have is None
        kind, unsaid = (ACK | BRIEF, epoch(answer.unix_ms)) if is_brief else (ACK, b"")
        key = self._keys[received.node]
        return framing.stuff(seal(key, kind, received.node, received.counter, encode_answer(answer), unsaid), is_brief)

    def give(self, received: Received, body: bytes) -> bytes:
        """The bytes that answer an ASK."""
        return framing.stuff(seal(self._keys[received.node], PART, received.node, received.counter, body))


def encode_answer(answer: Answer) -> bytes:
    """The body of an ACK."""
    flags, parts = _parts(answer)
    if answer.have is None:
        plain = struct.pack(">H", answer.unix_ms * 16 // 1000 & 0xFFFF)
        return plain if flags == CLOCK_TRUSTED else plain + bytes((flags,)) + parts
    second, rest_ms = divmod(answer.unix_ms, 1000)
    return struct.pack(ANSWER, flags, answer.have, second, rest_ms * 256 // 1000) + parts


def _parts(answer: Answer) -> "tuple[int, bytes]":
    flags, out = answer.flags, bytearray()
    if answer.rssi_dbm is not None:
        flags |= RSSI
        out.append(answer.rssi_dbm & 0xFF)
    if answer.holes:
        flags |= HOLES
        out.append(len(answer.holes))
        for first, last in answer.holes:
            varint.put(out, first)
            varint.put(out, last - first)
    if answer.commands:
        from protocols import command

        flags |= COMMANDS
        out.append(len(answer.commands))
        for waiting in answer.commands:
            command.put(out, waiting)
    return flags, bytes(out)


def decode_range(body: bytes) -> tuple[int, int]:
    """FrameError: no range."""
    if len(body) != 8:
        raise FrameError("range of %d bytes" % len(body))
    first, last = struct.unpack(RANGE, body)
    if not 0 < first <= last:
        raise FrameError("range from %d to %d" % (first, last))
    return first, last
