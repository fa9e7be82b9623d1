"""Knows how a device of the world does again what a capture saw it do; knows no file.

A question that was asked then, at about this time, gets what it got then: silence, a refusal, damaged bytes, the words
themselves, as late as then. Any other one is answered from the truth, as every simulated sensor does it, unless the
device was silent when it was last asked.
"""

import asyncio
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence

from hw_sim.bus.observer import Seen
from hw_sim.bus.sensor import SimSensor
from hw_sim.bus.wire import Drop, whole_us
from hw_sim.capture import bus
from hw_sim.capture.found import Exchange
from hw_sim.clock import WorldClock
from hw_sim.ledger import Ledger
from protocols import modbus, modbus_server
from protocols.profile import Profile

_MOST_SLACK_MS = 5000


class Script:
    """What one device did, for one life of a world that began at `start_unix_s`. Each exchange happens once, up to half
    a period sooner or later than then."""

    def __init__(self, exchanges: Sequence[Exchange], start_unix_s: int, period_s: int) -> None:
        start_ms = start_unix_s * 1000
        self._slack_ms = min(period_s * 500, _MOST_SLACK_MS)
        self._times_ms = [exchange.unix_ms - start_ms for exchange in exchanges]
        self._exchanges = exchanges
        self._waiting: dict[bytes, deque[tuple[int, Exchange]]] = defaultdict(deque)
        for at_ms, exchange in zip(self._times_ms, exchanges, strict=True):
            self._waiting[exchange.question].append((at_ms, exchange))

    def take(self, question: bytes, now_ms: int) -> Exchange | None:
        """The exchange that this question, unit id and PDU, began then."""
        waiting = self._waiting.get(question)
        while waiting and waiting[0][0] <= now_ms - self._slack_ms:
            waiting.popleft()
        if waiting and waiting[0][0] < now_ms + self._slack_ms:
            return waiting.popleft()[1]
        return None

    def was_silent(self, now_ms: int) -> bool:
        """Whether nothing came when it was last asked."""
        place = bisect_right(self._times_ms, now_ms) - 1
        return place >= 0 and not self._exchanges[place].heard


class CapturedSensor(SimSensor):
    """A device with a script. Once something else is wrong with it, a fault of the scenario, it answers from the truth:
    nobody has seen that together."""

    def __init__(
        self,
        script: Script,
        id: str,
        profile: Profile,
        unit_id: int,
        signals: Mapping[str, Seen],
        ledger: Ledger,
        clock: WorldClock,
    ) -> None:
        super().__init__(id, profile, unit_id, signals, ledger, clock)
        self._script = script
        self.exchange: Exchange | None = None  # which the last answer repeats

    def answer(self, request_pdu: bytes) -> bytes | None:
        now_ms = self.now_ms()
        self.exchange = self._script.take(bytes((self.unit_id,)) + request_pdu, now_ms)
        if self.broken or self.troubles:
            self.exchange = None
            return super().answer(request_pdu)
        if self.exchange is None:
            return None if self._script.was_silent(now_ms) else super().answer(request_pdu)
        if request_pdu[0] not in (modbus.READ_HOLDING, modbus.READ_INPUT):
            super().answer(request_pdu)  # it has been told to measure
        read = bus.answered(self.exchange)
        post = self.posts.get(self.unit_id)
        if read is not None and post is not None:
            self._note(post, *read)
        if self.exchange.heard:
            self.latency_ms = round(self.exchange.heard[-1][0] / 1000)
        return self.exchange.reply


class CapturedDrop(Drop):
    """Its end of a field bus. What came damaged, or with something around it, goes to the client's ear as it was; the
    rest takes its way over the wire."""

    def hear(self, data: bytes) -> None:
        unit_id = self.sensor.unit_id
        for frame in modbus_server.RtuRequests().feed(data):
            if frame[0] == unit_id:
                self._answer(unit_id, frame[1:-2])

    def _answer(self, unit_id: int, pdu: bytes) -> None:
        assert isinstance(self.sensor, CapturedSensor)
        reply = self.sensor.answer(pdu)
        exchange = self.sensor.exchange
        if exchange is None or exchange.is_clean:
            if reply is not None:
                frame = modbus.rtu(unit_id, reply)
                self._wire.send(self, frame, self._delay_s(exchange, len(frame)))
            return
        loop = asyncio.get_running_loop()
        for after_us, data in exchange.heard:
            loop.call_at(whole_us(loop.time() + after_us / 1e6), self._utter, data)

    def _delay_s(self, exchange: Exchange | None, count: int) -> float:
        """So that the last byte comes when it came then."""
        if exchange is None:
            return self.sensor.latency_ms / 1000
        return max(exchange.heard[-1][0] / 1e6 - self._wire.air_s(count), 0.0)

    def _utter(self, data: bytes) -> None:
        for party in self._wire.parties():
            if not isinstance(party, Drop):
                party.hear(data)
