"""Knows SM4 (GB/T 32907) as HJ 212-2025 uses it: ECB, no padding, whole blocks; knows no packet."""

from typing import TYPE_CHECKING

from protocols.hj212 import packet

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.modes import ECB


def cipher(key: bytes) -> packet.Cipher:
    made = _ecb(key)
    return lambda blocks: made.encryptor().update(blocks)


def decipher(key: bytes) -> packet.Cipher:
    made = _ecb(key)
    return lambda blocks: made.decryptor().update(blocks)


def _ecb(key: bytes) -> "Cipher[ECB]":
    """The standard's own choice. Few platforms want it, and the library takes 6 MB."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return Cipher(algorithms.SM4(key), modes.ECB())


def key_of(text: str) -> bytes | None:
    """A key of SM4: 16 characters, or 32 hex digits."""
    if len(text) == 16:
        return text.encode("latin-1", "replace")
    try:
        return bytes.fromhex(text) if len(text) == 32 else None
    except ValueError:
        return None
