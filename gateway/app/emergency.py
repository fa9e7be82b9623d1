"""Knows which nodes an alarm wants to measure densely, and tells them; knows no rule."""

from collections.abc import Callable, Collection

from gateway.store import Store
from protocols.command import EMERGENCY

_TOLD_MS = 36_000_000  # a node is told for twice that time, and anew after it; ours


class Emergency:
    """`wanted`: the nodes that should, now."""

    def __init__(self, store: Store, wanted: Callable[[], Collection[int]]) -> None:
        self._store = store
        self._wanted = wanted
        self._told_ms: dict[int, int] = {}  # by node

    def mind(self) -> None:
        """Nodes are told so, and again while it is wanted, and when it is over."""
        now_ms, wanted = self._store.clock.monotonic_ms(), set(self._wanted())
        for node in sorted(wanted):
            if now_ms - self._told_ms.get(node, -_TOLD_MS) >= _TOLD_MS:
                self._tell(node)
        for node in sorted(self._told_ms.keys() - wanted):
            self._store.commands.give(node, EMERGENCY, 0)
            del self._told_ms[node]

    def remind(self, node: int) -> None:
        """A node that boots has forgotten what it was told; what still waits it gets anyway."""
        is_coming = any(command.kind == EMERGENCY for command in self._store.commands.waiting(node))
        if node in self._told_ms and not is_coming:
            self._tell(node)

    def _tell(self, node: int) -> None:
        self._store.commands.give(node, EMERGENCY, 2 * _TOLD_MS // 1000)
        self._told_ms[node] = self._store.clock.monotonic_ms()
