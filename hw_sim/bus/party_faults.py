"""Knows what goes wrong with who is on a line: what they send, when, and how they are set."""

from typing import Annotated, Literal

from msgspec import Meta

from hw_sim.bus.line_faults import Chance, Effect, Id, LineFault, after, checked, drop_of, is_meant
from hw_sim.bus.uart import Uart
from hw_sim.bus.wire import Party, Wire
from hw_sim.streams import Stream

Baud = Annotated[int, Meta(ge=300, le=115_200)]


class LineEcho(LineFault, frozen=True, kw_only=True, tag="line_echo"):
    """An adapter whose receiver stays on while its own driver is: the client hears its own questions. (A sensor's
    firmware throws away what it hears of itself.)"""

    def effect(self, wire: Wire, stream: Stream) -> Effect:
        return _Echo()


class _Echo(Effect):
    def echoes(self, party: Party) -> bool:
        return is_meant(party, None)


class LineLateDriver(LineFault, frozen=True, kw_only=True, tag="line_late_driver"):
    """A driver that is switched by software: on too late, so that the `first` characters are cut, or off too early, so
    that the `last` ones are."""

    sensor: Id | None = None
    first: Annotated[int, Meta(ge=0, le=16)] = 0
    last: Annotated[int, Meta(ge=0, le=16)] = 1

    def effect(self, wire: Wire, stream: Stream) -> Effect:
        return _LateDriver(wire, checked(wire, self.sensor), self.first, self.last)


class _LateDriver(Effect):
    def __init__(self, wire: Wire, sensor: str | None, first: int, last: int) -> None:
        self._wire = wire
        self._sensor = sensor
        self._first = first
        self._last = last

    def launch(self, sender: Party, data: bytes, delay_s: float) -> tuple[bytes, float]:
        if not is_meant(sender, self._sensor):
            return data, delay_s
        first = min(self._first, len(data))
        return data[first : max(len(data) - self._last, first)], delay_s + first * self._wire.char_s


class LineBabble(LineFault, frozen=True, kw_only=True, tag="line_babble"):
    """A unit whose driver hangs: bursts of rubbish of up to `burst_bytes`, between them a silence that ends a frame and
    `pause_s` more on average. With short pauses nobody gets through."""

    sensor: Id
    burst_bytes: Annotated[int, Meta(ge=1, le=255)] = 64
    pause_s: Annotated[float, Meta(ge=0.0, le=3600.0, extra={"unit": "s"})] = 0.0

    def effect(self, wire: Wire, stream: Stream) -> Effect:
        return _Babble(wire, self, stream)


class _Babble(Effect):
    def __init__(self, wire: Wire, fault: LineBabble, stream: Stream) -> None:
        self._wire = wire
        self._fault = fault
        self._stream = stream
        self._drop = drop_of(wire, fault.sensor)
        self._timer = after(0.0, self._burst)

    def _burst(self) -> None:
        stream = self._stream
        count = 1 + stream.below(self._fault.burst_bytes)
        rubbish = b"".join(int(stream.random() * 2**48).to_bytes(6, "big") for _ in range(-(-count // 6)))[:count]
        end_s = self._wire.send(self._drop, rubbish)
        pause_s = self._wire.char_s + (stream.exponential(self._fault.pause_s) if self._fault.pause_s else 0.0)
        self._timer = after(end_s + pause_s, self._burst)

    def stop(self) -> None:
        self._timer.cancel()


class LineDoubledAddress(LineFault, frozen=True, kw_only=True, tag="line_doubled_address"):
    """A sensor that was given the unit id of another one, `like`: both answer that one's questions, nobody its own."""

    sensor: Id
    like: Id

    def effect(self, wire: Wire, stream: Stream) -> Effect:
        drop_of(wire, self.sensor)
        return _Doubled(self.sensor, drop_of(wire, self.like).sensor.unit_id)


class _Doubled(Effect):
    def __init__(self, sensor: str, unit_id: int) -> None:
        self._sensor = sensor
        self._unit_id = unit_id

    def unit_id(self, sensor: str) -> int | None:
        return self._unit_id if sensor == self._sensor else None


class LineLateReplies(LineFault, frozen=True, kw_only=True, tag="line_late_replies"):
    """A unit that thinks too long, now and then: it answers by a drawn time later, but in the order it was asked."""

    sensor: Id
    chance: Chance = 0.5
    low_ms: Annotated[float, Meta(ge=0.0, le=30_000.0, extra={"unit": "ms"})] = 200.0
    high_ms: Annotated[float, Meta(ge=0.0, le=30_000.0, extra={"unit": "ms"})] = 2000.0

    def effect(self, wire: Wire, stream: Stream) -> Effect:
        drop_of(wire, self.sensor)
        return _Late(self, stream)


class _Late(Effect):
    def __init__(self, fault: LineLateReplies, stream: Stream) -> None:
        self._fault = fault
        self._stream = stream

    def launch(self, sender: Party, data: bytes, delay_s: float) -> tuple[bytes, float]:
        if is_meant(sender, self._fault.sensor) and self._stream.chance(self._fault.chance):
            delay_s += self._stream.uniform(self._fault.low_ms, self._fault.high_ms) / 1000
        return data, delay_s


class LineTruncatedReplies(LineFault, frozen=True, kw_only=True, tag="line_truncated_replies"):
    """A unit that stops in the middle, now and then: up to `most_lost` characters of its answer are never sent."""

    sensor: Id
    chance: Chance = 0.5
    most_lost: Annotated[int, Meta(ge=1, le=256)] = 256

    def effect(self, wire: Wire, stream: Stream) -> Effect:
        drop_of(wire, self.sensor)
        return _Truncated(self, stream)


class _Truncated(Effect):
    def __init__(self, fault: LineTruncatedReplies, stream: Stream) -> None:
        self._fault = fault
        self._stream = stream

    def launch(self, sender: Party, data: bytes, delay_s: float) -> tuple[bytes, float]:
        if is_meant(sender, self._fault.sensor) and self._stream.chance(self._fault.chance):
            lost = 1 + self._stream.below(min(self._fault.most_lost, len(data)))
            data = data[: len(data) - lost]
        return data, delay_s


class LineMismatch(LineFault, frozen=True, kw_only=True, tag="line_mismatch"):
    """One party is set otherwise than the bus; what is left out is as on the bus. It hears rubbish, and so do the
    others when it speaks."""

    sensor: Id | None = None
    baud: Baud | None = None
    parity: Literal["N", "E", "O"] | None = None
    stop_bits: Literal[1, 2] | None = None

    def effect(self, wire: Wire, stream: Stream) -> Effect:
        return _Mismatch(checked(wire, self.sensor), self)


class _Mismatch(Effect):
    def __init__(self, sensor: str | None, fault: LineMismatch) -> None:
        self._sensor = sensor
        self._fault = fault

    def uart(self, party: Party, uart: Uart) -> Uart:
        if not is_meant(party, self._sensor):
            return uart
        fault = self._fault
        return Uart(fault.baud or uart.baud, fault.parity or uart.parity, fault.stop_bits or uart.stop_bits)


AnyPartyFault = (
    LineEcho | LineLateDriver | LineBabble | LineDoubledAddress | LineLateReplies | LineTruncatedReplies | LineMismatch
)
