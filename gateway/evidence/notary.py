"""Knows the gateway's own Ed25519 key and how a day is signed with it; knows no store.

Run as a program, `python -m gateway.evidence.notary KEY`: signs the message on standard input and ends. The gateway
asks it so once a day, in a process of its own, and so never holds the key or the library for longer.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

from gateway.whole_file import whole_file


class NotSigned(Exception):
    """The signer failed; its words say why. Try again later: nothing is lost."""


class Signature(NamedTuple):
    """Ed25519 (RFC 8032): 64 bytes, by whose public key of 32."""

    signature: bytes
    public: bytes


def day_message(station: str, day: str, block: int, digest: bytes) -> bytes:
    """What is signed: that this block closed this day (UTC, "2026-01-31") of this station."""
    return json.dumps(["watertower day", station, day, block, digest.hex()], separators=(",", ":")).encode()


async def signed_by_child(key: Path, message: bytes) -> Signature:
    """The signature, made by a child process with the key in that file, which it makes when there is none."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.evidence.notary", str(key),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        said, why = await child.communicate(message)
    except asyncio.CancelledError:
        child.kill()
        await child.wait()
        raise
    if child.returncode != 0:
        raise NotSigned(why.decode(errors="replace").strip().rpartition("\n")[2])
    signature, public = json.loads(said)
    return Signature(bytes.fromhex(signature), bytes.fromhex(public))


def sign(key: Path, message: bytes) -> Signature:
    """With the key in that file (32 bytes, readable for its owner alone), which is made when there is none."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not key.exists():
        _make(key, Ed25519PrivateKey.generate().private_bytes_raw())
    private = Ed25519PrivateKey.from_private_bytes(key.read_bytes())
    return Signature(private.sign(message), private.public_key().public_bytes_raw())


def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether that key has signed this."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _make(key: Path, private: bytes) -> None:
    with whole_file(key) as beside, open(os.open(beside, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(private)


if __name__ == "__main__":
    made = sign(Path(sys.argv[1]), sys.stdin.buffer.read())
    print(json.dumps([made.signature.hex(), made.public.hex()]))
