"""Knows how to put one question to one unit and get its answer, not an older one; knows no sensor and no kind of port.

A line is anything with `async write(data)`, `async read(timeout_ms) -> bytes` (what has come; b"" after the timeout)
and `pending() -> bytes` (what has come already, at once). The same client runs on a node and in the gateway.

Late replies: RTU has no transaction number, so a reply that comes after its timeout looks like the answer to the next
question of the same shape. A unit that owes replies is therefore in doubt, and in doubt it is only believed when it
answers a question of another shape (devices answer in order), or after FORGET_MS of silence. pymodbus 3.16 takes the
stale reply (its PR #2636). A reply that noise has spoilt is no debt, if it can be nobody's late one: that one was paid.
"""

from protocols import modbus
from protocols.errors import DeviceError, FrameError
from protocols.modbus import Request

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from collections.abc import Callable
    from typing import Protocol

    class Line(Protocol):
        async def write(self, data: bytes) -> None: ...
        async def read(self, timeout_ms: int) -> bytes: ...
        def pending(self) -> bytes: ...


FORGET_MS = 60_000


def frame_ms(characters: int, baud: int, bits: int = 11) -> int:
    """Time of so many characters and the silence that ends a frame (Serial Line V1.02, 2.5.1.1), rounded up."""
    silence_us = 1750 if baud > 19200 else 3500 * bits * 1000 // baud
    return (characters * bits * 1_000_000 // baud + silence_us) // 1000 + 1


class RtuClient:
    """Asks units on one serial line, one question at a time. `latency_ms` is the longest a device may think."""

    def __init__(self, line: "Line", now_ms: "Callable[[], int]", baud: int, latency_ms: int = 300) -> None:
        self._line = line
        self._now_ms = now_ms
        self._baud = baud
        self.latency_ms = latency_ms  # of the units asked next
        self._owed: dict[int, list[tuple[int, Request]]] = {}  # unit: (asked at, question) without an answer
        self.asked_ms = 0  # when the last answered question had been sent: the instant of its reading
        self.first_ms: int | None = None  # when the first one was, since somebody set this to None
        self.late_replies = 0
        self.damaged = 0  # answers that were spoilt on the way: their units are there

    async def ask(self, request: Request) -> tuple[int, ...]:
        """The words of the answer. NoReply, FrameError, DeviceError as in protocols/errors.py."""
        self._settle_debts()
        owed = self._owed.get(request.unit_id)
        if owed and any(modbus.same_shape(request, question) for _, question in owed):
            from protocols import spoilt

            try:
                await self._exchange(spoilt.probe(request, owed))
            except DeviceError:
                pass  # a refusal is an answer too
        words = await self._exchange(request)
        if self.first_ms is None:
            self.first_ms = self.asked_ms
        return words

    def _settle_debts(self) -> None:
        """A late reply that has come in meanwhile pays the oldest debt it fits, and no more: a refusal fits many. Very
        old debts are never paid."""
        data = self._line.pending()
        now_ms = self._now_ms()
        for unit_id in list(self._owed):
            left = []
            paid = not data
            for asked_ms, question in self._owed[unit_id]:
                if not paid and modbus.RtuReply(question).feed(data) is not None:
                    self.late_replies += 1
                    paid = True
                elif now_ms - asked_ms < FORGET_MS:
                    left.append((asked_ms, question))
            if left:
                self._owed[unit_id] = left
            else:
                del self._owed[unit_id]

    async def _exchange(self, request: Request) -> tuple[int, ...]:
        frame = modbus.rtu(request.unit_id, request.pdu())
        reply = modbus.RtuReply(request)
        await self._line.write(frame)
        sent_ms = self._now_ms()
        length = request.reply_length() + 3
        deadline_ms = sent_ms + frame_ms(len(frame) + length, self._baud) + self.latency_ms
        pdu = None
        while pdu is None:
            data = await self._line.read(max(deadline_ms - self._now_ms(), 0))
            pdu = reply.feed(data)
            if pdu is None and (self._now_ms() >= deadline_ms or reply.is_whole()):
                from protocols import spoilt  # seldom: a node loads it with its first failure

                is_damaged = spoilt.is_damaged(request, reply.buffer)
                if is_damaged and spoilt.is_nobody_elses(request, reply.buffer, self._owed):
                    self.damaged += 1
                    self._owed.pop(request.unit_id, None)
                    raise spoilt.failure(request, reply.buffer)
                if self._now_ms() >= deadline_ms:
                    self.damaged += is_damaged
                    self._owed.setdefault(request.unit_id, []).append((sent_ms, request))
                    raise spoilt.failure(request, reply.buffer)
        owed = self._owed.get(request.unit_id)
        if owed:
            if pdu[0] & 0x80 and any(question.function == request.function for _, question in owed):
                owed.append((sent_ms, request))  # this may be the late refusal of an older question
                raise FrameError("unit %d refused, but owes older answers" % request.unit_id)
            del self._owed[request.unit_id]
        words = request.accept(pdu)
        self.asked_ms = sent_ms
        return words
