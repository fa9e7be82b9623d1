"""Knows how well fed a lake is: the comprehensive trophic index TLI; knows no class.

CNEMC 总站生字[2001]090号, as quoted by m.zhuangpeitu.com/p-9056091.html. Levels above 60 are from memory.
"""

from collections.abc import Mapping
from math import log
from typing import NamedTuple

from gateway.process.enough import ENOUGH, NOT_ENOUGH
from gateway.process.number import Number, real

# item -> (weight, a, b): 10 x (a + b ln x); chla mg/m3, SD (transparency) m, the rest mg/L
PARTS: dict[str, tuple[float, float, float]] = {
    "chla": (0.2663, 2.5, 1.086),
    "TP": (0.1879, 9.436, 1.624),
    "TN": (0.1790, 5.453, 1.694),
    "SD": (0.1834, 5.118, -1.94),
    "CODMn": (0.1834, 0.109, 2.661),
}
LEVELS = (
    (30, "oligotrophic", "贫营养"),
    (50, "mesotrophic", "中营养"),
    (60, "light eutrophic", "轻度富营养"),
    (70, "middle eutrophic", "中度富营养"),
    (float("inf"), "hyper-eutrophic", "重度富营养"),
)


class Trophic(NamedTuple):
    """`tli` is the sum of the weighted `parts`; None: one of the five is missing (the weights are made for five)."""

    state: str
    tli: float | None
    level: int | None
    parts: dict[str, float]
    missing: tuple[str, ...]


def trophic(values: Mapping[str, Number | None]) -> Trophic:
    parts = {}
    for item, (_, a, b) in PARTS.items():
        value = real(values.get(item))
        if value is not None and value > 0:  # no logarithm of nothing
            parts[item] = 10 * (a + b * log(value))
    missing = tuple(item for item in PARTS if item not in parts)
    if missing:
        return Trophic(NOT_ENOUGH, None, None, parts, missing)
    tli = sum(PARTS[item][0] * part for item, part in parts.items())
    return Trophic(ENOUGH, tli, level(tli), parts, ())


def level(tli: float) -> int:
    """1 oligotrophic below 30, 2 mesotrophic 30 to 50, 3.. eutrophic above."""
    if tli < LEVELS[0][0]:
        return 1
    return next(number for number, row in enumerate(LEVELS[1:], 2) if tli <= row[0])
