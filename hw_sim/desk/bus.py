"""Knows a field bus behind a pseudo-terminal that minds baud rate and parity, and sensors that take another address.

Linux keeps a pty's speed but refuses it a parity: gateway/machine/lines.py tells that by two flags that do nothing.
"""

import asyncio
import termios
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from hw_sim.bus.pty_line import PtyParty
from hw_sim.bus.sensor import SimSensor
from hw_sim.bus.uart import Uart
from hw_sim.bus.wire import Drop, Wire, field_bus
from hw_sim.clock import WorldClock
from hw_sim.ledger import Ledger
from protocols import modbus_server, profiles
from protocols.errors import ProtocolError
from protocols.registers import Register

_SPEEDS = {getattr(termios, f"B{baud}"): baud for baud in (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)}
_PARITIES = {(False, False): "N", (True, False): "E", (True, True): "O"}


class Placed(NamedTuple):
    """A device on the bus, set as it is. `share`: where in its measuring range each of its probes is, 0 to 1."""

    model: str
    unit_id: int
    uart: Uart
    share: float = 0.4


class SettableSensor(SimSensor):
    """A device that takes another address, where its model can be told one; it confirms with the old one."""

    def answer(self, request_pdu: bytes) -> bytes | None:
        way = next((write for write in self.profile.writes if write.name == "address"), None)
        try:
            request = modbus_server.parse_request(self.unit_id, request_pdu)
        except ProtocolError:
            return super().answer(request_pdu)
        if way is None or (request.function, request.address) != (way.function, way.address) or not request.values:
            return super().answer(request_pdu)
        told = request.values[0] >> 8 if way.kind == "u8" else request.values[0]
        if way.low <= told <= way.high:
            asyncio.get_running_loop().call_later(0.05, self._become, told)
            return modbus_server.reply(request)
        return modbus_server.refusal(request.function, modbus_server.ILLEGAL_VALUE)

    def have_run(self) -> None:
        """It has had power and been started for long."""
        self._powered_ms = -3_600_000
        self._started_ms = -3_600_000 if self.profile.start is not None else None

    def _become(self, unit_id: int) -> None:
        self.unit_id = unit_id


def place(wire: Wire, clock: WorldClock, devices: Sequence[Placed]) -> list[SettableSensor]:
    """Hangs devices on a wire, powered since long and measuring."""
    sensors = []
    for number, device in enumerate(devices):
        profile = profiles.load(device.model)
        signals = {register.name: _steady(register, device.share) for register in profile.registers}
        sensor = SettableSensor(f"{device.model}-{number}", profile, device.unit_id, signals, Ledger(), clock)
        sensor.have_run()
        Drop(wire, sensor, device.uart)
        sensors.append(sensor)
    return sensors


def _steady(register: Register, share: float) -> Callable[[float], float]:
    low = register.low if register.low is not None else 0.0
    value = low + share * ((register.high if register.high is not None else low + 10.0) - low)
    return lambda time_s: value


class TunedPty(PtyParty):
    """A port that sends and hears as whoever opened it has set it."""

    def __init__(self, wire: Wire, link: Path) -> None:
        super().__init__(wire, link)
        self.uart = wire.uart

    def _send(self) -> None:
        uart = self._set()
        if uart != self.uart:
            self.uart = uart
            self._wire.detach(self)
            self._wire.attach(self, uart)
        super()._send()

    def _set(self) -> Uart:
        state = termios.tcgetattr(self._inside)
        baud = _SPEEDS.get(state[5], 9600)
        parity = _PARITIES.get((bool(state[0] & termios.INPCK), bool(state[2] & termios.PARODD)), "N")
        return Uart(baud, parity, 2 if state[2] & termios.CSTOPB else 1)


class Babbler:
    """Somebody who talks without being asked: another master, or a device gone mad."""

    def __init__(self, wire: Wire, every_s: float = 0.1) -> None:
        self._wire = wire
        self._every_s = every_s
        wire.attach(self)
        self._talk()

    def hear(self, data: bytes) -> None:
        pass

    def _talk(self) -> None:
        self._wire.send(self, bytes(range(0x41, 0x51)))
        self._wire.loop.call_later(self._every_s, self._talk)


def bus(clock: WorldClock) -> Wire:
    """The wire itself; devices bring their own settings."""
    return field_bus(clock, Uart(9600))
