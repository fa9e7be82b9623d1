"""Knows a shared half-duplex medium at frame level: who hears what and when; knows no meaning of a frame.

Every transmission is (start, end, bytes, sender): the others hear it at its end. A field bus, and a radio channel.
On a field bus, a transmission that meets another one is a burst of characters instead (uart.py), and each ear hears
what its own UART makes of it; so is every one while something is wrong with the bus (line_faults.py) or somebody on
it is set otherwise. byte_wire.py does the same with every character as an event.
"""

import asyncio
from functools import lru_cache
from typing import Protocol

from gateway.machine.lines import Inbox
from hw_sim.bus.sensor import SimSensor
from hw_sim.bus.uart import Air, Burst, Char, Uart, frames
from hw_sim.clock import WorldClock
from hw_sim.streams import Stream
from protocols import modbus, modbus_server

_CLOCK_S = 2e-6  # events are this exact: a virtual clock counts whole microseconds
_ONE, _TWO = 8, 16  # bytes: what is shorter is no question, or can only be for the unit that it begins with
_BUFFER_BYTES = 4096  # of a serial port that nobody reads: Linux, drivers/tty/n_tty.c: N_TTY_BUF_SIZE


class Party(Protocol):
    """Whoever is on the medium."""

    def hear(self, data: bytes) -> None:
        """A whole transmission of somebody else."""


class Impairments(Protocol):
    """What is wrong with a line: hw_sim/bus/line_faults.py."""

    @property
    def is_active(self) -> bool: ...

    def launch(self, sender: Party, data: bytes, delay_s: float) -> tuple[bytes, float]:
        """What a sender really puts out, and when."""

    def carries(self, sender: Party) -> bool:
        """Whether that reaches the line."""

    def flips(self, bits: int) -> list[int]:
        """Which of the next `bits` on the line are turned over."""

    def uart(self, party: Party, uart: Uart) -> Uart: ...
    def is_swapped(self, party: Party) -> bool: ...
    def is_weak(self, party: Party) -> bool: ...
    def hears(self, party: Party) -> bool: ...
    def echoes(self, party: Party) -> bool: ...
    def toss(self) -> bool: ...


class Flight:
    """One transmission on an impaired line, or on one of single characters."""

    __slots__ = ("bursts", "close_s", "count", "data", "end_s", "sender", "sent", "start_s", "uart")

    def __init__(self, sender: Party, data: bytes, uart: Uart, start_s: float, end_s: float, close_s: float) -> None:
        self.sender = sender
        self.data = data
        self.uart = uart
        self.start_s = start_s
        self.end_s = end_s
        self.close_s = close_s  # when the silence after it ends
        self.bursts: list[Burst] = []  # what reached the line
        self.count = 0  # characters that have passed
        self.sent: asyncio.Future[None] | None = None


_Alone = tuple[asyncio.TimerHandle, Party, bytes, float, float, "asyncio.Future[None] | None"]


class Wire:
    """The medium. `byte_us` is the time of one character; `first_us` what each transmission takes before its first, or
    the silence after its last. A field bus has a `uart`."""

    def __init__(self, clock: WorldClock, byte_us: float, first_us: float = 0.0, uart: Uart | None = None) -> None:
        self._clock = clock
        self.loop = clock.loop
        self._byte_us = byte_us
        self._first_us = first_us
        self._parties: list[Party] = []
        self._uarts: dict[Party, Uart] = {}  # of those who are set otherwise than the bus
        self._held: dict[Party, list[Char]] = {}  # heard by those who wait for a longer silence
        self._alone: _Alone | None = None  # the transmission that has an untroubled line for itself
        self._flights: list[Flight] = []  # otherwise: those since the last silence, and those to come
        self._is_clear = True  # nothing is wrong with the line and everybody is set alike
        self._collisions = Stream(0, "collisions")
        self.uart = uart
        self.faults: Impairments | None = None
        self.transmissions = 0
        self.dropped = 0  # characters with a wrong parity or stop bit, each time somebody gets one

    def attach(self, party: Party, uart: Uart | None = None) -> None:
        """`uart`: of a party that is set otherwise than the bus."""
        self._parties.append(party)
        if uart is not None and uart != self.uart:
            self._uarts[party] = uart
        self.refresh()

    def detach(self, party: Party) -> None:
        if party in self._parties:
            self._parties.remove(party)
            self._uarts.pop(party, None)
            self._held.pop(party, None)
            self.refresh()

    def parties(self) -> tuple[Party, ...]:
        return tuple(self._parties)

    def refresh(self) -> None:
        """Looks anew whether anything is wrong."""
        self._is_clear = not self._uarts and (self.faults is None or not self.faults.is_active)
        if not self._is_clear:
            self._spell_out()

    @property
    def char_s(self) -> float:
        """How long one character takes."""
        return self._byte_us / 1e6

    def air_s(self, count: int) -> float:
        """How long `count` bytes take."""
        return (self._first_us + count * self._byte_us) / 1e6

    def send(
        self, sender: Party, data: bytes, delay_s: float = 0.0, sent: "asyncio.Future[None] | None" = None
    ) -> float:
        """Puts bytes on the medium after a delay; returns when they have ended, in seconds from now. `sent` is set
        then."""
        if self._alone is None and self._is_clear and not self._flights:
            loop = self.loop
            now_s = loop.time()
            end_s = delay_s + self.air_s(len(data))
            close_s = whole_us(now_s + end_s)
            timer = loop.call_at(close_s, self._arrive, sender, data, sent)
            if self.uart is not None:
                self._alone = timer, sender, data, now_s + delay_s, close_s, sent
            return end_s
        return self._launch(sender, data, delay_s, sent)

    def _arrive(self, sender: Party, data: bytes, sent: "asyncio.Future[None] | None") -> None:
        self._alone = None
        self._deliver(sender, data)
        if sent is not None:
            _wake(sent)

    def _deliver(self, sender: Party, data: bytes) -> None:
        self.transmissions += 1
        for party in self._parties.copy():
            if party is not sender:
                party.hear(data)

    # --- characters ---------------------------------------------------------------------------------------------------

    def _launch(self, sender: Party, data: bytes, delay_s: float, sent: "asyncio.Future[None] | None") -> float:
        self._spell_out()
        loop = self.loop
        now_s = loop.time()
        uart = self._uart_of(sender)
        believed_s = delay_s + self._air_s(uart, len(data))
        if self.faults is not None and self.faults.is_active:
            data, delay_s = self.faults.launch(sender, data, delay_s)
        for other in self._flights:  # one port sends in the order it was told to
            if other.sender is sender:
                delay_s = max(delay_s, other.close_s + self.char_s - now_s)
        really_s = delay_s + self._air_s(uart, len(data))
        end_s = now_s + really_s
        flight = Flight(sender, data, uart, now_s + delay_s, end_s - self._first_us / 1e6, whole_us(end_s))
        self._flights.append(flight)
        if sent is not None and really_s == believed_s:
            flight.sent = sent
        elif sent is not None:
            loop.call_at(whole_us(now_s + believed_s), _wake, sent)
        self._start(flight)
        return believed_s

    def _spell_out(self) -> None:
        """The one transmission that had the line for itself has it no more: now it is characters, too."""
        if self._alone is not None:
            assert self.uart is not None
            timer, sender, data, start_s, close_s, sent = self._alone
            timer.cancel()
            self._alone = None
            end_s = start_s + len(data) * self.uart.char_us / 1e6
            flight = Flight(sender, data, self.uart, start_s, end_s, close_s)
            flight.sent = sent
            self._flights.append(flight)
            self._start(flight)

    def _air_s(self, uart: Uart, count: int) -> float:
        return self.air_s(count) if uart == self.uart else (self._first_us + count * uart.char_us) / 1e6

    def _uart_of(self, party: Party) -> Uart:
        assert self.uart is not None, "only a field bus has characters"
        uart = self._uarts.get(party, self.uart)
        return uart if self.faults is None else self.faults.uart(party, uart)

    def _start(self, flight: Flight) -> None:
        """At frame level what reaches the line is decided at the first bit for all of it."""
        self.loop.call_at(whole_us(flight.start_s), self._whole, flight)

    def _whole(self, flight: Flight) -> None:
        if flight.data:
            self._pass(flight, flight.data)
        self.loop.call_at(flight.close_s, self._close, flight)

    def _pass(self, flight: Flight, data: bytes) -> None:
        """The next characters of a transmission reach the line, or do not."""
        faults = self.faults
        uart = flight.uart
        start_us = flight.start_s * 1e6 + flight.count * uart.char_us
        flight.count += len(data)
        if faults is None or not faults.is_active:
            is_swapped = is_weak = False
            flips: list[int] = []
        elif faults.carries(flight.sender):
            is_swapped, is_weak = faults.is_swapped(flight.sender), faults.is_weak(flight.sender)
            flips = faults.flips(len(data) * uart.bits)
        else:
            return
        burst = flight.bursts[-1] if flight.bursts else None
        if burst is None or burst.is_swapped != is_swapped or burst.end_us < start_us - 1.0:
            burst = Burst(flight.sender, uart, start_us, b"", is_swapped, is_weak)
            flight.bursts.append(burst)
        if flips:
            first = len(burst.data) * uart.bits
            burst.flips += [first + flip for flip in flips]
        burst.data += data

    def _close(self, flight: Flight) -> None:
        """The silence after one transmission ends: unless somebody broke it, everybody hears what there was."""
        now_s = self.loop.time() + _CLOCK_S
        begun = [other for other in self._flights if other.start_s < now_s]
        if all(other.end_s < now_s - self._first_us / 1e6 for other in begun):
            self._flights = [other for other in self._flights if other.start_s >= now_s]
            self._hand_out(begun)
        if flight.sent is not None:
            _wake(flight.sent)

    def _hand_out(self, flights: list[Flight]) -> None:
        bursts = [burst for flight in flights for burst in flight.bursts]
        if len(bursts) == len(flights) == 1 and self._is_clear:
            (burst,) = bursts
            if not burst.flips and not burst.is_swapped and burst.uart == self.uart:
                self._deliver(flights[0].sender, bytes(burst.data))
                return
        self.transmissions += len(flights)
        faults = self.faults
        bursts.sort(key=lambda burst: burst.start_us)
        air = Air(bursts, self._toss if faults is None else faults.toss)
        senders = [flight.sender for flight in flights]
        known: dict[tuple[Uart, bool, Party | None], tuple[list[Char], int]] = {}
        for party in self._parties.copy():
            uart, is_swapped = self._uart_of(party), False
            own = party if party in senders else None
            if faults is not None:
                if not faults.hears(party):
                    continue
                is_swapped = faults.is_swapped(party)
                own = None if faults.echoes(party) else own
            key = (uart, is_swapped, own)
            if key not in known:
                known[key] = air.heard(*key)
            chars, dropped = known[key]
            self.dropped += dropped
            self._give(party, uart, chars)

    def _toss(self) -> bool:
        return self._collisions.chance(0.5)

    def _give(self, party: Party, uart: Uart, chars: list[Char]) -> None:
        """Whose silence is longer than that of the bus has not had it yet: for it the frame may go on."""
        held = self._held.pop(party, []) + chars
        if not held:
            return
        due_s = (held[-1][0] + uart.silence_us) / 1e6
        if due_s > self.loop.time() + _CLOCK_S:
            self._held[party] = held
            self._look_again(due_s, party, uart)
            return
        for frame in frames(held, uart):
            party.hear(frame)

    def _look_again(self, due_s: float, party: Party, uart: Uart) -> None:
        self.loop.call_at(whole_us(due_s), self._give_held, party, uart)

    def _give_held(self, party: Party, uart: Uart) -> None:
        now_s = self.loop.time()
        if party not in self._held:
            return
        if any(flight.start_s < now_s for flight in self._flights):  # what it is hearing now may belong to it
            self._look_again(now_s + uart.silence_us / 1e6, party, uart)
        else:
            self._give(party, uart, [])


def whole_us(time_s: float) -> float:
    """The nearest time that a virtual clock can show: there, no event is moved by another one near it."""
    return round(time_s * 1e6) / 1e6


def _wake(sent: "asyncio.Future[None]") -> None:
    if not sent.done():
        sent.set_result(None)


def field_bus(clock: WorldClock, uart: Uart, level: type[Wire] = Wire) -> Wire:
    """A field bus with these settings: frame level, or hw_sim.bus.byte_wire.ByteWire."""
    return level(clock, uart.char_us, uart.silence_us, uart)


def rs485(clock: WorldClock, baud: int, bits: int = 10, level: type[Wire] = Wire) -> Wire:
    """A field bus with characters of `bits` bits, and the silence that ends a frame (Serial Line V1.02, 2.5.1.1)."""
    return field_bus(clock, Uart(baud, "N", bits - 9), level)


class WireLine:
    """A client's end of a wire, as a Line (protocols/modbus_client.py): for a node, or for a gateway in the world."""

    def __init__(self, wire: Wire, uart: Uart | None = None) -> None:
        self._wire = wire
        self._inbox = Inbox()
        self._unread = 0
        wire.attach(self, uart)

    def hear(self, data: bytes) -> None:
        data = data[: _BUFFER_BYTES - self._unread]  # more than that is lost
        self._unread += len(data)
        self._inbox.put(data)

    async def write(self, data: bytes) -> None:
        sent: asyncio.Future[None] = self._wire.loop.create_future()
        self._wire.send(self, data, 0.0, sent)
        await sent

    async def read(self, timeout_ms: int) -> bytes:
        data = await self._inbox.read(timeout_ms)
        self._unread = 0
        return data

    def pending(self) -> bytes:
        self._unread = 0
        return self._inbox.pending()

    def close(self) -> None:
        self._wire.detach(self)


@lru_cache(maxsize=1024)
def _questions(frame: bytes) -> tuple[bytes, ...]:
    """What a server finds in a frame: every unit looks at the same one, and the same come again and again."""
    return tuple(modbus_server.RtuRequests().feed(frame))


class Drop:
    """A sensor's end of a field bus: cuts questions out of what it hears and puts the answers on the wire."""

    def __init__(self, wire: Wire, sensor: SimSensor, uart: Uart | None = None) -> None:
        self._wire = wire
        self.sensor = sensor
        wire.attach(self, uart)

    def hear(self, data: bytes) -> None:
        unit_id = self.sensor.unit_id
        if len(data) < _TWO and (len(data) < _ONE or data[0] != unit_id):
            return
        for frame in _questions(data):
            if frame[0] == unit_id:
                reply = self.sensor.answer(frame[1:-2])
                if reply is not None:
                    self._wire.send(self, modbus.rtu(frame[0], reply), self.sensor.latency_ms / 1000)
