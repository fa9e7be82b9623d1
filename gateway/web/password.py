"""Knows how the page's password is kept and tried; knows no session and no visitor."""

from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.web.secret_file import keep

SHORTEST = 8  # characters: NIST SP 800-63B, 5.1.1.1
LONGEST = 128  # ours: enough for any sentence
# Argon2id with 19 MiB, two passes: the least that OWASP's Password Storage Cheat Sheet allows; the machine is small.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class PasswordFile:
    """One line beside the site file, the hash; only its owner may read it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def hash(self) -> str | None:
        """What stands there now; None: no password is set."""
        try:
            return self.path.read_text("ascii").strip() or None
        except (FileNotFoundError, UnicodeDecodeError):
            return None

    def keep(self, password: str) -> None:
        """From now on it is this one."""
        keep(self.path, (_HASHER.hash(password) + "\n").encode("ascii"))

    def fits(self, password: str) -> bool:
        """Takes some 50 ms and 19 MiB: one at a time, and not in the loop."""
        known = self.hash()
        if known is None or len(password) > LONGEST:
            return False
        try:
            return _HASHER.verify(known, password)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False
