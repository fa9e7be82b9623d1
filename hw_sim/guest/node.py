"""Knows how firmware in a real MicroPython reaches its simulated board: JSON lines over stdin and stdout.

Call: ["name", arguments...]; answer: [result, monotonic ms]. Bytes travel as hexadecimal. Time stands still between
two calls, so that the node lives in the simulator's time, virtual or real.
"""

import json
import sys
from binascii import hexlify, unhexlify

from firmware.board import Board, Flash, Radio
from firmware.config import ConfigError

try:
    from hostlink import call  # the VM in Node has no pipes of its own
except ImportError:

    def call(line: str) -> str:
        sys.stdout.write(line + "\n")
        if hasattr(sys.stdout, "flush"):
            sys.stdout.flush()
        return sys.stdin.readline()


_now_ms = [0]


def ask(*what: object):  # type: ignore[no-untyped-def]  # -> Any: MicroPython has no typing
    answer = call(json.dumps(what))
    if not answer:
        sys.exit()  # the simulator is gone
    result, _now_ms[0] = json.loads(answer)
    if isinstance(result, dict):
        raise ConfigError(result["refused"])
    return result


class GuestFlash(Flash):
    def __init__(self, sectors: int, sector_bytes: int) -> None:
        self.sectors = sectors
        self.sector_bytes = sector_bytes

    def read(self, offset: int, count: int) -> bytes:
        return unhexlify(ask("flash_read", offset, count))

    def write(self, offset: int, data: bytes) -> None:
        ask("flash_write", offset, hexlify(data).decode())

    def erase(self, sector: int) -> None:
        ask("flash_erase", sector)


class GuestLine(Radio):
    def __init__(self, number: int) -> None:
        self._number = number

    async def write(self, data: bytes) -> None:
        ask("write", self._number, hexlify(data).decode())

    async def read(self, timeout_ms: int) -> bytes:
        return unhexlify(ask("read", self._number, timeout_ms))

    def pending(self) -> bytes:
        return unhexlify(ask("pending", self._number))

    async def wake(self) -> None:
        ask("wake", self._number)

    async def rest(self) -> None:
        ask("rest", self._number)

    def is_busy(self) -> bool:
        return bool(ask("is_busy", self._number))


class GuestBoard(Board):
    def __init__(self) -> None:
        self.gated = bool(ask("gated"))
        sectors, sector_bytes = ask("flash_size")
        self.flash = GuestFlash(sectors, sector_bytes)
        self.radio = GuestLine(0)

    def monotonic_ms(self) -> int:
        return _now_ms[0]

    def random(self, below: int) -> int:
        return int(ask("random", below))

    def config(self) -> bytes:
        return unhexlify(ask("config"))

    def rail(self, name: str, on: bool) -> None:
        ask("rail", name, on)

    def line(self, bus: str, baud: int, parity: str, stop_bits: int) -> Radio:
        return GuestLine(ask("line", bus, baud, parity, stop_bits))

    async def sleep_ms(self, duration_ms: int) -> None:
        ask("sleep", duration_ms)

    async def power_down(self, duration_ms: int) -> None:
        ask("power_down", duration_ms)

    async def restart(self) -> None:
        ask("restart")

    def clock_ms(self):  # type: ignore[no-untyped-def]  # -> int | None
        return ask("clock")

    def set_clock(self, unix_ms: int) -> None:
        ask("set_clock", unix_ms)

    def battery_mv(self):  # type: ignore[no-untyped-def]  # -> int | None
        return ask("battery")

    def temperature_dc(self):  # type: ignore[no-untyped-def]  # -> int | None
        return ask("temperature")

    def charge(self, allowed: bool) -> None:
        ask("charge", allowed)

    def log(self, text: str) -> None:
        ask("log", text)


def main(board: GuestBoard) -> None:
    from firmware.main import live, run  # here, so that what the board alone takes of the heap can be told

    run(live(board))


if __name__ == "__main__":
    main(GuestBoard())
