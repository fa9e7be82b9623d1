"""Knows what kinds of battery cell give in the cold and under load; knows no load, no panel and no time."""

from collections.abc import Sequence
from typing import NamedTuple

from protocols.command import MOST_TOLD

Curve = tuple[tuple[float, float], ...]


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


ASK_S = 6 * 3600  # a node is asked so often for its battery's voltage: it follows day and night; ours


def step_mv(chemistry: str, cells: int) -> int:
    """The finest steps in which a byte holds whatever voltage a battery has (docs/link.md): up to a quarter above full,
    for a charger in the cold; ours."""
    return -(-round(1250 * cells * CHEMISTRIES[chemistry].rest_v[-1][1]) // MOST_TOLD)


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
