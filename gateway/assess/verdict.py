"""Knows the form in which an hour's or day's judgement is shown, of air and of water alike; judges nothing."""

from typing import NamedTuple

from gateway.assess.hours import Published

HOUR, DAY = "hour", "day"


class Verdict(NamedTuple):
    """`result`: AQI or class (1..6), None: not enough data. `level`: 1..6, for colours. `limiting`: what made it so,
    with multiples in `notes`. `have` of `want`: hours of a day, items of an hour."""

    subject: str
    period: str
    place: str
    label: str
    start_ms: int
    state: str
    result: int | None
    level: int | None
    limiting: tuple[str, ...]
    have: int
    want: int
    missing: tuple[str, ...]
    notes: tuple[tuple[str, str], ...]  # (key of [assess_note] in messages, what is filled in)
    values: dict[str, float]
    published: Published | None
    rule: str
