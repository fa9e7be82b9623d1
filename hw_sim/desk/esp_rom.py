"""Knows the serial protocol of Espressif's ROM loader and of esptool's stub, bytes in and bytes out, over a flash in
memory; knows no port (esptool: docs/en/advanced-topics/serial-protocol.rst).

The stub's code is taken and not run: once it is started, we speak as it does.
"""

import hashlib
import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple

_END, _ESC = b"\xc0", b"\xdb"
_FLASH_BEGIN, _FLASH_DATA, _FLASH_END = 0x02, 0x03, 0x04
_MEM_BEGIN, _MEM_END, _MEM_DATA, _SYNC, _WRITE_REG, _READ_REG = 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A
_SPI_SET_PARAMS, _SPI_ATTACH, _CHANGE_BAUD = 0x0B, 0x0D, 0x0F
_DEFL_BEGIN, _DEFL_DATA, _DEFL_END, _MD5, _SECURITY = 0x10, 0x11, 0x12, 0x13, 0x14
_ERASE_BYTES = 4096
_MAGIC_REGISTER = 0x40001000  # CHIP_DETECT_MAGIC_REG_ADDR
_FLASH_ID = 0x1640C8  # GigaDevice, 4 MiB: what RDID (0x9F) answers, low byte first
_SFDP = 0x50444653
_BAD_DATA, _UNKNOWN = 0x07, 0x05  # errors: checksum; not this command


class Chip(NamedTuple):
    """Registers that esptool looks at (espressif/esptool: esptool/targets/esp32*.py). `magic` None: the chip tells its
    `id` by GET_SECURITY_INFO. `spi`: base of its flash controller, offsets of USR2 and W0; `mac`: two registers."""

    name: str
    id: int
    magic: int | None
    spi: tuple[int, int, int]
    mac: tuple[int, int]
    status_bytes: int


CHIPS = {
    "ESP32": Chip("ESP32", 0, 0x00F01D83, (0x3FF42000, 0x24, 0x80), (0x3FF5A004, 0x3FF5A008), 4),
    "ESP32-S3": Chip("ESP32-S3", 9, None, (0x60002000, 0x20, 0x58), (0x60007044, 0x60007048), 4),
    "ESP32-C3": Chip("ESP32-C3", 5, None, (0x60002000, 0x20, 0x58), (0x60008844, 0x60008848), 4),
}


class EspRom:
    """A chip in its loader. `say` sends bytes, `written` is told after each block how many bytes of flash were written
    since it was started, and may pull the plug: nothing is confirmed then."""

    def __init__(
        self,
        chip: Chip,
        flash: bytearray,
        mac: bytes,
        say: Callable[[bytes], None],
        written: Callable[[int], bool] = lambda count: True,
    ) -> None:
        self._chip = chip
        self.flash = flash
        self._say = say
        self._written = written
        self._registers: dict[int, int] = {}
        low, high = int.from_bytes(mac[2:], "big"), int.from_bytes(mac[:2], "big")
        self._registers[chip.mac[0]], self._registers[chip.mac[1]] = low, high
        if chip.magic is not None:
            self._registers[_MAGIC_REGISTER] = chip.magic
        self._buffer = b""
        self._is_stub = False
        self._at = 0
        self._inflate = zlib.decompressobj()
        self._count = 0

    @property
    def is_idle(self) -> bool:
        """No frame has begun."""
        return not self._buffer

    def feed(self, data: bytes) -> None:
        *frames, self._buffer = (self._buffer + data).split(_END)
        for frame in frames:
            plain = frame.replace(_ESC + b"\xdc", _END).replace(_ESC + b"\xdd", _ESC)
            if len(plain) >= 8 and plain[0] == 0:
                self._answer(plain)

    def _answer(self, frame: bytes) -> None:
        _, command, length, checksum = struct.unpack_from("<BBHI", frame)
        body = frame[8 : 8 + length]
        if command == _SYNC:
            for _ in range(8):
                self._reply(command, value=0 if self._is_stub else 0x20120707)
        elif command in (_MEM_DATA, _FLASH_DATA, _DEFL_DATA) and _sum(body[16:]) != checksum & 0xFF:
            self._reply(command, error=_BAD_DATA)
        elif command in _HANDLERS:
            _HANDLERS[command](self, command, body)
        else:
            self._reply(command, error=_UNKNOWN)

    def _reply(self, command: int, data: bytes = b"", value: int = 0, error: int | None = None) -> None:
        status = bytes((0, 0) if error is None else (1, error))
        status = status.ljust(2 if self._is_stub else self._chip.status_bytes, b"\0")
        self._send(struct.pack("<BBHI", 1, command, len(data) + len(status), value) + data + status)

    def _send(self, frame: bytes) -> None:
        escaped = frame.replace(_ESC, _ESC + b"\xdd").replace(_END, _ESC + b"\xdc")
        self._say(_END + escaped + _END)

    # --- commands -----------------------------------------------------------------------------------------------------

    def _done(self, command: int, body: bytes) -> None:
        self._reply(command)

    def _mem_end(self, command: int, body: bytes) -> None:
        self._reply(command)
        if struct.unpack_from("<I", body)[0] == 0:
            self._is_stub = True
            self._send(b"OHAI")

    def _read_register(self, command: int, body: bytes) -> None:
        (address,) = struct.unpack_from("<I", body)
        base, usr2, w0 = self._chip.spi
        value = self._registers.get(address, 0)
        if address == base:
            value = 0  # CMD: done
        elif address == base + w0:
            value = _FLASH_ID if self._registers.get(base + usr2, 0) & 0xFF == 0x9F else _SFDP
        self._reply(command, value=value)

    def _write_register(self, command: int, body: bytes) -> None:
        address, value = struct.unpack_from("<II", body)
        self._registers[address] = value
        self._reply(command)

    def _security(self, command: int, body: bytes) -> None:
        if self._chip.magic is not None:
            self._reply(command, error=_UNKNOWN)
        else:
            self._reply(command, struct.pack("<I8B2I", 0, *bytes(8), self._chip.id, 0))

    def _begin(self, command: int, body: bytes) -> None:
        size, _, _, self._at = struct.unpack_from("<4I", body)
        self._inflate = zlib.decompressobj()
        end = -(-(self._at + size) // _ERASE_BYTES) * _ERASE_BYTES
        start = self._at // _ERASE_BYTES * _ERASE_BYTES
        self.flash[start:end] = b"\xff" * (end - start)
        self._reply(command)

    def _data(self, command: int, body: bytes) -> None:
        block = body[16:]
        if command == _DEFL_DATA:
            block = self._inflate.decompress(block)
        self.flash[self._at : self._at + len(block)] = block
        self._at += len(block)
        self._count += len(block)
        if self._written(self._count):
            self._reply(command)

    def _md5(self, command: int, body: bytes) -> None:
        address, size = struct.unpack_from("<2I", body)
        digest = hashlib.md5(self.flash[address : address + size])
        self._reply(command, digest.digest() if self._is_stub else digest.hexdigest().encode())


def _sum(data: bytes) -> int:
    value = 0xEF
    for byte in data:
        value ^= byte
    return value


_Handler = Callable[[EspRom, int, bytes], None]
_HANDLERS: dict[int, _Handler] = {
    _MEM_BEGIN: EspRom._done,
    _MEM_DATA: EspRom._done,
    _MEM_END: EspRom._mem_end,
    _READ_REG: EspRom._read_register,
    _WRITE_REG: EspRom._write_register,
    _SPI_SET_PARAMS: EspRom._done,
    _SPI_ATTACH: EspRom._done,
    _CHANGE_BAUD: EspRom._done,
    _SECURITY: EspRom._security,
    _FLASH_BEGIN: EspRom._begin,
    _FLASH_DATA: EspRom._data,
    _FLASH_END: EspRom._done,
    _DEFL_BEGIN: EspRom._begin,
    _DEFL_DATA: EspRom._data,
    _DEFL_END: EspRom._done,
    _MD5: EspRom._md5,
}
