"""Knows where a node's energy goes, part by part, from what its board does; knows no battery and no firmware.

Joules at the node's supply, before any converter. Parts: "sleep", "processor", "radio", "bus <id>", "sensor <id>".
"""

from hw_sim.clock import WorldClock


class Energy:
    """The account of one node. set() when a part changes its power; everything else is arithmetic."""

    def __init__(self, clock: WorldClock) -> None:
        self._clock = clock
        self._watts: dict[str, float] = {}
        self._since_ms: dict[str, int] = {}
        self._joules: dict[str, float] = {}
        self._total_w = 0.0
        self._peak_w = 0.0

    def set(self, part: str, watt: float) -> None:
        """From now on `part` takes so much."""
        now_ms = self._clock.monotonic_ms()
        before_w = self._watts.get(part, 0.0)
        since_ms = self._since_ms.get(part, now_ms)
        self._joules[part] = self._joules.get(part, 0.0) + before_w * (now_ms - since_ms) / 1000
        self._watts[part] = watt
        self._since_ms[part] = now_ms
        self._total_w += watt - before_w
        if self._total_w > self._peak_w:
            self._peak_w = self._total_w

    def add(self, part: str, joule: float) -> None:
        """Energy that no simulated time passes for."""
        self._joules[part] = self._joules.get(part, 0.0) + joule

    def off(self) -> None:
        """No part takes anything."""
        for part in self._watts:
            self.set(part, 0.0)
        self._total_w = 0.0  # without the rounding of a million changes

    def parts(self) -> dict[str, float]:
        """J of each part since the world began."""
        now_ms = self._clock.monotonic_ms()
        return {
            part: joule + self._watts.get(part, 0.0) * (now_ms - self._since_ms.get(part, now_ms)) / 1000
            for part, joule in self._joules.items()
        }

    def total_j(self) -> float:
        return sum(self.parts().values())

    @property
    def power_w(self) -> float:
        """What all parts take now."""
        return self._total_w

    def peak_w(self) -> float:
        """The most that they took at once since this was asked last."""
        peak_w, self._peak_w = self._peak_w, self._total_w
        return peak_w
