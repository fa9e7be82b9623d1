"""Knows how many bytes may be on their way so that a link is busy and its queue short; knows no message, no clock.

A link's bottleneck queues what it can't carry yet, and live values would wait there behind a backlog. So the window
follows the delay that this queue adds, not loss (the idea of LEDBAT, RFC 6817): it doubles each round trip while the
queue is short, and shrinks to what the link carried when it is long. Now and then it empties the queue to learn anew
how long the way takes without one, as BBR does: a standing queue must not pass for distance.
"""

QUEUE_MS = 1000  # of our own bytes in the bottleneck's queue; ours: live values shall be less than 5 s old
FIRST_BYTES = 1024
LEAST_BYTES = 256
MOST_BYTES = 4_000_000  # ours: more than a gateway's links carry in a round trip
_PROBE_MS = 120_000  # ours


class Window:
    """One connection's. `room` is what the backlog may still put on its way."""

    def __init__(self) -> None:
        self.limit_bytes = float(FIRST_BYTES)
        self._used_bytes = 0
        self._base_ms: int | None = None  # how long the way takes without a queue
        self._alone_ms = -1  # when a message was sent that met nothing of ours on its way
        self._is_young = True  # no queue yet
        self._settled_ms = 0  # what was sent before this says nothing of the present limit
        self._probe_ms: int | None = None  # when the way is to be measured anew

    @property
    def room(self) -> float:
        return self.limit_bytes - self._used_bytes

    def is_probing(self, now_ms: int) -> bool:
        """Whether the backlog shall wait until nothing is on its way."""
        return self._probe_ms is not None and now_ms >= self._probe_ms and self._used_bytes > 0

    def send(self, count: int, now_ms: int) -> None:
        if self._used_bytes == 0:
            self._alone_ms = now_ms
        self._used_bytes += count

    def confirm(self, count: int, sent_ms: int, now_ms: int) -> None:
        """So many bytes that were sent at `sent_ms` have arrived."""
        was_full = self.room < count
        self._used_bytes -= count
        took_ms = max(now_ms - sent_ms, 1)
        if self._probe_ms is None or (now_ms >= self._probe_ms and sent_ms == self._alone_ms):
            self._base_ms, self._probe_ms = took_ms, now_ms + _PROBE_MS
        assert self._base_ms is not None
        self._base_ms = min(self._base_ms, took_ms)
        queue_ms = took_ms - self._base_ms
        if queue_ms > QUEUE_MS:
            self._is_young = False
            if sent_ms >= self._settled_ms:
                self.limit_bytes *= (self._base_ms + QUEUE_MS) / took_ms
                self._settled_ms = now_ms
        elif queue_ms <= QUEUE_MS / 2 and was_full:  # a window that is not used says nothing of the link
            self.limit_bytes += count if self._is_young else count * count / self.limit_bytes
        self.limit_bytes = min(max(self.limit_bytes, LEAST_BYTES), MOST_BYTES)
