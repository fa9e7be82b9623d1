"""Knows one modem between a serial port and the air: packets, waiting, its share of the hour; knows no other modem."""

import asyncio
from collections import Counter, deque
from typing import NamedTuple, Protocol

from gateway.site import airtime
from hw_sim.bus.uart import Uart
from hw_sim.bus.wire import Party, Wire, whole_us
from hw_sim.clock import WorldClock
from hw_sim.radio.settings import RadioSettings
from hw_sim.streams import Stream

_TURN_S = 0.02  # from the last byte of a packet to its preamble: ours
_LISTEN_S = 2.0  # E22 manual, REG3, LBT: sends after that, whatever it hears
_AGAIN_S = 0.01, 0.1  # ours: it listens anew after a time between the two
_HOUR_S = 3600.0


class Air(Protocol):
    """What a modem needs of the channel."""

    def begin(self, modem: "Modem", data: bytes) -> float:
        """Puts a packet on the air; how long it will be there. At its end the channel calls modem.ended()."""

    def is_busy(self, modem: "Modem") -> bool:
        """Whether it hears a carrier now."""


class _Packet(NamedTuple):
    data: bytes
    ready_s: float  # its last byte has come over the serial port
    sent: "asyncio.Future[None] | None"


class Modem(Wire):
    """The serial port of one modem of the E22 kind. What is written is cut into packets, which go out one after the
    other; what the air brings is heard, and `rssi_dbm` is the level of the last of it.

    `lost`: packets that this modem did not receive although somebody sent them, by the reason: "weak", "collision",
    "jam", "sending" (it was, itself), "surge"; `refused`: packets of its own that exceeded its share of the hour.
    """

    def __init__(
        self, name: str, clock: WorldClock, air: Air, settings: RadioSettings, stream: Stream, baud: int
    ) -> None:
        super().__init__(clock, byte_us=10e6 / baud)
        self.name = name
        self._air = air
        self._settings = settings
        self._stream = stream
        self._queue: deque[_Packet] = deque()
        self._own: deque[tuple[float, float]] = deque()  # (end, air time) of what it sent within the hour
        self._is_sending = False
        self._out_s = 0.0  # when the serial port has given out all that came
        self.rssi_dbm: float | None = None
        self.lost: Counter[str] = Counter()
        self.refused = 0

    def is_busy(self) -> bool:
        """Listen before talk: whether it is sending, or hears a carrier above its sensitivity."""
        return self._is_sending or self._air.is_busy(self)

    def air_s(self, count: int) -> float:
        """How long `count` bytes are on the air, in as many packets as it takes."""
        rest, settings = count, self._settings
        total_s = 0.0
        while rest > 0:
            size = min(rest, settings.packet_bytes)
            total_s += packet_s(settings, size)
            rest -= size
        return total_s

    # --- to the air ---------------------------------------------------------------------------------------------------

    def send(
        self, sender: Party, data: bytes, delay_s: float = 0.0, sent: "asyncio.Future[None] | None" = None
    ) -> float:
        """Bytes over the serial port; `sent` is set when the last packet has left the air, or was thrown away."""
        start_s = self.loop.time() + delay_s
        step = self._settings.packet_bytes
        is_idle = not self._queue
        for first in range(0, len(data), step):
            part = data[first : first + step]
            ready_s = start_s + (first + len(part)) * self.char_s
            self._queue.append(_Packet(part, ready_s, sent if first + step >= len(data) else None))
        if is_idle and self._queue:
            self._next()
        return delay_s + min(len(data), step) * self.char_s + self.air_s(len(data))

    def _next(self) -> None:
        if self._queue:
            due_s = max(self._queue[0].ready_s, self.loop.time()) + _TURN_S
            self.loop.call_at(whole_us(due_s), self._try, due_s + _LISTEN_S)

    def _try(self, until_s: float) -> None:
        now_s = self.loop.time()
        if self._settings.listens_first and now_s < until_s and self._air.is_busy(self):
            self.loop.call_at(whole_us(now_s + self._stream.uniform(*_AGAIN_S)), self._try, until_s)
            return
        data = self._queue[0].data
        if self._exceeds(now_s, packet_s(self._settings, len(data))):
            self.refused += 1
            self._done()
            return
        self._is_sending = True
        air_s = self._air.begin(self, data)
        self._own.append((now_s + air_s, air_s))

    def _exceeds(self, now_s: float, air_s: float) -> bool:
        while self._own and self._own[0][0] < now_s - _HOUR_S:
            self._own.popleft()
        share = self._settings.duty_share
        return share is not None and sum(own_s for _, own_s in self._own) + air_s > share * _HOUR_S

    def ended(self) -> None:
        """The packet that was on the air no longer is."""
        self._is_sending = False
        self._done()

    def _done(self) -> None:
        packet = self._queue.popleft()
        if packet.sent is not None and not packet.sent.done():
            packet.sent.set_result(None)
        self._next()

    # --- from the air -------------------------------------------------------------------------------------------------

    def receive(self, data: bytes, level_dbm: float) -> None:
        """A packet that came through; the serial port takes its time."""
        self.rssi_dbm = level_dbm
        if self._settings.rssi_byte:
            data += bytes((min(max(256 + round(level_dbm), 0), 255),))  # E22 manual, REG3: dBm = -(256 - RSSI)
        self._out_s = max(self.loop.time(), self._out_s) + len(data) * self.char_s
        self.loop.call_at(whole_us(self._out_s), self._out, data)

    def _out(self, data: bytes) -> None:
        for party in self._parties.copy():
            party.hear(data)

    def attach(self, party: Party, uart: Uart | None = None) -> None:
        self._parties.append(party)


def packet_s(settings: RadioSettings, count: int) -> float:
    """How long one packet is on the air."""
    return airtime.air_s(count, settings.spreading_factor, settings.bandwidth_khz, settings.coding_rate)
