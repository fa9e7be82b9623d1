"""Knows a shared half-duplex medium at frame level: who hears what and when; knows no meaning of a frame.

Every transmission is (start, end, bytes, sender): the others hear it at its end. A field bus, and a radio channel.
"""

import asyncio
from typing import Protocol

from gateway.lines import Inbox
from hw_sim.clock import WorldClock
from hw_sim.sensor import SimSensor
from protocols import modbus


class Party(Protocol):
    """Whoever is on the medium."""

    def hear(self, data: bytes) -> None:
        """A whole transmission of somebody else."""


class Wire:
    """The medium. `byte_us` is the time of one character; `first_us` what each transmission takes before its first."""

    def __init__(self, clock: WorldClock, byte_us: float, first_us: float = 0.0) -> None:
        self._clock = clock
        self._byte_us = byte_us
        self._first_us = first_us
        self._parties: list[Party] = []
        self.transmissions = 0

    def attach(self, party: Party) -> None:
        self._parties.append(party)

    def detach(self, party: Party) -> None:
        if party in self._parties:
            self._parties.remove(party)

    def air_s(self, count: int) -> float:
        """How long `count` bytes take."""
        return (self._first_us + count * self._byte_us) / 1e6

    def send(self, sender: Party, data: bytes, delay_s: float = 0.0) -> float:
        """Puts bytes on the medium after a delay; returns when they have ended, in seconds from now."""
        end_s = delay_s + self.air_s(len(data))
        asyncio.get_running_loop().call_later(end_s, self._deliver, sender, data)
        return end_s

    def _deliver(self, sender: Party, data: bytes) -> None:
        self.transmissions += 1
        for party in list(self._parties):
            if party is not sender:
                party.hear(data)


def rs485(clock: WorldClock, baud: int, bits: int = 10) -> Wire:
    """A field bus: characters of `bits` bits, and the silence that ends a frame (Serial Line V1.02, 2.5.1.1)."""
    silence_us = 1750.0 if baud > 19200 else 3.5 * bits * 1e6 / baud
    return Wire(clock, bits * 1e6 / baud, silence_us)


class WireLine:
    """A client's end of a wire, as a Line (protocols/modbus_client.py): for a node, or for a gateway in the world."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._inbox = Inbox()
        wire.attach(self)

    def hear(self, data: bytes) -> None:
        self._inbox.put(data)

    async def write(self, data: bytes) -> None:
        await asyncio.sleep(self._wire.send(self, data))

    async def read(self, timeout_ms: int) -> bytes:
        return await self._inbox.read(timeout_ms)

    def pending(self) -> bytes:
        return self._inbox.pending()

    def close(self) -> None:
        self._wire.detach(self)


class Drop:
    """A sensor's end of a field bus: cuts questions out of what it hears and puts the answers on the wire."""

    def __init__(self, wire: Wire, sensor: SimSensor) -> None:
        self._wire = wire
        self.sensor = sensor
        self._requests = modbus.RtuRequests()
        wire.attach(self)

    def hear(self, data: bytes) -> None:
        for frame in self._requests.feed(data):
            if frame[0] == self.sensor.unit_id:
                reply = self.sensor.answer(frame[1:-2])
                if reply is not None:
                    self._wire.send(self, modbus.rtu(frame[0], reply), self.sensor.latency_ms / 1000)
        self._requests.idle()
