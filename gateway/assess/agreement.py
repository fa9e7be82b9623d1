"""Knows how many published results ours agree with, and why not the others; judges nothing itself.

A difference is explained by the first of these that alone makes ours the published one: the other kind of water,
another edition of the table, a value that is printed rounded and lies on a limit.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import product
from typing import NamedTuple

from msgspec.structs import replace

from gateway.assess.hours import Hour, Published
from gateway.assess.verdict import HOUR, Verdict
from gateway.process.air.editions import LEVELS
from gateway.process.water.grade import LAKE, RIVER
from gateway.process.water.tables import CLASS_NAMES_ZH
from gateway.site.assessing import Assess

AGREES, UNPUBLISHED, UNEXPLAINED = "agrees", "unpublished", "unexplained"
_MOST_ROUNDED = 5  # items whose last digit is moved at once: 3^5 tries


class Difference(NamedTuple):
    """`why`: key of [assess_why] in messages, `about` is filled in."""

    verdict: Verdict
    why: str
    about: str


class Agreement(NamedTuple):
    """`compared` published results; `agree` in all that was published; of each part apart: (same, of)."""

    compared: int
    agree: int
    parts: tuple[tuple[str, int, int], ...]
    unpublished: int  # they have none and we do
    differences: tuple[Difference, ...]

    @property
    def explained(self) -> int:
        return sum(one.why != "unexplained" for one in self.differences)


Judge = Callable[[Sequence[Hour], Assess, float | None], list[Verdict]]


def agreement(hours: Sequence[Hour], verdicts: Sequence[Verdict], judge: Judge, assess: Assess) -> Agreement | None:
    """None: nothing was published."""
    if all(row.published is None for row in hours):
        return None
    ours = {(one.place, one.start_ms): one for one in verdicts if one.period == HOUR}
    compared = agree = unpublished = 0
    parts: dict[str, list[int]] = {}
    differences = []
    for row in hours:
        verdict = ours[(row.place, row.start_ms)]
        if row.published is None or not row.published.result:
            unpublished += verdict.result is not None
            continue
        compared += 1
        same = compare(verdict, row.published)
        for name, right in same.items():
            part = parts.setdefault(name, [0, 0])
            part[0] += right
            part[1] += 1
        if all(same.values()):
            agree += 1
        else:
            differences.append(Difference(verdict, *_why(row, verdict, judge, assess)))
    rows = tuple((name, same, of) for name, (same, of) in parts.items())
    return Agreement(compared, agree, rows, unpublished, tuple(differences))


def compare(verdict: Verdict, published: Published) -> dict[str, bool]:
    """Part -> whether it is the same; a part that was not published is not there."""
    if verdict.subject == "water":
        return {"class": shown(verdict) == published.result}
    same = {"aqi": shown(verdict) == published.result}
    if published.primary or (published.level and verdict.result is not None):
        same["primary"] = set(verdict.limiting) == set(published.primary)
    if published.level:
        same["level"] = verdict.level is not None and LEVELS[verdict.level - 1][2] == published.level
    return same


def shown(verdict: Verdict) -> str:
    """Our result as they print theirs."""
    if verdict.result is None:
        return ""
    return CLASS_NAMES_ZH[verdict.result] if verdict.subject == "water" else str(verdict.result)


def _why(row: Hour, verdict: Verdict, judge: Judge, assess: Assess) -> tuple[str, str]:
    assert row.published is not None

    def explains(changed: Hour, by: Assess) -> bool:
        return all(compare(judge([changed], by, None)[0], row.published).values())  # type: ignore[arg-type]

    if verdict.subject == "water":
        kind = RIVER if row.is_lake or assess.water == LAKE else LAKE
        if explains(row._replace(is_lake=kind == LAKE), _with(assess, water=kind)):
            return "other_kind", kind
    else:
        for name in ("HJ633-2012", "HJ633-2026"):
            if name != assess.hj633 and explains(row, _with(assess, hj633=name)):
                return "other_edition", name
    for moved, names in _rounded(row.values):
        if explains(row._replace(values=moved), assess):
            return "on_limit", names
    if verdict.result is None:
        return "we_lack", ", ".join(verdict.missing)
    return "unexplained", ""


def _with(assess: Assess, **changes: object) -> Assess:
    return replace(assess, **changes)


def _rounded(values: dict[str, Decimal | None]) -> Iterator[tuple[dict[str, Decimal | None], str]]:
    """The values as they may have been before they were printed: half a last digit up or down, fewest first."""
    items = [(name, value) for name, value in values.items() if value is not None][:_MOST_ROUNDED]
    ways = sorted(product((0, 1, -1), repeat=len(items)), key=lambda way: sum(map(abs, way)))
    for way in ways[1:]:
        moved = dict(values)
        names = []
        for (name, value), direction in zip(items, way, strict=True):
            if direction:
                exponent = value.as_tuple().exponent
                assert isinstance(exponent, int)
                moved[name] = value + Decimal(direction).scaleb(exponent) * Decimal("0.49")
                names.append(f"{name} {value}")
        yield moved, ", ".join(names)
