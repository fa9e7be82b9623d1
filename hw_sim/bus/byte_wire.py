"""Knows a field bus where every character is an event; knows no fault and no meaning of a frame.

The same parties use it as a Wire, and without trouble they hear the same at the same microsecond. Here a fault, a
collision or a new setting takes hold between two characters, not between two transmissions.
"""

import asyncio
import time

from hw_sim.bus.sensor import SimSensor
from hw_sim.bus.wire import Drop, Flight, Party, Wire, WireLine, rs485, whole_us
from hw_sim.clock import run_virtual, world_clock
from hw_sim.ledger import Ledger
from protocols import profiles
from protocols.modbus import Request
from protocols.modbus_client import RtuClient


class ByteWire(Wire):
    """The medium, character by character: a frame ends, for each ear, 3.5 of its own characters after the last one."""

    def send(
        self, sender: Party, data: bytes, delay_s: float = 0.0, sent: "asyncio.Future[None] | None" = None
    ) -> float:
        return self._launch(sender, data, delay_s, sent)

    def _start(self, flight: Flight) -> None:
        if flight.data:
            self._await_next(flight)
        else:
            self.loop.call_at(flight.close_s, self._close, flight)

    def _await_next(self, flight: Flight) -> None:
        end_s = flight.start_s + (flight.count + 1) * flight.uart.char_us / 1e6
        self.loop.call_at(whole_us(end_s), self._character, flight)

    def _character(self, flight: Flight) -> None:
        """One character has passed."""
        self._pass(flight, flight.data[flight.count : flight.count + 1])
        if flight.count < len(flight.data):
            self._await_next(flight)
        else:
            self.loop.call_at(flight.close_s, self._close, flight)


def byte_level_tx_per_s(transactions: int = 5000, units: int = 8) -> float:
    """Questions and answers per second of this machine's time, of one client and `units` sensors on one bus."""

    async def talk() -> float:
        clock = world_clock()
        wire = rs485(clock, 9600, level=ByteWire)
        profile = profiles.load("renke_wind_direction")
        for unit_id in range(1, units + 1):
            Drop(wire, SimSensor(f"s{unit_id}", profile, unit_id, {}, Ledger(), clock))
        client = RtuClient(WireLine(wire), clock.monotonic_ms, 9600)
        await asyncio.sleep(10)
        register = profile.registers[0]
        questions = [Request(unit, profile.function, register.address, register.words) for unit in range(1, units + 1)]
        began_s = time.perf_counter()
        for number in range(transactions):
            await client.ask(questions[number % units])
        return transactions / (time.perf_counter() - began_s)

    return run_virtual(talk())
