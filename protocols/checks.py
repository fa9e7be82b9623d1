"""Knows checksums and authentication codes; knows no frame that carries them."""

import hashlib
from array import array


def _crc16_table() -> "array[int]":
    table = array("H", bytes(512))
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table[byte] = crc
    return table


_TABLE = _crc16_table()


def crc16(data: bytes, crc: int = 0xFFFF) -> int:
    """CRC-16/MODBUS (init FFFF, reflected polynomial A001); check value of b"123456789" is 4B37.

    Source: Modbus over Serial Line V1.02, 6.2.2 and appendix B. RTU sends the low byte first. `crc` continues a run.
    """
    table = _TABLE
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc


def _pad(key: bytes, value: int) -> bytes:
    return bytes(byte ^ value for byte in key)


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA256, 32 bytes (RFC 2104, vectors RFC 4231): MicroPython's images bring hashlib but no hmac."""
    if len(key) > 64:
        key = hashlib.sha256(key).digest()
    key = key + bytes(64 - len(key))
    inner = hashlib.sha256(_pad(key, 0x36))
    inner.update(data)
    outer = hashlib.sha256(_pad(key, 0x5C))
    outer.update(inner.digest())
    return outer.digest()


def same_bytes(a: bytes, b: bytes) -> bool:
    """Compares two tags in a time that does not tell where they differ."""
    if len(a) != len(b):
        return False
    difference = 0
    for x, y in zip(a, b):
        difference |= x ^ y
    return difference == 0
