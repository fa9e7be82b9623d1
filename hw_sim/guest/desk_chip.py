"""Knows what a chip's MicroPython port brings (machine, rp2, esp32, uctypes), as far as a technician's tool asks for
it, over a file for the flash; runs in the unix port, one piece of code a line.

usage: desk_chip.py CHIP FLASH OWN: OWN 1 when the image has firmware of ours in it. A line of hex is code, its output
comes as it is printed, and then \\x04, the exception, \\x04. Code that resets the board ends the process with \\x05 and
a word.
"""

import io
import os
import sys
from binascii import unhexlify

CHIP, FLASH, OWN = sys.argv[1], sys.argv[2], sys.argv[3] == "1"
SECTOR = 4096
XIP = 0x10000000
STORAGE = {"RP2040": 0xA0000, "RP2350": 0x180000}  # where the flash storage begins: RPI_PICO, RPI_PICO2
TABLE = {  # firmware/boot/esp32/partitions.csv
    "slot_a": (0x200000, 0x1F000),
    "slot_b": (0x220000, 0x1F000),
    "notes": (0x240000, 0x2000),
    "settings": (0x242000, 0x4000),
    "journal": (0x250000, 0x40000),
}


class Reset(BaseException):
    """The board restarts."""


class Module:
    """Stands for a module of the port."""

    def __init__(self, **names: object) -> None:
        for name in names:
            setattr(self, name, names[name])


class Blocks:
    """A part of the flash as a block device; what is written stays when the process is killed."""

    def __init__(self, start: int, length: int) -> None:
        self.start, self.length = start, length

    def _at(self, block: int, offset: int, count: int) -> int:
        at = block * SECTOR + offset
        assert 0 <= at <= at + count <= self.length
        return self.start + at

    def readblocks(self, block: int, into: bytearray, offset: int = 0) -> None:
        into[:] = read(self._at(block, offset, len(into)), len(into))

    def writeblocks(self, block: int, data: bytes, offset: int = 0) -> None:
        at = self._at(block, offset, len(data))
        old = read(at, len(data))
        write(at, bytes([a & b for a, b in zip(old, data)]))

    def info(self) -> "tuple[int, int, int, int, str, bool]":
        return 1, 0x40, self.start, self.length, "", False

    def ioctl(self, operation: int, argument: int) -> "int | None":
        if operation == 4:
            return self.length // SECTOR
        if operation == 5:
            return SECTOR
        if operation == 6:
            write(self._at(argument, 0, SECTOR), b"\xff" * SECTOR)
            return 0
        return None


def read(at: int, count: int) -> bytes:
    with open(FLASH, "rb") as file:
        file.seek(at)
        return file.read(count)


def write(at: int, data: bytes) -> None:
    with open(FLASH, "r+b") as file:
        file.seek(at)
        file.write(data)


class Pin:
    IN, OUT, PULL_UP = 0, 1, 1

    def __init__(self, number: int, mode: int = 0, pull: int = 0, value: int = 1) -> None:
        self._value = value

    def __call__(self, value: "int | None" = None) -> "int | None":
        if value is None:
            return self._value
        self._value = value
        return None

    def init(self, hold: bool = False) -> None:
        pass


class Quiet:
    """A UART, an ADC, a watchdog, a timer: none of them does anything here."""

    def __init__(self, *args: object, **options: object) -> None:
        pass

    def any(self) -> int:
        return 0

    def feed(self) -> None:
        pass

    def memory(self, data: bytes = b"") -> bytes:
        return b""


class Registers:
    def __getitem__(self, address: int) -> int:
        return 0

    def __setitem__(self, address: int, value: int) -> None:
        pass


class Partition:
    TYPE_DATA = 1

    @staticmethod
    def find(kind: int, label: str) -> "list[Blocks]":
        return [Blocks(*TABLE[label])] if label in TABLE else []


def end(word: str) -> None:
    raise Reset(word)


def refused(*names: object) -> None:
    raise OSError(2)


def install() -> None:
    with open(FLASH + ".id", "rb") as file:
        unique = file.read()
    modules = sys.modules
    modules["machine"] = Module(  # type: ignore[assignment]
        Pin=Pin, UART=Quiet, ADC=Quiet, WDT=Quiet, Timer=Quiet, RTC=Quiet, mem32=Registers(),
        unique_id=lambda: unique, reset=lambda: end("reset"), bootloader=lambda: end("bootloader"),
    )  # fmt: skip
    words = {"RP2040": "Raspberry Pi Pico with RP2040", "RP2350": "Raspberry Pi Pico2 with RP2350"}
    named = words.get(CHIP, "Generic %s module with %s" % (CHIP.replace("-", ""), CHIP.replace("-", "")))
    told = Module(machine=named, release="1.25.0")
    modules["os"] = Module(uname=lambda: told, urandom=os.urandom, statvfs=refused)  # type: ignore[assignment]
    modules["uctypes"] = Module(bytearray_at=lambda at, count: read(at - XIP, count))  # type: ignore[assignment]
    if CHIP in STORAGE:
        start = STORAGE[CHIP]
        modules["rp2"] = Module(Flash=lambda start_, len_: None)  # type: ignore[assignment]
        modules["rp2"].Flash = flash_at(start)  # type: ignore[attr-defined]
        chip = "rp2"
    else:
        modules["esp32"] = Module(Partition=Partition)  # type: ignore[assignment]
        chip = "esp32"
    if OWN:
        place = "firmware.boot." + chip + ".carrier"
        modules["carrier"] = __import__(place, None, None, ("carrier",))
    else:
        sys.path[:] = [".frozen"]


def flash_at(base: int):  # type: ignore[no-untyped-def]
    def flash(start: int, len: int) -> Blocks:
        return Blocks(base + start, len)

    return flash


def serve() -> None:
    names: dict[str, object] = {}
    while True:
        line = sys.stdin.readline().strip()
        if not line:
            return
        raised = ""
        try:
            exec(unhexlify(line).decode(), names)
        except Reset as reset:
            print("\x05" + str(reset.args[0]))
            return
        except BaseException as error:
            buffer = io.StringIO()
            sys.print_exception(error, buffer)  # type: ignore[attr-defined]
            raised = buffer.getvalue()
        print("\x04" + raised + "\x04")


install()
serve()
