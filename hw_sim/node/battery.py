"""Knows a node's battery, its panel and the supervisor that switches the node off and on; knows no load but its watts.

Charge lies in cells that give less of it in the cold: what is out of reach at the bottom comes back with the warmth.
The voltage is that of rest, less current times resistance. Electrochemistry is not in here: a cell has no memory, no
age but `health`, and its own temperature is the air's.
"""

import asyncio
from collections.abc import Callable
from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.energy.chemistry import CHEMISTRIES, between
from gateway.energy.consumption import CHARGER, CONVERTER, SUPERVISOR_W
from hw_sim.clock import WorldClock
from hw_sim.node.energy import Energy
from hw_sim.signals import Signal

STEP_S = 300.0
FINE_STEP_S = 10.0  # near a threshold
_NEAR = 1.02
_NOTE_S = 3600.0


class BatterySettings(Struct, frozen=True, kw_only=True):
    """One node's supply, as a scenario names it. `panel_w` is the panel's rated power; `cut_v` and `boot_v` of the
    whole battery, where its chemistry's own do not fit; `discharge_from_c`: a controller that disconnects the load in
    the cold (EPEVER: -20)."""

    node: Annotated[str, Meta(min_length=1)]
    chemistry: Literal["lead_acid", "li_socl2", "lifepo4"] = "lifepo4"
    cells: Annotated[int, Meta(ge=1, le=16)] = 4
    capacity_ah: Annotated[float, Meta(gt=0.0, le=1000.0)] = 20.0
    charge: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.9
    panel_w: Annotated[float, Meta(ge=0.0, le=1000.0, extra={"unit": "W"})] = 20.0
    cut_v: Annotated[float, Meta(gt=0.0, le=60.0)] | None = None
    boot_v: Annotated[float, Meta(gt=0.0, le=60.0)] | None = None
    discharge_from_c: float | None = None


class Battery:
    """A battery in the world: `temperature_c` and `panel` (0..1 of the rated power) are signals, `energy` is its load,
    `cut` and `boot` what its supervisor does.

    `uncovered` is the share of the light that reaches the panel.
    """

    def __init__(
        self,
        settings: BatterySettings,
        clock: WorldClock,
        temperature_c: Signal,
        panel: Signal,
        energy: Energy,
        cut: Callable[[], None],
        boot: Callable[[], None],
    ) -> None:
        self.settings = settings
        self._chemistry = CHEMISTRIES[settings.chemistry]
        self._clock = clock
        self._temperature_c = temperature_c
        self._panel = panel
        self._energy = energy
        self._switch_off = cut
        self._switch_on = boot
        self._cut_v = self._chemistry.cut_v * settings.cells if settings.cut_v is None else settings.cut_v
        self._boot_v = self._chemistry.boot_v * settings.cells if settings.boot_v is None else settings.boot_v
        self._charge_ah = settings.charge * settings.capacity_ah
        self._drawn_j = energy.total_j()
        self._last_ms = clock.monotonic_ms()
        self._noted_s = -_NOTE_S
        self._timer: asyncio.TimerHandle | None = None
        self._full_ah = settings.capacity_ah
        self.uncovered = 1.0
        self.is_up = True
        self.cuts = 0
        self.volts = self._rest_v(self._temperature_c(self._last_ms / 1000))
        self.curve: list[tuple[int, float]] = []  # (Unix ms, V), every hour and at each switching

    @property
    def charge(self) -> float:
        """0..1 of the rated capacity, in reach or not."""
        return self._charge_ah / self.settings.capacity_ah

    @property
    def temperature_c(self) -> float:
        return self._temperature_c(self._clock.monotonic_ms() / 1000)

    def volts_under(self, power_w: float) -> float:
        """Its voltage now, while its load takes so much."""
        temperature_c = self.temperature_c
        rest_v = self._rest_v(temperature_c)
        return rest_v - power_w / CONVERTER / rest_v * self._resistance(temperature_c)

    def age(self, health: float) -> None:
        """From now on it holds this share of its rated capacity."""
        self._full_ah = self.settings.capacity_ah * health
        self._charge_ah = min(self._charge_ah, self._full_ah)

    def start(self) -> None:
        """Lives on the running loop from now on."""
        self._timer = asyncio.get_running_loop().call_later(FINE_STEP_S, self._tick)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def relieve(self) -> None:
        """Another supply has taken its load for good."""
        self.stop()
        if not self.is_up:
            self.is_up = True
            self._note(self._clock.monotonic_ms() / 1000)
            self._switch_on()

    def _tick(self) -> None:
        now_ms = self._clock.monotonic_ms()
        self.step((now_ms - self._last_ms) / 1000)
        near = self.volts < self._cut_v * _NEAR if self.is_up else self.volts * _NEAR > self._boot_v
        self._timer = asyncio.get_running_loop().call_later(FINE_STEP_S if near else STEP_S, self._tick)

    def step(self, span_s: float) -> None:
        """The last `span_s` seconds: what was drawn and what the panel gave, and what the supervisor makes of it."""
        self._last_ms = self._clock.monotonic_ms()
        time_s = self._last_ms / 1000
        temperature_c = self._temperature_c(time_s)
        drawn_j, self._drawn_j = self._drawn_j, self._energy.total_j()
        peak_w = self._energy.peak_w()
        rest_v = self._rest_v(temperature_c)
        if span_s > 0:
            mean_w = (self._drawn_j - drawn_j) / span_s / CONVERTER + SUPERVISOR_W
            gained_w = self._panel(time_s) * self.settings.panel_w * self.uncovered * CHARGER
            self._flow((gained_w - mean_w) / rest_v, temperature_c, span_s)
        resistance = self._resistance(temperature_c)
        self.volts = self._rest_v(temperature_c) - peak_w / CONVERTER / rest_v * resistance
        self._supervise(temperature_c)
        if time_s - self._noted_s >= _NOTE_S:
            self._note(time_s)

    def _flow(self, ampere: float, temperature_c: float, span_s: float) -> None:
        settings, chemistry = self.settings, self._chemistry
        if ampere > 0:
            if chemistry.charge_from_c is None or temperature_c < chemistry.charge_from_c:
                return  # the panel feeds the load, and no more
            self._charge_ah = min(self._charge_ah + ampere * span_s / 3600, self._full_ah)
        else:
            cost = between(chemistry.rate_yield, -ampere / settings.capacity_ah)
            self._charge_ah = max(self._charge_ah + ampere / cost * span_s / 3600, 0.0)

    def _supervise(self, temperature_c: float) -> None:
        too_cold = self.settings.discharge_from_c is not None and temperature_c < self.settings.discharge_from_c
        if self.is_up and (self.volts < self._cut_v or too_cold):
            self.is_up = False
            self.cuts += 1
            self._note(self._last_ms / 1000)
            self._switch_off()
        elif not self.is_up and self.volts >= self._boot_v and not too_cold:
            self.is_up = True
            self._note(self._last_ms / 1000)
            self._switch_on()

    def _rest_v(self, temperature_c: float) -> float:
        reach_ah = self._full_ah * between(self._chemistry.reach, temperature_c)
        share = (self._charge_ah - (self._full_ah - reach_ah)) / reach_ah
        return between(self._chemistry.rest_v, share) * self.settings.cells

    def _resistance(self, temperature_c: float) -> float:
        one = self._chemistry.resistance_ohm_ah / self._full_ah
        return one * between(self._chemistry.resistance_factor, temperature_c) * self.settings.cells

    def _note(self, time_s: float) -> None:
        self._noted_s = time_s
        self.curve.append((self._clock.unix_ms(), self.volts))
