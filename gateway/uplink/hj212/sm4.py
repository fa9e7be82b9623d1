"""Knows SM4 (GB/T 32907) as HJ 212-2025 uses it: ECB, no padding, whole blocks; knows no packet."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from protocols.hj212 import packet


def cipher(key: bytes) -> packet.Cipher:
    made = Cipher(algorithms.SM4(key), modes.ECB())  # the standard's own choice
    return lambda blocks: made.encryptor().update(blocks)


def decipher(key: bytes) -> packet.Cipher:
    made = Cipher(algorithms.SM4(key), modes.ECB())
    return lambda blocks: made.decryptor().update(blocks)


def key_of(text: str) -> bytes | None:
    """A key of SM4: 16 characters, or 32 hex digits."""
    if len(text) == 16:
        return text.encode("latin-1", "replace")
    try:
        return bytes.fromhex(text) if len(text) == 32 else None
    except ValueError:
        return None
