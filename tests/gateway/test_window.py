"""A window that follows the delay of its queue: played against a link that carries so much and no more."""

from collections import deque

import pytest

from gateway.uplink.window import FIRST_BYTES, LEAST_BYTES, QUEUE_MS, Window

MESSAGE = 500


class Link:
    """Carries `bytes_per_s` after a way of `way_ms`; `window` says how much may be on it."""

    def __init__(self, bytes_per_s: float, way_ms: int) -> None:
        self.bytes_per_s, self.way_ms = bytes_per_s, way_ms
        self.window = Window()
        self.delays_ms: list[int] = []
        self.carried = 0
        self._free_ms = 0.0  # when the bottleneck has carried what it has
        self._under_way: deque[tuple[int, int]] = deque()  # (sent, arrives)

    def live(self, from_ms: int, to_ms: int) -> None:
        """Time passes, with more to send than the link can carry."""
        for now_ms in range(from_ms, to_ms, 10):
            while self._under_way and self._under_way[0][1] <= now_ms:
                sent_ms, _ = self._under_way.popleft()
                self.window.confirm(MESSAGE, sent_ms, now_ms)
                self.delays_ms.append(now_ms - sent_ms)
                self.carried += MESSAGE
            while self.window.room > 0 and not self.window.is_probing(now_ms):
                self.window.send(MESSAGE, now_ms)
                self._free_ms = max(self._free_ms, now_ms) + 1000 * MESSAGE / self.bytes_per_s
                self._under_way.append((now_ms, round(self._free_ms) + self.way_ms))


@pytest.mark.parametrize(("bytes_per_s", "way_ms"), [(2_000, 600), (20_000, 50), (100_000, 300)])
def test_the_link_is_full_and_its_queue_is_short(bytes_per_s: float, way_ms: int) -> None:
    link = Link(bytes_per_s, way_ms)
    link.live(0, 60_000)
    link.delays_ms.clear()
    link.carried = 0
    link.live(60_000, 180_000)
    assert link.carried > 0.9 * 120 * bytes_per_s
    assert max(link.delays_ms) < way_ms + 2.5 * QUEUE_MS
    assert sorted(link.delays_ms)[len(link.delays_ms) // 2] < way_ms + 1.2 * QUEUE_MS


def test_a_link_that_becomes_slow_is_not_filled_up() -> None:
    link = Link(100_000, 50)
    link.live(0, 30_000)
    link.bytes_per_s = 2_000
    link.live(30_000, 120_000)
    link.delays_ms.clear()
    link.live(120_000, 200_000)
    assert max(link.delays_ms) < 3 * QUEUE_MS


def test_it_begins_small_and_never_closes() -> None:
    window = Window()
    assert window.room == FIRST_BYTES
    for now_ms in range(0, 100_000, 20_000):  # each takes twenty seconds more than the one before
        window.send(100, now_ms)
        window.confirm(100, now_ms, now_ms + 20 + now_ms)
    assert window.room >= LEAST_BYTES
