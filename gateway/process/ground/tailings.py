"""Knows when a tailings pond stands too high, wets its dam too much or seeps too much; knows no gauge.

Generic: what a pond must keep (GB 39496-2020, from memory: greatest level, least dry beach and freeboard, the seepage
line) is in its own design, so the limits are the site's.
"""

from math import inf
from typing import NamedTuple

from gateway.process.enough import ENOUGH, NOT_ENOUGH, PARTIAL
from gateway.process.number import Number, amount, real

_WEIR = 1.4  # Q = 1.4 h^2.5 m3/s, V-notch of 90 degrees, 0.05 < h < 0.35 m (hydraulics text books)
_WEIR_M = (0.05, 0.35)


class Limits(NamedTuple):
    """Each may be left out: then nothing is asked of it."""

    level_m: float = inf
    crest_m: float | None = None
    freeboard_m: float = 0.0
    beach_m: float = 0.0
    seepage_line_m: float = 0.0  # least depth of the seepage line under the slope
    seepage_ls: float = inf


class Pond(NamedTuple):
    """`over`: what is beyond its limit. `missing`: what has a limit and no value."""

    state: str
    over: tuple[str, ...]
    freeboard_m: float | None
    missing: tuple[str, ...]


def pond(
    limits: Limits,
    level_m: Number | None,
    beach_m: Number | None = None,
    line_m: Number | None = None,
    seepage_ls: Number | None = None,
) -> Pond:
    level, beach, line, seepage = real(level_m), real(amount(beach_m)), real(line_m), real(amount(seepage_ls))
    freeboard = None if level is None or limits.crest_m is None else limits.crest_m - level
    # name, has a limit, value, is beyond it
    rows = (
        ("level", limits.level_m < inf, level, level is not None and level > limits.level_m),
        (
            "freeboard",
            limits.crest_m is not None,
            freeboard,
            freeboard is not None and freeboard < limits.freeboard_m,
        ),
        ("beach", limits.beach_m > 0, beach, beach is not None and beach < limits.beach_m),
        ("seepage_line", limits.seepage_line_m > 0, line, line is not None and line < limits.seepage_line_m),
        ("seepage", limits.seepage_ls < inf, seepage, seepage is not None and seepage > limits.seepage_ls),
    )
    asked = [row for row in rows if row[1]]
    missing = tuple(name for name, _, value, _ in asked if value is None)
    over = tuple(name for name, _, _, beyond in asked if beyond)
    state = NOT_ENOUGH if len(missing) == len(asked) else PARTIAL if missing else ENOUGH
    return Pond(state, over, freeboard, missing)


def weir_ls(head_m: Number | None) -> float | None:
    """Seepage that a V-notch of 90 degrees measures, L/s; None: outside of what the notch can tell."""
    head = amount(head_m)
    if head is None:
        return None
    metres = float(head)
    if metres == 0:
        return 0.0
    return _WEIR * metres**2.5 * 1000 if _WEIR_M[0] <= metres <= _WEIR_M[1] else None
