"""Knows what goes wrong on a field bus, on both levels of the wire; knows no scenario and no meaning of a frame.

A fault is data. begin() puts its effect on a wire and end() takes it off again, in any order and several at once. Each
effect draws from a stream of its own, so that one more fault changes nothing in what another one does. On a wire
without faults nothing here is ever called.

`sensor` names a party by its sensor's id; None is the client's end (a gateway's adapter, a node's transceiver).
"""

import asyncio
import math
from collections.abc import Callable
from typing import Annotated, Literal

from msgspec import Meta, Struct

from hw_sim.streams import Stream
from hw_sim.uart import Uart
from hw_sim.wire import Drop, Party, Wire, whole_us

Id = Annotated[str, Meta(min_length=1)]
Chance = Annotated[float, Meta(ge=0.0, le=1.0)]
Baud = Annotated[int, Meta(ge=300, le=115_200)]


class Effect:
    """What a begun fault does on one wire; this one does nothing. hw_sim.wire.Impairments says when it is asked."""

    def launch(self, sender: Party, data: bytes, delay_s: float) -> tuple[bytes, float]:
        return data, delay_s

    def carries(self, sender: Party) -> bool:
        return True

    def flips(self, bits: int) -> list[int]:
        return []

    def uart(self, party: Party, uart: Uart) -> Uart:
        return uart

    def is_swapped(self, party: Party) -> bool:
        return False

    def hears(self, party: Party) -> bool:
        return True

    def echoes(self, party: Party) -> bool:
        return False

    def unit_id(self, sensor: str) -> int | None:
        """The id that a sensor has now instead of its own."""
        return None

    def stop(self) -> None:
        """Nothing of it happens any more."""


class LineFaults:
    """What is wrong with one wire. Made once for each wire, from its own stream: `streams[f"line {id}"]`."""

    def __init__(self, wire: Wire, stream: Stream) -> None:
        if wire.uart is None:
            raise ValueError("not a field bus")
        self._wire = wire
        self._stream = stream
        self._tosses = _own_stream(stream)
        self._effects: list[tuple[LineFault, Effect]] = []
        self._unit_ids: dict[str, int] = {}  # of those who answer to another
        wire.faults = self

    def begin(self, fault: "LineFault") -> None:
        """ValueError: the wire has no such sensor."""
        effect = fault.effect(self._wire, _own_stream(self._stream))
        self._effects.append((fault, effect))
        self._changed()

    def end(self, fault: "LineFault") -> None:
        """ValueError: it has not begun."""
        index = [begun for begun, _ in self._effects].index(fault)
        _, effect = self._effects.pop(index)
        effect.stop()
        self._changed()

    def _changed(self) -> None:
        self._wire.refresh()
        for drop in _drops(self._wire):
            own = self._unit_ids.setdefault(drop.sensor.id, drop.sensor.unit_id)
            told = [unit_id for _, effect in self._effects if (unit_id := effect.unit_id(drop.sensor.id)) is not None]
            drop.sensor.unit_id = told[-1] if told else own
            if not told:
                del self._unit_ids[drop.sensor.id]

    # --- hw_sim.wire.Impairments --------------------------------------------------------------------------------------

    @property
    def is_active(self) -> bool:
        return bool(self._effects)

    def launch(self, sender: Party, data: bytes, delay_s: float) -> tuple[bytes, float]:
        for _, effect in self._effects:
            data, delay_s = effect.launch(sender, data, delay_s)
        return data, delay_s

    def carries(self, sender: Party) -> bool:
        return all(effect.carries(sender) for _, effect in self._effects)

    def flips(self, bits: int) -> list[int]:
        return [flip for _, effect in self._effects for flip in effect.flips(bits)]

    def uart(self, party: Party, uart: Uart) -> Uart:
        for _, effect in self._effects:
            uart = effect.uart(party, uart)
        return uart

    def is_swapped(self, party: Party) -> bool:
        return sum(effect.is_swapped(party) for _, effect in self._effects) % 2 == 1

    def is_weak(self, party: Party) -> bool:
        return isinstance(party, _IdleLine)

    def hears(self, party: Party) -> bool:
        return all(effect.hears(party) for _, effect in self._effects)

    def echoes(self, party: Party) -> bool:
        return any(effect.echoes(party) for _, effect in self._effects)

    def toss(self) -> bool:
        return self._tosses.chance(0.5)


def _own_stream(stream: Stream) -> Stream:
    return Stream(int(stream.random() * 2**53), "line fault")


def _after(delay_s: float, action: Callable[[], None]) -> asyncio.TimerHandle:
    loop = asyncio.get_running_loop()
    return loop.call_at(whole_us(loop.time() + delay_s), action)


class _IdleLine:
    """Nobody: a line that floats and looks like a driver."""

    def hear(self, data: bytes) -> None:
        """It does not."""


def _drops(wire: Wire) -> list[Drop]:
    return [party for party in wire.parties() if isinstance(party, Drop)]


def _drop(wire: Wire, sensor: str) -> Drop:
    for drop in _drops(wire):
        if drop.sensor.id == sensor:
            return drop
    raise ValueError(f"no sensor {sensor} on this line")


def _is(party: Party, sensor: str | None) -> bool:
    """Whether a fault's `sensor` means this party."""
    if isinstance(party, Drop):
        return party.sensor.id == sensor
    return sensor is None and not isinstance(party, _IdleLine)


class LineFault(Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True):
    """One kind of trouble with its parameters. The wire must have its LineFaults."""

    def begin(self, wire: Wire) -> None:
        _faults_of(wire).begin(self)

    def end(self, wire: Wire) -> None:
        _faults_of(wire).end(self)

    def effect(self, wire: Wire, stream: Stream) -> Effect:
        raise NotImplementedError


def _faults_of(wire: Wire) -> LineFaults:
    if not isinstance(wire.faults, LineFaults):
        raise ValueError("this wire was made without LineFaults")
    return wire.faults


# --- the line itself --------------------------------------------------------------------------------------------------


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
        return _Cut(_checked(wire, self.sensor), may_send=False, may_hear=False)


class LineHalfDead(LineFault, frozen=True, kw_only=True, tag="line_half_dead"):
    """A transceiver after a surge: without its driver it hears and can't answer, without its receiver the other way."""

    sensor: Id | None = None
    part: Literal["driver", "receiver"] = "driver"

    def effect(self, wire: Wire, stream: Stream) -> Effect:
        sends = self.part == "receiver"
        return _Cut(_checked(wire, self.sensor), may_send=sends, may_hear=not sends)


def _checked(wire: Wire, sensor: str | None) -> str | None:
    if sensor is not None:
        _drop(wire, sensor)
    return sensor


class _Cut(Effect):
    def __init__(self, sensor: str | None, may_send: bool, may_hear: bool) -> None:
        self._sensor = sensor
        self._may_send = may_send
        self._may_hear = may_hear

    def carries(self, sender: Party) -> bool:
        return self._may_send or not _is(sender, self._sensor)

    def hears(self, party: Party) -> bool:
        return self._may_hear or not _is(party, self._sensor)


class LineSwapped(LineFault, frozen=True, kw_only=True, tag="line_swapped"):
    """A and B exchanged at one end: it sees, and sends, every bit inverted, the idle line as well."""

    sensor: Id | None = None

    def effect(self, wire: Wire, stream: Stream) -> Effect:
        return _Swap(_checked(wire, self.sensor))


class _Swap(Effect):
    def __init__(self, sensor: str | None) -> None:
        self._sensor = sensor

    def is_swapped(self, party: Party) -> bool:
        return _is(party, self._sensor)


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
        self._frames = _own_stream(stream)
        self._nobody = _IdleLine()
        self._timer = self._next()

    def _next(self) -> asyncio.TimerHandle:
        return _after(self._stream.exponential(self._fault.mean_s), self._now)

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


class LineEcho(LineFault, frozen=True, kw_only=True, tag="line_echo"):
    """An adapter whose receiver stays on while its own driver is: the client hears its own questions. (A sensor's
    firmware throws away what it hears of itself.)"""

    def effect(self, wire: Wire, stream: Stream) -> Effect:
        return _Echo()


class _Echo(Effect):
    def echoes(self, party: Party) -> bool:
        return _is(party, None)


class LineLateDriver(LineFault, frozen=True, kw_only=True, tag="line_late_driver"):
    """A driver that is switched by software: on too late, so that the `first` characters are cut, or off too early, so
    that the `last` ones are."""

    sensor: Id | None = None
    first: Annotated[int, Meta(ge=0, le=16)] = 0
    last: Annotated[int, Meta(ge=0, le=16)] = 1

    def effect(self, wire: Wire, stream: Stream) -> Effect:
        return _LateDriver(wire, _checked(wire, self.sensor), self.first, self.last)


class _LateDriver(Effect):
    def __init__(self, wire: Wire, sensor: str | None, first: int, last: int) -> None:
        self._wire = wire
        self._sensor = sensor
        self._first = first
        self._last = last

    def launch(self, sender: Party, data: bytes, delay_s: float) -> tuple[bytes, float]:
        if not _is(sender, self._sensor):
            return data, delay_s
        first = min(self._first, len(data))
        return data[first : max(len(data) - self._last, first)], delay_s + first * self._wire.char_s


# --- one unit ---------------------------------------------------------------------------------------------------------


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
        self._drop = _drop(wire, fault.sensor)
        self._timer = _after(0.0, self._burst)

    def _burst(self) -> None:
        stream = self._stream
        count = 1 + stream.below(self._fault.burst_bytes)
        rubbish = b"".join(int(stream.random() * 2**48).to_bytes(6, "big") for _ in range(-(-count // 6)))[:count]
        end_s = self._wire.send(self._drop, rubbish)
        pause_s = self._wire.char_s + (stream.exponential(self._fault.pause_s) if self._fault.pause_s else 0.0)
        self._timer = _after(end_s + pause_s, self._burst)

    def stop(self) -> None:
        self._timer.cancel()


class LineDoubledAddress(LineFault, frozen=True, kw_only=True, tag="line_doubled_address"):
    """A sensor that was given the unit id of another one, `like`: both answer that one's questions, nobody its own."""

    sensor: Id
    like: Id

    def effect(self, wire: Wire, stream: Stream) -> Effect:
        _drop(wire, self.sensor)
        return _Doubled(self.sensor, _drop(wire, self.like).sensor.unit_id)


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
        _drop(wire, self.sensor)
        return _Late(self, stream)


class _Late(Effect):
    def __init__(self, fault: LineLateReplies, stream: Stream) -> None:
        self._fault = fault
        self._stream = stream

    def launch(self, sender: Party, data: bytes, delay_s: float) -> tuple[bytes, float]:
        if _is(sender, self._fault.sensor) and self._stream.chance(self._fault.chance):
            delay_s += self._stream.uniform(self._fault.low_ms, self._fault.high_ms) / 1000
        return data, delay_s


class LineTruncatedReplies(LineFault, frozen=True, kw_only=True, tag="line_truncated_replies"):
    """A unit that stops in the middle, now and then: up to `most_lost` characters of its answer are never sent."""

    sensor: Id
    chance: Chance = 0.5
    most_lost: Annotated[int, Meta(ge=1, le=256)] = 256

    def effect(self, wire: Wire, stream: Stream) -> Effect:
        _drop(wire, self.sensor)
        return _Truncated(self, stream)


class _Truncated(Effect):
    def __init__(self, fault: LineTruncatedReplies, stream: Stream) -> None:
        self._fault = fault
        self._stream = stream

    def launch(self, sender: Party, data: bytes, delay_s: float) -> tuple[bytes, float]:
        if _is(sender, self._fault.sensor) and self._stream.chance(self._fault.chance):
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
        return _Mismatch(_checked(wire, self.sensor), self)


class _Mismatch(Effect):
    def __init__(self, sensor: str | None, fault: LineMismatch) -> None:
        self._sensor = sensor
        self._fault = fault

    def uart(self, party: Party, uart: Uart) -> Uart:
        if not _is(party, self._sensor):
            return uart
        fault = self._fault
        return Uart(fault.baud or uart.baud, fault.parity or uart.parity, fault.stop_bits or uart.stop_bits)


AnyLineFault = (
    LineNoise
    | LineDead
    | LineHalfDead
    | LineSwapped
    | LineUnbiased
    | LineEcho
    | LineLateDriver
    | LineBabble
    | LineDoubledAddress
    | LineLateReplies
    | LineTruncatedReplies
    | LineMismatch
)
