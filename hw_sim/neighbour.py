"""Knows what another station says of its alarm while the scenario's own station listens; knows no gateway.

The neighbour is a limit on a signal of the physics: what it sees is the same water. It says how its alarm stands every
five minutes, by the command `upstream` (docs/alarms.md).
"""

import asyncio
from typing import Annotated, Any, Protocol

import numpy as np
from msgspec import Meta, Struct

from hw_sim.clock import WorldClock
from hw_sim.judge.true_condition import STEP_S, Condition
from hw_sim.signals import Signal

_TELLS_S = 300.0


class NeighbourSettings(Struct, frozen=True, kw_only=True):
    """`alarm`: "station/rule", raised while the signal `physics` is above a limit."""

    alarm: Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,32}/[a-z0-9_]{1,32}\Z")]
    physics: Annotated[str, Meta(min_length=1)]
    above: float


class Orders(Protocol):
    def order(self, command: str, argument: dict[str, Any]) -> None: ...


class Neighbour:
    def __init__(self, settings: NeighbourSettings, signal: Signal, clock: WorldClock, orders: Orders) -> None:
        self.settings = settings
        self._signal = signal
        self._clock = clock
        self._orders = orders
        self._since_ms = clock.unix_ms()
        self._is_raised = False

    async def tell(self) -> None:
        """Goes on for ever."""
        while True:
            now_s, now_ms = asyncio.get_running_loop().time(), self._clock.unix_ms()
            is_raised = self._signal(now_s) > self.settings.above
            if is_raised != self._is_raised:
                self._is_raised, self._since_ms = is_raised, now_ms
            argument = {"name": self.settings.alarm, "raised": is_raised, "since_ms": self._since_ms}
            self._orders.order("upstream", argument)
            await asyncio.sleep(_TELLS_S)

    def condition(self, span_s: float) -> Condition:
        """When it stands: at the latest it has been told one round later."""
        now = np.array([self._signal(step * STEP_S) > self.settings.above for step in range(int(span_s / STEP_S) + 1)])
        late = round(_TELLS_S / STEP_S)
        told = np.concatenate((np.zeros(late, np.bool_), now[:-late])) if late < len(now) else np.zeros_like(now)
        return Condition(now & told, now | told)
