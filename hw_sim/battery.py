"""Knows a node's battery, its panel and the supervisor that switches the node off and on; knows no load but its watts.

Charge lies in cells that give less of it in the cold: what is out of reach at the bottom comes back with the warmth.
The voltage is that of rest, less current times resistance. Electrochemistry is not in here: a cell has no memory, no
age but `health`, and its own temperature is the air's.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from hw_sim.clock import WorldClock
from hw_sim.energy import Energy
from hw_sim.signals import Signal

Curve = tuple[tuple[float, float], ...]
STEP_S = 300.0
FINE_STEP_S = 10.0  # near a threshold
_NEAR = 1.02
_CONVERTER = 0.85  # from the battery to the node's rails (ours)
_CHARGER = 0.95  # from the panel's terminals into the battery (ours)
_OFF_W = 0.001  # supervisor and self-discharge (ours)
_NOTE_S = 3600.0


class Chemistry(NamedTuple):
    """One cell. Curves are straight between their points and level beyond.

    `rest_v` over the share of charge that is in reach; `reach` of the rated capacity, over degC; `resistance_ohm_ah`
    for 1 Ah at 25 degC and `resistance_factor` over degC; `rate_yield` of the rated capacity, over the current in
    capacities an hour; `charge_from_c`: colder, it must not be charged (None: never); `cut_v` and `boot_v` of a
    supervisor that fits it.
    """

    rest_v: Curve
    reach: Curve
    resistance_ohm_ah: float
    resistance_factor: Curve
    rate_yield: Curve
    charge_from_c: float | None
    cut_v: float
    boot_v: float


# Rest voltages at 100, 90 .. 10 and (here at 2) 0 %: meshtastic/firmware:src/power.h, OCV_ARRAY; below that the usual
# final voltages. Reach of LiFePO4: lithink.com "temperature behavior", a 10 Ah sample at a third of its capacity per
# hour and, at -40 degC, an 11 Ah one; at a node's currents less is lost. Of lead-acid: discover-energy.com for 0
# degC, 45 % at -18 degC (a vendor), about half to a quarter at -30 degC and below (ours). Yield of Li-SOCl2: a bobbin
# D cell at 4, 20 and 35 mA, Linden's Handbook, 4th edition, p. 365; in the cold ours, it is rated to -55 degC.
# Resistance of LiFePO4: 2 mohm at 20 Ah (GWL), 3 to 5 times that at -20 degC (a BMS chart); of the others, ours.
CHEMISTRIES = {
    "lifepo4": Chemistry(
        rest_v=((0.0, 2.5), (0.02, 3.0), (0.1, 3.12), (0.2, 3.2), (0.3, 3.23), (0.4, 3.25), (0.5, 3.26), (0.6, 3.27),
                (0.7, 3.29), (0.8, 3.32), (0.9, 3.35), (1.0, 3.4)),
        reach=((-40.0, 0.33), (-20.0, 0.441), (-10.0, 0.664), (0.0, 0.802), (25.0, 1.0)),
        resistance_ohm_ah=0.04,
        resistance_factor=((-40.0, 8.0), (-20.0, 4.0), (0.0, 2.0), (25.0, 1.0)),
        rate_yield=((1.0, 1.0),),
        charge_from_c=0.0,
        cut_v=2.8,
        boot_v=3.15,
    ),
    "lead_acid": Chemistry(
        rest_v=((0.0, 1.75), (0.02, 1.95), (0.1, 1.96), (0.2, 1.97), (0.3, 1.98), (0.4, 1.99), (0.5, 2.01), (0.6, 2.03),
                (0.7, 2.05), (0.8, 2.07), (0.9, 2.09), (1.0, 2.12)),
        reach=((-40.0, 0.25), (-30.0, 0.4), (-18.0, 0.45), (0.0, 0.84), (25.0, 1.0)),
        resistance_ohm_ah=0.03,
        resistance_factor=((-40.0, 6.0), (-20.0, 3.0), (0.0, 1.5), (25.0, 1.0)),
        rate_yield=((0.05, 1.0), (1.0, 0.6)),
        charge_from_c=-20.0,
        cut_v=1.8,
        boot_v=1.98,
    ),
    "li_socl2": Chemistry(
        rest_v=((0.0, 2.0), (0.03, 3.2), (0.08, 3.6), (1.0, 3.67)),
        reach=((-55.0, 0.4), (-40.0, 0.6), (-20.0, 0.85), (0.0, 0.95), (25.0, 1.0)),
        resistance_ohm_ah=95.0,
        resistance_factor=((-40.0, 5.0), (-20.0, 2.5), (0.0, 1.4), (25.0, 1.0)),
        rate_yield=((0.00021, 1.0), (0.00105, 0.711), (0.00184, 0.368)),
        charge_from_c=None,
        cut_v=2.6,
        boot_v=3.0,
    ),
}  # fmt: skip


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
            mean_w = (self._drawn_j - drawn_j) / span_s / _CONVERTER + _OFF_W
            gained_w = self._panel(time_s) * self.settings.panel_w * self.uncovered * _CHARGER
            self._flow((gained_w - mean_w) / rest_v, temperature_c, span_s)
        resistance = self._resistance(temperature_c)
        self.volts = self._rest_v(temperature_c) - peak_w / _CONVERTER / rest_v * resistance
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


def between(curve: Sequence[tuple[float, float]], x: float) -> float:
    """The value of a curve at `x`."""
    before_x, before_y = curve[0]
    if x <= before_x:
        return before_y
    for next_x, next_y in curve:
        if x < next_x:
            return before_y + (next_y - before_y) * (x - before_x) / (next_x - before_x)
        before_x, before_y = next_x, next_y
    return before_y
