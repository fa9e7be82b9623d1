"""Knows when somebody else occupies the channel: bursts of random length, pauses between; knows no other party."""

from hw_sim.streams import Stream

_FORGOTTEN = 20.0  # after so many bursts and pauses nothing of the last look is left


class Jam:
    """Bursts of `burst_s` on average that fill a `share` of the time, heard everywhere at `level_dbm`. Both last as
    long as they like, without memory, so that the course of a long silence need not be played out."""

    def __init__(self, stream: Stream, share: float, burst_s: float, level_dbm: float) -> None:
        self._stream = stream
        self._share = share
        self._mean_s = {True: burst_s, False: burst_s * (1.0 - share) / share}
        self._is_busy = False
        self._until_s = -1e9
        self._last_busy_s = -1e9
        self.level_dbm = level_dbm

    def is_busy(self, now_s: float) -> bool:
        """Asked in the order of time."""
        if now_s - self._until_s > _FORGOTTEN * (self._mean_s[True] + self._mean_s[False]):
            self._is_busy = self._stream.chance(self._share)
            self._until_s = now_s + self._stream.exponential(self._mean_s[self._is_busy])
        while self._until_s <= now_s:
            if self._is_busy:
                self._last_busy_s = self._until_s
            self._is_busy = not self._is_busy
            self._until_s += self._stream.exponential(self._mean_s[self._is_busy])
        return self._is_busy

    def was_busy(self, start_s: float, now_s: float) -> bool:
        """Whether any of it fell between the two."""
        return self.is_busy(now_s) or self._last_busy_s > start_s
