"""Figures: one module a group, each with `measure(progress) -> dict[str, Figure]`. Run by scripts/bench."""

from typing import TypedDict


class Figure(TypedDict):
    """A measured `value`, and its `ratio` to what it is held `against`: the floor, or a peer in the same run."""

    value: float
    unit: str
    against: str
    ratio: float | None


def figure(value: float, unit: str, against: str, reference: float | None = None) -> Figure:
    """`reference` is the floor's or peer's own value in the same unit; None: there is nothing to hold it against."""
    ratio = round(value / reference, 4) if reference else None
    return {"value": round(value, 4), "unit": unit, "against": against, "ratio": ratio}
