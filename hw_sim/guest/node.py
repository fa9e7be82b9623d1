"""Knows how firmware in a real MicroPython reaches its simulated board; knows not where that firmware came from."""

from binascii import hexlify, unhexlify

from firmware.board import Board, Flash, Radio
from firmware.config import ConfigError
from hw_sim.guest.talk import Refused, ask, now_ms


class GuestFlash(Flash):
    """One of the board's regions, by its name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.sectors, self.sector_bytes = ask("flash_size", name)

    def read(self, offset: int, count: int) -> bytes:
        return unhexlify(ask("flash_read", self._name, offset, count))

    def write(self, offset: int, data: bytes) -> None:
        ask("flash_write", self._name, offset, hexlify(data).decode())

    def erase(self, sector: int) -> None:
        ask("flash_erase", self._name, sector)


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


def _ask(*what: object):  # type: ignore[no-untyped-def]  # -> Any
    try:
        return ask(*what)
    except Refused as error:
        raise ConfigError(str(error))


class GuestBoard(Board):
    def __init__(self, slot: "int | None" = None, on_trial: bool = False) -> None:
        self.target = ask("target")
        self.running = slot
        self.on_trial = on_trial
        self.gated = bool(ask("gated"))
        self.flash = GuestFlash("journal")
        self.slots = (GuestFlash("slot_a"), GuestFlash("slot_b"))
        self.notes = GuestFlash("notes")
        self.radio = GuestLine(0)

    def monotonic_ms(self) -> int:
        return now_ms[0]

    def random(self, below: int) -> int:
        return int(ask("random", below))

    def config(self, mend: bool = False) -> bytes:
        return unhexlify(ask("config"))

    def rail(self, name: str, on: bool) -> None:
        _ask("rail", name, on)

    def line(self, bus: str, baud: int, parity: str, stop_bits: int) -> Radio:
        return GuestLine(_ask("line", bus, baud, parity, stop_bits))

    async def sleep_ms(self, duration_ms: int) -> None:
        ask("sleep", duration_ms)

    async def power_down(self, duration_ms: int) -> None:
        ask("power_down", duration_ms)

    async def restart(self) -> None:
        ask("restart", True)

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


if __name__ == "__main__":  # a board whose slots hold nothing
    main(GuestBoard())
