"""Knows how long a battery lasts under a steady load, in the warm and in the cold; knows no node and no words.

The same cells as in the simulator (hw_sim/node/battery.py), without its weather: capacity in reach at a temperature,
what the current costs of it, and the end when the voltage under the peak falls to the supervisor's cut-off.
"""

import math

from gateway.energy.chemistry import CHEMISTRIES, between
from gateway.energy.consumption import CHARGER, CONVERTER, SUPERVISOR_W
from gateway.site.config import NodeBattery

# Full sun a day in the worst month. Gaize, Tibet, 4,420 m: 14 MJ/m2 on the flat in December (Liu and others, Energy
# Conversion and Management 57, 2012), 3.9 h; half of it for snow, dirt and the shade of a valley (ours).
SUN_H = 2.0
_DAY_H = 24.0
_STEPS = 200


def volts(battery: NodeBattery) -> float:
    """At rest, half full."""
    return between(CHEMISTRIES[battery.chemistry].rest_v, 0.5) * battery.cells


def drawn_w(load_w: float) -> float:
    """What a load takes from the battery: converter and supervisor included."""
    return load_w / CONVERTER + SUPERVISOR_W


def days(battery: NodeBattery, load_w: float, peak_w: float, temperature_c: float, sun_h: float = 0.0) -> float:
    """From full to empty; infinite when the panel gives more in `sun_h` than the load takes, 0 when the battery can't
    carry the peak."""
    chemistry = CHEMISTRIES[battery.chemistry]
    mean_w = drawn_w(load_w)
    gain_wh = battery.panel_w * sun_h * CHARGER
    if chemistry.charge_from_c is None or temperature_c < chemistry.charge_from_c:
        gain_wh = min(gain_wh, mean_w * sun_h)  # the panel feeds the load, and no more
    drain_w = mean_w - gain_wh / _DAY_H
    usable_ah = battery.capacity_ah * between(chemistry.reach, temperature_c)
    usable_ah *= 1.0 - _bottom(battery, peak_w, temperature_c)
    if usable_ah <= 0.0:
        return 0.0
    if drain_w <= 0.0:
        return math.inf
    ampere = drain_w / volts(battery)
    return usable_ah * between(chemistry.rate_yield, ampere / battery.capacity_ah) / ampere / _DAY_H


def _bottom(battery: NodeBattery, peak_w: float, temperature_c: float) -> float:
    """The share of charge at which the peak brings the voltage down to the cut-off."""
    chemistry = CHEMISTRIES[battery.chemistry]
    ohm = chemistry.resistance_ohm_ah / battery.capacity_ah * between(chemistry.resistance_factor, temperature_c)
    need_v = chemistry.cut_v + peak_w / CONVERTER / volts(battery) * ohm  # of one cell
    shares = (step / _STEPS for step in range(_STEPS + 1))
    return next((share for share in shares if between(chemistry.rest_v, share) >= need_v), 1.0)
