"""Knows how readings stand in the data region of 2011, 2051, 2061 and 2031; knows no channel and no store."""

from typing import NamedTuple

from protocols.hj212.packet import Items

REAL_TIME, MINUTE, HOUR, DAY = "2011", "2051", "2061", "2031"


class Reading(NamedTuple):
    """One factor: its statistics by suffix as text, without those that have no value, and its mark."""

    code: str
    values: "tuple[tuple[str, str], ...]"
    mark: str


def items(moment: str, readings: "list[Reading]", has_marks: bool = True) -> Items:
    """`moment`: for real time that of the sample, else the start of the period."""
    found: list[tuple[tuple[str, str | None], ...]] = [(("DataTime", moment),)]
    for reading in readings:
        pairs = [(f"{reading.code}-{suffix}", value) for suffix, value in reading.values]
        if has_marks:
            pairs.append((f"{reading.code}-Flag", reading.mark))
        if pairs:
            found.append(tuple(pairs))
    return tuple(found)


def readings(region: Items) -> "tuple[str, list[Reading]]":
    """(DataTime or "", the factors in their order)."""
    moment = ""
    values: dict[str, list[tuple[str, str]]] = {}
    marks: dict[str, str] = {}
    for item in region:
        for name, value in item:
            code, dash, suffix = name.partition("-")
            if name == "DataTime":
                moment = value or ""
            elif dash and suffix == "Flag":
                values.setdefault(code, [])
                marks[code] = value or ""
            elif dash:
                values.setdefault(code, []).append((suffix, value or ""))
    return moment, [Reading(code, tuple(found), marks.get(code, "")) for code, found in values.items()]
