"""Knows who has logged in, by the secret in his cookie; knows no password, and nothing outlives the process."""

import secrets
from typing import NamedTuple

LASTS_MS = 8 * 3_600_000  # a working day; ours
_MOST = 32


class Session(NamedTuple):
    """`csrf` is what a page must send along and another site's can't read. `under`: the password's hash then."""

    token: str
    csrf: str
    until_ms: int
    under: str


class Sessions:
    """A changed password ends all; of too many the oldest goes. Time is monotonic."""

    def __init__(self) -> None:
        self._known: dict[str, Session] = {}

    def begin(self, under: str, now_ms: int) -> Session:
        while len(self._known) >= _MOST:
            del self._known[next(iter(self._known))]
        session = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), now_ms + LASTS_MS, under)
        self._known[session.token] = session
        return session

    def find(self, token: str | None, under: str | None, now_ms: int) -> Session | None:
        session = self._known.get(token or "")
        if session is None or session.until_ms <= now_ms or session.under != under:
            return None
        return session

    def end(self, token: str) -> None:
        self._known.pop(token, None)
