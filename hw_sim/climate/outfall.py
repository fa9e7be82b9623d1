"""Knows how waste from an outfall travels down a river and what it does to the water; knows no river's weather.

Advection and dispersion of a steady release: Ogata and Banks (1961), USGS Prof. Paper 411-A, the release's end as a
second, negative front. Oxygen: Streeter and Phelps (1925). The flow is that of the moment of release.
"""

import math
from typing import NamedTuple

import numpy as np

from hw_sim.climate.grid import Array
from hw_sim.climate.overlays import Slug

_DECAY_PER_DAY = 0.4  # of slow oxygen demand, at river temperature: ours, within the 0.2 to 0.6 usual for raw sewage
QUANTITIES = ("ammonium", "cod", "conductivity", "turbidity", "dissolved_oxygen")


class Reach(NamedTuple):
    """The river between the outfall and a station. The defaults are a small river's, for laying a slug on a recording.

    `reaeration` 1/d at river temperature.
    """

    below_outfall_m: float = 1500.0
    discharge_m3_s: float = 2.0
    velocity_m_s: float = 0.5
    dispersion_m2_s: float = 20.0
    reaeration: float = 25.0


def front(distance_m: float, since_s: float, velocity: float, dispersion: float) -> float:
    """0..1 of the concentration that has entered since `since_s` at a distance of 0."""
    if since_s <= 0.0:
        return 0.0
    spread = 2.0 * math.sqrt(dispersion * since_s)
    behind = (distance_m - velocity * since_s) / spread
    ahead = (distance_m + velocity * since_s) / spread
    peclet = velocity * distance_m / dispersion
    if ahead > 5.0:  # erfc(x) is exp(-x^2) / (x sqrt(pi)) (1 - 1/(2 x^2) ..); peclet never exceeds ahead^2
        second = math.exp(peclet - ahead * ahead) / (ahead * math.sqrt(math.pi)) * (1.0 - 0.5 / (ahead * ahead))
    else:
        second = math.exp(peclet) * math.erfc(ahead)
    return min(0.5 * (math.erfc(behind) + second), 1.0)


def passage(slug: Slug, t_s: Array, reach: Reach) -> Array:
    """0..1 of the slug's mixed concentration at the station; 0 upstream of the outfall."""
    shape = np.zeros(len(t_s))
    x, v, d = reach.below_outfall_m, reach.velocity_m_s, reach.dispersion_m2_s
    if x < 0.0:
        return shape
    travel = x / v
    blur = math.sqrt(2.0 * d * (travel + d / v**2)) / v  # s, one deviation of the arrival
    first = np.searchsorted(t_s, slug.at_s)
    last = np.searchsorted(t_s, slug.at_s + slug.lasts_s + travel + 12.0 * blur + 600.0)
    for index in range(int(first), int(last)):
        since = float(t_s[index]) - slug.at_s
        shape[index] = front(x, since, v, d) - front(x, since - slug.lasts_s, v, d)
    return shape


def share(slug: Slug, reach: Reach) -> float:
    """What part of the mixed water is waste."""
    return slug.flow_m3_s / (slug.flow_m3_s + reach.discharge_m3_s)


def strengths(slug: Slug, reach: Reach) -> dict[str, float]:
    """How much each quantity changes where the slug is whole, in the unit of its signal."""
    days = max(reach.below_outfall_m, 0.0) / reach.velocity_m_s / 86400.0
    ka, kd = reach.reaeration, _DECAY_PER_DAY
    if abs(ka - kd) < 1e-6:
        ka += 1e-6
    slow = slug.slow_demand_mg_l * kd / (ka - kd) * (math.exp(-kd * days) - math.exp(-ka * days))
    deficit = slug.immediate_demand_mg_l * math.exp(-ka * days) + slow
    amounts = {
        "ammonium": slug.ammonium_mg_l,
        "cod": slug.cod_mg_l * math.exp(-kd * days),
        "conductivity": slug.conductivity_ms_cm,
        "turbidity": slug.turbidity_ntu,
        "dissolved_oxygen": -deficit,
    }
    return {quantity: amount * share(slug, reach) for quantity, amount in amounts.items()}
