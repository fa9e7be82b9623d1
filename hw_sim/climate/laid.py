"""Knows an event as curves to be added to any truth, such as a recording's; knows no climate.

What depends on weather is taken at usual values.
"""

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from hw_sim.climate import curve, plume
from hw_sim.climate.catalogue import UnknownSignal
from hw_sim.climate.grid import Array
from hw_sim.climate.outfall import Reach, passage, strengths
from hw_sim.climate.overlays import (
    AnyOverlay,
    ColdWave,
    DustStorm,
    GasLeak,
    Overlay,
    OzoneDay,
    Slug,
    SpringFlood,
    Storm,
    half_sine,
    outline,
)
from hw_sim.climate.pollution import DUST_SHARES, dust_outline, unit_scale
from hw_sim.climate.sky import storm_rate
from hw_sim.signals import Signal

_STEP_S = 60.0
_USUAL_WIND_M_S = 2.5

Curve = Callable[[Array], Array]
Curves = dict[str, Curve]


def overlay_quantities(event: AnyOverlay, reach: Reach | None = None) -> tuple[str, ...]:
    """The quantities that an event changes by itself."""
    return tuple(_curves(event, Reach() if reach is None else reach))


def overlay_curve(event: AnyOverlay, quantity: str, reach: Reach | None = None) -> Signal:
    """What the event adds to `quantity` (without a place: "ammonium"), in the unit of the climate's signal, 0 before it
    and long after. `reach` says how a slug travels. UnknownSignal: the event doesn't change that quantity."""
    reach = Reach() if reach is None else reach
    curves = _curves(event, reach)
    if quantity not in curves:
        raise UnknownSignal(quantity, curves)
    tail_s = _tail_s(event, reach)
    count = math.ceil((event.lasts_s + tail_s) / _STEP_S) + 3
    t_s = event.at_s + np.arange(-1.0, count - 1) * _STEP_S
    values = curves[quantity](t_s)
    values[t_s <= event.at_s] = 0.0
    values[-1] = 0.0
    return curve.held(values, _STEP_S, float(t_s[0]))


def _tail_s(event: Overlay, reach: Reach) -> float:
    if not isinstance(event, Slug):
        return 0.0
    travel = max(reach.below_outfall_m, 0.0) / reach.velocity_m_s
    blur = math.sqrt(2.0 * reach.dispersion_m2_s * (travel + 1.0)) / reach.velocity_m_s
    return travel + 12.0 * blur + 600.0


def _curves(event: AnyOverlay, reach: Reach) -> Curves:
    match event:
        case SpringFlood():
            return {"temperature": _times(event.warmer_k, lambda t: outline(event, t, 0.15, 0.25))}
        case ColdWave():
            return {"temperature": _times(-event.drop_k, lambda t: outline(event, t, 0.12, 0.3))}
        case Storm():
            return {
                "rain_rate": lambda t: storm_rate(event, t),
                "wind_speed": _times(event.wind_m_s, lambda t: outline(event, t, 0.15, 0.4)),
                "pressure": _times(-event.pressure_hpa, lambda t: outline(event, t, 0.4, 0.5)),
            }
        case DustStorm():
            wall = partial(dust_outline, event)
            dust = {name: _times(event.pm10_ug_m3 * part, wall) for name, part in DUST_SHARES.items()}
            return {**dust, "wind_speed": _times(event.wind_m_s, lambda t: outline(event, t, 0.15, 0.4))}
        case OzoneDay():
            return {"ozone": _times(event.ozone_ug_m3, partial(half_sine, event))}
        case GasLeak():
            return {event.gas: partial(_leak, event)}
        case Slug():
            return {
                name: _times(change, lambda t: passage(event, t, reach))
                for name, change in strengths(event, reach).items()
            }
        case _:
            return {}  # snow on a panel is no reading of any sensor


def _times(factor: float, shape: Curve) -> Curve:
    return lambda t_s: factor * shape(t_s)


def _leak(event: GasLeak, t_s: Array) -> Array:
    """The middle of the plume under a neutral sky."""
    wind = np.full(len(t_s), _USUAL_WIND_M_S)
    bearing = np.full(len(t_s), 0.0 if event.bearing_deg is None else event.bearing_deg)
    seen = plume.concentration(event, t_s, wind, bearing, np.full(len(t_s), float(plume.NEUTRAL)))
    return seen * unit_scale(event.gas)
