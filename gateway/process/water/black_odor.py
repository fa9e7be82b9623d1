"""Knows when urban water is black and odorous, and how badly; knows no river without houses.

城市黑臭水体整治工作指南 (2015), table 2 and its rule. The thresholds of DO and NH3-N agree with sm1lewc/Silence.Water
(CityService.cs), the rest is from memory: unverified.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from gateway.process.enough import ENOUGH, NOT_ENOUGH, PARTIAL
from gateway.process.number import Number, amount, exact

NONE, LIGHT, HEAVY = 0, 1, 2

# item -> (light beyond, heavy beyond); a low value is bad but for ammonia
THRESHOLDS: dict[str, tuple[Decimal, Decimal]] = {
    "transparency_cm": (Decimal(25), Decimal(10)),
    "DO": (Decimal("2.0"), Decimal("0.2")),
    "ORP_mv": (Decimal(50), Decimal(-200)),
    "NH3N": (Decimal("8.0"), Decimal(15)),
}
_SHALLOW_CM, _SHALLOW_SHARE = 25, Decimal("0.4")  # water less deep: 40 % of its depth stands for 25 cm


class BlackOdor(NamedTuple):
    """`level` NONE, LIGHT, HEAVY or None. `by`: the items that made it so."""

    state: str
    level: int | None
    by: tuple[str, ...]
    missing: tuple[str, ...]


def item_level(item: str, value: Number | None, depth_cm: Number | None = None) -> int | None:
    number = exact(value) if item == "ORP_mv" else amount(value)
    if number is None:
        return None
    light, heavy = THRESHOLDS[item]
    if item == "NH3N":
        return HEAVY if number > heavy else LIGHT if number > light else NONE
    depth = amount(depth_cm)
    if item == "transparency_cm" and depth is not None and depth < _SHALLOW_CM:
        light = depth * _SHALLOW_SHARE
        heavy = min(heavy, light)
    return HEAVY if number < heavy else LIGHT if number < light else NONE


def sample(values: Mapping[str, Number | None], depth_cm: Number | None = None) -> BlackOdor:
    """One sample: the worst of the four items. One that is bad says so whatever is missing; "no" needs all four."""
    each = {item: item_level(item, values.get(item), depth_cm) for item in THRESHOLDS}
    known = {item: found for item, found in each.items() if found is not None}
    missing = tuple(item for item in each if item not in known)
    worst = max(known.values(), default=NONE)
    if missing and worst == NONE:
        return BlackOdor(NOT_ENOUGH, None, (), missing)
    by = tuple(item for item, found in known.items() if found == worst and worst > NONE)
    return BlackOdor(PARTIAL if missing else ENOUGH, worst, by, missing)


def point(samples: Iterable[Mapping[str, Number | None]], depth_cm: Number | None = None) -> BlackOdor:
    """A place over many samples: heavy, if of one item 60 % of the data or of two items 30 % are; else light, if as
    much is at least light; else none."""
    rows = list(samples)
    levels = {
        item: [found for row in rows if (found := item_level(item, row.get(item), depth_cm)) is not None]
        for item in THRESHOLDS
    }
    missing = tuple(item for item, found in levels.items() if not found)
    for wanted in (HEAVY, LIGHT):
        shares = {
            item: Decimal(sum(one >= wanted for one in found)) / len(found) for item, found in levels.items() if found
        }
        often = tuple(item for item, share in shares.items() if share >= Decimal("0.3"))
        if any(share >= Decimal("0.6") for share in shares.values()) or len(often) >= 2:
            return BlackOdor(ENOUGH, wanted, often, missing)
    return BlackOdor(NOT_ENOUGH, None, (), missing) if missing else BlackOdor(ENOUGH, NONE, (), ())
