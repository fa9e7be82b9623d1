"""Knows a DS3231: time, alarm and thermometer in its registers; knows no pin, no node and no MicroPython port's epoch.

Maxim's data sheet 19-5170. 2 ppm off from 0 to 40 degC, 3.5 from -40 to 85. Its alarm pulls INT low until it is told to
let go; with INT at the switch of the supply, letting go is what takes the supply away until the next alarm.

Compiled, type-checked and tested with a hand-made chip; never run on silicon.
"""

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from collections.abc import Callable
    from typing import Protocol

    class Bus(Protocol):
        """What MicroPython's machine.I2C gives. OSError: the chip does not answer."""

        def readfrom_mem(self, __address: int, __register: int, __count: int) -> bytes: ...
        def writeto_mem(self, __address: int, __register: int, __data: bytes) -> object: ...


_ADDRESS = 0x68
_TIME, _ALARM, _CONTROL, _STATUS, _TEMPERATURE = 0x00, 0x07, 0x0E, 0x0F, 0x11
_RINGS = 0x45  # INT is the first alarm's, also while the chip runs on its cell: BBSQW, INTCN, A1IE
_STOPPED, _RANG = 0x80, 0x01  # of the status: it has not always run since it was set; the first alarm has come
_ANY_DAY = 0x80  # A1M4: at this time of any day. So an alarm that was missed costs a day and no month
_2000_S = 946_684_800  # Unix time of the chip's year 0; ESP32's ports count from there, RP2's from 1970
_DAY_S = 86_400
_FOUR_YEARS = 1461  # days; 2000 to 2099 have no exception
_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)  # days of a year before each month
LONGEST_S = 82_800  # 23 h: the alarm knows no day


class Ds3231:
    """One chip. What it can't say is None."""

    def __init__(self, bus: "Bus") -> None:
        self._bus = bus

    def unix_ms(self) -> int | None:
        """The middle of the second that it shows; None: it stopped since it was set, or does not answer."""
        unix_s = self._unix_s()
        return None if unix_s is None else unix_s * 1000 + 500

    def set(self, unix_ms: int, pause_ms: "Callable[[int], None]") -> None:
        """Waits for the next whole second: writing the seconds begins one (data sheet, Clock and Calendar)."""
        try:
            pause_ms(1000 - unix_ms % 1000)
            self._write(_TIME, registers(unix_ms // 1000 + 1))
            self._write(_STATUS, bytes((self._read(_STATUS, 1)[0] & ~_STOPPED,)))
        except OSError:
            pass  # it stays unset: unix_ms() says so

    def ring_in(self, duration_ms: int) -> bool:
        """Lets go of INT until so much later, at least one second. False: it can't, and holds on."""
        try:
            now_s = self._unix_s()
            if now_s is None:
                return False
            time = registers(now_s + min(max(duration_ms // 1000, 2), LONGEST_S))
            self._write(_ALARM, time[:3] + bytes((_ANY_DAY | 1,)))
            self._write(_CONTROL, bytes((_RINGS,)))
            if self._read(_ALARM, 3) != time[:3] or self._read(_CONTROL, 1)[0] != _RINGS:
                return False
            self._write(_STATUS, bytes((self._read(_STATUS, 1)[0] & ~_RANG,)))
        except OSError:
            return False
        return True

    def temperature_dc(self) -> int | None:
        """Within 3 K."""
        try:
            whole, quarters = self._read(_TEMPERATURE, 2)
        except OSError:
            return None
        return (whole - (whole & 0x80) * 2) * 10 + (quarters >> 6) * 10 // 4

    def _unix_s(self) -> int | None:
        try:
            if self._read(_STATUS, 1)[0] & _STOPPED:
                return None
            return seconds(self._read(_TIME, 7))
        except (OSError, ValueError):
            return None

    def _read(self, register: int, count: int) -> bytes:
        return self._bus.readfrom_mem(_ADDRESS, register, count)

    def _write(self, register: int, data: bytes) -> None:
        self._bus.writeto_mem(_ADDRESS, register, data)


def registers(unix_s: int) -> bytes:
    """The chip's seven registers of time, hours from 0 to 23; the day of the week is always 1. For 2000 to 2099."""
    days, rest = divmod(unix_s - _2000_S, _DAY_S)
    cycle, day = divmod(days, _FOUR_YEARS)
    year = max(day - 1, 0) // 365
    day -= year * 365 + (year > 0)
    month = 12
    while day < _begins(month, year):
        month -= 1
    fields = (rest % 60, rest // 60 % 60, rest // 3600, 1, day - _begins(month, year) + 1, month, cycle * 4 + year)
    return bytes([field // 10 << 4 | field % 10 for field in fields])


def seconds(data: bytes) -> int:
    """Unix time behind these registers. ValueError: they are none of a chip that was set by us."""
    second, minute, hour, _, date, month, year = [(byte >> 4) * 10 + (byte & 0x0F) for byte in data]
    if not (1 <= month <= 12 and 1 <= date <= 31 and hour < 24 and minute < 60 and second < 60 and year < 100):
        raise ValueError("DS3231: no time")
    days = year * 365 + (year + 3) // 4 + _begins(month, year) + date - 1
    return _2000_S + days * _DAY_S + hour * 3600 + minute * 60 + second


def _begins(month: int, year: int) -> int:
    return _BEFORE[month - 1] + (month > 2 and year % 4 == 0)
