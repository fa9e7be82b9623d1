"""Knows what goes wrong with the line itself: what it adds, what it turns over, whom it no longer carries."""

import asyncio
import math
from typing import Annotated, Literal

from msgspec import Meta

from hw_sim.bus.line_faults import Chance, Effect, Id, IdleLine, LineFault, after, checked, is_meant, own_stream
from hw_sim.bus.wire import Party, Wire
from hw_sim.streams import Stream


class LineNoise(LineFault, frozen=True, kw_only=True, tag="line_noise"):
    """A pump's inverter beside the cable, lightning far away: each bit that is sent may be turned over, for every ear
    alike."""

    bit_error_rate: Annotated[float, Meta(ge=1e-9, le=0.5)] = 1e-4

    def effect(self, wire: Wire, stream: Stream) -> Effect:
        return _Noise(self.bit_error_rate, stream)


class _Noise(Effect):
    """Skips from flip to flip: a clean stretch costs nothing (geometric distribution by inversion)."""

    def __init__(self, rate: float, stream: Stream) -> None:
        self._log_good = math.log1p(-rate)
        self._random = stream.random
        self._good = self._skip()  # bits until the next flip

    def _skip(self) -> int:
        return int(math.log(1.0 - self._random()) / self._log_good)

    def flips(self, bits: int) -> list[int]:
        found = []
        while self._good < bits:
            found.append(self._good)
            self._good += 1 + self._skip()
        self._good -= bits
        return found


class LineDead(LineFault, frozen=True, kw_only=True, tag="line_dead"):
    """A cut cable: of the bus at the client's end, so that nobody is reached, or of one sensor's stub."""

    sensor: Id | None = None

    def effect(self, wire: Wire, stream: Stream) -> Effect:
        return _Cut(checked(wire, self.sensor), may_send=False, may_hear=False)


class LineHalfDead(LineFault, frozen=True, kw_only=True, tag="line_half_dead"):
    """A transceiver after a surge: without its driver it hears and can't answer, without its receiver the other way."""

    sensor: Id | None = None
    part: Literal["driver", "receiver"] = "driver"

    def effect(self, wire: Wire, stream: Stream) -> Effect:
        sends = self.part == "receiver"
        return _Cut(checked(wire, self.sensor), may_send=sends, may_hear=not sends)


class _Cut(Effect):
    def __init__(self, sensor: str | None, may_send: bool, may_hear: bool) -> None:
        self._sensor = sensor
        self._may_send = may_send
        self._may_hear = may_hear

    def carries(self, sender: Party) -> bool:
        return self._may_send or not is_meant(sender, self._sensor)

    def hears(self, party: Party) -> bool:
        return self._may_hear or not is_meant(party, self._sensor)


class LineSwapped(LineFault, frozen=True, kw_only=True, tag="line_swapped"):
    """A and B exchanged at one end: it sees, and sends, every bit inverted, the idle line as well."""

    sensor: Id | None = None

    def effect(self, wire: Wire, stream: Stream) -> Effect:
        return _Swap(checked(wire, self.sensor))


class _Swap(Effect):
    def __init__(self, sensor: str | None) -> None:
        self._sensor = sensor

    def is_swapped(self, party: Party) -> bool:
        return is_meant(party, self._sensor)


class LineUnbiased(LineFault, frozen=True, kw_only=True, tag="line_unbiased"):
    """No resistors that hold the idle line: it floats, and receivers see a character now and then in the silence, and
    often one just after a driver has let go. Any driver prevails over it."""

    mean_s: Annotated[float, Meta(ge=0.01, le=1e6, extra={"unit": "s"})] = 5.0
    after_frame: Chance = 0.1

    def effect(self, wire: Wire, stream: Stream) -> Effect:
        return _Floating(wire, self, stream)


class _Floating(Effect):
    def __init__(self, wire: Wire, fault: LineUnbiased, stream: Stream) -> None:
        self._wire = wire
        self._fault = fault
        self._stream = stream
        self._frames = own_stream(stream)
        self._nobody = IdleLine()
        self._timer = self._next()

    def _next(self) -> asyncio.TimerHandle:
        return after(self._stream.exponential(self._fault.mean_s), self._now)

    def _now(self) -> None:
        self._wire.send(self._nobody, bytes((self._stream.below(256),)))
        self._timer = self._next()

    def launch(self, sender: Party, data: bytes, delay_s: float) -> tuple[bytes, float]:
        if sender is not self._nobody and self._frames.chance(self._fault.after_frame):
            after_s = delay_s + (len(data) + self._frames.uniform(0.0, 5.0)) * self._wire.char_s
            self._wire.send(self._nobody, bytes((self._frames.below(256),)), after_s)
        return data, delay_s

    def stop(self) -> None:
        self._timer.cancel()


AnyCableFault = LineNoise | LineDead | LineHalfDead | LineSwapped | LineUnbiased
