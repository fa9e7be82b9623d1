"""Knows how a node's keys lie encrypted under a passphrase; knows not what is in them, nor in which file.

    "WTS1" | log2 of scrypt's N, u8 | salt, 16 bytes | nonce, 12 bytes | ChaCha20-Poly1305 of the content

The name under which it lies is authenticated with it, so that two sealed files can't be exchanged.
"""

import os
import unicodedata

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

_MAGIC = b"WTS1"
_SALT_BYTES, _NONCE_BYTES, _KEY_BYTES = 16, 12, 32  # RFC 7914; RFC 8439, section 2.8
_HEAD_BYTES = len(_MAGIC) + 1 + _SALT_BYTES
LOG2_N = 17  # with r = 8, p = 1: OWASP, Password Storage Cheat Sheet, scrypt; 128 MiB of memory, some 0.4 s
_MOST_LOG2_N = 20  # a forged file must not take a gigabyte


class WrongPassphrase(Exception):
    """Another passphrase, or the bytes were changed: nobody can tell which."""


class Sealer:
    """One passphrase with one salt: the key is derived once for many files."""

    def __init__(self, passphrase: str, salt: bytes | None = None, log2_n: int = LOG2_N) -> None:
        self._head = _MAGIC + bytes((log2_n,)) + (os.urandom(_SALT_BYTES) if salt is None else salt)
        self._cipher = ChaCha20Poly1305(_key(passphrase, self._head))

    def seal(self, name: str, content: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return self._head + nonce + self._cipher.encrypt(nonce, content, self._head + name.encode())


def unseal(passphrase: str, name: str, sealed: bytes) -> bytes:
    """The content. WrongPassphrase."""
    head, rest = sealed[:_HEAD_BYTES], sealed[_HEAD_BYTES:]
    if len(head) < _HEAD_BYTES or not head.startswith(_MAGIC) or not 1 <= head[len(_MAGIC)] <= _MOST_LOG2_N:
        raise WrongPassphrase
    try:
        cipher = ChaCha20Poly1305(_key(passphrase, head))
        return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], head + name.encode())
    except (InvalidTag, ValueError) as error:
        raise WrongPassphrase from error


def _key(passphrase: str, head: bytes) -> bytes:
    """The same letters typed on another keyboard are the same passphrase: NFKC (Unicode Standard Annex 15)."""
    text = unicodedata.normalize("NFKC", passphrase).encode()
    salt, log2_n = head[len(_MAGIC) + 1 :], head[len(_MAGIC)]
    return Scrypt(salt=salt, length=_KEY_BYTES, n=1 << log2_n, r=8, p=1).derive(text)
