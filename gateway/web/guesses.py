"""Knows how long who guessed a password wrong must wait; knows no password and no clock."""

from collections import deque

FREE = 5  # wrong ones that cost nothing: gloves; ours
_FIRST_MS, _LONGEST_MS = 30_000, 15 * 60_000  # then the wait doubles; ours
_FORGOTTEN_MS = 60 * 60_000
_ALL_FREE, _ALL_SPAN_MS = 30, 60_000  # wrong ones of everybody together, within this time
_MOST_KNOWN = 1000


class Guesses:
    """`who` is an address; time is monotonic."""

    def __init__(self) -> None:
        self._wrong: dict[str, tuple[int, int]] = {}  # (how often, when last)
        self._all: deque[int] = deque(maxlen=_ALL_FREE)

    def wait_ms(self, who: str, now_ms: int) -> int:
        """0: he may try."""
        often, last_ms = self._wrong.get(who, (0, now_ms))
        own = 0 if often < FREE else min(_FIRST_MS << min(often - FREE, 16), _LONGEST_MS) - (now_ms - last_ms)
        is_flood = len(self._all) == _ALL_FREE
        return max(own, self._all[0] + _ALL_SPAN_MS - now_ms if is_flood else 0, 0)

    def wrong(self, who: str, now_ms: int) -> None:
        self._wrong = {one: known for one, known in self._wrong.items() if now_ms - known[1] < _FORGOTTEN_MS}
        if len(self._wrong) >= _MOST_KNOWN:
            del self._wrong[min(self._wrong, key=lambda one: self._wrong[one][1])]
        self._wrong[who] = (self._wrong.get(who, (0, 0))[0] + 1, now_ms)
        self._all.append(now_ms)

    def right(self, who: str) -> None:
        self._wrong.pop(who, None)
